//! The combined condition of all connections of one user of Redis.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use super::slots::Address;
use crate::condition::Condition;

/// What can have a problem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The search for the masters.
    Topology,
    /// The connection for commands to a node.
    Commands(Address),
    /// The subscription connection to a node.
    Subscriptions(Address),
    /// The stored data: a connected node fails to carry out commands.
    Store,
}

/// The condition of one user of Redis. Cheap to clone. Each change between well and degraded is logged once.
#[derive(Clone, Debug)]
pub(crate) struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Who uses Redis, for log lines.
    user: &'static str,
    problems: Mutex<BTreeMap<Part, String>>,
    condition: watch::Sender<Condition>,
}

impl Health {
    pub(crate) fn new(user: &'static str) -> Self {
        Self(Arc::new(Inner {
            user,
            problems: Mutex::default(),
            condition: watch::Sender::new(Condition::Well),
        }))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Condition> {
        self.0.condition.subscribe()
    }

    /// Records that a part has a problem.
    fn amiss(&self, part: Part, problem: impl fmt::Display) {
        self.change(|problems| {
            problems.insert(part, problem.to_string());
        });
    }

    /// Records that a part is well, or no longer needed.
    fn well(&self, part: &Part) {
        self.change(|problems| {
            problems.remove(part);
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<Part, String>)) {
        let inner = &self.0;
        let mut problems = inner
            .problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut problems);
        let now = match problems.values().next() {
            None => Condition::Well,
            Some(problem) => Condition::Degraded(format!("Redis: {problem}")),
        };
        // Under the lock, so that the last change is the last one published.
        let mut before = now.clone();
        inner.condition.send_if_modified(|condition| {
            std::mem::swap(condition, &mut before);
            *condition != before
        });
        match (before, now) {
            (Condition::Well, Condition::Degraded(problem)) => {
                tracing::warn!(user = inner.user, problem, "degraded without Redis");
            }
            (Condition::Degraded(_), Condition::Well) => {
                tracing::info!(user = inner.user, "Redis is back");
            }
            (Condition::Well, Condition::Well)
            | (Condition::Degraded(_), Condition::Degraded(_)) => {}
        }
    }
}

/// Reports the condition of one part. A dropped report no longer counts.
#[derive(Debug)]
pub(crate) struct Report {
    health: Health,
    part: Part,
}

impl Report {
    pub(crate) fn new(health: &Health, part: Part) -> Self {
        Self {
            health: health.clone(),
            part,
        }
    }

    pub(crate) fn amiss(&self, problem: impl fmt::Display) {
        self.health.amiss(self.part.clone(), problem);
    }

    pub(crate) fn well(&self) {
        self.health.well(&self.part);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.well();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_well_when_all_parts_are() {
        let health = Health::new("test");
        let condition = health.watch();
        let address = Address {
            host: "h".to_owned(),
            port: 1,
        };
        health.amiss(Part::Topology, "nobody answers");
        health.amiss(Part::Commands(address.clone()), "closed");
        health.well(&Part::Topology);
        assert_eq!(
            *condition.borrow(),
            Condition::Degraded("Redis: closed".to_owned())
        );
        health.well(&Part::Commands(address));
        assert_eq!(*condition.borrow(), Condition::Well);
    }
}
