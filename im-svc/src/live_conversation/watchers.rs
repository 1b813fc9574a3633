//! The watchers of one conversation on this server, and what each of them is told.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock, Weak},
};

use carrel_platform::telemetry::DELIVERIES_TRACED;
use carrel_proto::im::v1::{self as wire, watch_conversations_response::Change};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    convert,
    domain::{
        conversation::{Conversation, Place},
        event::{Member, Participants},
    },
    error::Error,
};

/// What a conversation tells a watch.
#[derive(Debug)]
pub(crate) struct Update {
    /// The subscription it belongs to.
    pub(crate) subscription: u64,
    /// The change.
    pub(crate) change: Change,
    /// The trace context of its cause; empty if that trace is not kept.
    pub(crate) trace: Arc<str>,
}

/// The sending end of a watch, by which all conversations that it shows tell it what changes.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    /// Receives the changes, in order.
    pub(crate) updates: mpsc::Sender<Update>,
    /// Set when the watch must end.
    pub(crate) ending: Ending,
}

/// Why a watch must end: a conversation that it shows could not tell it of a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    reason: Arc<OnceLock<Error>>,
    ended: CancellationToken,
}

impl Ending {
    fn end(&self, error: Error) {
        // The first reason counts.
        let _ = self.reason.set(error);
        self.ended.cancel();
    }

    /// Waits until the watch must end, and returns the reason.
    pub(crate) async fn reason(&self) -> Error {
        self.ended.cancelled().await;
        self.reason.get().cloned().unwrap_or(Error::ShuttingDown)
    }
}

/// A watch, as seen by one of the conversations that it shows.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// The watch's number for this conversation.
    pub(crate) subscription: u64,
    /// The librarian who watches.
    pub(crate) librarian_id: String,
    /// For the conversation of a queue's staff: the queue.
    pub(crate) queue_id: Option<String>,
    /// Where to report changes.
    pub(crate) feed: Feed,
    /// Dead once the watch no longer shows the conversation.
    pub(crate) wanted: Weak<()>,
}

impl Watcher {
    /// Returns the conversation as this watch sees it: that of a queue's staff exists before anything is written in it.
    pub(crate) fn view<'a>(
        &self,
        conversation: Option<&'a Conversation>,
    ) -> Option<Cow<'a, Conversation>> {
        if let Some(conversation) = conversation {
            return Some(Cow::Borrowed(conversation));
        }
        let queue_id = self.queue_id.clone()?;
        Some(Cow::Owned(Conversation::new(Participants::Staff {
            queue_id,
        })))
    }

    /// Returns the conversation as shown to the watching librarian, with its messages up to `head`.
    pub(crate) fn show(
        &self,
        conversation_id: &str,
        conversation: &Conversation,
        head: u64,
    ) -> Option<wire::Conversation> {
        convert::conversation_to_wire(conversation_id, conversation, &self.librarian_id, head)
    }

    fn is_gone(&self) -> bool {
        self.wanted.strong_count() == 0 || self.feed.updates.is_closed()
    }

    /// Passes on a change without waiting. A watch whose queue is full must end: it was too slow. Returns whether the
    /// watch goes on.
    fn tell(&self, change: Change, trace: Arc<str>) -> bool {
        let update = Update {
            subscription: self.subscription,
            change,
            trace,
        };
        match self.feed.updates.try_send(update) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.feed.ending.end(Error::TooSlow);
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    /// Tells the watch how the conversation has changed since `before`. Returns whether the watch goes on.
    fn tell_change(
        &self,
        conversation_id: &str,
        before: (u64, Option<Place>),
        now: &Conversation,
        trace_of: &dyn Fn(u64) -> Arc<str>,
    ) -> bool {
        let (head, was) = before;
        let was_shown = was.is_some_and(|was| was.shown);
        let is = now.place(&self.librarian_id);
        let mut changes = Vec::new();
        if is.shown && !was_shown {
            // What was erased in the meantime was never shown.
            let head = head.max(now.first_kept() - 1);
            let begun = self.show(conversation_id, now, head);
            changes.extend(begun.map(|begun| (Change::Changed(begun), Arc::default())));
        }
        changes.extend(now.messages(head, u64::MAX).map(|message| {
            let message = convert::message_to_wire(message);
            let trace = trace_of(message.position);
            let arrived = Change::Arrived(wire::MessageArrived {
                conversation_id: conversation_id.to_owned(),
                message: Some(message),
            });
            (arrived, trace)
        }));
        if was_shown && !is.shown {
            let gone = Change::Gone(wire::ConversationGone {
                conversation_id: conversation_id.to_owned(),
            });
            changes.push((gone, Arc::default()));
        } else if was_shown && was != Some(is) {
            let changed = self.show(conversation_id, now, now.head());
            changes.extend(changed.map(|changed| (Change::Changed(changed), Arc::default())));
        }
        changes
            .into_iter()
            .all(|(change, trace)| self.tell(change, trace))
    }
}

/// All watchers of one conversation.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<Watcher>);

/// How a conversation appeared to each of its watchers.
pub(super) struct Before {
    head: u64,
    places: Vec<Option<Place>>,
}

impl Drop for Watchers {
    /// Ends the watches that remain: when the conversation leaves memory they would hear nothing more without knowing
    /// it.
    fn drop(&mut self) {
        for watcher in self.0.iter().filter(|watcher| !watcher.is_gone()) {
            watcher.feed.ending.end(Error::ShuttingDown);
        }
    }
}

impl Watchers {
    pub(super) fn add(&mut self, watcher: Watcher) {
        self.forget_gone();
        self.0.push(watcher);
    }

    /// Records how the conversation appears to each watcher before a change.
    pub(super) fn before(&self, conversation: Option<&Conversation>) -> Before {
        let place = |watcher: &Watcher| {
            let conversation = watcher.view(conversation)?;
            Some(conversation.place(&watcher.librarian_id))
        };
        Before {
            head: conversation.map_or(0, Conversation::head),
            places: self.0.iter().map(place).collect(),
        }
    }

    /// Tells every watcher what has changed. A watcher that is too slow is dropped and may come back.
    pub(super) fn pass_on(
        &mut self,
        conversation_id: &str,
        before: &Before,
        now: Option<&Conversation>,
        trace_of: &dyn Fn(u64) -> Arc<str>,
    ) {
        let Some(now) = now else {
            return;
        };
        let mut places = before.places.iter().copied();
        let mut room = DELIVERIES_TRACED;
        self.0.retain(|watcher| {
            let was = (before.head, places.next().flatten());
            let traced = room > 0;
            room = room.saturating_sub(1);
            let trace_of: &dyn Fn(u64) -> Arc<str> = match traced {
                true => trace_of,
                false => &|_| Arc::default(),
            };
            !watcher.is_gone() && watcher.tell_change(conversation_id, was, now, trace_of)
        });
    }

    /// Tells every watcher except the typist that a member is typing. A watcher whose queue is full misses it.
    pub(super) fn pass_on_typing(&self, conversation_id: &str, by: &Member) {
        for watcher in &self.0 {
            if watcher.librarian_id != by.librarian_id && !watcher.is_gone() {
                let typing = wire::MemberTyping {
                    conversation_id: conversation_id.to_owned(),
                    member: Some(convert::member_to_wire(by)),
                };
                let _ = watcher.feed.updates.try_send(Update {
                    subscription: watcher.subscription,
                    change: Change::Typing(typing),
                    trace: Arc::default(),
                });
            }
        }
    }

    /// Removes watchers that are gone.
    pub(super) fn forget_gone(&mut self) {
        self.0.retain(|watcher| !watcher.is_gone());
    }

    /// Whether nobody watches any more.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Watcher::is_gone)
    }
}
