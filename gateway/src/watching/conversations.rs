//! Conversations with other librarians.

use carrel_proto::{
    gateway::v1::server_frame::Frame,
    im::v1::{
        ConversationsSnapshot, WatchConversationsRequest, WatchConversationsResponse,
        watch_conversations_response::Change,
    },
};
use tonic::{Request, Response, Status, Streaming};

use super::{Room, Watched};
use crate::upstream::Upstream;

impl Watched for WatchConversationsRequest {
    type Change = WatchConversationsResponse;

    const NAME: &'static str = "watch_conversations";
    const METHOD: &'static str = "carrel.im.v1.ImService/WatchConversations";

    async fn open(
        upstream: Upstream,
        mut request: Request<Self>,
    ) -> Result<Response<Streaming<WatchConversationsResponse>>, Status> {
        request.get_mut().trace = true;
        upstream.im.clone().watch_conversations(request).await
    }

    fn trace_parent(response: &WatchConversationsResponse) -> &str {
        &response.trace_parent
    }

    fn is_snapshot(response: &WatchConversationsResponse) -> bool {
        matches!(response.change, Some(Change::Snapshot(_)))
    }

    /// Splits a long snapshot into a shorter one and the remaining conversations, one by one.
    fn frames(response: WatchConversationsResponse) -> Vec<Frame> {
        // Without the trace, which a browser must not see.
        let frame = |change| {
            Frame::Conversations(WatchConversationsResponse {
                change,
                trace_parent: String::new(),
            })
        };
        let conversations = match response.change {
            Some(Change::Snapshot(snapshot)) => snapshot.conversations,
            change => return vec![frame(change)],
        };
        let (conversations, further) = Room::of_a_frame().fill(conversations);
        std::iter::once(Change::Snapshot(ConversationsSnapshot { conversations }))
            .chain(further.into_iter().map(Change::Changed))
            .map(|change| frame(Some(change)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use carrel_proto::im::v1::{Conversation, Message};

    use super::*;
    use crate::frame::{FRAME_LIMIT, json_length};

    #[test]
    fn a_long_snapshot_comes_in_frames_that_are_short_enough_and_in_order() {
        let conversation = |number: usize| Conversation {
            conversation_id: number.to_string(),
            last_message: Some(Message {
                text: "\n".repeat(4_000),
                ..Message::default()
            }),
            ..Conversation::default()
        };
        let conversations: Vec<_> = (0..50).map(conversation).collect();
        let mut received = Vec::new();
        let frames = WatchConversationsRequest::frames(WatchConversationsResponse {
            change: Some(Change::Snapshot(ConversationsSnapshot {
                conversations: conversations.clone(),
            })),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        });
        assert!(frames.len() > 1);
        for (index, frame) in frames.into_iter().enumerate() {
            let Frame::Conversations(part) = frame else {
                panic!("{frame:?}");
            };
            assert!(json_length(&part) < FRAME_LIMIT);
            assert_eq!(part.trace_parent, "", "no browser is told of a trace");
            match part.change {
                Some(Change::Snapshot(snapshot)) if index == 0 => {
                    received.extend(snapshot.conversations);
                }
                Some(Change::Changed(conversation)) if index > 0 => received.push(conversation),
                other => panic!("part {index} is {other:?}"),
            }
        }
        assert_eq!(received, conversations);
    }
}
