//! `TransferService`.

use carrel_proto::session::v1::{self as wire, offer_transfer_request::To};

use super::ask;
use crate::{access::command_id, answer::Answer, case::Case, fixture::Fixture};

/// Tries an operation as a call.
pub(super) async fn call(fixture: &Fixture, operation: &str, token: &str, case: &Case) -> Answer {
    let mut transfers = fixture.transfers();
    let command_id = command_id();
    let session_id = case.session_id.clone();
    let offer_id = case.offer_id.clone();
    let offer = |to| wire::OfferTransferRequest {
        command_id: command_id.clone(),
        session_id: session_id.clone(),
        to: Some(to),
        message: "Could you take over?".to_owned(),
    };
    match operation {
        "OfferTransfer" => {
            let message = offer(To::Introduction(fixture.introduction.clone()));
            transfers.offer_transfer(ask(token, message)).await.into()
        }
        "OfferTransfer/queue" => {
            let message = offer(To::QueueId(case.queue_id.clone()));
            transfers.offer_transfer(ask(token, message)).await.into()
        }
        "AcceptTransfer" => {
            let message = wire::AcceptTransferRequest {
                command_id,
                session_id,
                offer_id,
            };
            transfers.accept_transfer(ask(token, message)).await.into()
        }
        "DeclineTransfer" => {
            let message = wire::DeclineTransferRequest {
                command_id,
                session_id,
                offer_id,
                reason: "My hands are full".to_owned(),
            };
            transfers.decline_transfer(ask(token, message)).await.into()
        }
        "WithdrawTransfer" => {
            let message = wire::WithdrawTransferRequest {
                command_id,
                session_id,
                offer_id,
            };
            let request = ask(token, message);
            transfers.withdraw_transfer(request).await.into()
        }
        other => panic!("no call is known for {other}"),
    }
}
