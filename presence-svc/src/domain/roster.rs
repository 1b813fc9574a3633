//! The Librarians list: which librarians a watcher is shown, and how.

use std::collections::{BTreeMap, BTreeSet};

use carrel_platform::{
    auth::{Role, statement::Introduction},
    text::without_case,
};

use super::{
    directory::{Directory, Librarian},
    presence::{Presence, Revision, Status},
};

/// A librarian who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who they are, and which queues they monitor.
    pub introduction: Introduction,
    /// When [`Person::introduction`] began to hold, in Unix milliseconds.
    pub introduced_at_ms: i64,
    /// Their real name, for administrators of their library only. May be empty.
    pub real_name: String,
    /// The name of their library's primary queue.
    pub primary_queue_name: String,
    /// Whether they take patrons.
    pub status: Status,
    /// Which of their choices the status and the queues come from.
    pub revision: Revision,
    /// How many monitors they have open.
    pub monitors: u32,
    /// How many running sessions they own.
    pub active: u32,
}

/// A librarian who watches the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watcher {
    /// The watcher's own id.
    pub librarian_id: String,
    /// Their library.
    pub institution_id: String,
    /// What they may do.
    pub role: Role,
    /// The queues that they may monitor.
    pub queues: BTreeSet<String>,
}

/// A line of the list, as one watcher is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The librarian, the same for every watcher who is shown them.
    pub introduction: Introduction,
    /// When the introduction began to hold.
    pub introduced_at_ms: i64,
    /// Whether they take patrons.
    pub status: Status,
    /// How many running sessions they own.
    pub active: u32,
    /// The name of their library's primary queue.
    pub primary_queue_name: String,
    /// Those of their queues that the watcher monitors as well.
    pub shared_queues: Vec<String>,
    /// Their real name, if the watcher may know it.
    pub real_name: String,
}

/// Everyone who is there, by id.
pub type People = BTreeMap<String, Person>;

impl Person {
    /// Combines a librarian's account with what they announced. Queues that the directory no longer lets them monitor
    /// are left out, whatever they announced. `None` if their library is gone.
    #[must_use]
    pub fn new(
        directory: &Directory,
        librarian: &Librarian,
        presence: Presence,
        active: u32,
        now_ms: i64,
    ) -> Option<Self> {
        let institution = directory.institutions.get(&librarian.institution_id)?;
        let Presence {
            announced,
            monitors,
        } = presence;
        let mut queues = announced.queues;
        queues.retain(|queue_id| {
            let queue = directory.queues.get(queue_id);
            queue.is_some_and(|queue| queue.staffed_by.contains(&institution.id))
        });
        let primary_queue = directory.queues.get(&institution.primary_queue);
        Some(Self {
            introduction: Introduction {
                librarian_id: librarian.id.clone(),
                screen_name: librarian.screen_name.clone(),
                institution_id: institution.id.clone(),
                institution_name: institution.name.clone(),
                queues,
            },
            introduced_at_ms: now_ms,
            real_name: librarian.real_name.clone(),
            primary_queue_name: primary_queue
                .map(|queue| queue.name.clone())
                .unwrap_or_default(),
            status: announced.status,
            revision: announced.revision,
            monitors,
            active,
        })
    }

    /// Keeps the introduction of `before` if it says the same and began to hold after `since_ms`.
    #[must_use]
    pub fn keeping_introduction(mut self, before: &Self, since_ms: i64) -> Self {
        let lasting = before.introduced_at_ms > since_ms
            // If the clock was set back, it would hold for too long.
            && before.introduced_at_ms <= self.introduced_at_ms;
        if lasting && before.introduction == self.introduction {
            self.introduced_at_ms = before.introduced_at_ms;
        }
        self
    }

    /// Returns the queues that they monitor.
    #[must_use]
    pub fn queues(&self) -> &BTreeSet<String> {
        &self.introduction.queues
    }
}

/// Returns the row that a watcher is shown of a librarian, or `None`: nobody can learn more of a librarian here.
///
/// `own_queues` are those that the watcher monitors.
#[must_use]
pub fn row_for(watcher: &Watcher, own_queues: &BTreeSet<String>, person: &Person) -> Option<Row> {
    if person.introduction.librarian_id == watcher.librarian_id {
        return None;
    }
    let shared_queues: Vec<String> = own_queues.intersection(person.queues()).cloned().collect();
    let own_library = person.introduction.institution_id == watcher.institution_id;
    let supervised = own_library && watcher.role >= Role::AskAdministrator;
    if shared_queues.is_empty() && !supervised {
        return None;
    }
    let real_name = if own_library && watcher.role >= Role::Administrator {
        person.real_name.clone()
    } else {
        String::new()
    };
    Some(Row {
        introduction: person.introduction.clone(),
        introduced_at_ms: person.introduced_at_ms,
        status: person.status,
        active: person.active,
        primary_queue_name: person.primary_queue_name.clone(),
        shared_queues,
        real_name,
    })
}

/// Returns all rows that a watcher is shown, by screen name.
#[must_use]
pub fn rows_for(watcher: &Watcher, people: &People) -> Vec<Row> {
    let own_queues = monitored_by(watcher, people);
    let mut rows: Vec<Row> = people
        .values()
        .filter_map(|person| row_for(watcher, own_queues, person))
        .collect();
    rows.sort_by(|a, b| by_screen_name(a).cmp(&by_screen_name(b)));
    rows
}

/// Returns the row that a watcher is shown of one librarian, or `None`.
#[must_use]
pub fn row_of(watcher: &Watcher, people: &People, librarian_id: &str) -> Option<Row> {
    let own_queues = monitored_by(watcher, people);
    row_for(watcher, own_queues, people.get(librarian_id)?)
}

/// Returns what has changed for a watcher: each librarian whose row is different now, and `None` for one whose row is
/// gone. `touched` are all librarians who differ between the two.
#[must_use]
pub fn row_changes(
    watcher: &Watcher,
    before: &People,
    now: &People,
    touched: &BTreeSet<String>,
) -> Vec<(String, Option<Row>)> {
    let own_before = monitored_by(watcher, before);
    let own_now = monitored_by(watcher, now);
    let change = |librarian_id: &String| {
        let row = |people: &People, own_queues| {
            let person = people.get(librarian_id)?;
            row_for(watcher, own_queues, person)
        };
        let (old, new) = (row(before, own_before), row(now, own_now));
        (old != new).then(|| (librarian_id.clone(), new))
    };
    if own_before == own_now {
        touched.iter().filter_map(change).collect()
    } else {
        let all: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        all.into_iter().filter_map(change).collect()
    }
}

/// Returns the keys whose values differ between two maps, or that only one of them has.
#[must_use]
pub fn touched<T: PartialEq>(
    before: &BTreeMap<String, T>,
    now: &BTreeMap<String, T>,
) -> BTreeSet<String> {
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    let other = now
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, _)| key);
    gone.chain(other).cloned().collect()
}

fn monitored_by<'a>(watcher: &Watcher, people: &'a People) -> &'a BTreeSet<String> {
    static NONE: BTreeSet<String> = BTreeSet::new();
    people
        .get(&watcher.librarian_id)
        .map_or(&NONE, Person::queues)
}

fn by_screen_name(row: &Row) -> (String, &str) {
    let introduction = &row.introduction;
    (
        without_case(&introduction.screen_name),
        &introduction.librarian_id,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::{presence::Announced, sample};

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).into()).collect()
    }

    /// Mr Lee of maple, who monitors "coop", and "harbor", which they may not.
    fn lee(now_ms: i64) -> Person {
        let directory = sample::directory(
            [sample::institution("maple")],
            [
                sample::queue("maple", &["maple"], &["maple"]),
                sample::queue("coop", &["maple"], &["maple", "harbor"]),
                sample::queue("harbor", &["harbor"], &["harbor"]),
            ],
            [],
        );
        let announced = Announced {
            status: Status::Busy,
            queues: ids(&["coop", "harbor", "nowhere"]),
            revision: Revision {
                number: 1,
                monitor_id: "tab".into(),
            },
        };
        let presence = Presence {
            announced,
            monitors: 1,
        };
        Person::new(&directory, &sample::librarian(), presence, 3, now_ms).unwrap()
    }

    // D20, D39, I18: all combinations of role, library and shared queues.
    #[test]
    fn what_is_shown_of_a_librarian_follows_from_queues_library_and_role() {
        let lee = lee(0);
        assert_eq!(*lee.queues(), ids(&["coop"]));
        for role in [Role::Librarian, Role::AskAdministrator, Role::Administrator] {
            for institution_id in ["maple", "harbor"] {
                for own_queues in [&[][..], &["maple"], &["coop"], &["coop", "maple"]] {
                    let watcher = Watcher {
                        librarian_id: "2".into(),
                        institution_id: institution_id.into(),
                        role,
                        queues: ids(&["maple", "coop"]),
                    };
                    let own_queues = ids(own_queues);
                    let row = row_for(&watcher, &own_queues, &lee);
                    let shares = own_queues.contains("coop");
                    let own_staff = institution_id == "maple" && role != Role::Librarian;
                    assert_eq!(
                        row.is_some(),
                        shares || own_staff,
                        "{watcher:?} {own_queues:?}"
                    );
                    if let Some(row) = row {
                        let knows_name = institution_id == "maple" && role == Role::Administrator;
                        assert_eq!(row.real_name == "Bruce Lee", knows_name, "{watcher:?}");
                        assert_eq!(row.shared_queues.len(), usize::from(shares));
                    }
                    let themself = Watcher {
                        librarian_id: "1".into(),
                        ..watcher
                    };
                    assert_eq!(row_for(&themself, &own_queues, &lee), None);
                }
            }
        }
    }

    #[test]
    fn an_introduction_is_kept_while_it_is_true_and_young() {
        let before = lee(1_000);
        let later = |now_ms| lee(now_ms).keeping_introduction(&before, now_ms - 500);
        assert_eq!(later(1_400).introduced_at_ms, 1_000);
        assert_eq!(later(1_500).introduced_at_ms, 1_500);
        assert_eq!(later(900).introduced_at_ms, 900, "the clock was set back");
        let mut renamed = lee(1_400);
        renamed.introduction.screen_name = "Mr Li".into();
        let renamed = renamed.keeping_introduction(&before, 900);
        assert_eq!(renamed.introduced_at_ms, 1_400);
    }
}
