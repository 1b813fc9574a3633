//! When the heartbeats of quiet streams are due.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Into how many moments the time between two heartbeats is parted.
const MOMENTS: u32 = 50;
/// The shortest time between two moments: timers know no shorter one.
const SHORTEST: Duration = Duration::from_millis(1);

/// The clock that all streams have in common.
///
/// Each stream has its heartbeat after the same pause, but at one of a few moments at which others have theirs too: a
/// connection then carries a hundred of them at once, instead of being woken a hundred times. They are few enough at each
/// moment that nothing else waits for long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeats {
    began: Instant,
    every: Duration,
}

impl Heartbeats {
    /// One in so much time.
    pub(crate) fn every(every: Duration) -> Self {
        Self {
            began: Instant::now(),
            every,
        }
    }

    /// The heartbeats of a stream that begins now. The first comes after one pause, or a fiftieth of it sooner.
    pub(crate) fn of_new_stream(&self) -> Interval {
        let now = Instant::now();
        let moment = (self.every / MOMENTS).max(SHORTEST);
        let since = now.duration_since(self.began).as_nanos() % moment.as_nanos();
        let since = Duration::from_nanos(u64::try_from(since).unwrap_or(0));
        let sooner = since.min(self.every / 2);
        let mut heartbeats = interval_at(now + self.every - sooner, self.every);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Skip);
        heartbeats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn streams_that_begin_one_after_another_have_their_heartbeats_together() {
        let heartbeats = Heartbeats::every(Duration::from_secs(5));
        let mut first = heartbeats.of_new_stream();
        tokio::time::advance(Duration::from_millis(60)).await;
        let mut second = heartbeats.of_new_stream();
        for _ in 0..3 {
            assert_eq!(first.tick().await, second.tick().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_stream_waits_longer_than_the_pause() {
        let pause = Duration::from_secs(5);
        let heartbeats = Heartbeats::every(pause);
        for _ in 0..20 {
            let began = Instant::now();
            let waited = heartbeats.of_new_stream().tick().await - began;
            assert!(waited <= pause && waited >= pause * 49 / 50, "{waited:?}");
            tokio::time::advance(Duration::from_millis(37)).await;
        }
    }
}
