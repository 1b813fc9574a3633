//! From a token to a [`Principal`]: who calls. Every service checks this by itself.
//!
//! Tokens are JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037). There is one algorithm, keys are found by
//! `kid` in the service's own key ring only, and issuer and audience are fixed: nothing that a token's header
//! points to is ever followed.

use std::{collections::BTreeSet, ops::Not};

use serde::{Deserialize, Serialize};

pub mod interceptor;
pub mod keys;
pub mod statement;
pub mod token;

/// A person whose token was valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub who: Who,
    /// When the token expires, in Unix milliseconds. A stream must not outlive it.
    pub expires_at_ms: i64,
}

/// Who a person is, and what their token says that they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Who {
    /// A member of the public, for one session.
    Patron(Patron),
    /// A librarian.
    Librarian(Librarian),
}

/// A patron. The token is valid for one session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patron {
    /// The one session: 32 hexadecimal digits.
    pub session_id: String,
    /// The library that the patron asks.
    pub institution_id: String,
    /// The name of the library.
    pub institution_name: String,
    /// The queue in which the patron waits.
    pub queue_id: String,
    /// How this library names staff to its patrons.
    pub staff_naming: StaffNaming,
    /// Whether the session is for practice, with no real question.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub practice: bool,
    /// The further queues that the patron's wait reaches, soonest first.
    #[serde(default)]
    pub route: Vec<RouteStep>,
}

/// A further queue that a patron also waits in if they are not picked up in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStep {
    /// The queue.
    pub queue_id: String,
    /// How long after the wait began the queue is reached, in milliseconds.
    pub after_ms: u64,
}

/// A librarian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Librarian {
    /// The librarian's id.
    pub librarian_id: String,
    /// The name that others see.
    pub screen_name: String,
    /// The librarian's library.
    pub institution_id: String,
    /// The name of the library.
    pub institution_name: String,
    /// What the librarian may do.
    pub role: Role,
    /// The queues that the librarian may monitor, except those for practice.
    pub queues: BTreeSet<String>,
    /// The queues for practice that the librarian may monitor.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub practice_queues: BTreeSet<String>,
    /// The version of the conference warning in force at the librarian's library.
    pub warning_version: String,
}

impl Librarian {
    /// Returns whether the librarian may monitor a queue, real or for practice.
    #[must_use]
    pub fn may_monitor(&self, queue_id: &str) -> bool {
        self.queues.contains(queue_id) || self.practice_queues.contains(queue_id)
    }

    /// Returns all queues that the librarian may monitor.
    #[must_use]
    pub fn all_queues(&self) -> BTreeSet<String> {
        self.queues.union(&self.practice_queues).cloned().collect()
    }
}

/// What a librarian may do. Each role includes the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Picks up patrons and chats with them.
    Librarian,
    /// Enters running sessions of the library's own patrons and reads their transcripts.
    AskAdministrator,
    /// Reads the library's audit.
    Administrator,
}

/// How a library names staff to its patrons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffNaming {
    /// By their screen name.
    #[default]
    ScreenName,
    /// By the word "Librarian".
    Librarian,
    /// By their screen name and their library.
    ScreenNameAndLibrary,
}
