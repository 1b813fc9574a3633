//! The operations of the matrix as a browser requests them: frames on the websocket, and the JSON endpoints.

use carrel_proto::{
    gateway::v1::{
        AcceptTransfer, DeclineTransfer, EnterConference, LeaveConference, OfferTransfer,
        OpenSession, PickUp, SetDescriptiveCodes, SetResolution, WithdrawTransfer, act::Act,
        client_frame::Frame as Request, offer_transfer::To, server_frame::Frame,
    },
    refusal::v1 as refusal,
    session::v1::{
        self as wire, EndSession, PostMessage, PushPage, WriteNote, watch_sessions_response::Change,
    },
};
use serde_json::json;
use tonic::Code;

use crate::{
    access::command_id,
    answer::{Answer, ObservedRefusal},
    case::Case,
    fixture::{Fixture, log_in_name},
    http::{HttpAnswer, get, post, post_as},
    socket::Socket,
    table::Column,
};

mod desk;

/// Tries an operation. Returns `None` if the gateway does not offer it in this form.
pub(crate) async fn call(
    fixture: &Fixture,
    operation: &str,
    token: &str,
    case: &Case,
) -> Option<Answer> {
    let address = fixture.access.http;
    let transcript = |query: &str| format!("/v1/sessions/{}/transcript{query}", case.session_id);
    Some(match operation {
        "GetTranscript" => plain(&get(address, &transcript(""), token).await),
        "GetTranscript/patron" => {
            plain(&get(address, &transcript("?audience=patron"), token).await)
        }
        "GetTranscript/staff" => plain(&get(address, &transcript("?audience=staff"), token).await),
        "ExportTranscript" | "ExportTranscript/patron" | "ExportTranscript/staff" => {
            let audience = match operation {
                "ExportTranscript/patron" => "AUDIENCE_PATRON",
                "ExportTranscript/staff" => "AUDIENCE_STAFF",
                _ => "AUDIENCE_UNSPECIFIED",
            };
            let path = format!("/v1/sessions/{}/export", case.session_id);
            let body = json!({ "audience": audience });
            plain(&post_as(address, &path, token, &body.to_string()).await)
        }
        "EraseSession" => {
            let path = format!("/v1/sessions/{}/erase", case.session_id);
            let body = json!({ "commandId": command_id() });
            plain(&post_as(address, &path, token, &body.to_string()).await)
        }
        "ListEndedSessions" => {
            let page = async |page_token: String| {
                let body = json!({ "pageSize": 200, "pageToken": page_token }).to_string();
                post_as(address, "/v1/ended-sessions", token, &body).await
            };
            paged(page, &case.session_id).await
        }
        "ListAuditEntries" => {
            let page = async |page_token: String| {
                let path = format!("/v1/audit?page_size=200&page_token={page_token}");
                get(address, &path, token).await
            };
            paged(page, &case.session_id).await
        }
        "GetLibrary" => plain(&get(address, "/v1/libraries/maple", token).await),
        "ListLibraries" => plain(&get(address, "/v1/libraries", token).await),
        "GetAvailability" => plain(&get(address, "/v1/libraries/maple/availability", token).await),
        "ListRoleChanges" => plain(&get(address, "/v1/role-changes", token).await),
        "GetProfile" => plain(&get(address, "/v1/profile", token).await),
        "LogIn" => {
            let body = json!({ "logInName": log_in_name(Column::Lq), "password": "demo" });
            plain(&post(address, "/v1/log-in", &body.to_string()).await)
        }
        "RenewToken" => {
            let body = json!({ "accessToken": token });
            plain(&post(address, "/v1/renew", &body.to_string()).await)
        }
        // The endpoint takes no token: it admits every caller as a new patron.
        "AdmitPatron" => return None,
        _ => {
            if let Some(answer) = desk::call(fixture, operation, token, case).await {
                return Some(answer);
            }
            return on_socket(fixture, operation, token, case).await;
        }
    })
}

async fn on_socket(fixture: &Fixture, operation: &str, token: &str, case: &Case) -> Option<Answer> {
    let offer_id = case.offer_id.clone();
    let act = match operation {
        "OpenSession" => Act::OpenSession(OpenSession {
            question: "Do you have maps?".to_owned(),
            ..OpenSession::default()
        }),
        "PickUpSession" => Act::PickUp(PickUp {}),
        "PostMessage" => Act::PostMessage(PostMessage {
            text: "Hello".to_owned(),
        }),
        "PushPage" => Act::PushPage(PushPage {
            address: "https://maps.example/".to_owned(),
        }),
        "WriteNote" => Act::WriteNote(WriteNote {
            text: "Try the atlas".to_owned(),
        }),
        "EnterConference" => Act::EnterConference(EnterConference {
            warning_version: fixture.warning_version.clone(),
        }),
        "LeaveConference" => Act::LeaveConference(LeaveConference {}),
        "EndSession" => Act::EndSession(EndSession {}),
        "SetResolution" => Act::SetResolution(SetResolution {
            resolution: wire::Resolution::Answered.into(),
        }),
        "SetDescriptiveCodes" => Act::SetDescriptiveCodes(SetDescriptiveCodes {
            codes: vec!["Maps".to_owned()],
            code_list: fixture.code_list.clone(),
        }),
        "OfferTransfer" => offer(To::Introduction(fixture.introduction.clone())),
        "OfferTransfer/queue" => offer(To::QueueId(case.queue_id.clone())),
        "AcceptTransfer" => Act::AcceptTransfer(AcceptTransfer { offer_id }),
        "DeclineTransfer" => Act::DeclineTransfer(DeclineTransfer {
            offer_id,
            reason: "My hands are full".to_owned(),
        }),
        "WithdrawTransfer" => Act::WithdrawTransfer(WithdrawTransfer { offer_id }),
        "Attend" => return Some(attend(fixture, token, case).await),
        "WatchSessions/queue" => {
            return Some(watch(fixture, token, case, &[&case.queue_id], false).await);
        }
        "WatchSessions/mine" => return Some(watch(fixture, token, case, &[], false).await),
        "WatchSessions/all" => return Some(watch(fixture, token, case, &[], true).await),
        _ => return None,
    };
    let mut socket = match open(fixture, token).await {
        Ok(socket) => socket,
        Err(answer) => return Some(answer),
    };
    let command_id = command_id();
    let sent = socket.act(&case.session_id, &command_id, act).await;
    sent.unwrap();
    let answer = socket.wait_for(|frame| match frame {
        Frame::Accepted(accepted) if accepted.command_id == command_id => Some(Answer::Done),
        Frame::Refused(refused) if refused.command_id == command_id => {
            refused.refusal.map(Answer::from)
        }
        _ => None,
    });
    Some(answer.await.unwrap())
}

fn offer(to: To) -> Act {
    Act::OfferTransfer(OfferTransfer {
        to: Some(to),
        message: "Could you take over?".to_owned(),
    })
}

/// Opens a socket. Returns the refusal if it is closed because of its token.
async fn open(fixture: &Fixture, token: &str) -> Result<Socket, Answer> {
    match Socket::open(fixture.access.http, token).await {
        Ok((socket, _)) => Ok(socket),
        Err(ended) if ended.code == Some(4401) => Err(Answer::Refused(ObservedRefusal {
            code: Code::Unauthenticated,
            reason: String::new(),
            bytes: Vec::new(),
        })),
        Err(other) => panic!("the socket ended with {other:?}"),
    }
}

async fn attend(fixture: &Fixture, token: &str, case: &Case) -> Answer {
    let mut socket = match open(fixture, token).await {
        Ok(socket) => socket,
        Err(answer) => return answer,
    };
    socket.attend(&case.session_id, None).await.unwrap();
    let answer = socket.wait_for(|frame| match frame {
        Frame::Attending(_) => Some(Answer::Done),
        Frame::Detached(detached) => detached.refusal.map(Answer::from),
        _ => None,
    });
    answer.await.unwrap()
}

async fn watch(fixture: &Fixture, token: &str, case: &Case, queues: &[&str], all: bool) -> Answer {
    let mut socket = match open(fixture, token).await {
        Ok(socket) => socket,
        Err(answer) => return answer,
    };
    let queue_ids = queues.iter().map(|&queue| queue.to_owned()).collect();
    let watch = Request::Watch(wire::WatchSessionsRequest { queue_ids, all });
    socket.send(watch).await.unwrap();
    // A long snapshot continues as changes; the first heartbeat shows that it has ended.
    let mut has_it = false;
    loop {
        let answer = socket.wait_for(|frame| match frame {
            Frame::Refused(refused) => refused.refusal.map(Answer::from),
            Frame::Lists(lists) => match lists.change {
                Some(Change::Snapshot(rows)) => Some(Answer::List {
                    has_it: rows
                        .rows
                        .iter()
                        .any(|row| row.session_id == case.session_id),
                }),
                Some(Change::Changed(row)) if row.session_id == case.session_id => {
                    Some(Answer::List { has_it: true })
                }
                Some(Change::Heartbeat(_)) => Some(Answer::Done),
                _ => None,
            },
            _ => None,
        });
        match answer.await.unwrap() {
            Answer::List { has_it: here } => has_it |= here,
            Answer::Done => return Answer::List { has_it },
            refused => return refused,
        }
    }
}

/// Converts an answer that is not a list.
fn plain(answer: &HttpAnswer) -> Answer {
    if answer.status == 200 {
        return Answer::Done;
    }
    let refusal: refusal::Refusal = serde_json::from_slice(&answer.body).unwrap();
    refusal.into()
}

/// Reads a list until it has the session. `page` asks for the page of a token.
async fn paged(page: impl AsyncFn(String) -> HttpAnswer, session_id: &str) -> Answer {
    let mut page_token = String::new();
    loop {
        let answer = page(page_token).await;
        if answer.status != 200 {
            return plain(&answer);
        }
        let page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let has_it = page.to_string().contains(session_id);
        match page["nextPageToken"].as_str() {
            Some(next) if !has_it && !next.is_empty() => page_token = next.to_owned(),
            _ => return Answer::List { has_it },
        }
    }
}
