//! Pauses between tries: longer each time, and randomised.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// The upper limit of the first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);

/// How long to wait before the next try. Each pause is between half and all of a limit, which doubles with each try,
/// so that clients that lost the same thing at the same moment do not all come back at the same moment.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The state before the first failure.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts again with short pauses, after a success.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Returns the length of the next pause: up to 50 milliseconds at first, up to two seconds after several failures.
    pub fn next_pause(&mut self) -> Duration {
        let longest = self.next;
        self.next = (longest * 2).min(LONGEST);
        // The standard library seeds every `RandomState` from the system's entropy.
        let random = RandomState::new().build_hasher().finish();
        let half = longest / 2;
        half + half.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Waits for [`Backoff::next_pause`]. If the future is dropped, the pause counts as made.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_start_again_after_a_success() {
        let mut backoff = Backoff::new();
        let mut longest = FIRST;
        for _ in 0..20 {
            let pause = backoff.next_pause();
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?}");
            longest = (longest * 2).min(LONGEST);
        }
        backoff.reset();
        assert!(backoff.next_pause() <= FIRST);
    }
}
