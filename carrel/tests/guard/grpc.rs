//! The operations of the matrix over gRPC: as calls, and as acts on an Attend stream.

use carrel_proto::{
    directory::v1 as directory,
    session::v1::{
        self as wire, attend_request::Request as Ask, attend_response::Response as Told,
        session_service_client::SessionServiceClient, watch_sessions_response::Change,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming, transport::Channel};

use crate::{
    answer::Answer,
    door::{command_id, on_behalf},
    house::{Case, House, log_in_name},
    table::Column,
};

/// A request with a token, or without one if that is empty.
pub(crate) fn ask<T>(token: &str, message: T) -> Request<T> {
    match token {
        "" => Request::new(message),
        token => on_behalf(token, message),
    }
}

/// Tries an operation as a call.
pub(crate) async fn call(house: &House, operation: &str, token: &str, case: &Case) -> Answer {
    let mut sessions = house.door.sessions();
    let mut directory = house.door.directory();
    let session_id = case.session_id.clone();
    let command_id = command_id();
    let transcript = |audience: wire::Audience| wire::GetTranscriptRequest {
        session_id: case.session_id.clone(),
        audience: audience.into(),
    };
    match operation {
        "OpenSession" => {
            let message = wire::OpenSessionRequest {
                command_id,
                question: "Do you have maps?".to_owned(),
                patron_name: String::new(),
                patron_email: String::new(),
            };
            sessions.open_session(ask(token, message)).await.into()
        }
        "GetSession" => {
            let message = wire::GetSessionRequest { session_id };
            sessions.get_session(ask(token, message)).await.into()
        }
        "PickUpSession" => {
            let message = wire::PickUpSessionRequest {
                command_id,
                session_id,
            };
            sessions.pick_up_session(ask(token, message)).await.into()
        }
        "PostMessage" => {
            let message = wire::PostMessageRequest {
                command_id,
                session_id,
                text: "Hello".to_owned(),
            };
            sessions.post_message(ask(token, message)).await.into()
        }
        "PushPage" => {
            let message = wire::PushPageRequest {
                command_id,
                session_id,
                address: "https://maps.example/".to_owned(),
            };
            sessions.push_page(ask(token, message)).await.into()
        }
        "WriteNote" => {
            let message = wire::WriteNoteRequest {
                command_id,
                session_id,
                text: "Try the atlas".to_owned(),
            };
            sessions.write_note(ask(token, message)).await.into()
        }
        "EnterConference" => {
            let message = wire::EnterConferenceRequest {
                command_id,
                session_id,
                warning_version: house.warning_version.clone(),
            };
            sessions.enter_conference(ask(token, message)).await.into()
        }
        "LeaveConference" => {
            let message = wire::LeaveConferenceRequest {
                command_id,
                session_id,
            };
            sessions.leave_conference(ask(token, message)).await.into()
        }
        "EndSession" => {
            let message = wire::EndSessionRequest {
                command_id,
                session_id,
            };
            sessions.end_session(ask(token, message)).await.into()
        }
        "GetTranscript" => {
            let request = ask(token, transcript(wire::Audience::Unspecified));
            sessions.get_transcript(request).await.into()
        }
        "GetTranscript/patron" => {
            let request = ask(token, transcript(wire::Audience::Patron));
            sessions.get_transcript(request).await.into()
        }
        "GetTranscript/staff" => {
            let request = ask(token, transcript(wire::Audience::Staff));
            sessions.get_transcript(request).await.into()
        }
        "Attend" => attend(sessions, token, case, wire::Audience::Unspecified)
            .await
            .into(),
        "Attend/patron" => attend(sessions, token, case, wire::Audience::Patron)
            .await
            .into(),
        "Attend/staff" => attend(sessions, token, case, wire::Audience::Staff)
            .await
            .into(),
        "WatchSessions/queue" => watch(sessions, token, case, &["maple"], false).await,
        "WatchSessions/mine" => watch(sessions, token, case, &[], false).await,
        "WatchSessions/all" => watch(sessions, token, case, &[], true).await,
        "ListEndedSessions" => ended_sessions(sessions, token, case).await,
        "ListAuditEntries" => audit(sessions, token, case).await,
        "GetLibrary" => {
            let institution_id = "maple".to_owned();
            let message = directory::GetLibraryRequest { institution_id };
            directory.get_library(ask(token, message)).await.into()
        }
        "ListLibraries" => {
            let message = directory::ListLibrariesRequest::default();
            directory.list_libraries(ask(token, message)).await.into()
        }
        "AdmitPatron" => {
            let institution_id = "maple".to_owned();
            let message = directory::AdmitPatronRequest {
                institution_id,
                practice: false,
            };
            directory.admit_patron(ask(token, message)).await.into()
        }
        "LogIn" => {
            let message = directory::LogInRequest {
                log_in_name: log_in_name(Column::Lq),
                password: "demo".to_owned(),
            };
            directory.log_in(ask(token, message)).await.into()
        }
        "RenewToken" => {
            let access_token = token.to_owned();
            let message = directory::RenewTokenRequest { access_token };
            directory.renew_token(ask(token, message)).await.into()
        }
        "GetProfile" => {
            let message = directory::GetProfileRequest {};
            directory.get_profile(ask(token, message)).await.into()
        }
        other => panic!("no call is known for {other}"),
    }
}

/// Tries an operation as an act on an Attend stream. The answer to the Join, if that is refused. `None` if the
/// operation is no such act.
pub(crate) async fn act_on_stream(
    house: &House,
    operation: &str,
    token: &str,
    case: &Case,
) -> Option<Answer> {
    use wire::act::Act;
    let act = match operation {
        "PostMessage" => Act::PostMessage(wire::PostMessage {
            text: "Hello".to_owned(),
        }),
        "PushPage" => Act::PushPage(wire::PushPage {
            address: "https://maps.example/".to_owned(),
        }),
        "WriteNote" => Act::WriteNote(wire::WriteNote {
            text: "Try the atlas".to_owned(),
        }),
        "EndSession" => Act::EndSession(wire::EndSession {}),
        _ => return None,
    };
    let sessions = house.door.sessions();
    let joined = Stream::join(
        sessions,
        token,
        &case.session_id,
        wire::Audience::Unspecified,
    );
    let mut stream = match joined.await {
        Ok(stream) => stream,
        Err(status) => return Some(status.into()),
    };
    let act = wire::Act {
        command_id: command_id(),
        act: Some(act),
    };
    stream.send(Ask::Act(act)).await;
    let answer = stream.answer().await.unwrap();
    Some(answer.map_or_else(Answer::from, |_| Answer::Done))
}

async fn attend(
    sessions: SessionServiceClient<Channel>,
    token: &str,
    case: &Case,
    audience: wire::Audience,
) -> Result<(), Status> {
    Stream::join(sessions, token, &case.session_id, audience)
        .await
        .map(drop)
}

async fn watch(
    mut sessions: SessionServiceClient<Channel>,
    token: &str,
    case: &Case,
    queues: &[&str],
    all: bool,
) -> Answer {
    let queue_ids = queues.iter().map(|&queue| queue.to_owned()).collect();
    let request = ask(token, wire::WatchSessionsRequest { queue_ids, all });
    let mut changes = match sessions.watch_sessions(request).await {
        Ok(changes) => changes.into_inner(),
        Err(status) => return status.into(),
    };
    match changes.message().await {
        Ok(Some(wire::WatchSessionsResponse {
            change: Some(Change::Snapshot(wire::SessionRows { rows })),
        })) => Answer::List {
            has_it: rows.iter().any(|row| row.session_id == case.session_id),
        },
        Ok(other) => panic!("instead of a snapshot: {other:?}"),
        Err(status) => status.into(),
    }
}

async fn ended_sessions(
    mut sessions: SessionServiceClient<Channel>,
    token: &str,
    case: &Case,
) -> Answer {
    let mut page_token = String::new();
    loop {
        let message = wire::ListEndedSessionsRequest {
            page_size: 200,
            page_token,
        };
        let page = match sessions.list_ended_sessions(ask(token, message)).await {
            Ok(page) => page.into_inner(),
            Err(status) => return status.into(),
        };
        let has_it = page
            .sessions
            .iter()
            .any(|s| s.session_id == case.session_id);
        if has_it || page.next_page_token.is_empty() {
            return Answer::List { has_it };
        }
        page_token = page.next_page_token;
    }
}

async fn audit(mut sessions: SessionServiceClient<Channel>, token: &str, case: &Case) -> Answer {
    let mut page_token = String::new();
    loop {
        let message = wire::ListAuditEntriesRequest {
            page_size: 200,
            page_token,
        };
        let page = match sessions.list_audit_entries(ask(token, message)).await {
            Ok(page) => page.into_inner(),
            Err(status) => return status.into(),
        };
        let has_it = page.entries.iter().any(|e| e.session_id == case.session_id);
        if has_it || page.next_page_token.is_empty() {
            return Answer::List { has_it };
        }
        page_token = page.next_page_token;
    }
}

/// An Attend stream, open for any request, also for wrong ones.
pub(crate) struct Stream {
    asks: mpsc::Sender<wire::AttendRequest>,
    told: Streaming<wire::AttendResponse>,
}

impl Stream {
    /// Opens a stream and says nothing.
    pub(crate) async fn silent(
        mut sessions: SessionServiceClient<Channel>,
        token: &str,
    ) -> Result<Self, Status> {
        let (asks, requests) = mpsc::channel(256);
        let request = ask(token, ReceiverStream::new(requests));
        let told = sessions.attend(request).await?.into_inner();
        Ok(Self { asks, told })
    }

    /// Opens a stream, joins, and waits for Joined.
    pub(crate) async fn join(
        sessions: SessionServiceClient<Channel>,
        token: &str,
        session_id: &str,
        audience: wire::Audience,
    ) -> Result<Self, Status> {
        let mut stream = Self::silent(sessions, token).await?;
        let join = wire::Join {
            session_id: session_id.to_owned(),
            audience: audience.into(),
            ..wire::Join::default()
        };
        stream.send(Ask::Join(join)).await;
        match stream.next().await? {
            Some(Told::Joined(_)) => Ok(stream),
            other => panic!("instead of Joined: {other:?}"),
        }
    }

    /// Sends a request. What is sent to a stream that has ended goes nowhere.
    pub(crate) async fn send(&self, request: Ask) {
        self.send_raw(Some(request)).await;
    }

    /// Sends a request that may say nothing at all.
    pub(crate) async fn send_raw(&self, request: Option<Ask>) {
        let request = wire::AttendRequest {
            request,
            trace_parent: String::new(),
        };
        let _ = self.asks.send(request).await;
    }

    /// The next response but heartbeats.
    pub(crate) async fn next(&mut self) -> Result<Option<Told>, Status> {
        loop {
            match self.told.message().await?.map(|told| told.response) {
                Some(Some(Told::Heartbeat(_))) => {}
                Some(Some(response)) => return Ok(Some(response)),
                Some(None) => panic!("a response that says nothing"),
                None => return Ok(None),
            }
        }
    }

    /// The answer to the oldest act that was not answered.
    pub(crate) async fn answer(
        &mut self,
    ) -> Result<Result<wire::ActAccepted, carrel_proto::refusal::v1::Refusal>, Status> {
        loop {
            match self.next().await? {
                Some(Told::ActAccepted(accepted)) => return Ok(Ok(accepted)),
                Some(Told::ActRefused(refused)) => return Ok(Err(refused.refusal.unwrap())),
                Some(_) => {}
                None => panic!("the stream ended before the act was answered"),
            }
        }
    }

    /// Waits for the stream's end and says why it ended.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a stream says why it ends"),
                Err(status) => return status,
            }
        }
    }
}
