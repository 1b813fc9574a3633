//! Institutions, queues and librarians, and the events that they are folded from.

use std::collections::{BTreeMap, BTreeSet};

use carrel_platform::auth::{Role, StaffNaming};
use ring::digest;
use serde::{Deserialize, Serialize};

use super::{hours::Hours, language};

/// The directory at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// The institutions, by id.
    pub institutions: BTreeMap<String, Institution>,
    /// The queues, by id.
    pub queues: BTreeMap<String, Queue>,
    /// The librarians, by log-in name.
    pub librarians: BTreeMap<String, Librarian>,
}

/// A library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Institution {
    /// Its id: lower-case letters, digits and hyphens. Never changes.
    pub id: String,
    /// Its name.
    pub name: String,
    /// A welcome line for its patron page. May be empty.
    pub welcome: String,
    /// What a patron is told before the chat.
    pub privacy_notice: String,
    /// An address with the full privacy statement. May be empty.
    pub privacy_address: String,
    /// How staff are named to its patrons.
    pub staff_naming: StaffNaming,
    /// The queue in which its patrons wait first.
    pub primary_queue: String,
    /// What its administrators must accept before they enter a session in conference mode.
    pub conference_warning: ConferenceWarning,
    /// An address where a question can be left when nobody is there. May be empty.
    #[serde(default)]
    pub question_form_address: String,
    /// An address of its survey, for patrons whose chat has ended. May be empty.
    #[serde(default)]
    pub survey_address: String,
    /// What its patrons are told as they wait, soonest first.
    #[serde(default)]
    pub waiting_messages: Vec<WaitingMessage>,
    /// The queue in which its patrons wait for practice, if it has one.
    #[serde(default)]
    pub practice_queue: Option<String>,
    /// Whether its patrons' browsers may remember a chat whose tab was closed, so that the patron can come back to it.
    #[serde(default = "remembers_chats")]
    pub remember_chats: bool,
    /// The codes of the languages that its patrons may choose their page to be in, its own one first (D84).
    #[serde(default = "language::only_english")]
    pub languages: Vec<String>,
    /// What it says itself in its further languages.
    #[serde(default)]
    pub translations: Vec<Translation>,
    /// What staff of other libraries should know about it. For staff only.
    #[serde(default)]
    pub policy: Policy,
    /// Texts that are ready to be sent to its patrons, in the order in which they are offered. For staff only.
    #[serde(default)]
    pub scripts: Vec<Script>,
    /// The descriptive codes, of which up to four can be given to its ended sessions, in the order in which they are
    /// offered. For staff only.
    #[serde(default)]
    pub descriptive_codes: Vec<String>,
}

/// What a library says itself, in one of its further languages. What it leaves out is said in its first language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// The code of the language.
    pub language: String,
    /// The welcome line. May be empty.
    pub welcome: String,
    /// What a patron is told before the chat. May be empty.
    pub privacy_notice: String,
    /// An address with the full privacy statement. May be empty.
    pub privacy_address: String,
}

/// Something that patrons are told who still wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingMessage {
    /// The code of the language that it is in. `None`: the library's first one.
    #[serde(default)]
    pub language: Option<String>,
    /// How long after the wait began, in milliseconds.
    pub after_ms: u64,
    /// The words.
    pub text: String,
}

/// A library's local facts for librarians of other libraries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The facts, as plain text with line breaks. May be empty.
    pub text: String,
    /// An address of the library's own policy page. May be empty.
    pub address: String,
    /// Whom to send corrections to. May be empty.
    pub contact: String,
}

/// A text that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The name by which librarians choose it. Unique within a library.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What an administrator is told before they enter a session in conference mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConferenceWarning {
    /// The text, in plain words.
    pub text: String,
    /// An address of the library's own rule. May be empty.
    pub rule_address: String,
}

/// A queue in which patrons wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its id: lower-case letters, digits and hyphens. Never changes.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The institutions whose patrons wait in it.
    pub patrons_of: BTreeSet<String>,
    /// The institutions whose librarians may monitor it.
    pub staffed_by: BTreeSet<String>,
    /// The further queues that a wait in this one reaches if nobody picks up, soonest first.
    #[serde(default)]
    pub escalate: Vec<EscalationStep>,
    /// When it is open. `None`: always.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Whether it is for practice: it is not monitored together with other queues, and no real patron waits in it.
    #[serde(default)]
    pub practice: bool,
}

/// A further queue that a wait reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationStep {
    /// The queue.
    pub to: String,
    /// How long after the wait began, in milliseconds.
    pub after_ms: u64,
}

/// A librarian's account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Librarian {
    /// The librarian's id. Chosen at random when the account is made and never used again, so that it reveals no log-in
    /// name, and a token dies with its account, even if the name is used again.
    pub id: String,
    /// The name with which they log in, in lower case.
    pub log_in_name: String,
    /// The name that others see.
    pub screen_name: String,
    /// Their real name, for administrators of their library only. May be empty.
    #[serde(default)]
    pub real_name: String,
    /// Their library.
    pub institution_id: String,
    /// What they may do.
    pub role: Role,
    /// The hash of their password, as a PHC string.
    pub password_hash: String,
    /// What made the account.
    pub origin: Origin,
}

/// What made an account, and so what may remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A directory file. The account is removed when the file no longer has it.
    File,
    /// A command. Loading a file leaves the account alone, unless the file has the same log-in name and so takes it
    /// over.
    Command,
}

/// Something that changed in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// An institution was added, or changed into this.
    InstitutionSet(Box<Institution>),
    /// An institution was removed.
    InstitutionRemoved {
        /// Its id.
        id: String,
    },
    /// A queue was added, or changed into this.
    QueueSet(Queue),
    /// A queue was removed.
    QueueRemoved {
        /// Its id.
        id: String,
    },
    /// An account was added, or changed into this.
    LibrarianSet(Librarian),
    /// An account was removed.
    LibrarianRemoved {
        /// Its log-in name.
        log_in_name: String,
    },
}

/// What holds for a library of which nothing else was stored.
fn remembers_chats() -> bool {
    true
}

// === impl Directory ===

impl Directory {
    /// Applies an event.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::InstitutionSet(institution) => {
                self.institutions
                    .insert(institution.id.clone(), *institution);
            }
            Event::InstitutionRemoved { id } => {
                self.institutions.remove(&id);
            }
            Event::QueueSet(queue) => {
                self.queues.insert(queue.id.clone(), queue);
            }
            Event::QueueRemoved { id } => {
                self.queues.remove(&id);
            }
            Event::LibrarianSet(librarian) => {
                self.librarians
                    .insert(librarian.log_in_name.clone(), librarian);
            }
            Event::LibrarianRemoved { log_in_name } => {
                self.librarians.remove(&log_in_name);
            }
        }
    }

    /// Returns the events that turn this directory into `wanted`: none if they are equal.
    #[must_use]
    pub fn changes_to(&self, wanted: &Self) -> Vec<Event> {
        let mut events = Vec::new();
        events.extend(
            set(&self.institutions, &wanted.institutions)
                .map(|institution| Event::InstitutionSet(Box::new(institution))),
        );
        events.extend(set(&self.queues, &wanted.queues).map(Event::QueueSet));
        events.extend(set(&self.librarians, &wanted.librarians).map(Event::LibrarianSet));
        events.extend(
            gone(&self.librarians, &wanted.librarians)
                .map(|log_in_name| Event::LibrarianRemoved { log_in_name }),
        );
        events.extend(gone(&self.queues, &wanted.queues).map(|id| Event::QueueRemoved { id }));
        events.extend(
            gone(&self.institutions, &wanted.institutions)
                .map(|id| Event::InstitutionRemoved { id }),
        );
        events
    }

    /// Returns the librarian who logs in under a name, in upper or lower case.
    #[must_use]
    pub fn librarian_by_log_in_name(&self, log_in_name: &str) -> Option<&Librarian> {
        self.librarians.get(&normal_log_in_name(log_in_name))
    }

    /// Returns the account of a librarian.
    #[must_use]
    pub fn librarian(&self, librarian_id: &str) -> Option<&Librarian> {
        self.librarians
            .values()
            .find(|librarian| librarian.id == librarian_id)
    }

    /// Returns the queues that the librarians of a library may monitor.
    pub fn queues_staffed_by(&self, institution_id: &str) -> impl Iterator<Item = &Queue> {
        self.queues
            .values()
            .filter(move |queue| queue.staffed_by.contains(institution_id))
    }
}

/// Converts a log-in name to the form that the directory keeps: trimmed and in lower case.
#[must_use]
pub fn normal_log_in_name(log_in_name: &str) -> String {
    log_in_name.trim().to_ascii_lowercase()
}

fn set<T: Clone + PartialEq>(
    from: &BTreeMap<String, T>,
    to: &BTreeMap<String, T>,
) -> impl Iterator<Item = T> {
    to.iter()
        .filter(|(key, wanted)| from.get(*key) != Some(wanted))
        .map(|(_, wanted)| wanted.clone())
}

fn gone<T>(from: &BTreeMap<String, T>, to: &BTreeMap<String, T>) -> impl Iterator<Item = String> {
    from.keys().filter(|key| !to.contains_key(*key)).cloned()
}

// === impl ConferenceWarning ===

impl ConferenceWarning {
    /// What a library's administrators are told unless the library has its own wording.
    pub const DEFAULT_TEXT: &str = "You are about to enter a session that is going on. The librarian who is chatting \
        is not told that you are here, and neither is the patron. If you have something to add, write a note or an \
        instant message to the librarian rather than to the patron: a second voice confuses both. From your first \
        note or message on, they see that you are here. That you entered is kept in your library's audit.";

    /// Returns the version of the wording: it changes with each change of the text or the address.
    #[must_use]
    pub fn version(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.text.as_bytes());
        // A byte that UTF-8 never has, so that moving text between the two fields changes the version.
        context.update(&[0xff]);
        context.update(self.rule_address.as_bytes());
        context.finish().as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl Default for ConferenceWarning {
    fn default() -> Self {
        Self {
            text: Self::DEFAULT_TEXT.to_owned(),
            rule_address: String::new(),
        }
    }
}

// === impl Librarian ===

impl std::fmt::Debug for Librarian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Librarian")
            .field("id", &self.id)
            .field("log_in_name", &self.log_in_name)
            .field("screen_name", &self.screen_name)
            .field("real_name", &"(hidden)")
            .field("institution_id", &self.institution_id)
            .field("role", &self.role)
            .field("password_hash", &"(hidden)")
            .field("origin", &self.origin)
            .finish()
    }
}

#[cfg(test)]
mod tests;
