//! One conversation in memory: the only place on this server where it changes.
//!
//! A task of its own owns the conversation's history and its watchers. Waiting requests are taken together, decided one
//! after the other, and written to the log in one append. Another server may be doing the same with the same
//! conversation: the log refuses the second append, and that server then reads the new events and decides again.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use carrel_platform::{
    bus::{Bus, Origin, Subscription},
    clock::Clock,
    lease::Leases,
    log::{Command as LogCommand, EventLog, LogError},
    telemetry::{self, messaging},
};
use carrel_proto::im::v1 as wire;
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{
    config::Config,
    convert,
    domain::{conversation::Conversation, event::Member},
    error::Error,
    history::History,
    storage,
    tails::{Tail, Tails},
};

use watchers::Watchers;

mod append;
mod erase;
mod keep_up;
mod request;
mod watchers;

pub(crate) use keep_up::refill;
pub(crate) use request::{Act, Acted, Command, Look, NewMessage, Page, Request, Swept, Watched};
pub(crate) use watchers::{Ending, Feed, Update, Watcher};

/// The topic of messages about conversations.
pub(crate) const TOPIC: messaging::Topic = carrel_platform::topic!("im/{id}");

/// How many requests may wait for one conversation before callers have to wait to send.
pub(crate) const INBOX: usize = 256;
/// How many requests are taken at once.
const TAKE: usize = 64;
/// How many times a decision is made, if other servers keep being faster, before the caller is told to try again.
const TRIES: usize = 16;

/// What all live conversations share.
pub(crate) struct Parts {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) leases: Arc<dyn Leases>,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) tails: Tails,
    pub(crate) stop: CancellationToken,
}

/// What servers tell each other about a conversation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
enum BusMessage {
    /// The log contains it up to this version.
    Version {
        version: u64,
        /// The trace context of sending the message; empty if the trace is not kept.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        trace: String,
    },
    /// A member is typing.
    Typing { by: Member },
}

/// One conversation in memory.
pub(crate) struct LiveConversation {
    parts: Arc<Parts>,
    origin: Origin,
    conversation_id: String,
    history: History,
    /// The history's version, to be compared with the log's.
    tail: Arc<Tail>,
    /// Whether the log may have more events than the history: a write was not confirmed, or news was missed.
    behind: bool,
    /// Whether there was an unconfirmed write that other servers have not been told about.
    untold: bool,
    watchers: Watchers,
    /// Up to which message each member has received, as far as it is not in the log yet.
    delivered: BTreeMap<String, u64>,
    news: Subscription,
    news_over: bool,
    last_used: Instant,
    /// When it was last maintained.
    maintained_at: Instant,
}

impl LiveConversation {
    /// Reads a conversation from the log. One that does not exist is an empty one.
    pub(crate) async fn load(
        parts: Arc<Parts>,
        origin: Origin,
        conversation_id: String,
    ) -> Result<Self, LogError> {
        let news = parts.bus.subscribe(origin, &topic(&conversation_id));
        let history = History::load(&*parts.log, &conversation_id).await?;
        let stream = storage::conversation_stream(&conversation_id);
        let tail = parts.tails.follow(stream, history.version());
        Ok(Self {
            parts,
            origin,
            conversation_id,
            history,
            tail,
            behind: false,
            untold: false,
            watchers: Watchers::default(),
            delivered: BTreeMap::new(),
            news,
            news_over: false,
            last_used: Instant::now(),
            maintained_at: Instant::now(),
        })
    }

    /// Serves requests until nobody needs the conversation in memory, or the server stops. Requests that arrive as it
    /// goes to rest are left in the inbox, which is closed then: a watch that begins now must find a conversation that
    /// stays.
    pub(crate) async fn run(mut self, inbox: &mut mpsc::Receiver<Request>) {
        let stop = self.parts.stop.clone();
        let mut requests = Vec::with_capacity(TAKE);
        loop {
            let maintain_at = self.maintained_at + self.parts.config.heartbeat.get();
            tokio::select! {
                // Ordered so that rare branches are never starved by frequent ones.
                biased;
                () = stop.cancelled() => inbox.close(),
                () = tokio::time::sleep_until(maintain_at) => {
                    self.maintain().await;
                    if self.may_rest() && inbox.is_empty() {
                        return inbox.close();
                    }
                }
                () = self.tail.behind() => self.refill("tail").await,
                notice = self.news.next(), if !self.news_over => self.on_notice(notice).await,
                taken = inbox.recv_many(&mut requests, TAKE) => {
                    if taken == 0 {
                        break;
                    }
                    self.last_used = Instant::now();
                    self.serve(&mut requests).await;
                    if self.does_not_exist() && self.watchers.is_empty() && inbox.is_empty() {
                        return inbox.close();
                    }
                }
            }
            if inbox.is_closed() {
                while inbox.recv_many(&mut requests, TAKE).await > 0 {
                    self.serve(&mut requests).await;
                }
                break;
            }
        }
    }

    async fn serve(&mut self, requests: &mut Vec<Request>) {
        let mut acts = Vec::new();
        for request in requests.drain(..) {
            match request {
                Request::Act(act) => acts.push(act),
                Request::Delivered { to, up_to } => self.take_note(to, up_to),
                other => {
                    self.carry_out(std::mem::take(&mut acts)).await;
                    self.answer(other).await;
                }
            }
        }
        self.carry_out(acts).await;
    }

    async fn answer(&mut self, request: Request) {
        // The caller may have gone; then nobody needs the answer.
        match request {
            Request::Act(act) => self.carry_out(vec![act]).await,
            Request::Delivered { to, up_to } => self.take_note(to, up_to),
            Request::Look { command, answer } => {
                let _ = answer.send(self.look(command.as_ref()).await);
            }
            Request::List { page, answer } => {
                let _ = answer.send(self.list(page).await);
            }
            Request::Watch {
                watcher,
                from_start,
                answer,
            } => {
                let _ = answer.send(self.watch(watcher, from_start).await);
            }
            Request::Typing { by } => {
                self.watchers.pass_on_typing(&self.conversation_id, &by);
                self.tell_servers(&BusMessage::Typing { by });
            }
            Request::Sweep { answer } => {
                let _ = answer.send(self.sweep().await);
            }
        }
    }

    fn take_note(&mut self, to: String, up_to: u64) {
        let noted = self.delivered.entry(to).or_default();
        *noted = up_to.max(*noted);
    }

    async fn look(&mut self, command: Option<&LogCommand>) -> Result<Look, Error> {
        self.catch_up().await?;
        let done = command.and_then(|command| self.history.done(&command.key));
        let acted = match (command, done) {
            (Some(command), Some(done)) if command.fingerprint != done.fingerprint => {
                return Err(Error::CommandIdReused);
            }
            (_, done) => done.map(|done| Acted {
                position: done.position,
                replayed: true,
            }),
        };
        let conversation = self.history.conversation();
        Ok(Look {
            between: conversation.map(|conversation| conversation.between().clone()),
            acted,
        })
    }

    async fn list(&mut self, page: Page) -> Result<wire::ListMessagesResponse, Error> {
        self.catch_up().await?;
        let Some(conversation) = self.history.conversation() else {
            return Ok(wire::ListMessagesResponse::default());
        };
        let to_wire = |message: &Arc<_>| convert::message_to_wire(message);
        let (messages, more) = match page {
            Page::After { position, size } => {
                let mut later = conversation.messages(position, u64::MAX);
                let messages: Vec<_> = later.by_ref().take(size).map(to_wire).collect();
                (messages, later.next().is_some())
            }
            Page::Before { position, size } => {
                let mut earlier = conversation.messages(0, position.saturating_sub(1)).rev();
                let mut messages: Vec<_> = earlier.by_ref().take(size).map(to_wire).collect();
                messages.reverse();
                (messages, earlier.next().is_some())
            }
        };
        Ok(wire::ListMessagesResponse { messages, more })
    }

    async fn watch(&mut self, watcher: Watcher, from_start: bool) -> Result<Watched, Error> {
        self.catch_up().await?;
        let conversation = watcher.view(self.history.conversation());
        let shown_up_to = |conversation: &Conversation| match from_start {
            true => conversation.first_kept() - 1,
            false => conversation.head(),
        };
        let watched = Watched {
            conversation: conversation.as_deref().and_then(|conversation| {
                let head = shown_up_to(conversation);
                watcher.show(&self.conversation_id, conversation, head)
            }),
            arrived: conversation
                .as_deref()
                .into_iter()
                .flat_map(|conversation| conversation.messages(shown_up_to(conversation), u64::MAX))
                .map(|message| convert::message_to_wire(message))
                .collect(),
        };
        self.watchers.add(watcher);
        Ok(watched)
    }

    fn tell_servers(&self, message: &BusMessage) {
        if let Ok(said) = serde_json::to_vec(message) {
            let topic = topic(&self.conversation_id);
            self.parts
                .bus
                .publish(self.origin, &topic, Bytes::from(said));
        }
    }

    /// Catches up on pending work: reads new events from the log, writes delivery marks, and erases.
    async fn maintain(&mut self) {
        self.watchers.forget_gone();
        if self.untold || (self.behind && !self.watchers.is_empty()) {
            self.look_again(&Span::none()).await;
        }
        self.carry_out(Vec::new()).await;
        if let Err(error) = self.erase_rest().await {
            self.warn(&error, "a conversation could not be erased");
        }
        // Not when it began: if the log takes longer than a heartbeat to fail, maintenance would be due again at once,
        // and it comes before requests.
        self.maintained_at = Instant::now();
    }

    /// Logs for operators what went wrong, naming the conversation only by a hash (PR8).
    fn warn(&self, error: &LogError, what: &str) {
        let conversation = telemetry::session_hash(&self.conversation_id);
        tracing::warn!(conversation, kind = error.kind(), "{what}");
    }

    /// Changes the history and tells each watcher what that changes for it. `trace_of` returns the trace context of
    /// each new message, by its number.
    fn change(&mut self, trace_of: &dyn Fn(u64) -> Arc<str>, change: impl FnOnce(&mut History)) {
        let before = self.watchers.before(self.history.conversation());
        change(&mut self.history);
        let now = self.history.conversation();
        self.watchers
            .pass_on(&self.conversation_id, &before, now, trace_of);
        self.tail.knows(self.history.version());
    }

    /// Whether the conversation is no longer needed in memory.
    fn may_rest(&self) -> bool {
        self.watchers.is_empty()
            && self.delivered.is_empty()
            && !self.untold
            && self.history.to_erase().is_none()
            && self.last_used.elapsed() >= self.parts.config.rest_after.get()
    }

    /// Whether the conversation does not exist. Such a one leaves memory at once, so that requests with random ids
    /// can't fill the memory.
    fn does_not_exist(&self) -> bool {
        self.history.version() == 0 && !self.untold
    }
}

/// Returns the topic on which servers talk about a conversation.
fn topic(conversation_id: &str) -> String {
    format!("im/{conversation_id}")
}

/// Returns the topic on which servers announce that a librarian has become a member of a conversation.
pub(crate) fn member_topic(librarian_id: &str) -> String {
    format!("im-member/{librarian_id}")
}
