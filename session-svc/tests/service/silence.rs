//! For how long somebody was silent while a test had them act: a slow machine may hold them up for as long as they may be
//! missed, and then the service is right to miss them.

use std::time::Duration;

use tokio::time::Instant;

/// How long somebody was silent at the most.
pub struct Silence {
    since: Instant,
    longest: Duration,
}

impl Silence {
    /// Nobody has heard of them before now.
    pub fn begins() -> Self {
        Self {
            since: Instant::now(),
            longest: Duration::ZERO,
        }
    }

    /// They act. It may be done as soon as it is begun, and may be known as late as it is answered; so their silence counts
    /// from the beginning of one act to the end of the next.
    pub async fn broken_by<T>(&mut self, act: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = act.await;
        self.longest = self.longest();
        self.since = began;
        done
    }

    /// The longest until now.
    pub fn longest(&self) -> Duration {
        self.longest.max(self.since.elapsed())
    }
}
