//! How long a writer waits so that more can share its next commit.

use std::time::{Duration, Instant};

/// From how many appends on a commit says that many people write at once. Those who write to a quiet log wait for nothing.
const MANY: usize = 16;

/// How many times as long as a commit took the writer rests after it.
const TIMES: u32 = 2;

/// The longest rest, however slow the disk was.
const LONGEST: Duration = Duration::from_millis(20);

/// For how long nothing more must come for everybody to be here who will share the next commit. All who might make an append
/// wait for one then, as when a slow disk keeps them, and the processors would rest with the writer.
const QUIET: Duration = Duration::from_millis(3);

/// When the next commit may begin.
///
/// A commit costs about the same whoever shares it: its sync, and the pages that it touches. A writer that begins the
/// next one at once takes the few appends that came meanwhile, and has them pay for it. So while many write, it rests
/// after each commit in proportion to what that took: then its work is bounded, nobody waits for more than a few times
/// as long as a commit takes anyway, and what the processors have left goes to those who make the appends.
#[derive(Debug)]
pub(super) struct Pace {
    next: Instant,
}

impl Pace {
    /// The first commit may begin at once.
    pub(super) fn new() -> Self {
        Self {
            next: Instant::now(),
        }
    }

    /// A commit of so many appends took so long and ended just now.
    pub(super) fn committed(&mut self, appends: usize, took: Duration) {
        let rest = match appends >= MANY {
            true => (took * TIMES).min(LONGEST),
            false => Duration::ZERO,
        };
        self.next = Instant::now() + rest;
    }

    /// How long to wait before the next commit. Zero if nothing was to write for as long.
    fn rest(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Waits until the next commit may begin: until the rest is over, or what waits for it, of which `waiting` tells how much
    /// it is, grows no more.
    pub(super) fn wait(&self, waiting: impl Fn() -> usize) {
        loop {
            let rest = self.rest();
            if rest.is_zero() {
                return;
            }
            let before = waiting();
            std::thread::sleep(rest.min(QUIET));
            if waiting() == before {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_quiet_log_never_waits() {
        let mut pace = Pace::new();
        assert_eq!(pace.rest(), Duration::ZERO);
        pace.committed(MANY - 1, Duration::from_secs(1));
        assert_eq!(pace.rest(), Duration::ZERO);
    }

    #[test]
    fn a_busy_one_rests_by_how_long_it_worked_and_not_for_ever() {
        let mut pace = Pace::new();
        let hour = Duration::from_secs(3600);
        let rested_until = |pace: &mut Pace, took| {
            let before = Instant::now();
            pace.committed(MANY, took);
            (pace.next - before, Instant::now() - before)
        };
        let (rest, late) = rested_until(&mut pace, Duration::from_millis(3));
        assert!(rest >= Duration::from_millis(6) && rest <= Duration::from_millis(6) + late);
        let (rest, late) = rested_until(&mut pace, hour);
        assert!(rest >= LONGEST && rest <= LONGEST + late);
        pace.committed(1, hour);
        assert_eq!(pace.rest(), Duration::ZERO);
    }

    #[test]
    fn it_rests_only_while_more_comes() {
        let next = Instant::now() + Duration::from_secs(3600);
        for (come, looks) in [(1, 2), (5, 6), (6, 8)] {
            let looked = Cell::new(0);
            Pace { next }.wait(|| {
                looked.set(looked.get() + 1);
                looked.get().min(come)
            });
            assert_eq!(looked.get(), looks);
        }
    }
}
