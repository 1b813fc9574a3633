//! The events of a conversation, as the log stores them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An event of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The conversation began; always the first event.
    Began {
        /// Between whom.
        between: Participants,
    },
    /// A member wrote a message. Only these events are numbered for the members: 1, 2, 3 ….
    Written {
        /// The author.
        by: Member,
        /// The text.
        text: String,
    },
    /// A member received the messages up to this number.
    Delivered {
        /// The member's id.
        to: String,
        /// The number of the last message received.
        up_to: u64,
    },
    /// A member read the messages up to this number.
    Read {
        /// The member's id.
        by: String,
        /// The number of the last message read.
        up_to: u64,
    },
    /// Earlier events need no longer be kept. They are erased once this event is in the log.
    Erased(Checkpoint),
}

/// What remains known of erased events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The version of the last event that is erased.
    pub erase_up_to: u64,
    /// The number of the last message among them.
    pub head: u64,
    /// Between whom the conversation is.
    pub between: Participants,
    /// What the members have received and read, by librarian, when the checkpoint was written.
    pub marks: BTreeMap<String, Marks>,
}

/// Between whom a conversation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Participants {
    /// Two librarians.
    Librarians {
        /// The two, sorted by id.
        members: [Member; 2],
    },
    /// All librarians who monitor a queue.
    Staff {
        /// The queue.
        queue_id: String,
    },
}

impl Participants {
    /// Returns the value for two librarians, the same in whichever order they are given.
    #[must_use]
    pub fn librarians(one: Member, other: Member) -> Self {
        let mut members = [one, other];
        members.sort_by(|a, b| a.librarian_id.cmp(&b.librarian_id));
        Self::Librarians { members }
    }

    /// Returns the other of two librarians; `None` for a queue's staff, and if the given librarian is neither of the
    /// two.
    #[must_use]
    pub fn other(&self, librarian_id: &str) -> Option<&Member> {
        match self {
            Self::Librarians { members: [a, b] } if a.librarian_id == librarian_id => Some(b),
            Self::Librarians { members: [a, b] } if b.librarian_id == librarian_id => Some(a),
            _ => None,
        }
    }
}

/// A librarian as a conversation knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The librarian's id.
    pub librarian_id: String,
    /// The name that others see.
    pub screen_name: String,
    /// The name of the librarian's library.
    pub institution_name: String,
}

/// What a member has received and read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The number of the last message received.
    pub delivered: u64,
    /// The number of the last message read.
    pub read: u64,
}
