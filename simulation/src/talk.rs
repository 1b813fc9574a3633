//! Librarians who write to one another, and the messages that arrive.

use std::{collections::BTreeMap, time::Duration};

use carrel_proto::im::v1::{
    self as wire, im_service_client::ImServiceClient, send_message_request::To,
    watch_conversations_response::Change,
};
use tonic::{Streaming, transport::Channel};

use crate::{
    commands::Kind,
    person::{PATIENCE, Person, saying},
    shared_state::QUEUES,
};

/// How long a stream may be silent before it counts as lost.
const SILENCE: Duration = Duration::from_secs(45);
/// How many messages are asked for at a time.
const PAGE: i32 = 200;

/// Writes to others and to the staff room, until the storm is over.
pub(crate) async fn write(mut me: Person, others: Vec<String>) {
    while me.shared.is_stormy() {
        me.pause(500, 4_000).await;
        let to = match me.dice.one_of(&others).cloned() {
            Some(other) if me.dice.happens(700) => To::LibrarianId(other),
            _ => To::QueueId(QUEUES[1].into()),
        };
        let text = format!("between us, {}", me.dice.roll());
        let (command_id, given) = me.command(Kind::Write);
        me.settle(&given, async |mut clients, request| {
            let message = wire::SendMessageRequest {
                command_id: command_id.clone(),
                to: Some(to.clone()),
                text: text.clone(),
            };
            clients.im.send_message(saying(request, message)).await
        })
        .await;
    }
}

/// Watches all conversations, and fills in what was missed while the watch was broken.
pub(crate) async fn listen(me: Person, id: String) {
    let mut listener = Listener {
        me,
        id,
        have: BTreeMap::new(),
    };
    loop {
        if let Some((channel, stream)) = listener.connect().await {
            listener.follow(&channel, stream).await;
        }
        listener.me.turn_to_another_server();
        listener.me.pause(50, 500).await;
    }
}

struct Listener {
    me: Person,
    id: String,
    /// By conversation, the last message that arrived.
    have: BTreeMap<String, u64>,
}

type Stream = Streaming<wire::WatchConversationsResponse>;

impl Listener {
    async fn connect(&self) -> Option<(Channel, Stream)> {
        let channel = self.me.channel()?;
        let mut client = ImServiceClient::new(channel.clone());
        let request = self
            .me
            .request(wire::WatchConversationsRequest { trace: false });
        let answer = tokio::time::timeout(PATIENCE, client.watch_conversations(request)).await;
        Some((channel, answer.ok()?.ok()?.into_inner()))
    }

    async fn follow(&mut self, channel: &Channel, mut stream: Stream) {
        while let Ok(Ok(Some(told))) = tokio::time::timeout(SILENCE, stream.message()).await {
            match told.change {
                Some(Change::Snapshot(snapshot)) => {
                    for conversation in snapshot.conversations {
                        if self.fill_in(channel, &conversation).await.is_none() {
                            return;
                        }
                    }
                }
                // A conversation that the listener joined later, or that has changed.
                Some(Change::Changed(conversation))
                    if self.fill_in(channel, &conversation).await.is_none() =>
                {
                    return;
                }
                Some(Change::Arrived(arrived)) => {
                    if let Some(message) = &arrived.message {
                        self.take_in(&arrived.conversation_id, message);
                    }
                }
                _ => {}
            }
        }
    }

    /// Asks for the messages up to a snapshot that are missing here. Returns `None` if they can't be had now.
    async fn fill_in(
        &mut self,
        channel: &Channel,
        conversation: &wire::Conversation,
    ) -> Option<()> {
        let conversation_id = &conversation.conversation_id;
        loop {
            let have = self.have.get(conversation_id).copied().unwrap_or(0);
            if have >= conversation.head {
                return Some(());
            }
            let mut request = wire::ListMessagesRequest {
                conversation_id: conversation_id.clone(),
                after: have,
                page_size: PAGE,
                ..wire::ListMessagesRequest::default()
            };
            if have == 0 {
                // An `after` of 0 asks for nothing. This asks for the latest messages up to the snapshot's head.
                request.before = conversation.head + 1;
            }
            let mut client = ImServiceClient::new(channel.clone());
            let request = self.me.request(request);
            let answer = tokio::time::timeout(PATIENCE, client.list_messages(request)).await;
            let messages = answer.ok()?.ok()?.into_inner().messages;
            for message in messages
                .iter()
                .filter(|one| one.position <= conversation.head)
            {
                self.take_in(conversation_id, message);
            }
            if self.have.get(conversation_id).copied().unwrap_or(0) == have {
                return None;
            }
        }
    }

    fn take_in(&mut self, conversation_id: &str, message: &wire::Message) {
        let have = self.have.entry(conversation_id.to_owned()).or_default();
        let expected = *have + 1;
        *have = message.position;
        self.me
            .note(&format!("reads {} of {conversation_id}", message.position));
        self.me
            .shared
            .hear(&self.id, conversation_id, expected, message);
    }
}
