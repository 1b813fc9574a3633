//! The rules that a directory must keep before it is written to the log.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use carrel_platform::text::without_case;

use self::{entry::Entry, shown::Shown};
use super::directory::{Directory, Institution, Librarian, Queue, Script};

mod descriptive_codes;
mod entry;
mod languages;
mod shown;
mod waiting;

/// The longest id, in bytes.
pub const MAX_ID: usize = 63;
/// The longest name, in characters.
pub const MAX_NAME: usize = 100;
/// The longest text, in characters.
pub const MAX_TEXT: usize = 4_000;
/// The longest address, in bytes.
pub const MAX_ADDRESS: usize = 2_048;
/// The most queues that the librarians of one library may monitor: their ids travel in each token.
pub const MAX_QUEUES: usize = 60;

/// The most further queues that a wait reaches: they travel in each patron's token.
pub const MAX_STEPS: usize = 8;
/// The longest time after which a wait reaches a further queue or a patron is told something, in milliseconds.
pub const MAX_AFTER_MS: u64 = 24 * 60 * 60 * 1_000;
/// The most messages that the patrons of a library are told as they wait, in each language (D57).
pub const MAX_WAITING_MESSAGES: usize = 5;
/// The longest of these messages, in characters: they are in each library of a page of libraries.
pub const MAX_WAITING_TEXT: usize = 500;
/// The most scripts that a library may have.
pub const MAX_SCRIPTS: usize = 100;
/// The most descriptive codes that a library may have (D65).
pub const MAX_CODES: usize = 50;
/// The longest of them, in characters.
pub const MAX_CODE: usize = 60;
/// How long all policies, scripts and descriptive codes shown to the librarians of one library may be together, in
/// bytes: they are read in one answer, which is at most twice as long.
pub const MAX_SHOWN: usize = 8 * 1024 * 1024;
/// How long the names of the libraries in all queues of a library may be together, in bytes: they are in the first
/// frame sent to each of its librarians.
pub const MAX_QUEUES_NAMES: usize = 256 * 1024;

/// Something in a directory that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// The field, or empty for the entry as a whole.
    pub field: Cow<'static, str>,
    /// What is wrong and how to fix it.
    pub what: String,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The directory as a whole.
    Directory,
    /// The institution of this id.
    Institution(String),
    /// The queue of this id.
    Queue(String),
    /// A script of an institution.
    Script {
        /// The institution's id.
        institution: String,
        /// The script's name.
        name: String,
    },
    /// What an institution says itself in one of its further languages.
    Translation {
        /// The institution's id.
        institution: String,
        /// The code of the language.
        language: String,
    },
    /// A message that an institution's patrons are told as they wait.
    WaitingMessage {
        /// The institution's id.
        institution: String,
        /// Which message, from 1 on.
        number: usize,
    },
    /// A step of a queue's escalation.
    Step {
        /// The queue's id.
        queue: String,
        /// Which step, from 1 on.
        number: usize,
    },
    /// The librarian with this log-in name.
    Librarian(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::Institution(id) => write!(f, "institution \"{id}\""),
            Self::Queue(id) => write!(f, "queue \"{id}\""),
            Self::Script { institution, name } => {
                write!(f, "institution \"{institution}\", script \"{name}\"")
            }
            Self::Translation {
                institution,
                language,
            } => {
                write!(
                    f,
                    "institution \"{institution}\", translation \"{language}\""
                )
            }
            Self::WaitingMessage {
                institution,
                number,
            } => {
                write!(f, "institution \"{institution}\", waiting message {number}")
            }
            Self::Step { queue, number } => write!(f, "queue \"{queue}\", step {number}"),
            Self::Librarian(log_in_name) => write!(f, "librarian \"{log_in_name}\""),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "{}: {}", self.place, self.what)
        } else {
            write!(f, "{}, {}: {}", self.place, self.field, self.what)
        }
    }
}

/// Returns all problems of a directory. If there are none, it may be written.
#[must_use]
pub fn problems(directory: &Directory) -> Vec<Problem> {
    let mut problems = Vec::new();
    let shown = Shown::of(directory);
    for institution in directory.institutions.values() {
        check_institution(institution, directory, &mut problems);
        shown.check(institution, directory, &mut problems);
    }
    for queue in directory.queues.values() {
        check_queue(queue, directory, &mut problems);
    }
    let mut screen_names = BTreeMap::new();
    for librarian in directory.librarians.values() {
        check_librarian(librarian, directory, &mut problems);
        let key = (
            &librarian.institution_id,
            without_case(&librarian.screen_name),
        );
        if let Some(other) = screen_names.insert(key, &librarian.log_in_name) {
            Entry::librarian(librarian, &mut problems).wrong(
                "screen_name",
                format!(
                    "\"{}\" is already the screen name of \"{other}\" at the same library; each needs their own",
                    librarian.screen_name
                ),
            );
        }
    }
    problems
}

fn check_institution(it: &Institution, directory: &Directory, problems: &mut Vec<Problem>) {
    let staffed = directory.queues_staffed_by(&it.id).count();

    let mut entry = Entry::new(Place::Institution(it.id.clone()), problems);
    entry.id(&it.id);
    entry.name("name", &it.name);
    entry.text("welcome", &it.welcome);
    entry.text("privacy_notice", &it.privacy_notice);
    entry.filled("privacy_notice", &it.privacy_notice);
    entry.address("privacy_address", &it.privacy_address);
    entry.text("conference_warning.text", &it.conference_warning.text);
    entry.filled("conference_warning.text", &it.conference_warning.text);
    entry.address(
        "conference_warning.rule_address",
        &it.conference_warning.rule_address,
    );
    if let Some(queue) = entry.queue_of_patrons("primary_queue", &it.primary_queue, it, directory)
        && queue.practice
    {
        entry.wrong(
            "primary_queue",
            format!(
                "queue \"{}\" is for practice; name it as the practice_queue and a live one here",
                queue.id
            ),
        );
    }
    if let Some(practice_queue) = &it.practice_queue
        && let Some(queue) = entry.queue_of_patrons("practice_queue", practice_queue, it, directory)
        && !queue.practice
    {
        entry.wrong(
            "practice_queue",
            format!(
                "queue \"{}\" is not for practice; give it practice = true",
                queue.id
            ),
        );
    }
    entry.address("question_form_address", &it.question_form_address);
    entry.address("survey_address", &it.survey_address);
    entry.text("policy.text", &it.policy.text);
    entry.address("policy.address", &it.policy.address);
    entry.line("policy.contact", &it.policy.contact);
    descriptive_codes::check(&it.descriptive_codes, &mut entry);
    if staffed > MAX_QUEUES {
        entry.wrong(
            "",
            format!("its librarians may monitor {staffed} queues; {MAX_QUEUES} is the most"),
        );
    }
    if it.scripts.len() > MAX_SCRIPTS {
        entry.wrong(
            "script",
            format!("there are {}; {MAX_SCRIPTS} is the most", it.scripts.len()),
        );
    }
    languages::check(it, &mut entry);
    languages::check_translations(it, problems);
    waiting::check(it, problems);
    for (index, script) in it.scripts.iter().enumerate().take(MAX_SCRIPTS) {
        check_script(script, &it.scripts[..index], it, problems);
    }
}

fn check_script(it: &Script, before: &[Script], of: &Institution, problems: &mut Vec<Problem>) {
    let place = Place::Script {
        institution: of.id.clone(),
        name: it.name.clone(),
    };
    let mut entry = Entry::new(place, problems);
    entry.name("name", &it.name);
    entry.text("text", &it.text);
    entry.filled("text", &it.text);
    if before.iter().any(|other| other.name == it.name) {
        entry.wrong("", "is there already; give each script its own name");
    }
}

fn check_queue(it: &Queue, directory: &Directory, problems: &mut Vec<Problem>) {
    let mut entry = Entry::new(Place::Queue(it.id.clone()), problems);
    entry.id(&it.id);
    entry.name("name", &it.name);
    for (field, institutions) in [
        ("patrons_of", &it.patrons_of),
        ("staffed_by", &it.staffed_by),
    ] {
        if institutions.is_empty() {
            entry.wrong(field, "name at least one institution");
        }
        entry.known_institutions(field, institutions, directory);
    }
    if it.practice && !it.escalate.is_empty() {
        entry.wrong(
            "escalate",
            "practice goes no further than its own queue; leave it out",
        );
    }
    if it.escalate.len() > MAX_STEPS {
        entry.wrong(
            "escalate",
            format!(
                "there are {} steps; {MAX_STEPS} is the most",
                it.escalate.len()
            ),
        );
    }
    for index in 0..it.escalate.len().min(MAX_STEPS) {
        check_step(it, index, directory, problems);
    }
}

fn check_step(of: &Queue, index: usize, directory: &Directory, problems: &mut Vec<Problem>) {
    let (it, before) = (&of.escalate[index], &of.escalate[..index]);
    let place = Place::Step {
        queue: of.id.clone(),
        number: index + 1,
    };
    let mut entry = Entry::new(place, problems);
    match directory.queues.get(&it.to) {
        None => entry.wrong("to", format!("there is no queue \"{}\"", it.to)),
        Some(queue) if queue.id == of.id => {
            entry.wrong("to", "the wait begins in this queue; name another one")
        }
        Some(queue) if queue.practice => entry.wrong(
            "to",
            format!("queue \"{}\" is for practice; name a live one", queue.id),
        ),
        Some(_) if before.iter().any(|step| step.to == it.to) => entry.wrong(
            "to",
            format!(
                "an earlier step leads to \"{}\" already; name another queue",
                it.to
            ),
        ),
        Some(_) => {}
    }
    entry.later(
        it.after_ms,
        before.last().map(|last| last.after_ms),
        "the step before",
    );
}

fn check_librarian(it: &Librarian, directory: &Directory, problems: &mut Vec<Problem>) {
    let mut entry = Entry::librarian(it, problems);
    entry.log_in_name(&it.log_in_name);
    entry.name("screen_name", &it.screen_name);
    entry.line("real_name", &it.real_name);
    entry.known_institutions(
        "institution",
        &BTreeSet::from([it.institution_id.clone()]),
        directory,
    );
}

#[cfg(test)]
mod tests;
