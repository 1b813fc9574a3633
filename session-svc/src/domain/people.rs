//! Who acts in sessions.

use std::collections::BTreeSet;

pub use carrel_platform::auth::Role;
use serde::{Deserialize, Serialize};

/// A librarian, as sessions remember them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffMember {
    /// The librarian's id.
    pub librarian_id: String,
    /// The name that others see.
    pub screen_name: String,
    /// The librarian's library.
    pub institution_id: String,
    /// Its name.
    pub institution_name: String,
}

/// A person who gives a command or asks to see something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The patron of one session.
    Patron(PatronActor),
    /// A librarian.
    Librarian(LibrarianActor),
}

/// The patron of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatronActor {
    /// The session that their token is for.
    pub session_id: String,
    /// The library that they ask.
    pub institution_id: String,
    /// Its name.
    pub institution_name: String,
    /// The queue in which they wait.
    pub queue_id: String,
    /// How this library names staff to its patrons.
    pub staff_naming: StaffNaming,
    /// Whether they practise (D36).
    pub practice: bool,
    /// The further queues that the wait reaches, the soonest first (R17).
    pub route: Vec<RouteStep>,
}

/// A further queue from which a patron may be picked up after a certain wait (D29).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStep {
    /// The queue.
    pub queue_id: String,
    /// How long after the wait began, in milliseconds.
    pub after_ms: u64,
}

/// A librarian, with the rights that their token says they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibrarianActor {
    /// Who they are.
    pub member: StaffMember,
    /// Their role at their library.
    pub role: Role,
    /// The queues that they may monitor.
    pub queues: BTreeSet<String>,
    /// Those of them that are for practice.
    pub practice_queues: BTreeSet<String>,
    /// The version of the conference warning in force at their library.
    pub warning_version: String,
}

impl LibrarianActor {
    /// Returns whether they may supervise sessions of this library's patrons (S1-S3).
    #[must_use]
    pub fn supervises(&self, institution_id: &str) -> bool {
        self.role >= Role::AskAdministrator && self.member.institution_id == institution_id
    }
}

impl Actor {
    /// Returns the key under which the actor's commands are filed in a session, so that nobody can probe for another's
    /// command ids.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Patron(patron) => ["patron:", &patron.session_id].concat(),
            Self::Librarian(librarian) => ["librarian:", &librarian.member.librarian_id].concat(),
        }
    }

    /// The librarian, if it is one.
    #[must_use]
    pub fn librarian(&self) -> Option<&LibrarianActor> {
        match self {
            Self::Patron(_) => None,
            Self::Librarian(librarian) => Some(librarian),
        }
    }

    /// Returns whether this is the librarian with the given id.
    #[must_use]
    pub fn is_librarian(&self, librarian_id: &str) -> bool {
        self.librarian()
            .is_some_and(|librarian| librarian.member.librarian_id == librarian_id)
    }
}

/// How a library names staff to its patrons (R12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
