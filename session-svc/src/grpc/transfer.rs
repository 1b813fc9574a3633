//! `carrel.session.v1.TransferService`.

use carrel_platform::refusal::Refusal;
use carrel_proto::session::v1::{
    self as wire, offer_transfer_request::To, transfer_service_server::TransferService,
};
use tonic::{Request, Response, Status};

use super::SessionApi;
use crate::{
    domain::{decide::Command, people::StaffMember, text::check_remark, transfer::Addressee},
    live_session::Acted,
};

/// Hands sessions over.
pub struct TransferApi(SessionApi);

impl TransferApi {
    pub(crate) fn new(api: SessionApi) -> Self {
        Self(api)
    }

    /// Returns to whom a session is to be offered. Whether they may get it is for the rules to decide.
    fn addressee(&self, to: To) -> Addressee {
        match to {
            To::QueueId(queue_id) => Addressee::Queue { queue_id },
            To::Introduction(introduction) => {
                let auth = &self.0.auth;
                let Some(introduced) = auth.old_introduction(&introduction) else {
                    return Addressee::Stranger;
                };
                Addressee::Librarian {
                    member: StaffMember {
                        librarian_id: introduced.librarian_id,
                        screen_name: introduced.screen_name,
                        institution_id: introduced.institution_id,
                        institution_name: introduced.institution_name,
                    },
                    monitors: auth.introduction(&introduction).map(|good| good.queues),
                }
            }
        }
    }
}

#[tonic::async_trait]
impl TransferService for TransferApi {
    async fn offer_transfer(
        &self,
        request: Request<wire::OfferTransferRequest>,
    ) -> Result<Response<wire::OfferTransferResponse>, Status> {
        let (
            metadata,
            _,
            wire::OfferTransferRequest {
                command_id,
                session_id,
                message,
                to,
            },
        ) = request.into_parts();
        let actor = self.0.caller(&metadata)?;
        let to = to.filter(
            |to| !matches!(to, To::QueueId(text) | To::Introduction(text) if text.is_empty()),
        );
        let to = match to {
            Some(to) => self.addressee(to),
            None if actor.librarian().is_some() => {
                let missing = Refusal::nothing_named("to");
                return Err(match check_remark(&message) {
                    Ok(()) => missing.into(),
                    Err(error) => missing.and(error.refuse("message")).into(),
                });
            }
            None => Addressee::Stranger,
        };
        let command = Command::OfferTransfer { to, message };
        let Acted {
            position, replayed, ..
        } = self
            .0
            .act_as(actor, &session_id, command_id, command)
            .await?;
        Ok(Response::new(wire::OfferTransferResponse {
            // An offer's id is the position of its event.
            offer_id: position.to_string(),
            replayed,
        }))
    }

    async fn accept_transfer(
        &self,
        request: Request<wire::AcceptTransferRequest>,
    ) -> Result<Response<wire::AcceptTransferResponse>, Status> {
        let (
            metadata,
            _,
            wire::AcceptTransferRequest {
                command_id,
                session_id,
                offer_id,
            },
        ) = request.into_parts();
        let command = Command::AcceptTransfer { offer_id };
        let Acted {
            session, replayed, ..
        } = self
            .0
            .act(&metadata, &session_id, command_id, command)
            .await?;
        Ok(Response::new(wire::AcceptTransferResponse {
            session: session.map(|session| *session),
            replayed,
        }))
    }

    async fn decline_transfer(
        &self,
        request: Request<wire::DeclineTransferRequest>,
    ) -> Result<Response<wire::DeclineTransferResponse>, Status> {
        let (
            metadata,
            _,
            wire::DeclineTransferRequest {
                command_id,
                session_id,
                offer_id,
                reason,
            },
        ) = request.into_parts();
        let command = Command::DeclineTransfer { offer_id, reason };
        let Acted { replayed, .. } = self
            .0
            .act(&metadata, &session_id, command_id, command)
            .await?;
        Ok(Response::new(wire::DeclineTransferResponse { replayed }))
    }

    async fn withdraw_transfer(
        &self,
        request: Request<wire::WithdrawTransferRequest>,
    ) -> Result<Response<wire::WithdrawTransferResponse>, Status> {
        let (
            metadata,
            _,
            wire::WithdrawTransferRequest {
                command_id,
                session_id,
                offer_id,
            },
        ) = request.into_parts();
        let command = Command::WithdrawTransfer { offer_id };
        let Acted { replayed, .. } = self
            .0
            .act(&metadata, &session_id, command_id, command)
            .await?;
        Ok(Response::new(wire::WithdrawTransferResponse { replayed }))
    }
}
