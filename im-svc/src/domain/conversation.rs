//! A conversation, as the fold of its events.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::event::{Checkpoint, Event, Marks, Member, Participants};

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    between: Participants,
    head: u64,
    kept: VecDeque<Arc<Message>>,
    marks: BTreeMap<String, Marks>,
}

/// A message that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in the conversation.
    pub position: u64,
    /// The version of its event in the log.
    pub version: u64,
    /// When it was written, in Unix milliseconds.
    pub at_ms: i64,
    /// Who wrote it.
    pub by: Member,
    /// The text.
    pub text: String,
}

/// What a conversation is to one member, apart from its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether it is shown. A conversation of two librarians is not shown once no message is kept; the staff's always
    /// is.
    pub shown: bool,
    /// What the member has received and read.
    pub own: Marks,
    /// What the other of two members has received and read.
    pub other: Marks,
    /// The number of the first message that is kept.
    pub first_kept: u64,
}

/// Which messages are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Those written before a time, and all but the newest `at_most`.
    Old {
        /// The time, in Unix milliseconds.
        before_ms: i64,
        /// How many stay at most.
        at_most: usize,
    },
    /// All messages.
    All,
}

impl Conversation {
    /// Creates a conversation in which nothing was written.
    #[must_use]
    pub fn new(between: Participants) -> Self {
        Self {
            between,
            head: 0,
            kept: VecDeque::new(),
            marks: BTreeMap::new(),
        }
    }

    /// Creates a conversation from a checkpoint, which stands for erased events.
    #[must_use]
    pub fn after_erased(checkpoint: &Checkpoint) -> Self {
        Self {
            between: checkpoint.between.clone(),
            head: checkpoint.head,
            kept: VecDeque::new(),
            marks: checkpoint.marks.clone(),
        }
    }

    /// Returns the conversation after one more event.
    ///
    /// `None` stands for a conversation that has not begun; any event but [`Event::Began`] leaves it so.
    #[must_use]
    pub fn apply(
        conversation: Option<Self>,
        event: &Event,
        version: u64,
        at_ms: i64,
    ) -> Option<Self> {
        match (conversation, event) {
            (None, Event::Began { between }) => Some(Self::new(between.clone())),
            (None, _) => None,
            (Some(mut conversation), event) => {
                conversation.change(event, version, at_ms);
                Some(conversation)
            }
        }
    }

    fn change(&mut self, event: &Event, version: u64, at_ms: i64) {
        match event {
            Event::Began { .. } => {}
            Event::Written { by, text } => {
                self.head += 1;
                self.know(by);
                self.kept.push_back(Arc::new(Message {
                    position: self.head,
                    version,
                    at_ms,
                    by: by.clone(),
                    text: text.clone(),
                }));
            }
            Event::Delivered { to, up_to } => {
                let marks = self.marks.entry(to.clone()).or_default();
                marks.delivered = marks.delivered.max(*up_to);
            }
            Event::Read { by, up_to } => {
                let marks = self.marks.entry(by.clone()).or_default();
                marks.read = marks.read.max(*up_to);
                marks.delivered = marks.delivered.max(*up_to);
            }
            Event::Erased(checkpoint) => {
                let erased = self
                    .kept
                    .partition_point(|message| message.version <= checkpoint.erase_up_to);
                self.kept.drain(..erased);
            }
        }
    }

    /// Updates a member's names: members are shown under the names under which they last wrote.
    fn know(&mut self, author: &Member) {
        if let Participants::Librarians { members } = &mut self.between {
            for member in members {
                if member.librarian_id == author.librarian_id {
                    member.clone_from(author);
                }
            }
        }
    }

    /// Returns between whom it is.
    #[must_use]
    pub fn between(&self) -> &Participants {
        &self.between
    }

    /// Returns the number of the last message.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Returns the number of the first message that is kept; one more than the head if none is.
    #[must_use]
    pub fn first_kept(&self) -> u64 {
        self.kept
            .front()
            .map_or(self.head + 1, |message| message.position)
    }

    /// Returns the kept messages after one position and up to another.
    pub fn messages(
        &self,
        after: u64,
        up_to: u64,
    ) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        let from = self
            .kept
            .partition_point(|message| message.position <= after);
        let to = self
            .kept
            .partition_point(|message| message.position <= up_to);
        self.kept.range(from..to.max(from))
    }

    /// Returns what a librarian has received and read.
    #[must_use]
    pub fn marks(&self, librarian_id: &str) -> Marks {
        self.marks.get(librarian_id).copied().unwrap_or_default()
    }

    /// Returns how many kept messages of others, up to a position, a librarian has not read.
    #[must_use]
    pub fn unread(&self, librarian_id: &str, up_to: u64) -> u32 {
        let unread = self
            .messages(self.marks(librarian_id).read, up_to)
            .filter(|message| message.by.librarian_id != librarian_id)
            .count();
        u32::try_from(unread).unwrap_or(u32::MAX)
    }

    /// Returns what the conversation is to a member.
    #[must_use]
    pub fn place(&self, librarian_id: &str) -> Place {
        let other = self.between.other(librarian_id);
        Place {
            shown: matches!(self.between, Participants::Staff { .. }) || !self.kept.is_empty(),
            own: self.marks(librarian_id),
            other: other.map_or(Marks::default(), |other| self.marks(&other.librarian_id)),
            first_kept: self.first_kept(),
        }
    }

    /// Returns the checkpoint to write before erasing the messages that a limit no longer keeps; `None` if there are
    /// none. `version` is the version of the last event folded into the conversation.
    #[must_use]
    pub fn checkpoint(&self, limit: Limit, version: u64) -> Option<Checkpoint> {
        let gone = match limit {
            Limit::All => self.kept.len(),
            Limit::Old { before_ms, at_most } => {
                let old = self
                    .kept
                    .iter()
                    .take_while(|message| message.at_ms < before_ms);
                old.count().max(self.kept.len().saturating_sub(at_most))
            }
        };
        let last_gone = self.kept.get(gone.checked_sub(1)?)?;
        Some(Checkpoint {
            // Events between two messages are erased with the first of them.
            erase_up_to: self
                .kept
                .get(gone)
                .map_or(version, |message| message.version - 1),
            head: last_gone.position,
            between: self.between.clone(),
            marks: self.marks.clone(),
        })
    }
}
