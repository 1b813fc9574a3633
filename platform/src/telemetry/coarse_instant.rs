//! A cheap clock for durations that are only compared with seconds.

use std::time::Duration;

#[cfg(target_os = "linux")]
type Moment = Duration;
#[cfg(not(target_os = "linux"))]
type Moment = std::time::Instant;

/// A point in time, accurate to a few milliseconds where the system has a cheaper clock of that precision. Reading the
/// exact clock would be half of the cost of noting where a span begins and throwing the note away.
#[derive(Clone, Copy, Debug)]
pub(super) struct CoarseInstant(Moment);

impl CoarseInstant {
    /// Returns the current time.
    pub(super) fn now() -> Self {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{ClockId, clock_gettime};

            // It counts from the system's start and never goes backwards.
            let since_start = clock_gettime(ClockId::MonotonicCoarse).try_into();
            Self(since_start.unwrap_or_default())
        }
        #[cfg(not(target_os = "linux"))]
        Self(Moment::now())
    }

    /// Returns how long ago it was.
    pub(super) fn elapsed(self) -> Duration {
        #[cfg(target_os = "linux")]
        {
            Self::now().0.saturating_sub(self.0)
        }
        #[cfg(not(target_os = "linux"))]
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::{thread::sleep, time::Instant};

    use super::*;

    #[test]
    fn it_is_the_exact_time_but_for_some_milliseconds() {
        let some = Duration::from_millis(100);
        let (coarse, exact) = (CoarseInstant::now(), Instant::now());
        sleep(some);
        let elapsed = coarse.elapsed();
        assert!(elapsed + some / 2 > some, "{elapsed:?}");
        assert!(elapsed < exact.elapsed() + some / 2, "{elapsed:?}");
    }
}
