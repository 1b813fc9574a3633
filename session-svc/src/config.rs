//! What can be set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The settings of session-svc, with their reasons in `default.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How often a stream says that it is alive, and where the head is.
    pub heartbeat: HumanDuration,
    /// How long after its end the owner may still read a session of another library, and add notes.
    pub wrap_up: HumanDuration,
    /// How long a supervisor's connection may be gone before they count as having left.
    pub conference_grace: HumanDuration,
    /// How long a session stays in memory when nobody looks at it.
    pub rest_after: HumanDuration,
    /// How many events may wait for one slow reader before its stream ends.
    pub backlog: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(5).into(),
            wrap_up: Duration::from_secs(600).into(),
            conference_grace: Duration::from_secs(60).into(),
            rest_after: Duration::from_secs(60).into(),
            backlog: 256,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct HumanDuration(Duration);
impl From<Duration> for HumanDuration {
    fn from(d: Duration) -> Self {
        Self(d)
    }
}
impl HumanDuration {
    pub fn as_duration(self) -> Duration {
        self.0
    }
    pub fn as_millis_i64(self) -> i64 {
        self.0.as_millis() as i64
    }
}
