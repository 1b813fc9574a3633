//! `SessionService`: as calls, and as acts on an Attend stream.

use carrel_proto::session::v1::{
    self as wire, attend_request::Request as Ask, session_service_client::SessionServiceClient,
    watch_sessions_response::Change,
};
use tonic::{Status, transport::Channel};

use super::{Stream, ask};
use crate::{access::command_id, answer::Answer, case::Case, fixture::Fixture};

/// Tries an operation as a call.
pub(super) async fn call(fixture: &Fixture, operation: &str, token: &str, case: &Case) -> Answer {
    let mut sessions = fixture.access.sessions();
    let session_id = case.session_id.clone();
    let command_id = command_id();
    let transcript = |audience: wire::Audience| wire::GetTranscriptRequest {
        session_id: case.session_id.clone(),
        audience: audience.into(),
    };
    let export = |audience: wire::Audience| wire::ExportTranscriptRequest {
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
                language: String::new(),
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
                warning_version: fixture.warning_version.clone(),
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
        "SetResolution" => {
            let message = wire::SetResolutionRequest {
                command_id,
                session_id,
                resolution: wire::Resolution::Answered.into(),
            };
            sessions.set_resolution(ask(token, message)).await.into()
        }
        "SetDescriptiveCodes" => {
            let message = wire::SetDescriptiveCodesRequest {
                command_id,
                session_id,
                codes: vec!["Maps".to_owned()],
                code_list: fixture.code_list.clone(),
            };
            sessions
                .set_descriptive_codes(ask(token, message))
                .await
                .into()
        }
        "EraseSession" => {
            let message = wire::EraseSessionRequest {
                command_id,
                session_id,
            };
            sessions.erase_session(ask(token, message)).await.into()
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
        "ExportTranscript" => {
            let request = ask(token, export(wire::Audience::Unspecified));
            sessions.export_transcript(request).await.into()
        }
        "ExportTranscript/patron" => {
            let request = ask(token, export(wire::Audience::Patron));
            sessions.export_transcript(request).await.into()
        }
        "ExportTranscript/staff" => {
            let request = ask(token, export(wire::Audience::Staff));
            sessions.export_transcript(request).await.into()
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
        "WatchSessions/queue" => watch(sessions, token, case, &[&case.queue_id], false).await,
        "WatchSessions/mine" => watch(sessions, token, case, &[], false).await,
        "WatchSessions/all" => watch(sessions, token, case, &[], true).await,
        "ListEndedSessions" => ended_sessions(sessions, token, case).await,
        "ListAuditEntries" => audit(sessions, token, case).await,
        other => panic!("no call is known for {other}"),
    }
}

/// Tries an operation as an act on an Attend stream. Returns the answer to the Join if that is refused, and `None` if
/// the operation is not such an act.
pub(crate) async fn act_on_stream(
    fixture: &Fixture,
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
    let sessions = fixture.access.sessions();
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
            filter: None,
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
