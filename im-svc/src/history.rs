//! One conversation in memory: the fold of what the log holds of it.

use std::collections::HashMap;

use carrel_platform::log::{Command, EventLog, LogError};

use crate::{
    domain::{
        conversation::{Conversation, Message},
        event::{Checkpoint, Event},
    },
    storage::{self, Stored},
};

/// How many times a conversation is read because events were erased during the reading.
const TRIES: usize = 4;

/// One conversation's past and present.
#[derive(Clone, Debug, Default)]
pub struct History {
    conversation: Option<Conversation>,
    version: u64,
    last_at_ms: i64,
    commands: HashMap<String, Done>,
    /// The version of the last event that the log no longer has.
    erased_up_to: u64,
    /// The version of the last event that may be erased from the log.
    erase_up_to: u64,
}

/// A command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The digest of its content.
    pub fingerprint: u64,
    /// The number of the message that it wrote.
    pub position: u64,
    version: u64,
}

impl Done {
    /// Creates the entry of a command that is just writing the message with this number.
    #[must_use]
    pub(crate) fn now(fingerprint: u64, position: u64) -> Self {
        Self {
            fingerprint,
            position,
            version: 0,
        }
    }
}

/// What the log has beyond a history.
#[derive(Clone, Debug)]
pub enum News {
    /// The events that follow.
    Next(Vec<Stored<Event>>),
    /// Some of the events that follow were erased: the whole history, read anew.
    Anew(Box<History>),
}

impl History {
    /// Reads a conversation from the log. The history of one that does not exist is empty.
    ///
    /// # Errors
    /// Those of the log, and [`LogError::Damaged`] if earlier events are missing without a checkpoint.
    pub async fn load(log: &dyn EventLog, conversation_id: &str) -> Result<Self, LogError> {
        let stream = storage::conversation_stream(conversation_id);
        for _ in 0..TRIES {
            let events = storage::read_after(log, &stream, 0).await?;
            if follow_each_other(&events) {
                return Self::of(events).ok_or_else(|| {
                    LogError::Damaged(format!("the beginning of {stream} is missing"))
                });
            }
        }
        Err(LogError::Unavailable(
            "a conversation was erased while it was read".into(),
        ))
    }

    /// Builds a history from all events that the log has of a conversation. `None` if earlier events are missing
    /// without a checkpoint that stands for them.
    #[must_use]
    pub fn of(events: Vec<Stored<Event>>) -> Option<Self> {
        let mut history = Self::default();
        let missing = events.first().map_or(0, |first| first.version - 1);
        if missing > 0 {
            let checkpoint = events.iter().find_map(|stored| match &stored.event {
                Event::Erased(checkpoint) if checkpoint.erase_up_to >= missing => Some(checkpoint),
                _ => None,
            })?;
            history = Self::after_erased(checkpoint, missing);
        }
        for stored in events {
            history.record(stored);
        }
        Some(history)
    }

    /// Builds a history from a checkpoint. Events that the checkpoint stands for are ignored even if they still exist.
    fn after_erased(checkpoint: &Checkpoint, erased_up_to: u64) -> Self {
        Self {
            conversation: Some(Conversation::after_erased(checkpoint)),
            version: checkpoint.erase_up_to,
            erased_up_to,
            erase_up_to: checkpoint.erase_up_to,
            ..Self::default()
        }
    }

    /// Reads what the log has beyond this history.
    ///
    /// # Errors
    /// As [`History::load`].
    pub async fn news(&self, log: &dyn EventLog, conversation_id: &str) -> Result<News, LogError> {
        let stream = storage::conversation_stream(conversation_id);
        let events = storage::read_after(log, &stream, self.version).await?;
        let continues = events
            .first()
            .is_none_or(|first| first.version == self.version + 1);
        if continues && follow_each_other(&events) {
            return Ok(News::Next(events));
        }
        let anew = Self::load(log, conversation_id).await?;
        Ok(News::Anew(Box::new(anew)))
    }

    /// Applies the next event. An event that is not the next one is ignored.
    pub fn record(&mut self, stored: Stored<Event>) {
        let Stored {
            version,
            at_ms,
            event,
            command,
        } = stored;
        if version != self.version + 1 {
            return;
        }
        self.version = version;
        self.last_at_ms = at_ms;
        self.conversation = Conversation::apply(self.conversation.take(), &event, version, at_ms);
        if let Event::Erased(checkpoint) = &event {
            self.erase_up_to = self.erase_up_to.max(checkpoint.erase_up_to);
            // Keep what a server that reads the conversation after the erasure would know.
            self.commands
                .retain(|_, done| done.version > checkpoint.erase_up_to);
        }
        if let Some(Command { key, fingerprint }) = command {
            let position = self.conversation.as_ref().map_or(0, Conversation::head);
            let done = Done {
                fingerprint,
                position,
                version,
            };
            self.commands.insert(key, done);
        }
    }

    /// Returns the conversation, if it has begun.
    #[must_use]
    pub fn conversation(&self) -> Option<&Conversation> {
        self.conversation.as_ref()
    }

    /// Returns the version of the stream up to which it is known here.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns when the last event happened, in Unix milliseconds.
    #[must_use]
    pub fn last_at_ms(&self) -> i64 {
        self.last_at_ms
    }

    /// Returns a command that was carried out before, if its message is still kept.
    #[must_use]
    pub fn done(&self, key: &str) -> Option<Done> {
        self.commands.get(key).copied()
    }

    /// Returns the version up to which events are still to be erased, if any.
    #[must_use]
    pub fn to_erase(&self) -> Option<u64> {
        (self.erase_up_to > self.erased_up_to).then_some(self.erase_up_to)
    }

    /// Notes that events were erased up to this version.
    pub fn erased(&mut self, up_to: u64) {
        self.erased_up_to = self.erased_up_to.max(up_to);
    }

    /// Returns the messages after a position, in order.
    pub fn messages_after(&self, position: u64) -> impl Iterator<Item = &std::sync::Arc<Message>> {
        self.conversation
            .iter()
            .flat_map(move |conversation| conversation.messages(position, u64::MAX))
    }
}

fn follow_each_other<E>(events: &[Stored<E>]) -> bool {
    events
        .windows(2)
        .all(|pair| pair[1].version == pair[0].version + 1)
}
