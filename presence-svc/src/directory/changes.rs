//! How many entries a change of the directory concerned, to be told to the operator.

use std::fmt;

use crate::domain::directory::{Directory, Event};

/// What a load changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Among the institutions.
    pub institutions: Tally,
    /// Among the queues.
    pub queues: Tally,
    /// Among the librarians.
    pub librarians: Tally,
}

/// How many of a kind were added, changed and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// New ones.
    pub added: usize,
    /// Existing ones that are different now.
    pub changed: usize,
    /// Those that are gone.
    pub removed: usize,
}

// === impl Changes ===

impl Changes {
    /// Counts what these events change in a directory.
    pub(super) fn count(before: &Directory, events: &[Event]) -> Self {
        let mut changes = Self::default();
        for event in events {
            match event {
                Event::InstitutionSet(institution) => changes
                    .institutions
                    .set(before.institutions.contains_key(&institution.id)),
                Event::InstitutionRemoved { .. } => changes.institutions.removed += 1,
                Event::QueueSet(queue) => {
                    changes.queues.set(before.queues.contains_key(&queue.id));
                }
                Event::QueueRemoved { .. } => changes.queues.removed += 1,
                Event::LibrarianSet(librarian) => changes
                    .librarians
                    .set(before.librarians.contains_key(&librarian.log_in_name)),
                Event::LibrarianRemoved { .. } => changes.librarians.removed += 1,
            }
        }
        changes
    }
}

impl Tally {
    fn set(&mut self, known: bool) {
        if known {
            self.changed += 1;
        } else {
            self.added += 1;
        }
    }
}

impl fmt::Display for Changes {
    /// Writes, for example, "institutions: 2 added; librarians: 1 changed, 1 removed", or "nothing changed".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = [
            ("institutions", self.institutions),
            ("queues", self.queues),
            ("librarians", self.librarians),
        ]
        .into_iter()
        .filter(|(_, tally)| *tally != Tally::default())
        .map(|(kind, tally)| format!("{kind}: {tally}"))
        .collect();
        if kinds.is_empty() {
            f.write_str("nothing changed")
        } else {
            f.write_str(&kinds.join("; "))
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = [
            (self.added, "added"),
            (self.changed, "changed"),
            (self.removed, "removed"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        f.write_str(&parts.join(", "))
    }
}
