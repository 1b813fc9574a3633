//! How busy the desk is, for operators: who waits, for how long, and what runs. Supervisors inside in conference mode
//! are not counted (I18).

use std::sync::Arc;

use carrel_platform::{
    clock::Clock,
    telemetry::metric::{PATRONS_LONGEST_WAIT, PATRONS_WAITING, SESSIONS_RUNNING},
};

use super::{LiveList, State};
use crate::domain::session::Phase;

/// The counts that operators see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gauges {
    waiting: u32,
    running: u32,
    /// When the longest wait began.
    waiting_since_ms: Option<i64>,
}

impl LiveList {
    /// Has the metrics report the gauges from now on, as long as the list lives.
    pub(crate) fn show(&self, clock: &Clock) {
        let state = Arc::downgrade(&self.state);
        let look = move || {
            let state = state.upgrade()?;
            let state = state.lock().ok()?;
            Some(Gauges::of(&state))
        };
        let seen = look.clone();
        PATRONS_WAITING.observe(move |tell| {
            if let Some(gauges) = seen() {
                tell(gauges.waiting.into(), []);
            }
        });
        let seen = look.clone();
        SESSIONS_RUNNING.observe(move |tell| {
            if let Some(gauges) = seen() {
                tell(gauges.running.into(), []);
            }
        });
        let clock = clock.clone();
        PATRONS_LONGEST_WAIT.observe(move |tell| {
            if let Some(gauges) = look() {
                tell(gauges.longest_wait(clock.unix_ms()), []);
            }
        });
    }
}

impl Gauges {
    fn of(state: &State) -> Self {
        let mut gauges = Self::default();
        for entry in state.entries.values() {
            match entry.phase() {
                // Not counted: nobody is called to the desk for a patron who practises, or who has gone.
                Phase::Waiting if entry.session.opened.practice || !entry.is_waited_for() => {}
                Phase::Waiting => {
                    let since_ms = entry.session.waiting_since_ms;
                    let longest = gauges
                        .waiting_since_ms
                        .map_or(since_ms, |ms| ms.min(since_ms));
                    gauges.waiting_since_ms = Some(longest);
                    gauges.waiting += 1;
                }
                Phase::Active => gauges.running += 1,
                Phase::Ended => {}
            }
        }
        gauges
    }

    /// Returns the longest wait, in seconds; 0 if it began in the future by this clock.
    fn longest_wait(self, now_ms: i64) -> f64 {
        let longest_ms = self
            .waiting_since_ms
            .map_or(0, |since_ms| now_ms.saturating_sub(since_ms).max(0));
        longest_ms as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::event::{Event, PatronConnection},
        live_list::samples::{entry, mr_lee},
    };

    /// R8: a patron who has gone is not waited for, and calls nobody to the desk until they are back.
    #[test]
    fn the_wait_of_a_lost_patron_does_not_count() {
        let now = |connection| Event::PatronConnectionChanged { connection };
        let away = [now(PatronConnection::Away)];
        let lost = [now(PatronConnection::Away), now(PatronConnection::Lost)];
        let back = [
            now(PatronConnection::Lost),
            now(PatronConnection::Connected),
        ];
        let one = |since_ms| Gauges {
            waiting: 1,
            waiting_since_ms: Some(since_ms),
            ..Gauges::default()
        };
        assert_eq!(gauges(&[(1_000, false, &lost)]), Gauges::default());
        assert_eq!(
            gauges(&[(1_000, false, &lost), (2_000, false, &away)]),
            one(2_000)
        );
        assert_eq!(gauges(&[(1_000, false, &back)]), one(1_000));
    }

    /// Returns the gauges of sessions, each given by when it was opened, whether for practice, and its further events.
    fn gauges(sessions: &[(i64, bool, &[Event])]) -> Gauges {
        let mut state = State::default();
        for (number, &(at_ms, practice, events)) in sessions.iter().enumerate() {
            let entry = entry(&number.to_string(), at_ms, practice, events);
            state.entries.insert(entry.session_id.clone(), entry);
        }
        Gauges::of(&state)
    }

    fn picked_up() -> Event {
        Event::PickedUp { by: mr_lee() }
    }

    /// D36: nobody is called to the desk for somebody who practises.
    #[test]
    fn a_wait_for_practice_does_not_count() {
        assert_eq!(
            gauges(&[
                (2_000, false, &[]),
                (1_000, true, &[]),
                (1_000, true, &[picked_up()]),
            ]),
            Gauges {
                waiting: 1,
                running: 1,
                waiting_since_ms: Some(2_000),
            }
        );
        assert_eq!(gauges(&[(1_000, true, &[])]), Gauges::default());
    }

    #[test]
    fn the_longest_wait_is_that_of_the_first_who_waits() {
        let gauges = |since_ms| Gauges {
            waiting_since_ms: since_ms,
            ..Gauges::default()
        };
        assert_eq!(gauges(None).longest_wait(9_000), 0.0);
        assert_eq!(gauges(Some(7_500)).longest_wait(9_000), 1.5);
        assert_eq!(gauges(Some(10_000)).longest_wait(9_000), 0.0);
    }
}
