//! Everything that follows from the leases, the directory, the load and the time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use carrel_platform::lease::Lease;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        presence::{Announced, presences},
        queues::{Knowledge, Load, Queues, queues},
        roster::{People, Person, touched},
    },
    storage::Snapshot,
};

/// What the state follows from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The directory.
    pub(crate) directory: Arc<Snapshot>,
    /// The monitors whose leases stand, by their lease's key.
    pub(crate) monitors: Arc<BTreeMap<String, Standing>>,
    /// What there is to do.
    pub(crate) load: Load,
}

/// A monitor whose lease stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The incarnation under which its lease is held.
    pub(crate) incarnation: u64,
    /// What it says.
    pub(crate) said: Said,
}

/// What a monitor's lease says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// What its librarian chose.
    #[serde(flatten)]
    pub(crate) announced: Announced,
    /// The monitor itself is closed. What was chosen on it stands until their other monitors have taken it over.
    #[serde(default)]
    pub(crate) closed: bool,
}

/// How everything stands.
#[derive(Debug)]
pub(crate) struct State {
    /// What it follows from.
    pub(crate) sources: Sources,
    /// Who is there.
    pub(crate) people: People,
    /// How the queues stand.
    pub(crate) queues: Queues,
    /// How well it is known who is there.
    pub(crate) knowledge: Knowledge,
}

/// What is not the same in two states.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Librarians.
    pub(crate) people: BTreeSet<String>,
    /// Queues.
    pub(crate) queues: BTreeSet<String>,
}

impl State {
    /// Before anything is known.
    pub(crate) fn unknown() -> Self {
        Self {
            sources: Sources::default(),
            people: People::new(),
            queues: Queues::new(),
            knowledge: Knowledge::Growing,
        }
    }

    /// The state that follows from its sources at a moment. Introductions that say the same as before are kept if they
    /// began to hold after `introduced_since_ms`.
    pub(crate) fn next(
        &self,
        sources: Sources,
        knowledge: Knowledge,
        now_ms: i64,
        introduced_since_ms: i64,
    ) -> Self {
        let directory = &sources.directory.directory;
        let monitors = sources.monitors.iter().filter_map(|(key, standing)| {
            let (librarian_id, _) = key.split_once('/')?;
            let Said { announced, closed } = &standing.said;
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

    /// What is not the same now as it was before.
    pub(crate) fn difference(&self, before: &Self) -> Difference {
        Difference {
            people: touched(&before.people, &self.people),
            queues: touched(&before.queues, &self.queues),
        }
    }
}

/// The monitors that leases are of. One that can't be read is none: a newer Carrel wrote it, or a broken one.
pub(crate) fn monitors(leases: Vec<Lease>) -> BTreeMap<String, Standing> {
    let standing = |lease: Lease| {
        let said = serde_json::from_slice(&lease.value)
            .inspect_err(|_| tracing::warn!("a lease on presence can't be read"))
            .ok()?;
        let incarnation = lease.incarnation;
        Some((lease.key, Standing { incarnation, said }))
    };
    leases.into_iter().filter_map(standing).collect()
}
