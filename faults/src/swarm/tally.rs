//! Who of a swarm is there, who came back and when, and who has caught up.

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

/// What it says.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// How many attend their session now.
    pub(super) there: usize,
    /// How long those were away that came back.
    pub(super) returned: Vec<Duration>,
    /// How many have been shown what was written while they were away.
    pub(super) caught_up: usize,
    /// How often a service let go of one, which then attends again, by the reason.
    pub(super) detached: BTreeMap<String, usize>,
    /// What was wrong in what they were shown, and how often.
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

    /// One attends, for the first time, or again after so long.
    pub(super) fn there(&self, away: Option<Duration>) {
        self.change(|counts| {
            counts.there += 1;
            counts.returned.extend(away);
        });
    }

    /// One was lost.
    pub(super) fn gone(&self) {
        self.change(|counts| counts.there -= 1);
    }

    /// One has been shown what it missed.
    pub(super) fn caught_up(&self) {
        self.change(|counts| counts.caught_up += 1);
    }

    /// A service let go of one.
    pub(super) fn detached(&self, reason: &str) {
        self.change(|counts| *counts.detached.entry(reason.to_owned()).or_default() += 1);
    }

    /// One was shown what is wrong.
    pub(super) fn wrong(&self, what: &str) {
        self.change(|counts| *counts.wrong.entry(what.to_owned()).or_default() += 1);
    }

    /// Waits until it is as wanted, no longer than `patience`. Returns it as it then is.
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
