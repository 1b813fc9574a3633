//! How long a participant was silent while a test had them act. A slow machine may hold them up for as long as the
//! grace, and then the service is right to miss them.

use std::time::Duration;

use tokio::time::Instant;

/// How long a participant was silent at most.
pub struct Silence {
    since: Instant,
    longest: Duration,
}

impl Silence {
    /// Starts now, with nothing heard of them before.
    pub fn begins() -> Self {
        Self {
            since: Instant::now(),
            longest: Duration::ZERO,
        }
    }

    /// Carries out an act of theirs. It may take effect as soon as it is begun, and be known as late as it is answered,
    /// so silence counts from the beginning of one act to the end of the next.
    pub async fn broken_by<T>(&mut self, act: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = act.await;
        self.longest = self.longest();
        self.since = began;
        done
    }

    /// Returns the longest silence until now.
    pub fn longest(&self) -> Duration {
        self.longest.max(self.since.elapsed())
    }
}
