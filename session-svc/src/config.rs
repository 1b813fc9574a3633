//! The settings of session-svc.

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
            transfer_lapse: HumanDuration::from_secs(60),
            tail_repair: HumanDuration::from_secs(5),
            rest_after: HumanDuration::from_secs(60),
            backlog: 256,
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
        ];
        match times.into_iter().find(|(_, time)| time.get().is_zero()) {
            Some((key, _)) => Err(ConfigError { key }),
            None => Ok(()),
        }
    }

    /// Returns the durations that the rules use.
    pub(crate) fn times(&self) -> Times {
        let ms = |time: HumanDuration| i64::try_from(time.get().as_millis()).unwrap_or(i64::MAX);
        Times {
            wrap_up_ms: ms(self.wrap_up),
            transfer_lapse_ms: ms(self.transfer_lapse),
        }
    }
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
}
