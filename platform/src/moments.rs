//! Shared instants at which many timers fire together.

use std::time::Duration;

use tokio::time::Instant;

/// The least number of moments within a pause.
const MOMENTS: u32 = 50;
/// The shortest time between two moments: the resolution of timers.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest pause, thirty years: some clocks end soon after that.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Instants shared by all timers with pauses of about the same length.
///
/// With ten thousand quiet sockets, a process is woken by a thousand timers each second, and waking up costs more than
/// the work that follows. With shared moments, it is woken for many timers at once. Moments are a millisecond apart, or
/// ten, a hundred, and so on: the longest such interval that fits fifty times in a pause. So the moments of long pauses
/// are also moments of shorter ones, and few timers fire at each, so that nothing else has to wait for long.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    began: Instant,
}

impl Moments {
    /// Creates moments that are counted from now.
    #[must_use]
    pub fn from_now() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// Returns the last moment within one pause after `at`: at most a fiftieth of the pause before its end.
    #[must_use]
    pub fn within(&self, at: Instant, pause: Duration) -> Instant {
        let pause = pause.min(FOR_EVER);
        let (_, since) = self.around(at + pause, pause);
        at + pause - since.min(pause / 2)
    }

    /// Returns the first moment after one pause from `at`: at most a fiftieth of the pause after its end.
    #[must_use]
    pub fn beyond(&self, at: Instant, pause: Duration) -> Instant {
        let pause = pause.min(FOR_EVER);
        match self.around(at + pause, pause) {
            (_, Duration::ZERO) => at + pause,
            (between, since) => at + pause + between - since,
        }
    }

    /// Returns the time between two moments, and the time since the last one at `instant`.
    fn around(&self, instant: Instant, pause: Duration) -> (Duration, Duration) {
        let mut between = SHORTEST;
        while between * 10 <= pause / MOMENTS {
            between *= 10;
        }
        let since = instant.duration_since(self.began).as_nanos() % between.as_nanos();
        (
            between,
            Duration::from_nanos(u64::try_from(since).unwrap_or(0)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_that_begin_one_after_another_go_off_together() {
        let moments = Moments::from_now();
        let pause = Duration::from_secs(5);
        let at = |ms| moments.began + Duration::from_millis(ms);
        assert_eq!(moments.within(at(0), pause), at(5_000));
        assert_eq!(moments.within(at(0), pause * 9), at(45_000));
        assert_eq!(moments.within(at(99), pause * 9), at(45_000));
        assert_eq!(moments.within(at(99), pause), at(5_000));
        assert_eq!(moments.within(at(100), pause), at(5_100));
        assert_eq!(moments.beyond(at(0), pause), at(5_000));
        assert_eq!(moments.beyond(at(1), pause), at(5_100));
        assert_eq!(moments.beyond(at(100), pause), at(5_100));
    }

    #[test]
    fn no_pause_is_halved_and_none_is_too_long() {
        let moments = Moments::from_now();
        let at = moments.began + Duration::from_micros(900);
        for pause in [Duration::ZERO, Duration::from_micros(10)] {
            assert!(moments.within(at, pause) >= at + pause / 2);
            assert!(moments.beyond(at, pause) <= at + pause + SHORTEST);
        }
        assert!(moments.within(at, Duration::MAX) > at);
        assert!(moments.beyond(at, Duration::MAX) > at);
    }
}
