//! Where time comes from.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A source of the wall clock's time, cheap to clone.
///
/// Only services hold one; the pure domain is given the time as an argument.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
    Following(Arc<dyn Fn() -> i64 + Send + Sync>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Manual(_) => "Manual",
            Self::Following(_) => "Following",
        })
    }
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `unix_ms` until [`Clock::advance_ms`] moves it. For tests.
    #[must_use]
    pub fn manual(unix_ms: i64) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(unix_ms))))
    }

    /// A clock that shows what `unix_ms` says whenever it is looked at. For simulations, whose time is their own.
    #[must_use]
    pub fn following(unix_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Source::Following(Arc::new(unix_ms)))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
    ///
    /// It may step back when an operator sets the clock; nothing that must be in order may rely on it.
    #[must_use]
    pub fn unix_ms(&self) -> i64 {
        match &self.0 {
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                }),
            Source::Manual(now) => now.load(Ordering::SeqCst),
            Source::Following(unix_ms) => unix_ms(),
        }
    }

    /// How long it is until a moment, in Unix milliseconds; no time at all when it is over.
    #[must_use]
    pub fn until(&self, unix_ms: i64) -> Duration {
        let left = unix_ms.saturating_sub(self.unix_ms());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// Moves a manual clock, and every clone of it, forward. Does nothing to any other clock.
    pub fn advance_ms(&self, by: i64) {
        if let Source::Manual(now) = &self.0 {
            now.fetch_add(by, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_no_time_away() {
        let clock = Clock::manual(1_000);
        assert_eq!(clock.until(1_250), Duration::from_millis(250));
        assert_eq!(clock.until(1_000), Duration::ZERO);
        assert_eq!(clock.until(999), Duration::ZERO);
        assert_eq!(clock.until(i64::MIN), Duration::ZERO);
    }
}
