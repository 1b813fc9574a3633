//! How many of a swarm are there, came back and when, and have caught up.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// The tally. All sockets write into it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
    changed: Notify,
}

/// The counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// How many attend their session now.
    pub(super) there: usize,
    /// How long the sockets that came back were away.
    pub(super) returned: Vec<Duration>,
    /// How many have been shown the message that was written while they were away.
    pub(super) caught_up: usize,
    /// How many times a service ended a socket's attendance, which then begins again, by reason.
    pub(super) detached: BTreeMap<String, usize>,
    /// What was wrong in what they were shown, and how many times.
    pub(super) wrong: BTreeMap<String, usize>,
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts());
        self.changed.notify_waiters();
    }

    /// Records that a socket attends its session, for the first time or again after being away for so long.
    pub(super) fn there(&self, away: Option<Duration>) {
        self.change(|counts| {
            counts.there += 1;
            counts.returned.extend(away);
        });
    }

    /// Records that a socket was lost.
    pub(super) fn gone(&self) {
        self.change(|counts| counts.there -= 1);
    }

    /// Records that a socket has been shown what it missed.
    pub(super) fn caught_up(&self) {
        self.change(|counts| counts.caught_up += 1);
    }

    /// Records that a service ended a socket's attendance.
    pub(super) fn detached(&self, reason: &str) {
        self.change(|counts| *counts.detached.entry(reason.to_owned()).or_default() += 1);
    }

    /// Records that a socket was shown something wrong.
    pub(super) fn wrong(&self, what: &str) {
        self.change(|counts| *counts.wrong.entry(what.to_owned()).or_default() += 1);
    }

    /// Waits until the counts are as wanted, for `patience` at most. Returns them as they then are.
    pub(super) async fn wait_for(
        &self,
        wanted: impl Fn(&Counts) -> bool,
        patience: Duration,
    ) -> Counts {
        let until = Instant::now() + patience;
        loop {
            let changed = self.changed.notified();
            if wanted(&self.counts()) || timeout_at(until, changed).await.is_err() {
                return self.counts().clone();
            }
        }
    }
}
