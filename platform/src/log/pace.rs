//! Pacing of commits: how long a writer waits so that more appends can share the next one.

use std::time::{Duration, Instant};

/// A commit of at least this many appends shows that many callers write at once. In a quiet log, writes wait for
/// nothing.
const MANY: usize = 16;

/// How long the writer rests after a commit, as a multiple of what the commit took.
const TIMES: u32 = 2;

/// The longest rest, however slow the disk was.
const LONGEST: Duration = Duration::from_millis(20);

/// If nothing arrives for this long, everything that will share the next commit is there. All potential writers are
/// then waiting for an append themselves, as behind a slow disk, and the processors would idle along with the writer.
const QUIET: Duration = Duration::from_millis(3);

/// Decides when the next commit may begin.
///
/// A commit costs about the same however many appends share it: its sync, and the pages that it touches. A writer that
/// began the next one at once would take the few appends that came meanwhile and have them pay for it alone. So while
/// many callers write, it rests after each commit in proportion to its duration: its work is then bounded, no append
/// waits for more than a few times as long as a commit takes anyway, and the spare processor time goes to the callers.
#[derive(Debug)]
pub(super) struct Pace {
    next: Instant,
}

impl Pace {
    /// Lets the first commit begin at once.
    pub(super) fn new() -> Self {
        Self {
            next: Instant::now(),
        }
    }

    /// Notes that a commit of so many appends took so long and has just ended.
    pub(super) fn committed(&mut self, appends: usize, took: Duration) {
        let rest = match appends >= MANY {
            true => (took * TIMES).min(LONGEST),
            false => Duration::ZERO,
        };
        self.next = Instant::now() + rest;
    }

    /// Returns how long to wait before the next commit; zero once the rest is over.
    fn rest(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Waits until the next commit may begin: until the rest is over, or the number of waiting requests, given by
    /// `waiting`, stops growing.
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
