//! `ImService`.

use carrel_proto::im::v1::{
    self as wire, send_message_request::To, watch_conversations_response::Change,
};

use super::ask;
use crate::{access::command_id, answer::Answer, case::Case, fixture::Fixture};

/// Tries an operation as a call.
pub(super) async fn call(fixture: &Fixture, operation: &str, token: &str, case: &Case) -> Answer {
    let mut messages = fixture.messages();
    let conversation_id = case.conversation_id.clone();
    let to = match operation {
        "SendMessage" => Some(To::ConversationId(conversation_id.clone())),
        "SendMessage/librarian" => Some(To::LibrarianId(case.librarian_id.clone())),
        "SendMessage/queue" => Some(To::QueueId(case.queue_id.clone())),
        _ => None,
    };
    if to.is_some() {
        let message = wire::SendMessageRequest {
            command_id: command_id(),
            to,
            text: "Do you have a minute?".to_owned(),
        };
        return messages.send_message(ask(token, message)).await.into();
    }
    match operation {
        "ListMessages" => {
            let message = wire::ListMessagesRequest {
                conversation_id,
                ..wire::ListMessagesRequest::default()
            };
            messages.list_messages(ask(token, message)).await.into()
        }
        "MarkRead" => {
            let message = wire::MarkReadRequest {
                conversation_id,
                position: 1,
            };
            messages.mark_read(ask(token, message)).await.into()
        }
        "SendTyping" => {
            let message = wire::SendTypingRequest { conversation_id };
            messages.send_typing(ask(token, message)).await.into()
        }
        "WatchConversations" => {
            let request = ask(token, wire::WatchConversationsRequest { trace: false });
            let mut changes = match messages.watch_conversations(request).await {
                Ok(changes) => changes.into_inner(),
                Err(status) => return status.into(),
            };
            match changes.message().await {
                Ok(Some(wire::WatchConversationsResponse {
                    change: Some(Change::Snapshot(snapshot)),
                    ..
                })) => Answer::List {
                    has_it: snapshot
                        .conversations
                        .iter()
                        .any(|conversation| conversation.conversation_id == conversation_id),
                },
                Ok(other) => panic!("instead of a snapshot: {other:?}"),
                Err(status) => status.into(),
            }
        }
        other => panic!("no call is known for {other}"),
    }
}
