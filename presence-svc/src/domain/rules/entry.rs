//! One entry of a directory, and the checks of its fields.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use carrel_platform::config::HumanDuration;
use url::Url;

use super::{MAX_ADDRESS, MAX_AFTER_MS, MAX_ID, MAX_NAME, MAX_TEXT, Place, Problem};
use crate::domain::directory::{Directory, Institution, Librarian, Queue};

/// One entry that is being checked.
pub(super) struct Entry<'a> {
    place: Place,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(place: Place, problems: &'a mut Vec<Problem>) -> Self {
        Self { place, problems }
    }

    pub(super) fn librarian(it: &Librarian, problems: &'a mut Vec<Problem>) -> Self {
        Self::new(Place::Librarian(it.log_in_name.clone()), problems)
    }

    pub(super) fn wrong(&mut self, field: &'static str, what: impl Into<String>) {
        self.problems.push(Problem {
            place: self.place.clone(),
            field: Cow::Borrowed(field),
            what: what.into(),
        });
    }

    pub(super) fn id(&mut self, id: &str) {
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

    pub(super) fn log_in_name(&mut self, name: &str) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "@._+-".contains(c);
        if !(1..=MAX_NAME).contains(&name.len()) || !name.chars().all(plain) {
            self.wrong(
                "log_in_name",
                format!("write 1 to {MAX_NAME} letters, digits and the signs @ . _ + -"),
            );
        }
    }

    pub(super) fn name(&mut self, field: &'static str, name: &str) {
        self.line(field, name);
        self.filled(field, name);
    }

    /// Checks one line, which may be empty.
    pub(super) fn line(&mut self, field: &'static str, name: &str) {
        if name.trim() != name {
            self.wrong(field, "remove the blanks at its ends");
        }
        if name.chars().count() > MAX_NAME {
            self.wrong(field, format!("{MAX_NAME} characters are the most"));
        }
        if name.chars().any(deceives) {
            self.wrong(field, "remove the control characters and line breaks");
        }
    }

    pub(super) fn text(&mut self, field: &'static str, text: &str) {
        if text.chars().count() > MAX_TEXT {
            self.wrong(field, format!("{MAX_TEXT} characters are the most"));
        }
        if text.chars().any(|c| c != '\n' && deceives(c)) {
            self.wrong(field, "remove the control characters; line breaks may stay");
        }
    }

    pub(super) fn filled(&mut self, field: &'static str, text: &str) {
        if text.trim().is_empty() {
            self.wrong(field, "must not be empty");
        }
    }

    pub(super) fn address(&mut self, field: &'static str, address: &str) {
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

    /// Checks the time, in milliseconds from the beginning of a wait, at which something happens: later than that of
    /// what is listed before it, if anything is.
    pub(super) fn later(&mut self, after_ms: u64, last_ms: Option<u64>, what_is_before: &str) {
        let written = |after_ms| HumanDuration::from(Duration::from_millis(after_ms));
        if after_ms == 0 {
            self.wrong(
                "after",
                "must be longer than no time at all, for example 40s",
            );
        } else if after_ms > MAX_AFTER_MS {
            self.wrong("after", format!("{} is the most", written(MAX_AFTER_MS)));
        }
        if let Some(last_ms) = last_ms
            && after_ms <= last_ms
        {
            self.wrong(
                "after",
                format!(
                    "is {}, but {what_is_before} comes after {}; write a longer time, counted from the beginning of the wait",
                    written(after_ms),
                    written(last_ms)
                ),
            );
        }
    }

    /// Returns a queue in which the patrons of an institution must wait.
    pub(super) fn queue_of_patrons<'d>(
        &mut self,
        field: &'static str,
        queue_id: &str,
        institution: &Institution,
        directory: &'d Directory,
    ) -> Option<&'d Queue> {
        let Some(queue) = directory.queues.get(queue_id) else {
            self.wrong(field, format!("there is no queue \"{queue_id}\""));
            return None;
        };
        if !queue.patrons_of.contains(&institution.id) {
            self.wrong(
                field,
                format!(
                    "queue \"{queue_id}\" does not list \"{}\" in patrons_of",
                    institution.id
                ),
            );
        }
        Some(queue)
    }

    pub(super) fn known_institutions(
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
pub(super) fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
