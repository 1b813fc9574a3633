//! The call of session-svc for each kind of act.

use carrel_platform::{refusal::Refusal, replicas::Replicas};
use carrel_proto::{
    gateway::v1::{
        AcceptTransfer, Accepted, DeclineTransfer, EnterConference, OfferTransfer, OpenSession,
        SetDescriptiveCodes, SetResolution, WithdrawTransfer, offer_transfer,
    },
    session::v1::{
        AcceptTransferRequest, DeclineTransferRequest, EndSessionRequest, EnterConferenceRequest,
        LeaveConferenceRequest, OfferTransferRequest, OpenSessionRequest, PickUpSessionRequest,
        PostMessage, PostMessageRequest, PushPage, PushPageRequest, SetDescriptiveCodesRequest,
        SetResolutionRequest, WithdrawTransferRequest, WriteNote, WriteNoteRequest,
        offer_transfer_request, session_service_client::SessionServiceClient,
        transfer_service_client::TransferServiceClient,
    },
};
use tonic::{Request, Response, Status};

use crate::upstream::{Caller, Upstream};

type Sessions = SessionServiceClient<Replicas>;
type Transfers = TransferServiceClient<Replicas>;

/// A call that does one act, of a kind that the method says.
pub(super) struct Call<'a> {
    pub(super) upstream: &'a Upstream,
    pub(super) caller: Caller,
    pub(super) command_id: String,
    pub(super) session_id: String,
}

impl Call<'_> {
    pub(super) async fn open_session(mut self, open: OpenSession) -> Result<Accepted, Refusal> {
        let request = OpenSessionRequest {
            command_id: self.command_id.clone(),
            question: open.question,
            patron_name: open.patron_name,
            patron_email: open.patron_email,
            language: open.language,
        };
        let method = "carrel.session.v1.SessionService/OpenSession";
        let answer = self
            .sessions(method, request, Sessions::open_session)
            .await?;
        if let Some(session) = answer.session {
            self.session_id = session.session_id;
        }
        Ok(self.accepted(0, answer.replayed))
    }

    pub(super) async fn pick_up(self) -> Result<Accepted, Refusal> {
        let request = PickUpSessionRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
        };
        let method = "carrel.session.v1.SessionService/PickUpSession";
        let answer = self
            .sessions(method, request, Sessions::pick_up_session)
            .await?;
        Ok(self.accepted(0, answer.replayed))
    }

    pub(super) async fn post_message(self, message: PostMessage) -> Result<Accepted, Refusal> {
        let request = PostMessageRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            text: message.text,
        };
        let method = "carrel.session.v1.SessionService/PostMessage";
        let answer = self
            .sessions(method, request, Sessions::post_message)
            .await?;
        Ok(self.accepted(answer.position, answer.replayed))
    }

    pub(super) async fn push_page(self, page: PushPage) -> Result<Accepted, Refusal> {
        let request = PushPageRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            address: page.address,
        };
        let method = "carrel.session.v1.SessionService/PushPage";
        let answer = self.sessions(method, request, Sessions::push_page).await?;
        Ok(self.accepted(answer.position, answer.replayed))
    }

    pub(super) async fn write_note(self, note: WriteNote) -> Result<Accepted, Refusal> {
        let request = WriteNoteRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            text: note.text,
        };
        let method = "carrel.session.v1.SessionService/WriteNote";
        let answer = self.sessions(method, request, Sessions::write_note).await?;
        Ok(self.accepted(answer.position, answer.replayed))
    }

    pub(super) async fn enter_conference(
        self,
        enter: EnterConference,
    ) -> Result<Accepted, Refusal> {
        let request = EnterConferenceRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            warning_version: enter.warning_version,
        };
        let method = "carrel.session.v1.SessionService/EnterConference";
        let answer = self
            .sessions(method, request, Sessions::enter_conference)
            .await?;
        Ok(self.accepted(0, answer.replayed))
    }

    pub(super) async fn leave_conference(self) -> Result<Accepted, Refusal> {
        let request = LeaveConferenceRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
        };
        let method = "carrel.session.v1.SessionService/LeaveConference";
        let answer = self
            .sessions(method, request, Sessions::leave_conference)
            .await?;
        Ok(self.accepted(0, answer.replayed))
    }

    pub(super) async fn end_session(self) -> Result<Accepted, Refusal> {
        let request = EndSessionRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
        };
        let method = "carrel.session.v1.SessionService/EndSession";
        let answer = self
            .sessions(method, request, Sessions::end_session)
            .await?;
        Ok(self.accepted(answer.position, answer.replayed))
    }

    pub(super) async fn set_resolution(self, set: SetResolution) -> Result<Accepted, Refusal> {
        let request = SetResolutionRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            resolution: set.resolution,
        };
        let method = "carrel.session.v1.SessionService/SetResolution";
        let answer = self
            .sessions(method, request, Sessions::set_resolution)
            .await?;
        Ok(self.accepted(answer.position, answer.replayed))
    }

    pub(super) async fn set_descriptive_codes(
        self,
        set: SetDescriptiveCodes,
    ) -> Result<Accepted, Refusal> {
        let request = SetDescriptiveCodesRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            codes: set.codes,
            code_list: set.code_list,
        };
        let method = "carrel.session.v1.SessionService/SetDescriptiveCodes";
        let answer = self
            .sessions(method, request, Sessions::set_descriptive_codes)
            .await?;
        Ok(self.accepted(answer.position, answer.replayed))
    }

    pub(super) async fn offer_transfer(self, offer: OfferTransfer) -> Result<Accepted, Refusal> {
        let request = OfferTransferRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            to: offer.to.map(receiver),
            message: offer.message,
        };
        let method = "carrel.session.v1.TransferService/OfferTransfer";
        let answer = self
            .transfers(method, request, Transfers::offer_transfer)
            .await?;
        Ok(self.accepted(0, answer.replayed))
    }

    pub(super) async fn accept_transfer(self, accept: AcceptTransfer) -> Result<Accepted, Refusal> {
        let request = AcceptTransferRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            offer_id: accept.offer_id,
        };
        let method = "carrel.session.v1.TransferService/AcceptTransfer";
        let answer = self
            .transfers(method, request, Transfers::accept_transfer)
            .await?;
        Ok(self.accepted(0, answer.replayed))
    }

    pub(super) async fn decline_transfer(
        self,
        decline: DeclineTransfer,
    ) -> Result<Accepted, Refusal> {
        let request = DeclineTransferRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            offer_id: decline.offer_id,
            reason: decline.reason,
        };
        let method = "carrel.session.v1.TransferService/DeclineTransfer";
        let answer = self
            .transfers(method, request, Transfers::decline_transfer)
            .await?;
        Ok(self.accepted(0, answer.replayed))
    }

    pub(super) async fn withdraw_transfer(
        self,
        withdraw: WithdrawTransfer,
    ) -> Result<Accepted, Refusal> {
        let request = WithdrawTransferRequest {
            command_id: self.command_id.clone(),
            session_id: self.session_id.clone(),
            offer_id: withdraw.offer_id,
        };
        let method = "carrel.session.v1.TransferService/WithdrawTransfer";
        let answer = self
            .transfers(method, request, Transfers::withdraw_transfer)
            .await?;
        Ok(self.accepted(0, answer.replayed))
    }

    /// Calls SessionService. `method` is the method's full name.
    async fn sessions<T, U>(
        &self,
        method: &'static str,
        request: T,
        call: impl AsyncFnOnce(&mut Sessions, Request<T>) -> Result<Response<U>, Status>,
    ) -> Result<U, Refusal> {
        let mut client = self.upstream.sessions.clone();
        let call = |request| call(&mut client, request);
        let caller = self.caller.clone();
        self.upstream.call(method, caller, request, call).await
    }

    /// Calls TransferService. `method` is the method's full name.
    async fn transfers<T, U>(
        &self,
        method: &'static str,
        request: T,
        call: impl AsyncFnOnce(&mut Transfers, Request<T>) -> Result<Response<U>, Status>,
    ) -> Result<U, Refusal> {
        let mut client = self.upstream.transfers.clone();
        let call = |request| call(&mut client, request);
        let caller = self.caller.clone();
        self.upstream.call(method, caller, request, call).await
    }

    /// The answer to an act that was done. `position` is that of its event, or 0 if the service does not say.
    fn accepted(self, position: u64, replayed: bool) -> Accepted {
        Accepted {
            command_id: self.command_id,
            session_id: self.session_id,
            position,
            replayed,
        }
    }
}

/// Converts the receiver of an offer to the service's type.
fn receiver(to: offer_transfer::To) -> offer_transfer_request::To {
    match to {
        offer_transfer::To::Introduction(introduction) => {
            offer_transfer_request::To::Introduction(introduction)
        }
        offer_transfer::To::QueueId(queue_id) => offer_transfer_request::To::QueueId(queue_id),
    }
}
