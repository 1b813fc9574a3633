//! When the heartbeats of quiet streams are due.

use std::{future::pending, pin::Pin, time::Duration};

use carrel_platform::moments::Moments;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep_until};

/// The clock that all streams share.
///
/// Each stream has its heartbeats at the same interval, at a moment at which others have theirs too: a connection then
/// carries a hundred of them at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeats {
    moments: Moments,
    every: Duration,
}

impl Heartbeats {
    /// Creates a clock with one heartbeat in each interval.
    pub(crate) fn every(every: Duration, moments: Moments) -> Self {
        Self { moments, every }
    }

    /// Returns the heartbeats of a stream that begins now. The first comes after one interval, or up to a fiftieth of
    /// it sooner.
    pub(crate) fn of_new_stream(&self) -> Interval {
        let mut heartbeats = interval_at(self.first_of_new_stream(), self.every);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Skip);
        heartbeats
    }

    /// Returns the heartbeats of a stream that name its head: at each interval, or only when the head is new.
    pub(crate) fn with_heads(&self, only_new: bool) -> HeadHeartbeats {
        HeadHeartbeats {
            first: self.first_of_new_stream(),
            every: self.every,
            only_new,
            said: None,
            next: None,
        }
    }

    fn first_of_new_stream(&self) -> Instant {
        self.moments.within(Instant::now(), self.every)
    }
}

/// The heartbeats of one stream that name its last event.
///
/// When one is due depends on the clock, which began with the stream, and on what the stream itself has carried: on
/// nothing that its reader was not shown.
#[derive(Debug)]
pub(crate) struct HeadHeartbeats {
    first: Instant,
    every: Duration,
    only_new: bool,
    said: Option<u64>,
    /// The timer for the next one, if it is running. A stream at rest that sends only new heads has no timer.
    next: Option<Pin<Box<Sleep>>>,
}

impl HeadHeartbeats {
    /// Waits until it is time to send this head, which then counts as sent. Waits for ever if it is not to be sent
    /// again.
    ///
    /// Cancel-safe; can be called again with the same head or another.
    pub(crate) async fn due(&mut self, head: u64) {
        if self.only_new && self.said == Some(head) {
            return pending().await;
        }
        let (first, every) = (self.first, self.every);
        let next = self
            .next
            .get_or_insert_with(|| Box::pin(sleep_until(next_after_now(first, every))));
        next.await;
        self.next = None;
        self.said = Some(head);
    }
}

/// Returns the next tick of a clock that is still to come.
fn next_after_now(first: Instant, every: Duration) -> Instant {
    let now = Instant::now();
    if now < first {
        return first;
    }
    let since = now.duration_since(first).as_nanos() % every.as_nanos().max(1);
    now + every - Duration::from_nanos(u64::try_from(since).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn streams_that_begin_one_after_another_have_their_heartbeats_together() {
        let heartbeats = Heartbeats::every(Duration::from_secs(5), Moments::from_now());
        let mut first = heartbeats.of_new_stream();
        tokio::time::advance(Duration::from_millis(60)).await;
        let mut second = heartbeats.of_new_stream();
        for _ in 0..3 {
            assert_eq!(first.tick().await, second.tick().await);
        }
    }

    /// Makes these positions the head at these seconds, and returns when each head was sent.
    async fn said(
        mut heartbeats: HeadHeartbeats,
        heads: &[(u64, u64)],
        until: u64,
    ) -> Vec<(u64, u64)> {
        let began = Instant::now();
        let end = began + Duration::from_secs(until);
        let (mut head, mut said) = (0, Vec::new());
        let mut heads = heads.iter();
        let mut next = heads.next();
        loop {
            let at = next.map_or(end, |(at, _)| began + Duration::from_secs(*at));
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(at) => match next {
                    Some((_, number)) => {
                        head = *number;
                        next = heads.next();
                    }
                    None => return said,
                },
                () = heartbeats.due(head) => said.push((began.elapsed().as_secs(), head)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn heads_are_said_on_one_clock_again_and_again_or_once() {
        let heartbeats = Heartbeats::every(Duration::from_secs(5), Moments::from_now());
        let heads = [(6, 1), (7, 2), (21, 3)];
        let all = said(heartbeats.with_heads(false), &heads, 31).await;
        assert_eq!(all, [(5, 0), (10, 2), (15, 2), (20, 2), (25, 3), (30, 3)]);
        let only_new = said(heartbeats.with_heads(true), &heads, 31).await;
        assert_eq!(only_new, [(5, 0), (10, 2), (25, 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_at_rest_that_says_only_new_heads_has_no_timer() {
        let mut heartbeats =
            Heartbeats::every(Duration::from_secs(5), Moments::from_now()).with_heads(true);
        heartbeats.due(1).await;
        assert!(heartbeats.next.is_none());
        let again = heartbeats.due(1);
        assert!(futures::FutureExt::now_or_never(again).is_none());
        assert!(heartbeats.next.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn no_stream_waits_longer_than_the_pause() {
        let pause = Duration::from_secs(5);
        let heartbeats = Heartbeats::every(pause, Moments::from_now());
        for _ in 0..20 {
            let began = Instant::now();
            let waited = heartbeats.of_new_stream().tick().await - began;
            assert!(waited <= pause && waited >= pause * 49 / 50, "{waited:?}");
            tokio::time::advance(Duration::from_millis(37)).await;
        }
    }
}
