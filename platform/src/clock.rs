//! Where time comes from.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The longest sleep before a clock is read again, in milliseconds.
const LOOK_AGAIN_MS: i64 = 60_000;

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

    /// A clock that shows what `unix_ms` returns whenever it is read. For simulations, which have their own time.
    #[must_use]
    pub fn following(unix_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Source::Following(Arc::new(unix_ms)))
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
    ///
    /// The value may step back when an operator sets the clock; nothing that must be in order may rely on it.
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

    /// Returns the time left until a moment in Unix milliseconds; zero if it is past.
    #[must_use]
    pub fn until(&self, unix_ms: i64) -> Duration {
        let left = unix_ms.saturating_sub(self.unix_ms());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// Waits until the clock shows a moment in Unix milliseconds, or a later one.
    ///
    /// Timers stand still while a machine sleeps, and do not notice when the clock is set. So the clock is read again
    /// each minute, and a moment that it jumped over is noticed within a minute. Long waits read it at whole seconds of
    /// the clock, so that thousands of them wake together rather than each by itself.
    ///
    /// Each stream has one of these futures, so it is small and allocates nothing.
    pub fn reached(&self, unix_ms: i64) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        async move {
            while let Some(pause) = clock.next_look(unix_ms) {
                tokio::time::sleep(pause).await;
            }
        }
    }

    fn next_look(&self, unix_ms: i64) -> Option<Duration> {
        let now = self.unix_ms();
        let pause = match unix_ms.saturating_sub(now) {
            left if left > LOOK_AGAIN_MS => LOOK_AGAIN_MS - now.rem_euclid(1_000),
            left => left,
        };
        let pause = u64::try_from(pause).ok()?;
        (pause > 0).then_some(Duration::from_millis(pause))
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
    #![allow(clippy::unwrap_used)]

    use futures::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn what_is_over_is_no_time_away() {
        let clock = Clock::manual(1_000);
        assert_eq!(clock.until(1_250), Duration::from_millis(250));
        assert_eq!(clock.until(1_000), Duration::ZERO);
        assert_eq!(clock.until(999), Duration::ZERO);
        assert_eq!(clock.until(i64::MIN), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_is_reached_when_the_clock_says_so() {
        let began = Instant::now();
        let clock =
            Clock::following(move || 1_234 + i64::try_from(began.elapsed().as_millis()).unwrap());
        clock.reached(1_234 + 600_000).await;
        assert_eq!(began.elapsed(), Duration::from_secs(600));
        assert!(clock.reached(0).now_or_never().is_some());
        assert!(clock.reached(i64::MIN).now_or_never().is_some());
    }

    // I23: a machine that slept, or whose clock was set forward.
    #[tokio::test(start_paused = true)]
    async fn a_moment_that_the_clock_jumps_over_is_noticed_within_a_minute() {
        let clock = Clock::manual(1_234);
        let mut reached = std::pin::pin!(clock.reached(1_234 + 600_000));
        assert!(reached.as_mut().now_or_never().is_none());
        clock.advance_ms(600_000);
        let jumped = Instant::now();
        reached.await;
        assert!(jumped.elapsed() <= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_back_is_waited_for() {
        let clock = Clock::manual(100_000);
        let mut reached = std::pin::pin!(clock.reached(101_000));
        assert!(reached.as_mut().now_or_never().is_none());
        clock.advance_ms(-50_000);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(reached.as_mut().now_or_never().is_none());
        clock.advance_ms(51_000);
        reached.await;
    }

    #[tokio::test(start_paused = true)]
    async fn long_waits_look_at_the_clock_together() {
        for now in [120_000, 120_001, 120_999] {
            let clock = Clock::manual(now);
            let look = clock.next_look(now + 600_000).unwrap();
            assert!(look > Duration::from_secs(59) && look <= Duration::from_secs(60));
            let look = u64::try_from(now).unwrap() + u64::try_from(look.as_millis()).unwrap();
            assert_eq!(look % 1_000, 0);
        }
    }

    /// Each idle stream keeps one.
    #[test]
    fn waiting_takes_little_more_than_a_timer() {
        let waiting = size_of_val(&Clock::system().reached(0));
        assert!(waiting <= size_of::<tokio::time::Sleep>() + 6 * size_of::<usize>());
    }
}
