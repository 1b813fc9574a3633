//! The gateway's settings. `default.toml` lists them all, each with its meaning and its default.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use carrel_platform::config::{HumanDuration, Problems};
use serde::{Deserialize, Serialize};

use crate::{
    embedding::frame_ancestors, frame::FRAME_LIMIT, network::Network, origin::check_serialised,
};

/// The settings of the section `[gateway]` with their defaults, each explained.
pub const DEFAULT_SETTINGS: &str = include_str!("default.toml");

/// The longest that a librarian at an open monitor may go unreported. presence-svc considers them gone after 15
/// seconds, unless `presence.lease` says otherwise, and a report may be late.
const LONGEST_UNREPORTED: HumanDuration = HumanDuration::from_secs(10);

/// How long it takes, once `drain_deadline` is over, to drop the browsers that are left.
const DROPPING: Duration = Duration::from_millis(250);

/// The gateway's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Origins of pages that may open a socket, beside the origin of the gateway's own pages.
    pub origins: Vec<String>,
    /// Origins of web sites that may show a library's patron page in a frame.
    pub embedding_origins: Vec<String>,
    /// Whether a socket may be opened without an `Origin` header. Absent: only if the listener is on loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_missing_origin: Option<bool>,
    /// Proxies whose `X-Forwarded-For` header is believed.
    pub trusted_proxies: Vec<Network>,
    /// How many connections may be open at once.
    pub connections: NonZeroUsize,
    /// How long the head of a request may take to arrive, and how long a connection may stay idle.
    pub head_timeout: HumanDuration,
    /// How long a request may take altogether.
    pub request_timeout: HumanDuration,
    /// How long a call to a service may take.
    pub call_deadline: HumanDuration,
    /// How long a stop may take. Acts under way have half of that time.
    pub drain_deadline: HumanDuration,
    /// What one browser's socket may do.
    pub socket: SocketConfig,
}

/// What one browser's socket may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocketConfig {
    /// How soon the Hello must come.
    pub hello_timeout: HumanDuration,
    /// How often the server sends a websocket ping.
    pub ping_interval: HumanDuration,
    /// How often it does so while the user's monitor is announced.
    pub monitor_ping_interval: HumanDuration,
    /// How often, at most, presence-svc is told that such a browser is still there.
    pub here_interval: HumanDuration,
    /// How long either side may hear nothing before it considers the other gone.
    pub silence_limit: HumanDuration,
    /// How long the server waits for a browser to take the next piece of what was sent to it.
    pub send_timeout: HumanDuration,
    /// How long the server waits for the end of a socket that it closes.
    pub close_timeout: HumanDuration,
    /// How many frames may wait for a browser.
    pub queue_frames: NonZeroUsize,
    /// How many bytes may wait for a browser.
    pub queue_bytes: NonZeroUsize,
    /// How many frames a browser may send per second in the long run.
    pub frames_per_second: NonZeroU32,
    /// How many frames a browser may send in one burst.
    pub frames_burst: NonZeroU32,
    /// How many sessions may be attended on one socket.
    pub sessions: NonZeroUsize,
    /// How many acts of one socket may be under way.
    pub acts: NonZeroUsize,
    /// How many sockets one address may have open.
    pub per_address: NonZeroUsize,
    /// How many sockets one person may have open.
    pub per_person: NonZeroUsize,
}

impl SocketConfig {
    /// The least that `queue_bytes` may be. Data longer than the queue is queued frame by frame, each when half of the
    /// queue is free, so half of it must hold any frame.
    pub(crate) const LEAST_QUEUE_BYTES: usize = 2 * FRAME_LIMIT;

    /// How many bytes the websocket itself buffers before it writes them.
    pub(crate) const WRITE_BUFFER: usize = 16 * 1024;

    /// Returns how many bytes the websocket may buffer at most: what it holds already, and any one frame that the queue
    /// accepts.
    pub(crate) fn longest_write(&self) -> usize {
        let queued = self.queue_bytes.get().saturating_add(FRAME_LIMIT);
        queued.saturating_add(Self::WRITE_BUFFER)
    }
}

const fn usize_of(value: u32) -> NonZeroUsize {
    match NonZeroUsize::new(value as usize) {
        Some(value) => value,
        None => NonZeroUsize::MIN,
    }
}

const fn u32_of(value: u32) -> NonZeroU32 {
    match NonZeroU32::new(value) {
        Some(value) => value,
        None => NonZeroU32::MIN,
    }
}

impl Config {
    /// Checks what the types of the settings do not express, for a gateway that has `given` to stop.
    ///
    /// # Errors
    /// When a time is zero without which nobody could be served, or settings do not fit together. So that a browser is
    /// never without services, the gateway must not be ended from outside before it drops the browsers that are left.
    pub fn check(&self, given: Duration) -> Result<(), Problems> {
        let usual = Self::default();
        let mut problems = Problems::default();
        problems.add_zero_times(
            "gateway",
            [
                ("head_timeout", self.head_timeout, usual.head_timeout),
                (
                    "request_timeout",
                    self.request_timeout,
                    usual.request_timeout,
                ),
                ("call_deadline", self.call_deadline, usual.call_deadline),
            ],
        );
        let longest = HumanDuration::from(given.saturating_sub(DROPPING));
        if self.drain_deadline > longest {
            problems.add(
                "gateway.drain_deadline",
                format_args!(
                    "must be {longest} or less, since all of a stop takes ten seconds at the most"
                ),
            );
        }
        if let Err(problem) = check_serialised("gateway.origins", &self.origins) {
            problems.add_named(problem);
        }
        if let Err(problem) = frame_ancestors(&self.embedding_origins) {
            problems.add_named(problem);
        }
        problems.take(self.socket.check());
        problems.checked()
    }
}

impl SocketConfig {
    /// Returns the longest that presence-svc may hear nothing of a librarian who is at an open monitor.
    #[must_use]
    pub fn longest_unreported(&self) -> HumanDuration {
        let (ping, here) = (self.monitor_ping_interval.get(), self.here_interval.get());
        ping.saturating_add(here).into()
    }

    fn check(&self) -> Result<(), Problems> {
        let usual = Self::default();
        let mut problems = Problems::default();
        problems.add_zero_times(
            "gateway.socket",
            [
                ("hello_timeout", self.hello_timeout, usual.hello_timeout),
                ("ping_interval", self.ping_interval, usual.ping_interval),
                (
                    "monitor_ping_interval",
                    self.monitor_ping_interval,
                    usual.monitor_ping_interval,
                ),
                ("silence_limit", self.silence_limit, usual.silence_limit),
                ("send_timeout", self.send_timeout, usual.send_timeout),
                ("close_timeout", self.close_timeout, usual.close_timeout),
            ],
        );
        let unreported = self.longest_unreported();
        if unreported > LONGEST_UNREPORTED {
            problems.add(
                "gateway.socket.monitor_ping_interval",
                format_args!(
                    "is {unreported} together with here_interval; write {LONGEST_UNREPORTED} or less for both together, \
                     or presence-svc takes librarians who are there for gone"
                ),
            );
        }
        let ping = self.ping_interval.max(self.monitor_ping_interval);
        // If it is zero, that was said already.
        if self.silence_limit <= ping && !self.silence_limit.get().is_zero() {
            problems.add(
                "gateway.socket.silence_limit",
                format_args!(
                    "must be longer than ping_interval and monitor_ping_interval, so more than {ping}, or browsers that \
                     are there are taken for gone"
                ),
            );
        }
        let least = Self::LEAST_QUEUE_BYTES;
        if self.queue_bytes.get() < least {
            problems.add(
                "gateway.socket.queue_bytes",
                format_args!(
                    "must be {least} or more, since half of it must have room for the longest frame"
                ),
            );
        }
        problems.checked()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            embedding_origins: Vec::new(),
            allow_missing_origin: None,
            trusted_proxies: Vec::new(),
            connections: usize_of(10_000),
            head_timeout: HumanDuration::from_secs(10),
            request_timeout: HumanDuration::from_secs(30),
            call_deadline: HumanDuration::from_secs(10),
            drain_deadline: HumanDuration::from_secs(4),
            socket: SocketConfig::default(),
        }
    }
}

impl Default for SocketConfig {
    fn default() -> Self {
        Self {
            hello_timeout: HumanDuration::from_secs(5),
            ping_interval: HumanDuration::from_secs(20),
            monitor_ping_interval: HumanDuration::from_secs(5),
            here_interval: HumanDuration::from_secs(3),
            silence_limit: HumanDuration::from_secs(50),
            send_timeout: HumanDuration::from_secs(10),
            close_timeout: HumanDuration::from_secs(2),
            queue_frames: usize_of(4_096),
            queue_bytes: usize_of(1_048_576),
            frames_per_second: u32_of(20),
            frames_burst: u32_of(100),
            sessions: usize_of(32),
            acts: usize_of(64),
            per_address: usize_of(256),
            per_person: usize_of(16),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[derive(Deserialize)]
    struct File {
        gateway: Config,
    }

    #[test]
    fn the_file_of_defaults_says_what_the_defaults_are() {
        let file: File = toml::from_str(DEFAULT_SETTINGS).unwrap();
        assert_eq!(file.gateway, Config::default());
    }

    #[test]
    fn a_stop_leaves_time_to_drop_who_is_left() {
        let config = Config::default();
        assert!(config.check(Duration::from_millis(4_250)).is_ok());
        let refused = config.check(Duration::from_millis(4_249));
        assert_eq!(
            refused.unwrap_err().to_string(),
            "gateway.drain_deadline: must be 3999ms or less, since all of a stop takes ten seconds at the most"
        );
    }

    #[test]
    fn half_of_what_may_wait_for_a_browser_takes_any_frame() {
        let waiting = |bytes| {
            let socket = SocketConfig {
                queue_bytes: usize_of(bytes),
                ..SocketConfig::default()
            };
            let config = Config {
                socket,
                ..Config::default()
            };
            config.check(Duration::from_secs(10))
        };
        assert!(waiting(131_072).is_ok());
        assert_eq!(
            waiting(131_071).unwrap_err().to_string(),
            "gateway.socket.queue_bytes: must be 131072 or more, since half of it must have room for the longest frame"
        );
    }

    /// Returns what is wrong with settings that differ from the defaults.
    fn problem(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        let checked = config.check(Duration::from_secs(10));
        checked.unwrap_err().to_string()
    }

    #[test]
    fn no_time_is_zero_without_which_nobody_is_served() {
        type Time = fn(&mut Config) -> &mut HumanDuration;
        let times: [(&str, Time); 9] = [
            ("head_timeout", |config| &mut config.head_timeout),
            ("request_timeout", |config| &mut config.request_timeout),
            ("call_deadline", |config| &mut config.call_deadline),
            ("socket.hello_timeout", |config| {
                &mut config.socket.hello_timeout
            }),
            ("socket.ping_interval", |config| {
                &mut config.socket.ping_interval
            }),
            ("socket.monitor_ping_interval", |config| {
                &mut config.socket.monitor_ping_interval
            }),
            ("socket.silence_limit", |config| {
                &mut config.socket.silence_limit
            }),
            ("socket.send_timeout", |config| {
                &mut config.socket.send_timeout
            }),
            ("socket.close_timeout", |config| {
                &mut config.socket.close_timeout
            }),
        ];
        for (key, time) in times {
            let problem = problem(|config| *time(config) = HumanDuration::default());
            let said = format!("gateway.{key}: must not be 0; write a length of time, such as ");
            assert!(problem.starts_with(&said), "{problem}");
        }
    }

    // R18: who is there counts as there.
    #[test]
    fn who_is_there_is_not_taken_for_gone() {
        let ping = problem(|config| {
            config.socket.monitor_ping_interval = HumanDuration::from_secs(30);
        });
        let said = "gateway.socket.monitor_ping_interval: is 33s together with here_interval";
        assert!(ping.starts_with(said), "{ping}");
        let silence = problem(|config| config.socket.silence_limit = HumanDuration::from_secs(20));
        let said = "gateway.socket.silence_limit: must be longer than ping_interval and monitor_ping_interval, so more \
                    than 20s";
        assert!(silence.starts_with(said), "{silence}");
    }

    #[test]
    fn a_setting_that_does_not_exist_is_an_error() {
        assert!(toml::from_str::<Config>("orgins = []").is_err());
        assert!(toml::from_str::<Config>("[socket]\nping = \"1s\"").is_err());
    }
}
