//! What a directory must be like before it is written to the log.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use url::Url;

use super::directory::{Directory, Institution, Librarian, Queue};

/// The longest id, in bytes.
pub const MAX_ID: usize = 63;
/// The longest name, in characters.
pub const MAX_NAME: usize = 100;
/// The longest text, in characters.
pub const MAX_TEXT: usize = 4_000;
/// The longest address, in bytes.
pub const MAX_ADDRESS: usize = 2_048;
/// How many queues the librarians of one library may monitor at the most: their ids travel in each token.
pub const MAX_QUEUES: usize = 60;

/// Something in a directory that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// Which field, or empty when it is the entry as a whole.
    pub field: Cow<'static, str>,
    /// What is wrong and how to mend it.
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
    /// The librarian of this log-in name.
    Librarian(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::Institution(id) => write!(f, "institution \"{id}\""),
            Self::Queue(id) => write!(f, "queue \"{id}\""),
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

/// All problems of a directory. None: it may be written.
#[must_use]
pub fn problems(directory: &Directory) -> Vec<Problem> {
    let mut problems = Vec::new();
    for institution in directory.institutions.values() {
        check_institution(institution, directory, &mut problems);
    }
    for queue in directory.queues.values() {
        check_queue(queue, directory, &mut problems);
    }
    let mut screen_names = BTreeMap::new();
    for librarian in directory.librarians.values() {
        check_librarian(librarian, directory, &mut problems);
        let key = (
            &librarian.institution_id,
            librarian.screen_name.to_lowercase(),
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
    let staffed = directory
        .queues
        .values()
        .filter(|queue| queue.staffed_by.contains(&it.id))
        .count();
    let primary = directory.queues.get(&it.primary_queue);

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
    match primary {
        None => entry.wrong(
            "primary_queue",
            format!("there is no queue \"{}\"", it.primary_queue),
        ),
        Some(queue) if !queue.patrons_of.contains(&it.id) => entry.wrong(
            "primary_queue",
            format!(
                "queue \"{}\" does not list \"{}\" in patrons_of",
                queue.id, it.id
            ),
        ),
        Some(_) => {}
    }
    if staffed > MAX_QUEUES {
        entry.wrong(
            "",
            format!("its librarians may monitor {staffed} queues; {MAX_QUEUES} is the most"),
        );
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
}

fn check_librarian(it: &Librarian, directory: &Directory, problems: &mut Vec<Problem>) {
    let mut entry = Entry::librarian(it, problems);
    entry.log_in_name(&it.log_in_name);
    entry.name("screen_name", &it.screen_name);
    entry.known_institutions(
        "institution",
        &BTreeSet::from([it.institution_id.clone()]),
        directory,
    );
}

/// One entry under the rules.
struct Entry<'a> {
    place: Place,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Entry<'a> {
    fn new(place: Place, problems: &'a mut Vec<Problem>) -> Self {
        Self { place, problems }
    }

    fn librarian(it: &Librarian, problems: &'a mut Vec<Problem>) -> Self {
        Self::new(Place::Librarian(it.log_in_name.clone()), problems)
    }

    fn wrong(&mut self, field: &'static str, what: impl Into<String>) {
        self.problems.push(Problem {
            place: self.place.clone(),
            field: Cow::Borrowed(field),
            what: what.into(),
        });
    }

    fn id(&mut self, id: &str) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits = (1..=MAX_ID).contains(&id.len())
            && id.chars().all(plain)
            && !id.starts_with('-')
            && !id.ends_with('-');
        if !fits {
            self.wrong(
                "id",
                format!(
                    "write 1 to {MAX_ID} lower-case letters, digits and hyphens, without a hyphen at either end"
                ),
            );
        }
    }

    fn log_in_name(&mut self, name: &str) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "@._+-".contains(c);
        if !(1..=MAX_NAME).contains(&name.len()) || !name.chars().all(plain) {
            self.wrong(
                "log_in_name",
                format!("write 1 to {MAX_NAME} letters, digits and the signs @ . _ + -"),
            );
        }
    }

    fn name(&mut self, field: &'static str, name: &str) {
        if name.trim() != name {
            self.wrong(field, "remove the blanks at its ends");
        }
        if name.chars().count() > MAX_NAME {
            self.wrong(field, format!("{MAX_NAME} characters are the most"));
        }
        if name.chars().any(deceives) {
            self.wrong(field, "remove the control characters and line breaks");
        }
        self.filled(field, name);
    }

    fn text(&mut self, field: &'static str, text: &str) {
        if text.chars().count() > MAX_TEXT {
            self.wrong(field, format!("{MAX_TEXT} characters are the most"));
        }
        if text.chars().any(|c| c != '\n' && deceives(c)) {
            self.wrong(field, "remove the control characters; line breaks may stay");
        }
    }

    fn filled(&mut self, field: &'static str, text: &str) {
        if text.trim().is_empty() {
            self.wrong(field, "must not be empty");
        }
    }

    fn address(&mut self, field: &'static str, address: &str) {
        if address.is_empty() {
            return;
        }
        let web = Url::parse(address).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if !web || address.len() > MAX_ADDRESS || address.chars().any(|c| deceives(c) || c == ' ') {
            self.wrong(
                field,
                format!(
                    "write a whole http or https address, without a name or password in it, of at most {MAX_ADDRESS} bytes"
                ),
            );
        }
    }

    fn known_institutions(
        &mut self,
        field: &'static str,
        institutions: &BTreeSet<String>,
        directory: &Directory,
    ) {
        for id in institutions {
            if !directory.institutions.contains_key(id) {
                self.wrong(field, format!("there is no institution \"{id}\""));
            }
        }
    }
}

/// Whether a character could make a text look like another one: controls, and the marks that turn the direction of
/// writing.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
