//! Decides from what was seen of a conversation before whether something in it may be due to be erased, so that most
//! conversations need not be looked at.

use std::time::Duration;

use carrel_platform::log::RecordedEvent;

use crate::{
    config::{Config, Keep},
    domain::event::{Event, Participants},
    live_conversation::Swept,
};

/// What was seen of a conversation. If another server has swept it since, this is out of date, and the conversation is
/// merely looked at too early.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Up to this version there is nothing to erase.
    nothing_up_to: u64,
    /// The first event after that which may have to be erased.
    first: Option<First>,
    /// Its state when it was last swept, if it is kept until its members log off.
    until_log_off: Option<UntilLogOff>,
}

/// The first event of a conversation that may have to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct First {
    at_ms: i64,
    /// From this version on there may be more messages than are to be kept.
    full_at: u64,
}

/// A conversation that is kept until its members log off.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UntilLogOff {
    between: Participants,
    version: u64,
    last_at_ms: i64,
}

impl Seen {
    /// Returns what is known after a conversation was swept.
    pub(super) fn of_swept(swept: Swept, config: &Config) -> Self {
        let Swept {
            version,
            last_at_ms,
            between,
            oldest,
            kept,
        } = swept;
        let room = config.keep_at_most.saturating_sub(kept);
        let between = between.filter(|_| config.keep == Keep::UntilLogOff);
        Self {
            until_log_off: between.map(|between| UntilLogOff {
                between,
                version,
                last_at_ms,
            }),
            nothing_up_to: oldest.map_or(version, |(of_oldest, _)| of_oldest.saturating_sub(1)),
            first: oldest.map(|(_, at_ms)| First {
                at_ms,
                full_at: version.saturating_add(to_u64(room)).saturating_add(1),
            }),
        }
    }

    /// Returns the version after which an event must be read to decide, if any.
    pub(super) fn unread(&self, head: u64) -> Option<u64> {
        (self.first.is_none() && self.nothing_up_to < head).then_some(self.nothing_up_to)
    }

    /// Takes in the event that was read there, when the last version was `head`.
    pub(super) fn read(&mut self, first: Option<&RecordedEvent>, head: u64, config: &Config) {
        match first {
            None => self.nothing_up_to = head,
            Some(first) if stands_for_erased(first) => self.nothing_up_to = first.version,
            Some(first) => {
                self.first = Some(First {
                    at_ms: first.at_ms,
                    full_at: first.version.saturating_add(to_u64(config.keep_at_most)),
                });
            }
        }
    }

    /// Whether it is worth sweeping a conversation whose last version is `head`. `is_watched` says whether any member
    /// of a conversation has the desk open.
    pub(super) fn may_be_due(
        &self,
        head: u64,
        now_ms: i64,
        config: &Config,
        is_watched: impl Fn(&Participants) -> bool,
    ) -> bool {
        let Some(first) = self.first else {
            return false;
        };
        let age_ms = |at_ms: i64| now_ms.saturating_sub(at_ms);
        if head >= first.full_at {
            return true;
        }
        match config.keep {
            Keep::For(time) => age_ms(first.at_ms) > in_ms(time.get()),
            Keep::UntilLogOff => self.until_log_off.as_ref().is_none_or(|swept| {
                let is_quiet = age_ms(swept.last_at_ms) >= in_ms(config.log_off_grace.get());
                (is_quiet || head > swept.version) && !is_watched(&swept.between)
            }),
        }
    }
}

/// Converts to milliseconds, saturating.
fn in_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Whether an event is a checkpoint, which stands for erased events.
fn stands_for_erased(event: &RecordedEvent) -> bool {
    // An unreadable event may have to be erased.
    matches!(serde_json::from_slice(&event.payload), Ok(Event::Erased(_)))
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::event::Checkpoint;

    fn config(keep: Keep) -> Config {
        Config {
            keep,
            keep_at_most: 10,
            ..Config::default()
        }
    }

    fn for_a_second() -> Config {
        config(Keep::For(Duration::from_secs(1).into()))
    }

    fn recorded(version: u64, at_ms: i64, event: &Event) -> RecordedEvent {
        RecordedEvent {
            version,
            at_ms,
            payload: serde_json::to_vec(event).unwrap().into(),
            command: None,
        }
    }

    fn read(version: u64, at_ms: i64) -> RecordedEvent {
        let by = "ann".to_owned();
        recorded(version, at_ms, &Event::Read { by, up_to: 1 })
    }

    fn staff() -> Participants {
        Participants::Staff {
            queue_id: "maple".into(),
        }
    }

    fn by_nobody(_: &Participants) -> bool {
        false
    }

    fn erased(version: u64) -> RecordedEvent {
        let checkpoint = Checkpoint {
            erase_up_to: version - 1,
            head: 1,
            between: staff(),
            marks: BTreeMap::new(),
        };
        recorded(version, 0, &Event::Erased(checkpoint))
    }

    #[test]
    fn a_conversation_is_read_once_and_waits_until_its_first_event_is_old() {
        let (config, mut seen) = (for_a_second(), Seen::default());
        assert_eq!(seen.unread(3), Some(0));
        seen.read(Some(&read(1, 5_000)), 3, &config);
        assert_eq!(seen.unread(7), None);
        assert!(!seen.may_be_due(7, 6_000, &config, by_nobody));
        assert!(seen.may_be_due(7, 6_001, &config, by_nobody));
    }

    #[test]
    fn many_events_may_be_too_many_messages() {
        let (config, mut seen) = (for_a_second(), Seen::default());
        seen.read(Some(&read(1, 5_000)), 3, &config);
        assert!(!seen.may_be_due(10, 5_000, &config, by_nobody));
        assert!(seen.may_be_due(11, 5_000, &config, by_nobody));
        // Nine messages are left.
        let swept = Swept {
            last_at_ms: 5_000,
            between: Some(staff()),
            version: 11,
            oldest: Some((2, 5_000)),
            kept: 9,
        };
        let seen = Seen::of_swept(swept, &config);
        assert!(!seen.may_be_due(12, 5_000, &config, by_nobody));
        assert!(seen.may_be_due(13, 5_000, &config, by_nobody));
    }

    #[test]
    fn what_stays_after_sweeping_is_due_by_its_oldest_message() {
        let config = for_a_second();
        let swept = Swept {
            last_at_ms: 8_500,
            between: Some(staff()),
            version: 20,
            oldest: Some((15, 8_000)),
            kept: 2,
        };
        let seen = Seen::of_swept(swept, &config);
        assert_eq!(seen.unread(22), None);
        assert!(!seen.may_be_due(22, 9_000, &config, by_nobody));
        assert!(seen.may_be_due(22, 9_001, &config, by_nobody));
    }

    #[test]
    fn a_conversation_of_which_nothing_stays_rests_until_somebody_writes() {
        let config = config(Keep::UntilLogOff);
        let swept = Swept {
            last_at_ms: 0,
            between: Some(staff()),
            version: 20,
            oldest: None,
            kept: 0,
        };
        let mut seen = Seen::of_swept(swept, &config);
        assert_eq!(seen.unread(20), None);
        assert!(!seen.may_be_due(20, i64::MAX, &config, by_nobody));
        assert_eq!(seen.unread(21), Some(20));
        seen.read(Some(&read(21, 0)), 21, &config);
        assert!(seen.may_be_due(21, 0, &config, by_nobody));
    }

    #[test]
    fn what_stands_for_erased_messages_is_never_due_by_itself() {
        let (config, mut seen) = (config(Keep::UntilLogOff), Seen::default());
        seen.read(Some(&erased(20)), 20, &config);
        assert_eq!(seen.unread(20), None);
        assert!(!seen.may_be_due(20, i64::MAX, &config, by_nobody));
        assert_eq!(seen.unread(21), Some(20));
        // The new event has been erased again.
        seen.read(None, 21, &config);
        assert_eq!(seen.unread(21), None);
        assert!(!seen.may_be_due(21, i64::MAX, &config, by_nobody));
    }

    #[test]
    fn what_is_kept_until_log_off_rests_while_somebody_watches_or_has_just_written() {
        let config = Config {
            log_off_grace: Duration::from_secs(1).into(),
            ..config(Keep::UntilLogOff)
        };
        let mut seen = Seen::default();
        seen.read(Some(&read(1, 5_000)), 3, &config);
        assert!(seen.may_be_due(3, 5_000, &config, |_| true), "never swept");
        let swept = Swept {
            version: 3,
            last_at_ms: 6_000,
            between: Some(staff()),
            oldest: Some((2, 5_000)),
            kept: 2,
        };
        let seen = Seen::of_swept(swept, &config);
        assert!(!seen.may_be_due(3, 6_999, &config, by_nobody));
        assert!(seen.may_be_due(3, 7_000, &config, by_nobody));
        assert!(!seen.may_be_due(3, 7_000, &config, |between| *between == staff()));
        // The time of the new event is not known here.
        assert!(seen.may_be_due(4, 6_999, &config, by_nobody));
        assert!(!seen.may_be_due(4, 6_999, &config, |_| true));
        // Ten are kept at most.
        assert!(seen.may_be_due(12, 6_999, &config, |_| true));
    }
}
