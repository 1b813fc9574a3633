//! The settings of session-svc.

use std::str::FromStr;

use carrel_platform::config::HumanDuration;
use serde::{Deserialize, Serialize};

use crate::domain::access::Times;

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
    /// How long an offer to hand a session over stands.
    pub transfer_lapse: HumanDuration,
    /// How often the log is checked for events that were not heard of from other servers.
    pub tail_repair: HumanDuration,
    /// How long a session stays in memory when nobody uses it.
    pub rest_after: HumanDuration,
    /// How many events may wait for one slow reader before its stream ends.
    pub backlog: usize,
    /// How long after its end a session is erased.
    pub erase_after: EraseAfter,
    /// How often it is looked which ended sessions are to be erased.
    pub erase_sweep: HumanDuration,
}

/// How long after its end a session is erased (R20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EraseAfter {
    /// After this time.
    Time(HumanDuration),
    /// Only when an administrator erases it.
    Never,
}

/// The spelling of [`EraseAfter::Never`].
const NEVER: &str = "never";

impl EraseAfter {
    /// Returns the moment at or before which a session must have ended to be erased now, in Unix milliseconds; `None` if none
    /// is.
    pub(crate) fn due_by(self, now_ms: i64) -> Option<i64> {
        match self {
            Self::Time(time) => Some(now_ms.saturating_sub(in_ms(time))),
            Self::Never => None,
        }
    }
}

impl FromStr for EraseAfter {
    type Err = EraseAfterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == NEVER {
            return Ok(Self::Never);
        }
        match text.parse() {
            Ok(time) => Ok(Self::Time(time)),
            Err(_) => Err(EraseAfterError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for EraseAfter {
    type Error = EraseAfterError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EraseAfter> for String {
    fn from(after: EraseAfter) -> Self {
        match after {
            EraseAfter::Time(time) => time.to_string(),
            EraseAfter::Never => NEVER.to_owned(),
        }
    }
}

/// The error for a text that is not a valid [`EraseAfter`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session.erase_after can't be {0:?}; write a length of time, for example 90d, or {NEVER}")]
pub struct EraseAfterError(String);

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat: HumanDuration::from_secs(5),
            wrap_up: HumanDuration::from_secs(600),
            owner_grace: HumanDuration::from_secs(60),
            conference_grace: HumanDuration::from_secs(60),
            patron_away: HumanDuration::from_secs(30),
            patron_lost: HumanDuration::from_secs(180),
            transfer_lapse: HumanDuration::from_secs(60),
            tail_repair: HumanDuration::from_secs(5),
            rest_after: HumanDuration::from_secs(60),
            backlog: 256,
            erase_after: EraseAfter::Time(HumanDuration::from_secs(90 * 24 * 60 * 60)),
            erase_sweep: HumanDuration::from_secs(600),
        }
    }
}

/// Why the settings can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session.{key} is 0; give a length of time, such as 5s")]
pub struct ConfigError {
    key: &'static str,
}

impl Config {
    /// Checks what the types of the settings can't express.
    ///
    /// # Errors
    /// When a duration is zero that must not be.
    pub fn check(&self) -> Result<(), ConfigError> {
        let times = [
            ("heartbeat", self.heartbeat),
            ("owner_grace", self.owner_grace),
            ("conference_grace", self.conference_grace),
            ("patron_away", self.patron_away),
            ("patron_lost", self.patron_lost),
            ("transfer_lapse", self.transfer_lapse),
            ("tail_repair", self.tail_repair),
            ("erase_sweep", self.erase_sweep),
        ];
        match times.into_iter().find(|(_, time)| time.get().is_zero()) {
            Some((key, _)) => Err(ConfigError { key }),
            None => Ok(()),
        }
    }

    /// Returns the durations that the rules use.
    pub(crate) fn times(&self) -> Times {
        Times {
            wrap_up_ms: in_ms(self.wrap_up),
            transfer_lapse_ms: in_ms(self.transfer_lapse),
        }
    }
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
    fn sessions_are_erased_after_a_time_or_never() {
        let day = EraseAfter::Time(HumanDuration::from_secs(86_400));
        for (text, after) in [("1d", day), ("never", EraseAfter::Never)] {
            assert_eq!(text.parse::<EraseAfter>().unwrap(), after);
            assert_eq!(String::from(after), text);
        }
        assert_eq!(day.due_by(86_400_007), Some(7));
        assert_eq!(EraseAfter::Never.due_by(i64::MAX), None);
        for wrong in ["0", "soon", ""] {
            let error = wrong.parse::<EraseAfter>().unwrap_err().to_string();
            assert!(error.contains("90d, or never"), "{error}");
        }
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
}
