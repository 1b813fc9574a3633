//! Moments at which timers go off together.

use std::time::Duration;

use tokio::time::Instant;

/// The least number of moments that a pause has.
const MOMENTS: u32 = 50;
/// The shortest time between two moments: timers know no shorter one.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest pause, thirty years: some clocks end soon after it.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Moments that all timers have in common whose pauses are of about the same length.
///
/// A process that keeps ten thousand quiet sockets is woken by a thousand timers in each second, and to wake up costs it
/// more than what it then does. At common moments it is woken for many of them at once. They are a millisecond apart, ten,
/// a hundred, and so on: as long as fits fifty times in a pause. So moments of long pauses are moments of short
/// ones too, and few timers go off at each, for which nothing else has to wait for long.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    began: Instant,
}

impl Moments {
    /// Counted from now.
    #[must_use]
    pub fn from_now() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// The last moment within one pause after `at`: a fiftieth of the pause sooner than its end, at the most.
    #[must_use]
    pub fn within(&self, at: Instant, pause: Duration) -> Instant {
        let pause = pause.min(FOR_EVER);
        let (_, since) = self.around(at + pause, pause);
        at + pause - since.min(pause / 2)
    }

    /// The first moment when one pause after `at` is over: a fiftieth of the pause later than its end, at the most.
    #[must_use]
    pub fn beyond(&self, at: Instant, pause: Duration) -> Instant {
        let pause = pause.min(FOR_EVER);
        match self.around(at + pause, pause) {
            (_, Duration::ZERO) => at + pause,
            (between, since) => at + pause + between - since,
        }
    }

    /// How long it is from one moment to the next, and since the last one at `instant`.
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
