//! The state that follows from the leases, the directory, the load and the time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use carrel_platform::lease::{Lease, Reading};
use serde::{Deserialize, Serialize};

use crate::{
    directory::storage::Snapshot,
    domain::{
        presence::{Announced, presences},
        queues::{Knowledge, Load, Queues, queues},
        roster::{People, Person, touched},
    },
};

/// What the state is derived from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The directory.
    pub(crate) directory: Arc<Snapshot>,
    /// The monitors whose leases stand, or may stand, by their lease's key.
    pub(crate) monitors: Arc<Monitors>,
    /// The life of the store in which the monitors were read.
    life: u64,
    /// How much there is to do.
    pub(crate) load: Load,
}

/// Monitors by their lease's key.
pub(crate) type Monitors = BTreeMap<String, KnownMonitor>;

/// A monitor whose lease stands, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownMonitor {
    /// The incarnation under which its lease is held.
    pub(crate) incarnation: u64,
    /// What the lease says.
    pub(crate) value: LeaseValue,
    /// Whether the store has it. If not, it stood before the store was emptied, and has not been held again yet.
    pub(crate) kept: bool,
}

/// What a monitor's lease says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseValue {
    /// What its librarian chose.
    #[serde(flatten)]
    pub(crate) announced: Announced,
    /// The monitor itself is closed. What was chosen on it stands until the librarian's other monitors have taken it
    /// over.
    #[serde(default)]
    pub(crate) closed: bool,
}

/// The state of the desk.
#[derive(Debug)]
pub(crate) struct State {
    /// What it is derived from.
    pub(crate) sources: Sources,
    /// Who is there.
    pub(crate) people: People,
    /// The state of the queues.
    pub(crate) queues: Queues,
    /// How well it is known who is there.
    pub(crate) knowledge: Knowledge,
}

/// What differs between two states.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Librarians.
    pub(crate) people: BTreeSet<String>,
    /// Queues.
    pub(crate) queues: BTreeSet<String>,
}

impl State {
    /// The state before anything is known.
    pub(crate) fn unknown() -> Self {
        Self {
            sources: Sources::default(),
            people: People::new(),
            queues: Queues::new(),
            knowledge: Knowledge::Growing,
        }
    }

    /// Derives the state from its sources at a moment. Introductions that say the same as before are kept if they began
    /// to hold after `introduced_since_ms`.
    pub(crate) fn next(
        &self,
        sources: Sources,
        knowledge: Knowledge,
        now_ms: i64,
        introduced_since_ms: i64,
    ) -> Self {
        let directory = &sources.directory.directory;
        let monitors = sources.monitors.iter().filter_map(|(key, known)| {
            let (librarian_id, _) = key.split_once('/')?;
            let LeaseValue { announced, closed } = &known.value;
            Some((librarian_id, announced.clone(), !closed))
        });
        let accounts = directory.librarians.values();
        let accounts: HashMap<&str, _> = accounts
            .map(|account| (account.id.as_str(), account))
            .collect();
        let person = |(librarian_id, presence): (&str, _)| {
            let account = *accounts.get(librarian_id)?;
            let active = sources.load.active.get(librarian_id).copied();
            let active = active.unwrap_or_default();
            let person = Person::new(directory, account, presence, active, now_ms)?;
            let person = match self.people.get(librarian_id) {
                Some(before) => person.keeping_introduction(before, introduced_since_ms),
                None => person,
            };
            Some((librarian_id.to_owned(), person))
        };
        let people = presences(monitors).into_iter().filter_map(person).collect();
        let queues = queues(directory, &people, &sources.load, now_ms);
        Self {
            people,
            queues,
            knowledge,
            sources,
        }
    }

    /// Returns what differs from an earlier state.
    pub(crate) fn difference(&self, before: &Self) -> Difference {
        Difference {
            people: touched(&before.people, &self.people),
            queues: touched(&before.queues, &self.queues),
        }
    }
}

impl Sources {
    /// Takes in a reading of the leases.
    ///
    /// While the store does not know who is there, since it was emptied, a monitor that it has never had in this life
    /// counts as last known. If it has had a monitor and no longer has it, that monitor is gone.
    pub(crate) fn take_in(&mut self, reading: &Reading) {
        let mut now = monitors(&reading.leases);
        if reading.doubt.is_some() {
            let same_life = reading.life == self.life;
            let unknown = self.monitors.iter().filter(|(key, before)| {
                let newer = |now: &KnownMonitor| now.incarnation < before.incarnation;
                !(same_life && before.kept) && now.get(*key).is_none_or(newer)
            });
            let unknown: Vec<_> = unknown
                .map(|(key, before)| {
                    let before = before.clone();
                    (
                        key.clone(),
                        KnownMonitor {
                            kept: false,
                            ..before
                        },
                    )
                })
                .collect();
            now.extend(unknown);
        }
        self.life = reading.life;
        self.monitors = Arc::new(now);
    }
}

/// Reads the monitors from their leases. A lease that can't be read is left out: a newer Carrel wrote it, or a broken
/// one.
fn monitors(leases: &[Lease]) -> Monitors {
    let known = |lease: &Lease| {
        let value = serde_json::from_slice(&lease.value)
            .inspect_err(|_| tracing::warn!("a lease on presence can't be read"))
            .ok()?;
        let known = KnownMonitor {
            incarnation: lease.incarnation,
            value,
            kept: true,
        };
        Some((lease.key.clone(), known))
    };
    leases.iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use carrel_platform::lease::LeaseError;

    use super::*;
    use crate::domain::presence::{Revision, Status};

    fn reading(life: u64, new: bool, monitors: &[(&str, u64)]) -> Reading {
        let value = LeaseValue {
            announced: Announced {
                status: Status::Available,
                queues: BTreeSet::new(),
                revision: Revision {
                    number: 1,
                    monitor_id: "tab".to_owned(),
                },
            },
            closed: false,
        };
        let value = serde_json::to_vec(&value).unwrap();
        let lease = |&(key, incarnation): &(&str, u64)| Lease {
            space: "presence".to_owned(),
            key: key.to_owned(),
            incarnation,
            value: value.clone().into(),
        };
        Reading {
            leases: monitors.iter().map(lease).collect(),
            life,
            doubt: new.then(|| LeaseError("it is new".to_owned())),
        }
    }

    /// What a series of readings leaves: key, incarnation, and whether the store has it.
    fn after(readings: &[Reading]) -> Vec<(String, u64, bool)> {
        let mut sources = Sources::default();
        for reading in readings {
            sources.take_in(reading);
        }
        let known = sources.monitors.iter();
        known
            .map(|(key, known)| (key.clone(), known.incarnation, known.kept))
            .collect()
    }

    /// I15: a monitor that was never in a store that does not know yet counts as last known.
    #[test]
    fn a_new_store_tells_only_of_those_it_has_had() {
        let whole = reading(1, false, &[("a", 1), ("b", 1)]);
        let emptied = reading(2, true, &[("a", 1)]);
        let left = reading(2, true, &[]);
        let b = ("b".to_owned(), 1, false);
        let a = |kept| ("a".to_owned(), 1, kept);
        let both = [whole.clone(), emptied.clone()];
        assert_eq!(after(&both), [a(true), b.clone()]);
        let gone = [whole.clone(), emptied.clone(), left.clone()];
        assert_eq!(after(&gone), std::slice::from_ref(&b));
        let emptied_again = [whole.clone(), emptied.clone(), reading(3, true, &[])];
        assert_eq!(after(&emptied_again), [a(false), b]);
        let settled = [whole, emptied, reading(2, false, &[])];
        assert_eq!(after(&settled), []);
    }

    /// I15: the stream that held a monitor before a newer one does not get it back by being first in an emptied store.
    #[test]
    fn an_older_monitor_in_an_emptied_store_is_not_the_monitor() {
        let whole = reading(1, false, &[("a", 2)]);
        let older = [whole.clone(), reading(2, true, &[("a", 1)])];
        assert_eq!(after(&older), [("a".to_owned(), 2, false)]);
        let newer = [whole, reading(2, true, &[("a", 3)])];
        assert_eq!(after(&newer), [("a".to_owned(), 3, true)]);
    }
}
