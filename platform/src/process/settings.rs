//! The settings that processes have in common. The `.toml` files beside this one list them, each with its meaning.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    auth::keys::KeyRing,
    config::{HumanDuration, Problems},
    log::postgres::PostgresConfig,
    redis::RedisConfig,
    telemetry::TelemetryConfig,
    tls::ServerTls,
};

/// How a service is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcSettings {
    /// The address to listen on; port 0 picks a free port.
    pub address: SocketAddr,
    /// Whether the server offers reflection.
    pub reflection: bool,
    /// How many streams one connection may have open.
    pub streams_per_connection: u32,
    /// How long the server continues after it has reported that it stops, so that callers go elsewhere first.
    pub notice: HumanDuration,
    /// TLS; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
}

/// Where orchestrators probe the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthSettings {
    /// The address to listen on; port 0 picks a free port.
    pub address: SocketAddr,
}

/// The keys that sign and verify tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The file with the keys, or with their public part.
    pub file: PathBuf,
}

/// The settings of the log, the bus and the leases.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings<'a> {
    /// The log.
    pub postgres: &'a PostgresConfig,
    /// The bus and the leases.
    pub redis: &'a RedisConfig,
}

/// The settings that a process needs before anything else.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSettings<'a> {
    /// Where it is probed.
    pub health: &'a HealthSettings,
    /// Its telemetry.
    pub telemetry: &'a TelemetryConfig,
}

/// The settings that every service needs.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSettings<'a> {
    /// Where it is probed.
    pub health: &'a HealthSettings,
    /// Its telemetry.
    pub telemetry: &'a TelemetryConfig,
    /// How it is served.
    pub grpc: &'a GrpcSettings,
    /// The keys that verify tokens.
    pub keys: &'a KeySettings,
    /// The log.
    pub postgres: &'a PostgresConfig,
    /// The bus and the leases.
    pub redis: &'a RedisConfig,
}

impl ServiceSettings<'_> {
    /// Checks what can be checked without connecting to anything, of the settings that every service has: also that the
    /// files that they name can be used.
    ///
    /// # Errors
    /// When settings can't be used.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        problems.take(self.telemetry.check());
        if self.grpc.streams_per_connection == 0 {
            problems.add(
                "grpc.streams_per_connection",
                "must not be 0; write a number, such as 200000",
            );
        }
        if let Some(tls) = &self.grpc.tls {
            problems.take(tls.check("grpc"));
        }
        if let Err(error) = KeyRing::load(&self.keys.file) {
            problems.add("keys.file", error);
        }
        problems.take(self.postgres.check());
        problems.take(self.redis.check());
        problems.checked()
    }

    /// Returns the files with secrets that these settings name, each with its setting. The keys that sign tokens are not
    /// among them, since they are not used at all if others may read them.
    pub(super) fn secrets(&self) -> Option<(&'static str, &Path)> {
        let tls = self.grpc.tls.as_ref()?;
        Some(("grpc.tls.key", tls.key.as_path()))
    }
}
