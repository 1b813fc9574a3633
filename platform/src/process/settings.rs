//! The settings that all processes have alike. `default.toml` lists them, each with its meaning.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    config::HumanDuration, log::postgres::PostgresConfig, redis::RedisConfig,
    telemetry::TelemetryConfig, tls::ServerTls,
};

/// Where a service is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcSettings {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether the server describes its services to those who ask.
    pub reflection: bool,
    /// How many streams one connection may have open.
    pub streams_per_connection: u32,
    /// How long after it has said that it stops the server goes on, so that callers go elsewhere first.
    pub notice: HumanDuration,
    /// TLS. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
}

/// Where orchestrators ask how the process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthSettings {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
}

/// The keys that sign and verify tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The file with the keys, or with their public part.
    pub file: PathBuf,
}

/// Where the log, the bus and the leases are.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings<'a> {
    /// The log.
    pub postgres: &'a PostgresConfig,
    /// The bus and the leases.
    pub redis: &'a RedisConfig,
}

/// What a process needs before anything else.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSettings<'a> {
    /// Where it is asked how it is.
    pub health: &'a HealthSettings,
    /// How it is watched.
    pub telemetry: &'a TelemetryConfig,
}

/// What every service needs.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSettings<'a> {
    /// Where it is asked how it is.
    pub health: &'a HealthSettings,
    /// How it is watched.
    pub telemetry: &'a TelemetryConfig,
    /// Where it is served.
    pub grpc: &'a GrpcSettings,
    /// By which keys it knows whose a token is.
    pub keys: &'a KeySettings,
    /// The log.
    pub postgres: &'a PostgresConfig,
    /// The bus and the leases.
    pub redis: &'a RedisConfig,
}
