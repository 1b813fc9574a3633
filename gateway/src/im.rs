//! Messages to other librarians: the calls to im-svc, and what the browser is told.

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{ImMessages, ImSent, server_frame::Frame},
    im::v1::{
        ListMessagesRequest, ListMessagesResponse, MarkReadRequest, Message, SendMessageRequest,
        SendTypingRequest,
    },
};

use crate::{
    frame::{FRAME_LIMIT, json_length, refused},
    upstream::{Caller, Upstream},
};

/// How many bytes of a frame are neither messages nor the request that they answer.
const ENVELOPE: usize = 256;

/// Sends a message to another librarian.
pub(crate) async fn send(
    upstream: Upstream,
    caller: Caller,
    request: SendMessageRequest,
) -> Option<Frame> {
    let command_id = request.command_id.clone();
    let mut im = upstream.im.clone();
    let answer = upstream
        .call(
            "carrel.im.v1.ImService/SendMessage",
            caller,
            request,
            |request| im.send_message(request),
        )
        .await;
    Some(match answer {
        Ok(sent) => Frame::ImSent(ImSent {
            command_id,
            sent: Some(sent),
        }),
        Err(refusal) => Frame::Refused(refused(command_id, String::new(), refusal)),
    })
}

/// Fetches messages of a conversation.
pub(crate) async fn list(
    upstream: Upstream,
    caller: Caller,
    request: ListMessagesRequest,
) -> Option<Frame> {
    let mut im = upstream.im.clone();
    let answer = upstream
        .call(
            "carrel.im.v1.ImService/ListMessages",
            caller,
            request.clone(),
            |request| im.list_messages(request),
        )
        .await;
    Some(match answer {
        Ok(response) => Frame::ImMessages(in_one_frame(request, response)),
        Err(refusal) => not_listed(&request, refusal),
    })
}

/// Makes the refusal of a request for a conversation's messages.
pub(crate) fn not_listed(request: &ListMessagesRequest, refusal: Refusal) -> Frame {
    let refusal = refusal
        .with("request", "im_list")
        .with("conversation_id", request.conversation_id.clone());
    Frame::Refused(refused(String::new(), String::new(), refusal))
}

/// Tells im-svc what was read.
pub(crate) async fn mark_read(
    upstream: Upstream,
    caller: Caller,
    request: MarkReadRequest,
) -> Option<Frame> {
    let mut im = upstream.im.clone();
    let answer = upstream
        .call(
            "carrel.im.v1.ImService/MarkRead",
            caller,
            request,
            |request| im.mark_read(request),
        )
        .await;
    unanswered("im_mark_read", answer)
}

/// Tells im-svc that the user is typing.
pub(crate) async fn typing(
    upstream: Upstream,
    caller: Caller,
    request: SendTypingRequest,
) -> Option<Frame> {
    let mut im = upstream.im.clone();
    let answer = upstream
        .call(
            "carrel.im.v1.ImService/SendTyping",
            caller,
            request,
            |request| im.send_typing(request),
        )
        .await;
    unanswered("im_typing", answer)
}

fn unanswered<T>(request: &'static str, answer: Result<T, Refusal>) -> Option<Frame> {
    if let Err(refusal) = answer {
        tracing::debug!(request, reason = refusal.reason, "not taken, and not told");
    }
    None
}

/// Keeps as many of the messages as fit into one frame: the latest of those before a position, the earliest of those
/// after one, as the service itself does. The client asks for the others as if the service had returned fewer.
fn in_one_frame(request: ListMessagesRequest, mut response: ListMessagesResponse) -> ImMessages {
    let mut room = FRAME_LIMIT.saturating_sub(ENVELOPE + json_length(&request));
    let mut fits = |message: &&Message| {
        let length = json_length(*message) + 1;
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    };
    let messages = &mut response.messages;
    let count = messages.len();
    if request.after > 0 {
        let fitting = messages.iter().take_while(&mut fits).count();
        messages.truncate(fitting);
    } else {
        let fitting = messages.iter().rev().take_while(&mut fits).count();
        messages.drain(..count - fitting);
    }
    response.more |= messages.len() < count;
    ImMessages {
        request: Some(request),
        response: Some(response),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use carrel_proto::gateway::v1::ServerFrame;

    use super::*;

    fn listed(before: u64, after: u64, text: &str) -> (Vec<u64>, bool) {
        let request = ListMessagesRequest {
            conversation_id: "c".into(),
            before,
            after,
            page_size: 200,
        };
        let message = |position| Message {
            position,
            text: text.to_owned(),
            ..Message::default()
        };
        let response = ListMessagesResponse {
            messages: (1..=200).map(message).collect(),
            more: false,
        };
        let answer = in_one_frame(request, response);
        let frame = ServerFrame {
            frame: Some(Frame::ImMessages(answer.clone())),
        };
        assert!(json_length(&frame) <= FRAME_LIMIT);
        let response = answer.response.unwrap();
        let positions = response.messages.iter().map(|message| message.position);
        (positions.collect(), response.more)
    }

    #[test]
    fn what_fits_into_a_frame_is_given_whole() {
        assert_eq!(listed(0, 0, "short"), ((1..=200).collect(), false));
    }

    #[test]
    fn of_too_much_the_latest_is_given_and_that_there_is_more() {
        for text in ["\"".repeat(4_000), "\u{1f4da}".repeat(4_000)] {
            for before in [0, 201] {
                let (positions, more) = listed(before, 0, &text);
                let first = *positions.first().unwrap();
                assert!(first > 1 && more);
                assert_eq!(positions, (first..=200).collect::<Vec<_>>());
            }
            let (positions, more) = listed(0, 1, &text);
            let last = *positions.last().unwrap();
            assert!(last < 200 && more);
            assert_eq!(positions, (1..=last).collect::<Vec<_>>());
        }
    }
}
