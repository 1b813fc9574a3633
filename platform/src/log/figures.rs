//! What a log has done, in numbers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What a log has done since it was opened. The counts only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Commits that wrote something, each of which cost one sync.
    pub commits: u64,
    /// Batches that were accepted.
    pub batches: u64,
    /// Events that were written.
    pub events: u64,
    /// Batches that were refused with [`LogError::Conflict`](super::LogError::Conflict).
    pub conflicts: u64,
    /// How long all these commits took together, including their syncs.
    pub commit_time: Duration,
    /// How many appends and erasures wait for the writer right now.
    pub waiting: usize,
}

/// The running counts of a writer.
#[derive(Debug, Default)]
pub(super) struct Counters {
    commits: AtomicU64,
    batches: AtomicU64,
    events: AtomicU64,
    conflicts: AtomicU64,
    commit_nanos: AtomicU64,
}

impl Counters {
    pub(super) fn count_group(&self, group: GroupFigures) {
        self.batches.fetch_add(group.batches, Ordering::Relaxed);
        self.events.fetch_add(group.events, Ordering::Relaxed);
        self.conflicts.fetch_add(group.conflicts, Ordering::Relaxed);
    }

    pub(super) fn count_commit(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(super) fn figures(&self, waiting: usize) -> Figures {
        Figures {
            commits: self.commits.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            conflicts: self.conflicts.load(Ordering::Relaxed),
            commit_time: Duration::from_nanos(self.commit_nanos.load(Ordering::Relaxed)),
            waiting,
        }
    }
}

/// The counts of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupFigures {
    pub(super) batches: u64,
    pub(super) events: u64,
    pub(super) conflicts: u64,
}
