//! The settings of session-svc.

mod retention;

use std::{collections::BTreeMap, time::Duration};

use carrel_platform::config::{HumanDuration, Problems};
use serde::{Deserialize, Serialize};

use crate::domain::access::Times;

pub use retention::{EraseAfter, EraseAfterError, LibraryRetention};

/// How often it is looked who attends a session, at most and at least.
const SHORTEST_TICK: Duration = Duration::from_millis(10);
const LONGEST_TICK: Duration = Duration::from_secs(15);

/// The settings of session-svc, with their reasons in `default.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How often a stream sends a heartbeat, which names the head.
    pub heartbeat: HumanDuration,
    /// How long after its end the owner may still read a session of another library, and add notes.
    pub wrap_up: HumanDuration,
    /// How long an owner may neither attend nor act before the session goes back to its queue.
    pub owner_grace: HumanDuration,
    /// How long a supervisor's connection may be gone before they count as having left.
    pub conference_grace: HumanDuration,
    /// How long a patron's connection may be gone before staff see them as away.
    pub patron_away: HumanDuration,
    /// How long a patron's connection may be gone before staff see them as lost.
    pub patron_lost: HumanDuration,
    /// How long a session that waits for a librarian stays open when its patron is lost, before it ends by itself.
    pub abandoned_waiting: HumanDuration,
    /// How long a session that has an owner stays open when its patron is lost and nobody writes to them.
    pub abandoned_active: HumanDuration,
    /// How long an offer to hand a session over stands.
    pub transfer_lapse: HumanDuration,
    /// How often the log is checked for events that were not heard of from other servers.
    pub tail_repair: HumanDuration,
    /// How long a session stays in memory when nobody uses it.
    pub rest_after: HumanDuration,
    /// How many events may wait for one slow reader before its stream ends.
    pub backlog: usize,
    /// How long after a session's end its patron's name and e-mail address are erased.
    pub erase_identity_after: EraseAfter,
    /// How long after its end a session is erased.
    pub erase_after: EraseAfter,
    /// How often it is looked which ended sessions are to be erased.
    pub erase_sweep: HumanDuration,
    /// What single libraries set instead for their own patrons' sessions, by the library's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub retention: BTreeMap<String, LibraryRetention>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat: HumanDuration::from_secs(5),
            wrap_up: HumanDuration::from_secs(600),
            owner_grace: HumanDuration::from_secs(60),
            conference_grace: HumanDuration::from_secs(60),
            patron_away: HumanDuration::from_secs(30),
            patron_lost: HumanDuration::from_secs(180),
            abandoned_waiting: HumanDuration::from_secs(30 * 60),
            abandoned_active: HumanDuration::from_secs(12 * 60 * 60),
            transfer_lapse: HumanDuration::from_secs(60),
            tail_repair: HumanDuration::from_secs(5),
            rest_after: HumanDuration::from_secs(60),
            backlog: 256,
            erase_identity_after: EraseAfter::Time(HumanDuration::from_secs(30 * 24 * 60 * 60)),
            erase_after: EraseAfter::Time(HumanDuration::from_secs(90 * 24 * 60 * 60)),
            erase_sweep: HumanDuration::from_secs(600),
            retention: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Checks what the types of the settings can't express.
    ///
    /// # Errors
    /// When something is zero that must not be, a library can't exist for which something is set, or times come in an
    /// order in which one of them has no effect.
    pub fn check(&self) -> Result<(), Problems> {
        let usual = Self::default();
        let mut problems = Problems::default();
        problems.add_zero_times(
            "session",
            [
                ("heartbeat", self.heartbeat, usual.heartbeat),
                ("owner_grace", self.owner_grace, usual.owner_grace),
                (
                    "conference_grace",
                    self.conference_grace,
                    usual.conference_grace,
                ),
                ("patron_away", self.patron_away, usual.patron_away),
                ("patron_lost", self.patron_lost, usual.patron_lost),
                (
                    "abandoned_waiting",
                    self.abandoned_waiting,
                    usual.abandoned_waiting,
                ),
                (
                    "abandoned_active",
                    self.abandoned_active,
                    usual.abandoned_active,
                ),
                ("transfer_lapse", self.transfer_lapse, usual.transfer_lapse),
                ("tail_repair", self.tail_repair, usual.tail_repair),
                ("erase_sweep", self.erase_sweep, usual.erase_sweep),
            ],
        );
        problems.add_zero_counts("session", [("backlog", self.backlog, usual.backlog)]);
        // If it is zero, that was said already.
        if self.patron_lost < self.patron_away && !self.patron_lost.get().is_zero() {
            let least = self.patron_away;
            problems.add(
                "session.patron_lost",
                format_args!("must not be shorter than patron_away; write {least} or more"),
            );
        }
        for id in self.retention.keys().filter(|id| !is_library_id(id)) {
            problems.add(
                format_args!("session.retention.{id:?}"),
                "no library has this id; write an id as in the directory: 1 to 63 lower-case letters, digits and hyphens, \
                 without a hyphen at either end",
            );
        }
        self.check_order(&mut problems);
        problems.checked()
    }

    /// Returns how often it is looked who attends a session.
    pub(crate) fn tick(&self) -> Duration {
        let grace = self
            .owner_grace
            .min(self.conference_grace)
            .min(self.patron_away);
        (grace.get() / 4).clamp(SHORTEST_TICK, LONGEST_TICK)
    }

    /// Returns how long a lease on who attends a session lasts: a little longer than two looks.
    pub(crate) fn leases_last(&self) -> Duration {
        self.tick() * 2 + Duration::from_secs(1)
    }

    /// Returns the durations that the rules use.
    pub(crate) fn times(&self) -> Times {
        Times {
            wrap_up_ms: in_ms(self.wrap_up),
            transfer_lapse_ms: in_ms(self.transfer_lapse),
            abandoned_waiting_ms: in_ms(self.abandoned_waiting),
            abandoned_active_ms: in_ms(self.abandoned_active),
        }
    }
}

/// Returns whether the directory takes this as a library's id.
fn is_library_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let at_its_ends = id.starts_with('-') || id.ends_with('-');
    (1..=63).contains(&id.len()) && id.bytes().all(allowed) && !at_its_ends
}

/// Converts to milliseconds, saturating.
fn in_ms(time: HumanDuration) -> i64 {
    i64::try_from(time.get().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[derive(Deserialize)]
    struct File {
        session: Config,
    }

    #[test]
    fn the_file_of_defaults_says_what_the_defaults_are() {
        let file: File = toml::from_str(crate::DEFAULT_SETTINGS).unwrap();
        assert_eq!(file.session, Config::default());
        assert_eq!(file.session.check(), Ok(()));
    }

    #[test]
    fn a_stream_without_a_pause_between_heartbeats_is_refused() {
        let config = Config {
            heartbeat: HumanDuration::from_secs(0),
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("session.heartbeat"), "{error}");
    }

    #[test]
    fn a_stream_that_may_hold_nothing_back_is_refused() {
        let config = Config {
            backlog: 0,
            ..Config::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "session.backlog: must not be 0; write a number, such as 256"
        );
    }

    #[test]
    fn nobody_is_lost_before_they_are_away() {
        let config = Config {
            patron_lost: HumanDuration::from_secs(29),
            ..Config::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "session.patron_lost: must not be shorter than patron_away; write 30s or more"
        );
    }
}
