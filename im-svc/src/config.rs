//! The settings of im-svc.

use std::{str::FromStr, time::Duration};

use carrel_platform::config::{HumanDuration, Problems};
use serde::{Deserialize, Serialize};

/// The spelling of [`Keep::UntilLogOff`].
const UNTIL_LOG_OFF: &str = "until-log-off";

/// The settings of im-svc, with their reasons in `default.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How long messages are kept.
    pub keep: Keep,
    /// How many messages of one conversation are kept at most.
    pub keep_at_most: usize,
    /// How long nobody in a conversation may have had the desk open before it counts as logged off.
    pub log_off_grace: HumanDuration,
    /// How often to look for what need no longer be kept.
    pub sweep: HumanDuration,
    /// How often a stream sends a heartbeat, the caller's own presence is looked up, and the log is asked for what the
    /// bus lost.
    pub heartbeat: HumanDuration,
    /// How long an unused conversation stays in memory.
    pub rest_after: HumanDuration,
    /// How many changes may wait for one slow reader before its stream ends.
    pub backlog: usize,
}

/// How long messages are kept (R13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Keep {
    /// For this time after they are written.
    For(HumanDuration),
    /// Until nobody in the conversation has the desk open.
    UntilLogOff,
}

impl FromStr for Keep {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == UNTIL_LOG_OFF {
            return Ok(Self::UntilLogOff);
        }
        match text.parse() {
            Ok(time) => Ok(Self::For(time)),
            Err(_) => Err(KeepError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Keep {
    type Error = KeepError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Keep> for String {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::For(time) => time.to_string(),
            Keep::UntilLogOff => UNTIL_LOG_OFF.to_owned(),
        }
    }
}

/// The error for a text that is not a valid [`Keep`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("im.keep can't be {0:?}; write a length of time, for example 30d, or {UNTIL_LOG_OFF}")]
pub struct KeepError(String);

impl Default for Config {
    fn default() -> Self {
        Self {
            keep: Keep::For(HumanDuration::from_secs(30 * 24 * 60 * 60)),
            keep_at_most: 10_000,
            log_off_grace: HumanDuration::from_secs(60),
            sweep: HumanDuration::from_secs(60),
            heartbeat: HumanDuration::from_secs(5),
            rest_after: HumanDuration::from_secs(60),
            backlog: 256,
        }
    }
}

impl Config {
    /// Checks what the types of the settings do not ensure.
    ///
    /// # Errors
    /// When a setting is zero that must not be.
    pub fn check(&self) -> Result<(), Problems> {
        let usual = Self::default();
        let mut problems = Problems::default();
        if self.keep == Keep::For(HumanDuration::default()) {
            problems.add(
                "im.keep",
                "must not be 0; write a length of time, such as 30d, or until-log-off",
            );
        }
        problems.add_zero_counts(
            "im",
            [
                ("keep_at_most", self.keep_at_most, usual.keep_at_most),
                ("backlog", self.backlog, usual.backlog),
            ],
        );
        problems.add_zero_times(
            "im",
            [
                ("log_off_grace", self.log_off_grace, usual.log_off_grace),
                ("sweep", self.sweep, usual.sweep),
                ("heartbeat", self.heartbeat, usual.heartbeat),
            ],
        );
        problems.checked()
    }

    /// How long the lease of a watch lasts. A librarian who has just gone counts as watching for the grace period.
    pub(crate) fn watching_lasts(&self) -> Duration {
        self.log_off_grace
            .get()
            .max(self.heartbeat.get().saturating_mul(3))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[derive(Deserialize)]
    struct File {
        im: Config,
    }

    #[test]
    fn the_file_of_defaults_says_what_the_defaults_are() {
        let file: File = toml::from_str(crate::DEFAULT_SETTINGS).unwrap();
        assert_eq!(file.im, Config::default());
        assert_eq!(file.im.check(), Ok(()));
    }

    #[test]
    fn what_can_not_be_zero_is_refused_by_name() {
        let config = Config {
            sweep: HumanDuration::from_secs(0),
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("im.sweep"), "{error}");
        let config = Config {
            keep_at_most: 0,
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("im.keep_at_most"), "{error}");
        let config = Config {
            backlog: 0,
            keep: Keep::For(HumanDuration::from_secs(0)),
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        for named in ["im.keep: ", "im.backlog: "] {
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn how_long_messages_are_kept_is_a_time_or_until_log_off() {
        for (text, keep) in [
            ("30d", Keep::For(HumanDuration::from_secs(30 * 86_400))),
            ("until-log-off", Keep::UntilLogOff),
        ] {
            assert_eq!(text.parse::<Keep>().unwrap(), keep);
            assert_eq!(String::from(keep), text);
        }
        let error = "not kept".parse::<Keep>().unwrap_err().to_string();
        assert!(error.contains("until-log-off"), "{error}");
    }
}
