//! The gRPC services: unwrap, call, wrap.

use std::sync::Arc;

use carrel_platform::{
    auth::{Principal, interceptor::Authenticator},
    clock::Clock,
    refusal::{Refusal, command},
    responses::Responses,
};
use carrel_proto::{
    encoded::Encoded,
    session::v1::{self as wire, session_service_server::SessionService},
};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use crate::{
    convert,
    domain::{
        decide::Command,
        people::{Actor, LibrarianActor, Role},
        refused::Refused,
        transcript::TranscriptUse,
    },
    error::Error,
    live_session::{Acted, Transcript},
    sessions::Sessions,
};

mod attend;
mod audited_sessions;
mod ended_sessions;
mod load;
mod pages;
mod response_stream;
mod transfer;
mod watch;

pub use load::LoadApi;
pub use transfer::TransferApi;

/// How many requests look through ended sessions at once: each reads many from the log, whose readers serve others,
/// too.
const SEARCHES: usize = 2;

/// `carrel.session.v1.SessionService`. Cheap to clone.
#[derive(Clone)]
pub struct SessionApi {
    sessions: Sessions,
    auth: Authenticator,
    clock: Clock,
    searches: Arc<Semaphore>,
}

impl SessionApi {
    pub(crate) fn new(sessions: Sessions, auth: Authenticator, clock: Clock) -> Self {
        Self {
            sessions,
            auth,
            clock,
            searches: Arc::new(Semaphore::new(SEARCHES)),
        }
    }

    fn caller(&self, metadata: &MetadataMap) -> Result<Actor, Refusal> {
        let Principal { who, .. } = self.auth.authenticate(metadata)?;
        Ok(convert::actor(who))
    }

    /// Returns a session's transcript for an audience as it is on the wire.
    async fn transcript(
        &self,
        actor: Actor,
        (session_id, audience): (&str, i32),
        used_for: TranscriptUse,
    ) -> Result<Transcript, Error> {
        let requested = convert::audience_from_wire("audience", audience)?;
        self.sessions
            .transcript(session_id, actor, requested, used_for)
            .await
    }

    fn supervisor(&self, metadata: &MetadataMap) -> Result<LibrarianActor, Error> {
        match self.caller(metadata)? {
            Actor::Librarian(librarian) if librarian.role >= Role::AskAdministrator => {
                Ok(librarian)
            }
            _ => Err(Refused::NotAllowed.into()),
        }
    }

    async fn act(
        &self,
        metadata: &MetadataMap,
        session_id: &str,
        command_id: String,
        command: Command,
    ) -> Result<Acted, Error> {
        let actor = self.caller(metadata)?;
        self.act_as(actor, session_id, command_id, command).await
    }

    async fn act_as(
        &self,
        actor: Actor,
        session_id: &str,
        command_id: String,
        command: Command,
    ) -> Result<Acted, Error> {
        command::check_id(&command_id)?;
        self.sessions
            .act(session_id, actor, command_id, command)
            .await
    }
}

#[tonic::async_trait]
impl SessionService for SessionApi {
    type AttendStream = Responses<Encoded<wire::AttendResponse>>;
    type WatchSessionsStream = Responses<wire::WatchSessionsResponse>;

    async fn open_session(
        &self,
        request: Request<wire::OpenSessionRequest>,
    ) -> Result<Response<wire::OpenSessionResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let actor = self.caller(&metadata)?;
        let session_id = match &actor {
            Actor::Patron(patron) => patron.session_id.clone(),
            Actor::Librarian(_) => return Err(Error::from(Refused::NotAllowed).into()),
        };
        let wire::OpenSessionRequest {
            command_id,
            question,
            patron_name,
            patron_email,
            language,
        } = message;
        let command = Command::Open {
            question,
            patron_name,
            patron_email,
            language,
        };
        let Acted {
            session, replayed, ..
        } = self.act_as(actor, &session_id, command_id, command).await?;
        Ok(Response::new(wire::OpenSessionResponse {
            session: session.map(|session| *session),
            replayed,
        }))
    }

    async fn get_session(
        &self,
        request: Request<wire::GetSessionRequest>,
    ) -> Result<Response<wire::GetSessionResponse>, Status> {
        let actor = self.caller(request.metadata())?;
        let session_id = request.into_inner().session_id;
        let look = self.sessions.look(&session_id, actor).await?;
        let parts = self.sessions.parts();
        Ok(Response::new(wire::GetSessionResponse {
            session: Some(look.session),
            head: Some(wire::Position {
                epoch: parts.log.epoch().to_owned(),
                number: look.head,
            }),
            waiting_ahead: parts.list.waiting_ahead(&session_id).unwrap_or(0),
        }))
    }

    async fn pick_up_session(
        &self,
        request: Request<wire::PickUpSessionRequest>,
    ) -> Result<Response<wire::PickUpSessionResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::PickUp;
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::PickUpSessionResponse {
            session: acted.session.map(|session| *session),
            replayed: acted.replayed,
        }))
    }

    async fn post_message(
        &self,
        request: Request<wire::PostMessageRequest>,
    ) -> Result<Response<wire::PostMessageResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::PostMessage { text: request.text };
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::PostMessageResponse {
            position: acted.position,
            replayed: acted.replayed,
        }))
    }

    async fn push_page(
        &self,
        request: Request<wire::PushPageRequest>,
    ) -> Result<Response<wire::PushPageResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::PushPage {
            address: request.address,
        };
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::PushPageResponse {
            position: acted.position,
            replayed: acted.replayed,
        }))
    }

    async fn write_note(
        &self,
        request: Request<wire::WriteNoteRequest>,
    ) -> Result<Response<wire::WriteNoteResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::WriteNote { text: request.text };
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::WriteNoteResponse {
            position: acted.position,
            replayed: acted.replayed,
        }))
    }

    async fn enter_conference(
        &self,
        request: Request<wire::EnterConferenceRequest>,
    ) -> Result<Response<wire::EnterConferenceResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::EnterConference {
            warning_version: request.warning_version,
        };
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::EnterConferenceResponse {
            session: acted.session.map(|session| *session),
            replayed: acted.replayed,
        }))
    }

    async fn leave_conference(
        &self,
        request: Request<wire::LeaveConferenceRequest>,
    ) -> Result<Response<wire::LeaveConferenceResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::LeaveConference;
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::LeaveConferenceResponse {
            replayed: acted.replayed,
        }))
    }

    async fn end_session(
        &self,
        request: Request<wire::EndSessionRequest>,
    ) -> Result<Response<wire::EndSessionResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::End;
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::EndSessionResponse {
            position: acted.position,
            replayed: acted.replayed,
        }))
    }

    async fn set_resolution(
        &self,
        request: Request<wire::SetResolutionRequest>,
    ) -> Result<Response<wire::SetResolutionResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let actor = self.caller(&metadata)?;
        let resolution = convert::resolution_from_wire("resolution", request.resolution)?;
        let command = Command::SetResolution { resolution };
        let acted = self
            .act_as(actor, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::SetResolutionResponse {
            position: acted.position,
            replayed: acted.replayed,
        }))
    }

    async fn set_descriptive_codes(
        &self,
        request: Request<wire::SetDescriptiveCodesRequest>,
    ) -> Result<Response<wire::SetDescriptiveCodesResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let actor = self.caller(&metadata)?;
        let command = Command::SetDescriptiveCodes {
            codes: request.codes,
            list: self.auth.code_list(&request.code_list),
        };
        let acted = self
            .act_as(actor, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::SetDescriptiveCodesResponse {
            position: acted.position,
            replayed: acted.replayed,
        }))
    }

    async fn erase_session(
        &self,
        request: Request<wire::EraseSessionRequest>,
    ) -> Result<Response<wire::EraseSessionResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let command = Command::Erase;
        let acted = self
            .act(&metadata, &request.session_id, request.command_id, command)
            .await?;
        Ok(Response::new(wire::EraseSessionResponse {
            session: acted.session.map(|session| *session),
            replayed: acted.replayed,
        }))
    }

    async fn get_transcript(
        &self,
        request: Request<wire::GetTranscriptRequest>,
    ) -> Result<Response<wire::GetTranscriptResponse>, Status> {
        let actor = self.caller(request.metadata())?;
        let message = request.into_inner();
        let asked = (&*message.session_id, message.audience);
        let transcript = self
            .transcript(actor, asked, TranscriptUse::Reading)
            .await?;
        Ok(Response::new(wire::GetTranscriptResponse {
            audience: convert::audience_to_wire(transcript.audience).into(),
            session: Some(transcript.session),
            events: transcript.events,
        }))
    }

    async fn export_transcript(
        &self,
        request: Request<wire::ExportTranscriptRequest>,
    ) -> Result<Response<wire::ExportTranscriptResponse>, Status> {
        let actor = self.caller(request.metadata())?;
        let message = request.into_inner();
        let asked = (&*message.session_id, message.audience);
        let transcript = self.transcript(actor, asked, TranscriptUse::Export).await?;
        Ok(Response::new(wire::ExportTranscriptResponse {
            audience: convert::audience_to_wire(transcript.audience).into(),
            session: Some(transcript.session),
            events: transcript.events,
        }))
    }

    async fn list_ended_sessions(
        &self,
        request: Request<wire::ListEndedSessionsRequest>,
    ) -> Result<Response<wire::ListEndedSessionsResponse>, Status> {
        let Actor::Librarian(librarian) = self.caller(request.metadata())? else {
            return Err(Error::from(Refused::NotAllowed).into());
        };
        // Nothing closes the semaphore.
        let _turn = self.searches.acquire().await.ok();
        Ok(Response::new(
            ended_sessions::list(self.sessions.parts(), &librarian, request.into_inner()).await?,
        ))
    }

    async fn list_audit_entries(
        &self,
        request: Request<wire::ListAuditEntriesRequest>,
    ) -> Result<Response<wire::ListAuditEntriesResponse>, Status> {
        let librarian = self.supervisor(request.metadata())?;
        Ok(Response::new(
            pages::audit_entries(self.sessions.parts(), &librarian, request.into_inner()).await?,
        ))
    }

    async fn attend(
        &self,
        request: Request<Streaming<wire::AttendRequest>>,
    ) -> Result<Response<Self::AttendStream>, Status> {
        let principal = self.auth.authenticate(request.metadata())?;
        Ok(Response::new(attend::attend(
            self,
            principal,
            request.into_inner(),
        )))
    }

    async fn watch_sessions(
        &self,
        request: Request<wire::WatchSessionsRequest>,
    ) -> Result<Response<Self::WatchSessionsStream>, Status> {
        let principal = self.auth.authenticate(request.metadata())?;
        Ok(Response::new(watch::watch(
            self,
            principal,
            request.into_inner(),
        )?))
    }
}
