//! Services that do as a test tells them.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carrel_platform::refusal::Refusal;
use carrel_proto::{
    directory::v1::{directory_service_server::DirectoryService, *},
    session::v1::{session_service_server::SessionService, *},
};
use pbjson_types::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Request, Response, Status, Streaming, metadata::MetadataMap};

/// A token of somebody, as the gateway reads it. Nobody checks its signature here.
pub fn token(subject: &str, expires_at_s: i64) -> String {
    let payload = serde_json::json!({ "sub": subject, "exp": expires_at_s });
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    format!("header.{payload}.signature")
}

fn subject(metadata: &MetadataMap) -> Result<String, Status> {
    let bad = || Status::from(Refusal::new(Code::Unauthenticated, "BAD_TOKEN", "no"));
    let bearer = metadata.get("authorization").ok_or_else(bad)?;
    let token = bearer.to_str().unwrap().strip_prefix("Bearer ").unwrap();
    subject_of(token).ok_or_else(bad)
}

fn subject_of(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let subject = payload["sub"].as_str()?;
    (subject != "nobody").then(|| subject.to_owned())
}

/// A directory in which those whose name begins with "patron" are patrons and all others librarians.
#[derive(Clone, Default)]
pub struct Directory {
    pub addresses: Arc<Mutex<Vec<String>>>,
}

/// When renewed tokens expire: far from now.
pub const RENEWED_UNTIL_S: i64 = 9_000_000_000;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl DirectoryService for Directory {
    async fn get_library(&self, request: Request<GetLibraryRequest>) -> Answer<GetLibraryResponse> {
        let institution_id = request.into_inner().institution_id;
        if institution_id != "maple" {
            return Err(Refusal::not_found("library").into());
        }
        let library = Library {
            institution_id,
            name: "Maple County Library".into(),
            ..Library::default()
        };
        Ok(Response::new(GetLibraryResponse {
            library: Some(library),
        }))
    }

    async fn list_libraries(
        &self,
        request: Request<ListLibrariesRequest>,
    ) -> Answer<ListLibrariesResponse> {
        let page = request.into_inner();
        Ok(Response::new(ListLibrariesResponse {
            libraries: Vec::new(),
            next_page_token: format!("{}:{}", page.page_size, page.page_token),
        }))
    }

    async fn admit_patron(&self, _: Request<AdmitPatronRequest>) -> Answer<AdmitPatronResponse> {
        panic!("this call fails on purpose")
    }

    async fn log_in(&self, request: Request<LogInRequest>) -> Answer<LogInResponse> {
        let address = request.metadata().get("x-forwarded-for").unwrap();
        let address = address.to_str().unwrap().to_owned();
        self.addresses.lock().unwrap().push(address);
        let request = request.into_inner();
        if request.password != "demo" {
            let refusal = Refusal::new(
                Code::ResourceExhausted,
                "TOO_MANY_ATTEMPTS",
                "Wait before you try again.",
            );
            let wait = std::time::Duration::from_millis(1_500);
            return Err(refusal.retry_after(wait).into());
        }
        Ok(Response::new(LogInResponse {
            token: Some(Token {
                access_token: token(&request.log_in_name, RENEWED_UNTIL_S),
                ..Token::default()
            }),
            profile: None,
        }))
    }

    async fn renew_token(&self, request: Request<RenewTokenRequest>) -> Answer<RenewTokenResponse> {
        let subject = subject_of(&request.into_inner().access_token).unwrap();
        if subject == "librarian-gone" {
            let refusal = Refusal::new(Code::Unauthenticated, "BAD_TOKEN", "There is no account.");
            return Err(refusal.into());
        }
        Ok(Response::new(RenewTokenResponse {
            token: Some(Token {
                access_token: token(&subject, RENEWED_UNTIL_S),
                expire_time: Some(Timestamp {
                    seconds: RENEWED_UNTIL_S,
                    nanos: 0,
                }),
                renew_until_time: None,
            }),
        }))
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Answer<GetProfileResponse> {
        let librarian_id = subject(request.metadata())?;
        if librarian_id.starts_with("patron") {
            let refusal = Refusal::new(Code::PermissionDenied, "ROLE_NOT_ALLOWED", "no");
            return Err(refusal.into());
        }
        let profile = Profile {
            librarian_id,
            screen_name: "Ms Map".into(),
            ..Profile::default()
        };
        Ok(Response::new(GetProfileResponse {
            profile: Some(profile),
        }))
    }
}

/// What a test sends down a stream.
type Down<T> = mpsc::Sender<Result<T, Status>>;

/// Sessions in which everything that is written is accepted and shown to everyone.
#[derive(Clone)]
pub struct Sessions {
    attending: Arc<Mutex<HashMap<String, Vec<Down<AttendResponse>>>>>,
    watching: Arc<Mutex<Vec<Down<WatchSessionsResponse>>>>,
    /// What was asked for, one line each, in order.
    pub seen: Arc<watch::Sender<Vec<String>>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            attending: Arc::default(),
            watching: Arc::default(),
            seen: Arc::new(watch::Sender::new(Vec::new())),
        }
    }
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
    fn saw(&self, line: impl Into<String>) {
        self.seen.send_modify(|seen| seen.push(line.into()));
    }

    /// Waits until a line was seen so many times.
    pub async fn wait_for(&self, line: &str, times: usize) {
        let mut seen = self.seen.subscribe();
        seen.wait_for(|seen| seen.iter().filter(|seen| *seen == line).count() >= times)
            .await
            .unwrap();
    }

    fn down(&self, session_id: &str) -> Vec<Down<AttendResponse>> {
        let attending = self.attending.lock().unwrap();
        attending.get(session_id).cloned().unwrap_or_default()
    }

    /// Sends something to all who attend a session, and says how many they are.
    pub async fn publish(&self, session_id: &str, response: AttendResponse) -> usize {
        let mut reached = 0;
        for down in self.down(session_id) {
            reached += usize::from(down.send(Ok(response.clone())).await.is_ok());
        }
        reached
    }

    /// Ends the streams of all who attend a session.
    pub async fn end(&self, session_id: &str, status: Status) {
        for down in self.down(session_id) {
            let _ = down.send(Err(status.clone())).await;
        }
        self.attending.lock().unwrap().remove(session_id);
    }

    /// Changes what is watched.
    pub async fn change(&self, change: watch_sessions_response::Change) {
        let watching = self.watching.lock().unwrap().clone();
        for down in watching {
            let response = WatchSessionsResponse {
                change: Some(change.clone()),
            };
            let _ = down.send(Ok(response)).await;
        }
    }

    async fn answer(&self, session_id: &str, down: &Down<AttendResponse>, act: Act) {
        let command_id = act.command_id;
        let (kind, text) = match act.act {
            Some(act::Act::PostMessage(message)) => ("post_message", message.text),
            Some(act::Act::PushPage(page)) => ("push_page", page.address),
            Some(act::Act::WriteNote(note)) => ("write_note", note.text),
            Some(act::Act::EndSession(_)) | None => ("end_session", String::new()),
        };
        self.saw(format!("attend {kind} {text}"));
        if text == "never answered" {
            return;
        }
        let response = if text == "refused" {
            attend_response::Response::ActRefused(ActRefused {
                command_id,
                refusal: Some(Refusal::new(Code::FailedPrecondition, "ENDED", "Over.").into()),
            })
        } else {
            attend_response::Response::ActAccepted(ActAccepted {
                command_id,
                position: 7,
                replayed: false,
            })
        };
        let accepted = matches!(response, attend_response::Response::ActAccepted(_));
        let _ = down
            .send(Ok(AttendResponse {
                response: Some(response),
                trace_parent: String::new(),
            }))
            .await;
        if accepted {
            self.publish(session_id, event(7, &text)).await;
        }
    }
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl SessionService for Sessions {
    type AttendStream = Responses<AttendResponse>;
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
        assert!(
            join.trace,
            "a gateway asks for the trace of what it delivers"
        );
        let (down, responses) = mpsc::channel(64);
        self.attending
            .lock()
            .unwrap()
            .entry(join.session_id.clone())
            .or_default()
            .push(down.clone());
        let after = join.after.map_or(0, |after| after.number);
        self.saw(format!("attend join {after}"));
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
        down.send(Ok(joined)).await.unwrap();
        let sessions = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                match request.request {
                    Some(attend_request::Request::Act(act)) => {
                        sessions.answer(&join.session_id, &down, act).await;
                    }
                    Some(attend_request::Request::Typing(typing)) => {
                        sessions.saw(format!("attend typing {}", typing.r#box));
                    }
                    Some(attend_request::Request::Renew(renew)) => {
                        let subject = subject_of(&renew.access_token).unwrap();
                        sessions.saw(format!("attend renew {subject}"));
                    }
                    other => panic!("{other:?}"),
                }
            }
            sessions.saw("attend over");
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }

    async fn watch_sessions(
        &self,
        request: Request<WatchSessionsRequest>,
    ) -> Answer<Self::WatchSessionsStream> {
        if subject(request.metadata())?.starts_with("patron") {
            let refusal = Refusal::new(Code::PermissionDenied, "ROLE_NOT_ALLOWED", "no");
            return Err(refusal.into());
        }
        let (down, responses) = mpsc::channel(64);
        let snapshot = watch_sessions_response::Change::Snapshot(SessionRows { rows: Vec::new() });
        let snapshot = WatchSessionsResponse {
            change: Some(snapshot),
        };
        down.send(Ok(snapshot)).await.unwrap();
        self.watching.lock().unwrap().push(down);
        self.saw(format!(
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
        self.saw(format!("unary post_message {text}"));
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
        Ok(Response::new(LeaveConferenceResponse::default()))
    }

    async fn end_session(&self, _: Request<EndSessionRequest>) -> Answer<EndSessionResponse> {
        Ok(Response::new(EndSessionResponse {
            position: 11,
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

    async fn list_ended_sessions(
        &self,
        request: Request<ListEndedSessionsRequest>,
    ) -> Answer<ListEndedSessionsResponse> {
        subject(request.metadata())?;
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
