//! Presence and messages between librarians, on a socket.

use carrel_proto::{
    gateway::v1::{Refused, client_frame::Frame as Request, server_frame::Frame},
    im::v1::{
        ListMessagesRequest, SendMessageRequest, WatchConversationsRequest,
        send_message_request::To, watch_conversations_response::Change as ConversationsChange,
    },
    presence::v1::{
        Announcement, Goodbye, MonitoredQueues, Status, WatchDeskRequest,
        watch_desk_response::Change as DeskChange,
    },
};

use super::open;
use crate::{access::command_id, answer::Answer, case::Case, fixture::Fixture};

/// Tries an operation. Returns `None` if it is not one of these, or is not answered.
pub(super) async fn call(
    fixture: &Fixture,
    operation: &str,
    token: &str,
    case: &Case,
) -> Option<Answer> {
    let conversation_id = case.conversation_id.clone();
    let request = match operation {
        "Announce" => announcement(None),
        "Announce/queue" => announcement(Some(case.queue_id.clone())),
        "WatchDesk" => Request::WatchDesk(WatchDeskRequest {}),
        "SendMessage" => message(To::ConversationId(conversation_id)),
        "SendMessage/librarian" => message(To::LibrarianId(case.librarian_id.clone())),
        "SendMessage/queue" => message(To::QueueId(case.queue_id.clone())),
        "ListMessages" => Request::ImList(ListMessagesRequest {
            conversation_id,
            ..ListMessagesRequest::default()
        }),
        "WatchConversations" => {
            Request::WatchConversations(WatchConversationsRequest { trace: false })
        }
        _ => return None,
    };
    let mut socket = match open(fixture, token).await {
        Ok(socket) => socket,
        Err(answer) => return Some(answer),
    };
    let announces = matches!(request, Request::Announce(_));
    socket.send(request).await.unwrap();
    let answer = socket.wait_for(|frame| answer(frame, case)).await.unwrap();
    if announces && answer == Answer::Done {
        socket.send(Request::Goodbye(Goodbye {})).await.unwrap();
    }
    Some(answer)
}

/// Returns the announcement of a further monitor. Callers who may monitor the queue already do.
fn announcement(queue_id: Option<String>) -> Request {
    Request::Announce(Announcement {
        monitor_id: command_id(),
        status: Status::Unspecified.into(),
        queues: queue_id.map(|queue_id| MonitoredQueues {
            queue_ids: vec![queue_id],
        }),
        returning: false,
    })
}

fn message(to: To) -> Request {
    Request::ImSend(SendMessageRequest {
        command_id: command_id(),
        to: Some(to),
        text: "Do you have a minute?".to_owned(),
    })
}

fn answer(frame: Frame, case: &Case) -> Option<Answer> {
    match frame {
        Frame::OwnPresence(_) | Frame::ImSent(_) | Frame::ImMessages(_) => Some(Answer::Done),
        Frame::Desk(desk) => match desk.change {
            Some(DeskChange::Snapshot(desk)) => {
                let mut librarians = desk.librarians.iter();
                Some(Answer::List {
                    has_it: librarians.any(|row| row.librarian_id == case.librarian_id),
                })
            }
            _ => None,
        },
        Frame::Conversations(conversations) => match conversations.change {
            Some(ConversationsChange::Snapshot(all)) => {
                let mut all = all.conversations.iter();
                Some(Answer::List {
                    has_it: all.any(|one| one.conversation_id == case.conversation_id),
                })
            }
            _ => None,
        },
        Frame::Refused(refused) => refusal(refused),
        _ => None,
    }
}

/// Returns a refusal without the metadata that only names the request.
fn refusal(refused: Refused) -> Option<Answer> {
    let mut refusal = refused.refusal?;
    for name in ["request", "conversation_id"] {
        refusal.metadata.remove(name);
    }
    Some(refusal.into())
}
