//! Time as messages carry it: nanoseconds since the bench began.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A moment of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// Returns the current moment.
    #[must_use]
    pub fn now() -> Self {
        Self(u64::try_from(BEGAN.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Returns how long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the moment that is this much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0 + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}
