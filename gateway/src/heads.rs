//! Which of a stream's heartbeats a browser is told of.

use std::time::Duration;

use tokio::time::Instant;

/// The heads that a browser was told on one stream.
///
/// A head says what the last event is, so that a reader who has missed one asks for it. It goes the same way as the events
/// and cannot overtake one: whoever was told of a head has all before it, or knows that they lack some. So each is told
/// once, with the first heartbeat after the event; and again only so that a browser, which does not see the socket's own
/// pings, hears something before it grows anxious. A socket at rest is written to for nothing else.
#[derive(Debug)]
pub(crate) struct Heads {
    interval: Duration,
    told: Option<(u64, Instant)>,
}

impl Heads {
    /// The same head is told again after so long.
    pub(crate) fn every(interval: Duration) -> Self {
        Self {
            interval,
            told: None,
        }
    }

    /// Whether the browser is to be told of this head now; then it counts as told.
    pub(crate) fn is_due(&mut self, head: u64) -> bool {
        let due = self
            .told
            .is_none_or(|(told, at)| told != head || at.elapsed() >= self.interval);
        if due {
            self.told = Some((head, Instant::now()));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_new_head_is_told_at_once_and_an_old_one_now_and_then() {
        let mut heads = Heads::every(Duration::from_secs(16));
        let mut told = Vec::new();
        for head in [1, 1, 2, 2, 2, 2, 2, 2, 3] {
            tokio::time::advance(Duration::from_secs(5)).await;
            told.push(heads.is_due(head));
        }
        assert_eq!(
            told,
            [true, false, true, false, false, false, true, false, true]
        );
    }
}
