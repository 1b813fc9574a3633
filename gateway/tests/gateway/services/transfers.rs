//! Transfers.

use carrel_platform::refusal::Refusal;
use carrel_proto::session::v1::{transfer_service_server::TransferService, *};
use tonic::{Code, Request, Response};

use super::{Answer, Seen, librarian};

/// Transfers in which every offer is taken except the one that is "closed". Offers of the session "stuck" hang.
#[derive(Clone)]
pub struct Transfers {
    seen: Seen,
}

impl Transfers {
    /// Creates transfers that record in `seen` what is asked of them.
    pub fn new(seen: Seen) -> Self {
        Self { seen }
    }
}

#[tonic::async_trait]
impl TransferService for Transfers {
    async fn offer_transfer(
        &self,
        request: Request<OfferTransferRequest>,
    ) -> Answer<OfferTransferResponse> {
        librarian(request.metadata())?;
        let request = request.into_inner();
        let to = match request.to {
            Some(offer_transfer_request::To::Introduction(introduction)) => introduction,
            Some(offer_transfer_request::To::QueueId(queue_id)) => queue_id,
            None => return Err(Refusal::invalid("NO_RECEIVER", "to", "say to whom").into()),
        };
        self.seen.saw(format!(
            "offer {} to {to}: {}",
            request.session_id, request.message
        ));
        if request.session_id == "stuck" {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(OfferTransferResponse {
            offer_id: "o".into(),
            replayed: false,
        }))
    }

    async fn accept_transfer(
        &self,
        request: Request<AcceptTransferRequest>,
    ) -> Answer<AcceptTransferResponse> {
        librarian(request.metadata())?;
        let request = request.into_inner();
        self.seen.saw(format!(
            "accept {} {}",
            request.session_id, request.offer_id
        ));
        if request.offer_id == "closed" {
            let refusal = Refusal::new(Code::FailedPrecondition, "OFFER_CLOSED", "Too late.");
            return Err(refusal.with("outcome", "LAPSED").into());
        }
        Ok(Response::new(AcceptTransferResponse {
            session: None,
            replayed: true,
        }))
    }

    async fn decline_transfer(
        &self,
        request: Request<DeclineTransferRequest>,
    ) -> Answer<DeclineTransferResponse> {
        librarian(request.metadata())?;
        let request = request.into_inner();
        self.seen.saw(format!(
            "decline {} {}: {}",
            request.session_id, request.offer_id, request.reason
        ));
        Ok(Response::new(DeclineTransferResponse::default()))
    }

    async fn withdraw_transfer(
        &self,
        request: Request<WithdrawTransferRequest>,
    ) -> Answer<WithdrawTransferResponse> {
        librarian(request.metadata())?;
        let request = request.into_inner();
        self.seen.saw(format!(
            "withdraw {} {}",
            request.session_id, request.offer_id
        ));
        Ok(Response::new(WithdrawTransferResponse::default()))
    }
}
