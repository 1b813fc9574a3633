//! A rate-limited warning, so that the log is not filled.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const AT_MOST_EVERY: Duration = Duration::from_secs(60);

/// Warns of messages from Redis that did not open, at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Warning(Mutex<Option<Instant>>);

impl Warning {
    /// Warns, unless it did within the last minute. `unopened` is the total so far.
    pub(super) fn say(&self, unopened: u64) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= AT_MOST_EVERY) {
            *said = Some(Instant::now());
            tracing::warn!(
                unopened,
                "something came from Redis that was not sealed by this desk; have all servers the same redis.key?"
            );
        }
    }
}
