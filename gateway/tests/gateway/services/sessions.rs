//! Sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use carrel_platform::refusal::{Refusal, command};
use carrel_proto::{
    encoded::Encoded,
    session::v1::{session_service_server::SessionService, *},
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Answer, Down, Responses, Seen, librarian, subject, subject_of};

/// The service's end of one attended stream.
type Attendee = Down<Encoded<AttendResponse>>;

/// Sessions in which everything that is written is accepted and shown to everyone.
#[derive(Clone, Default)]
pub struct Sessions {
    attending: Arc<Mutex<HashMap<String, Vec<Attendee>>>>,
    watching: Arc<Mutex<Vec<Down<WatchSessionsResponse>>>>,
    /// The rows of each snapshot.
    pub rows: Arc<Mutex<Vec<SessionRow>>>,
    seen: Seen,
}

/// An event with a text.
pub fn event(position: u64, text: &str) -> AttendResponse {
    AttendResponse {
        response: Some(attend_response::Response::Event(SessionEvent {
            position,
            payload: Some(session_event::Payload::Message(MessagePosted {
                text: text.into(),
            })),
            ..SessionEvent::default()
        })),
        trace_parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
    }
}

impl Sessions {
    /// Creates sessions that record in `seen` what is asked of them.
    pub fn new(seen: Seen) -> Self {
        Self {
            seen,
            ..Self::default()
        }
    }

    fn down(&self, session_id: &str) -> Vec<Attendee> {
        let attending = self.attending.lock().unwrap();
        attending.get(session_id).cloned().unwrap_or_default()
    }

    /// Sends a response to everyone who attends a session, and returns how many they are.
    pub async fn publish(&self, session_id: &str, response: AttendResponse) -> usize {
        let mut reached = 0;
        for down in self.down(session_id) {
            reached += usize::from(down.send(Ok(Encoded::of(&response))).await.is_ok());
        }
        reached
    }

    /// Ends the streams of everyone who attends a session.
    pub async fn end(&self, session_id: &str, status: Status) {
        for down in self.down(session_id) {
            let _ = down.send(Err(status.clone())).await;
        }
        self.attending.lock().unwrap().remove(session_id);
    }

    /// Sends a change to all watches.
    pub async fn change(&self, change: watch_sessions_response::Change) {
        let watching = self.watching.lock().unwrap().clone();
        for down in watching {
            let response = WatchSessionsResponse {
                change: Some(change.clone()),
            };
            let _ = down.send(Ok(response)).await;
        }
    }

    async fn answer(&self, session_id: &str, down: &Attendee, act: Act) {
        let command_id = act.command_id;
        let (kind, text) = match act.act {
            Some(act::Act::PostMessage(message)) => ("post_message", message.text),
            Some(act::Act::PushPage(page)) => ("push_page", page.address),
            Some(act::Act::WriteNote(note)) => ("write_note", note.text),
            Some(act::Act::EndSession(_)) | None => ("end_session", String::new()),
        };
        self.seen.saw(format!("attend {kind} {text}"));
        if text == "never answered" {
            return;
        }
        let refused = |command_id, refusal: Refusal| {
            attend_response::Response::ActRefused(ActRefused {
                command_id,
                refusal: Some(refusal.into()),
            })
        };
        let response = match text.as_str() {
            "refused" => refused(
                command_id,
                Refusal::new(Code::FailedPrecondition, "ENDED", "Over."),
            ),
            "not known" => refused(
                command_id,
                Refusal::unavailable("LOG_UNAVAILABLE", "Send the same command again."),
            ),
            "contended" => refused(command_id, command::contended("session")),
            _ => attend_response::Response::ActAccepted(ActAccepted {
                command_id,
                position: 7,
                replayed: false,
            }),
        };
        let accepted = matches!(response, attend_response::Response::ActAccepted(_));
        let _ = down
            .send(Ok(Encoded::of(&AttendResponse {
                response: Some(response),
                trace_parent: String::new(),
            })))
            .await;
        if accepted {
            self.publish(session_id, event(7, &text)).await;
        }
    }
}

#[tonic::async_trait]
impl SessionService for Sessions {
    type AttendStream = Responses<Encoded<AttendResponse>>;
    type WatchSessionsStream = Responses<WatchSessionsResponse>;

    async fn attend(
        &self,
        request: Request<Streaming<AttendRequest>>,
    ) -> Answer<Self::AttendStream> {
        subject(request.metadata())?;
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|first| first.request);
        let Some(attend_request::Request::Join(join)) = first else {
            return Err(Refusal::new(Code::InvalidArgument, "NO_JOIN", "no").into());
        };
        if join.session_id == "unknown" {
            return Err(Refusal::not_found("session").into());
        }
        if join.session_id == "never opened" {
            return std::future::pending().await;
        }
        let failure = match join.session_id.as_str() {
            "unreadable" => Some((Code::Internal, "INTERNAL")),
            "expired" => Some((Code::Unauthenticated, "TOKEN_EXPIRED")),
            "handed over" => Some((Code::FailedPrecondition, "NO_LONGER_OWNER")),
            _ => None,
        };
        if let Some((code, reason)) = failure {
            // Not before there is a request on the stream whose outcome the failure leaves open.
            requests.message().await?;
            return Err(Refusal::new(code, reason, "It goes on no longer.").into());
        }
        assert!(
            join.trace,
            "a gateway asks for the trace of what it delivers"
        );
        assert!(
            join.only_new_heads,
            "a gateway needs no heartbeat of a stream at rest"
        );
        let (down, responses) = mpsc::channel(64);
        self.attending
            .lock()
            .unwrap()
            .entry(join.session_id.clone())
            .or_default()
            .push(down.clone());
        let after = join.after.map_or(0, |after| after.number);
        self.seen.saw(format!("attend join {after}"));
        let joined = Joined {
            head: Some(Position {
                epoch: "e".into(),
                number: 6,
            }),
            ..Joined::default()
        };
        let joined = AttendResponse {
            response: Some(attend_response::Response::Joined(joined)),
            trace_parent: String::new(),
        };
        down.send(Ok(Encoded::of(&joined))).await.unwrap();
        let sessions = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                match request.request {
                    Some(attend_request::Request::Act(act)) => {
                        sessions.answer(&join.session_id, &down, act).await;
                    }
                    Some(attend_request::Request::Typing(typing)) => {
                        sessions.seen.saw(format!("attend typing {}", typing.r#box));
                    }
                    Some(attend_request::Request::Renew(renew)) => {
                        let subject = subject_of(&renew.access_token).unwrap();
                        sessions.seen.saw(format!("attend renew {subject}"));
                    }
                    other => panic!("{other:?}"),
                }
            }
            // A browser that sends nothing more may go on listening.
            down.closed().await;
            sessions.seen.saw("attend over");
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }

    async fn watch_sessions(
        &self,
        request: Request<WatchSessionsRequest>,
    ) -> Answer<Self::WatchSessionsStream> {
        librarian(request.metadata())?;
        let (down, responses) = mpsc::channel(64);
        let rows = self.rows.lock().unwrap().clone();
        let snapshot = watch_sessions_response::Change::Snapshot(SessionRows { rows });
        let snapshot = WatchSessionsResponse {
            change: Some(snapshot),
        };
        down.send(Ok(snapshot)).await.unwrap();
        self.watching.lock().unwrap().push(down);
        self.seen.saw(format!(
            "watch {}",
            request.into_inner().queue_ids.join(",")
        ));
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }

    async fn open_session(
        &self,
        request: Request<OpenSessionRequest>,
    ) -> Answer<OpenSessionResponse> {
        let session_id = subject(request.metadata())?;
        let language = &request.get_ref().language;
        self.seen.saw(format!("open_session in {language}"));
        Ok(Response::new(OpenSessionResponse {
            session: Some(Session {
                session_id,
                ..Session::default()
            }),
            replayed: true,
        }))
    }

    async fn pick_up_session(
        &self,
        _: Request<PickUpSessionRequest>,
    ) -> Answer<PickUpSessionResponse> {
        self.seen.saw("unary pick_up");
        let refusal = Refusal::new(
            Code::FailedPrecondition,
            "ALREADY_PICKED_UP",
            "Mr Lee was faster.",
        );
        Err(refusal.with("picked_up_by", "Mr Lee").into())
    }

    async fn post_message(
        &self,
        request: Request<PostMessageRequest>,
    ) -> Answer<PostMessageResponse> {
        let text = request.into_inner().text;
        self.seen.saw(format!("unary post_message {text}"));
        if text == "never answered" {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(PostMessageResponse {
            position: 8,
            replayed: false,
        }))
    }

    async fn push_page(&self, _: Request<PushPageRequest>) -> Answer<PushPageResponse> {
        Ok(Response::new(PushPageResponse {
            position: 9,
            replayed: false,
        }))
    }

    async fn write_note(&self, _: Request<WriteNoteRequest>) -> Answer<WriteNoteResponse> {
        Ok(Response::new(WriteNoteResponse {
            position: 10,
            replayed: false,
        }))
    }

    async fn enter_conference(
        &self,
        _: Request<EnterConferenceRequest>,
    ) -> Answer<EnterConferenceResponse> {
        Ok(Response::new(EnterConferenceResponse::default()))
    }

    async fn leave_conference(
        &self,
        _: Request<LeaveConferenceRequest>,
    ) -> Answer<LeaveConferenceResponse> {
        self.seen.saw("unary leave_conference");
        Ok(Response::new(LeaveConferenceResponse::default()))
    }

    async fn end_session(&self, _: Request<EndSessionRequest>) -> Answer<EndSessionResponse> {
        Ok(Response::new(EndSessionResponse {
            position: 11,
            replayed: false,
        }))
    }

    async fn set_resolution(
        &self,
        request: Request<SetResolutionRequest>,
    ) -> Answer<SetResolutionResponse> {
        let resolution = request.into_inner().resolution();
        self.seen
            .saw(format!("set_resolution {}", resolution.as_str_name()));
        Ok(Response::new(SetResolutionResponse {
            position: 12,
            replayed: false,
        }))
    }

    async fn set_descriptive_codes(
        &self,
        request: Request<SetDescriptiveCodesRequest>,
    ) -> Answer<SetDescriptiveCodesResponse> {
        let request = request.into_inner();
        let codes = request.codes.join(", ");
        self.seen.saw(format!(
            "set_descriptive_codes {codes} by {}",
            request.code_list
        ));
        Ok(Response::new(SetDescriptiveCodesResponse {
            position: 13,
            replayed: false,
        }))
    }

    async fn get_session(&self, _: Request<GetSessionRequest>) -> Answer<GetSessionResponse> {
        Ok(Response::new(GetSessionResponse::default()))
    }

    async fn get_transcript(
        &self,
        request: Request<GetTranscriptRequest>,
    ) -> Answer<GetTranscriptResponse> {
        subject(request.metadata())?;
        Ok(Response::new(GetTranscriptResponse {
            audience: request.into_inner().audience,
            ..GetTranscriptResponse::default()
        }))
    }

    async fn export_transcript(
        &self,
        request: Request<ExportTranscriptRequest>,
    ) -> Answer<ExportTranscriptResponse> {
        subject(request.metadata())?;
        let ExportTranscriptRequest {
            session_id,
            audience,
        } = request.into_inner();
        self.seen.saw(format!("export {session_id}"));
        Ok(Response::new(ExportTranscriptResponse {
            audience,
            ..ExportTranscriptResponse::default()
        }))
    }

    async fn erase_session(
        &self,
        request: Request<EraseSessionRequest>,
    ) -> Answer<EraseSessionResponse> {
        subject(request.metadata())?;
        let EraseSessionRequest {
            command_id,
            session_id,
        } = request.into_inner();
        self.seen.saw(format!("erase {session_id} {command_id}"));
        Ok(Response::new(EraseSessionResponse::default()))
    }

    async fn list_ended_sessions(
        &self,
        request: Request<ListEndedSessionsRequest>,
    ) -> Answer<ListEndedSessionsResponse> {
        subject(request.metadata())?;
        let filter = request.into_inner().filter.unwrap_or_default();
        let before = filter.end_time_before.unwrap_or_default().seconds;
        let EndedSessionFilter {
            resolution, text, ..
        } = filter;
        self.seen
            .saw(format!("ended {resolution:?} {before} {text}"));
        Ok(Response::new(ListEndedSessionsResponse::default()))
    }

    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Answer<ListAuditEntriesResponse> {
        subject(request.metadata())?;
        Ok(Response::new(ListAuditEntriesResponse::default()))
    }
}
