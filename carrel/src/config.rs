//! All settings of a Carrel in one process. `default.toml` and its counterparts in the services list and explain them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use carrel_platform::{
    config::{self, ConfigError, Problems},
    telemetry::TelemetryConfig,
};
use serde::{Deserialize, Serialize};

use crate::assemble::GATEWAY_END;

/// All settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder that holds all that must not be lost.
    pub data_dir: PathBuf,
    /// Web pages and the browsers' websocket.
    pub http: HttpConfig,
    /// gRPC for other programs.
    pub grpc: GrpcConfig,
    /// The health listener.
    pub health: HealthConfig,
    /// Log lines, metrics and traces.
    pub telemetry: TelemetryConfig,
    /// session-svc.
    pub session: carrel_session::Config,
    /// presence-svc.
    pub presence: carrel_presence::Config,
    /// im-svc.
    pub im: carrel_im::Config,
    /// The gateway.
    pub gateway: carrel_gateway::Config,
}

/// Web pages and the browsers' websocket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The address where they are served; port 0 takes a free port.
    pub address: SocketAddr,
}

/// gRPC for other programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcConfig {
    /// The address where it is served; port 0 takes a free port.
    pub address: SocketAddr,
    /// Whether the server offers server reflection, which describes its services.
    pub reflection: bool,
}

/// The listener that serves the health of the process and its metrics.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthConfig {
    /// The address; port 0 takes a free port. If absent, there is no such listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
}

impl Config {
    /// Loads the settings in effect. Of the defaults, the file, the environment and `overrides`, each overrides those
    /// before it.
    pub fn load(file: Option<&Path>, overrides: impl Serialize) -> Result<Self, ConfigError> {
        config::load(&defaults(), file, "CARREL_", overrides)
    }

    /// Checks what the types of the settings do not express.
    ///
    /// # Errors
    /// When settings can't be used, each by itself or with others.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        problems.take(self.telemetry.check());
        problems.take(self.session.check());
        problems.take(self.presence.check());
        problems.take(self.im.check());
        problems.take(self.gateway.check(GATEWAY_END));
        let (lease, unreported) = (
            self.presence.lease,
            self.gateway.socket.longest_unreported(),
        );
        if lease <= unreported {
            problems.add(
                "presence.lease",
                format_args!(
                    "must be longer than gateway.socket.monitor_ping_interval and here_interval together, so more than \
                     {unreported}"
                ),
            );
        }
        problems.checked()
    }
}

/// Returns all settings with their defaults and explanations, as a settings file.
pub fn defaults() -> String {
    [
        include_str!("default.toml"),
        carrel_session::DEFAULT_SETTINGS,
        carrel_presence::DEFAULT_SETTINGS,
        carrel_im::DEFAULT_SETTINGS,
        carrel_gateway::DEFAULT_SETTINGS,
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use carrel_platform::config::HumanDuration;

    use super::*;

    #[test]
    fn the_defaults_are_a_whole_configuration() {
        let config: Config = toml::from_str(&defaults()).unwrap();
        assert!(config.http.address.ip().is_loopback());
        assert!(config.grpc.address.ip().is_loopback());
        assert_eq!(config.check(), Ok(()));
    }

    // R18: who is there counts as there.
    #[test]
    fn a_lease_holds_until_the_next_sign_of_life() {
        let mut config: Config = toml::from_str(&defaults()).unwrap();
        config.presence.lease = HumanDuration::from_secs(10);
        config.gateway.socket.here_interval = HumanDuration::from_secs(5);
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "presence.lease: must be longer than gateway.socket.monitor_ping_interval and here_interval together, so more \
             than 10s"
        );
    }

    #[test]
    fn the_settings_of_all_parts_are_checked_and_all_problems_told() {
        let mut config: Config = toml::from_str(&defaults()).unwrap();
        config.session.backlog = 0;
        config.presence.backlog = 0;
        config.im.backlog = 0;
        config.gateway.call_deadline = HumanDuration::default();
        let problems = config.check().unwrap_err().to_string();
        for key in [
            "session.backlog",
            "presence.backlog",
            "im.backlog",
            "gateway.call_deadline",
        ] {
            assert!(
                problems.contains(&format!("\n  {key}: must not be 0")),
                "{problems}"
            );
        }
    }
}
