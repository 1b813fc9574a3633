//! The settings of the engine, and their checks before any connection is made.

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use tokio_postgres::config::{Host, SslMode};

use super::{error::OpenError, tls::TlsConnector};
use crate::config::{HumanDuration, Problems, Secret};

/// How long a connection may be silent before the system probes the other end.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
/// The time between probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// The number of unanswered probes after which the connection is given up.
const KEEPALIVE_RETRIES: u32 = 3;

/// Where the log is and how it is reached. The section `postgres` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresConfig {
    /// The database, for example `postgres://carrel:password@db.example.org:5432/carrel`. Several servers of one
    /// replicated database are separated by commas, `postgres://carrel@db1,db2/carrel`: the one that can be written
    /// is used. TLS options in it are ignored; see `tls`.
    pub url: Secret<String>,
    /// The schema of the database that holds the log's tables. Logs in different schemas are separate.
    pub schema: String,
    /// Whether connections are encrypted.
    pub tls: TlsMode,
    /// The certificates, in PEM, of the authorities that may vouch for the server; needed for `tls = "require"`. On
    /// Debian, all that the system trusts are in `/etc/ssl/certs/ca-certificates.crt`.
    pub ca_file: Option<PathBuf>,
    /// How many connections write. Each carries one commit at a time.
    pub writers: usize,
    /// How many connections read.
    pub readers: usize,
    /// How many appends and erasures may wait for a writer.
    pub queue: usize,
    /// How long an append waits for a place in the queue, and a read for its turn, before it fails with
    /// [`LogError::Unavailable`](crate::log::LogError::Unavailable).
    pub queue_timeout: HumanDuration,
    /// How long each server may take to accept a connection.
    pub connect_timeout: HumanDuration,
    /// How long to wait for a stream that another database session holds locked.
    pub lock_timeout: HumanDuration,
    /// How long the server may work on one statement. Longer than `lock_timeout`.
    pub statement_timeout: HumanDuration,
    /// How long to wait for an answer of the server before the connection counts as dead. Longer than
    /// `statement_timeout`. A commit that is not answered by then has an unknown outcome.
    pub answer_timeout: HumanDuration,
    /// Whether a server that does not sync its commits (`fsync = off`) is accepted. For tests and measurements only:
    /// a loss of power loses acknowledged messages, and perhaps the whole database.
    pub allow_unsafe_fsync_off: bool,
}

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// No. For a server on the same machine or in a private network.
    #[default]
    Off,
    /// Yes, or there is no connection. The server's certificate must match the name in the URL and come from an
    /// authority in `ca_file`.
    Require,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            url: Secret::new(String::new()),
            schema: "carrel".to_owned(),
            tls: TlsMode::default(),
            ca_file: None,
            writers: 2,
            readers: 4,
            queue: 1024,
            queue_timeout: HumanDuration::from_secs(5),
            connect_timeout: HumanDuration::from_secs(3),
            lock_timeout: HumanDuration::from_secs(2),
            statement_timeout: HumanDuration::from_secs(5),
            answer_timeout: HumanDuration::from_secs(10),
            allow_unsafe_fsync_off: false,
        }
    }
}

/// Checked settings.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: PostgresConfig,
    pub(super) servers: Vec<Server>,
    pub(super) tls: Option<TlsConnector>,
}

/// One of the servers that the URL names.
#[derive(Clone)]
pub(super) struct Server {
    /// Where it is, without user and password.
    pub(super) place: String,
    pub(super) config: tokio_postgres::Config,
}

impl PostgresConfig {
    /// Checks all that can be checked without reaching the database, the certificates in `ca_file` too.
    ///
    /// # Errors
    /// When settings can't be used. All of them are told, and no password.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        wrong_settings(self)
            .iter()
            .for_each(|wrong| problems.add_named(wrong));
        problems.take_named(servers(self));
        problems.take_named(tls(self));
        problems.checked()
    }
}

impl Target {
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, OpenError> {
        if let Some(wrong) = wrong_settings(config).into_iter().next() {
            return Err(wrong);
        }
        Ok(Self {
            config: config.clone(),
            servers: servers(config)?,
            tls: tls(config)?,
        })
    }
}

fn tls(config: &PostgresConfig) -> Result<Option<TlsConnector>, OpenError> {
    match config.tls {
        TlsMode::Off => Ok(None),
        TlsMode::Require => TlsConnector::new(config.ca_file.as_deref()).map(Some),
    }
}

fn servers(config: &PostgresConfig) -> Result<Vec<Server>, OpenError> {
    let wrong = |problem: &str| OpenError::Setting {
        key: "url",
        problem: format!(
            "{problem}; write for example \"postgres://carrel:password@db.example.org:5432/carrel\""
        ),
    };
    let url = config.url.reveal();
    if url.is_empty() {
        return Err(wrong("it is not set"));
    }
    // The cause is left out: it could quote a part of a password.
    let all: tokio_postgres::Config = url.parse().map_err(|_| wrong("it can't be understood"))?;
    let hosts = all.get_hosts();
    let ports = all.get_ports();
    if hosts.is_empty() {
        return Err(wrong("it names no server"));
    }
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(wrong("it has not as many ports as servers"));
    }
    let servers = hosts.iter().enumerate().map(|(n, host)| {
        let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
        one_server(config, &all, host, port)
    });
    Ok(servers.collect())
}

/// Returns the configuration of one server of several, so that each gets its own time to answer.
fn one_server(
    config: &PostgresConfig,
    all: &tokio_postgres::Config,
    host: &Host,
    port: u16,
) -> Server {
    let mut server = tokio_postgres::Config::new();
    let place = match host {
        Host::Tcp(name) => {
            server.host(name);
            format!("{name}:{port}")
        }
        #[cfg(unix)]
        Host::Unix(folder) => {
            server.host_path(folder);
            folder
                .join(format!(".s.PGSQL.{port}"))
                .display()
                .to_string()
        }
    };
    all.get_user().map(|user| server.user(user));
    all.get_password().map(|password| server.password(password));
    all.get_dbname().map(|database| server.dbname(database));
    all.get_options().map(|options| server.options(options));
    server
        .port(port)
        .application_name(all.get_application_name().unwrap_or("carrel"))
        .ssl_mode(match config.tls {
            TlsMode::Off => SslMode::Disable,
            TlsMode::Require => SslMode::Require,
        })
        .keepalives(true)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(config.answer_timeout.get());
    Server {
        place,
        config: server,
    }
}

/// Returns what is wrong with the settings, each by itself and with the others.
fn wrong_settings(config: &PostgresConfig) -> Vec<OpenError> {
    let mut found = Vec::new();
    let mut wrong = |key, problem: &str| {
        found.push(OpenError::Setting {
            key,
            problem: problem.to_owned(),
        });
    };
    let mut letters = config.schema.bytes();
    let is_name = letters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && config.schema.len() < 64
        && !config.schema.starts_with("pg_");
    if !is_name {
        wrong(
            "schema",
            "it must be a name of up to 63 small letters, digits and underscores that does not begin with a digit or pg_",
        );
    }
    for (key, count) in [
        ("writers", config.writers),
        ("readers", config.readers),
        ("queue", config.queue),
    ] {
        if count == 0 {
            wrong(key, "it must be at least 1");
        }
    }
    for (key, time) in [
        ("connect_timeout", config.connect_timeout),
        ("lock_timeout", config.lock_timeout),
    ] {
        if time.get().is_zero() {
            wrong(key, "it must be longer than nothing");
        }
    }
    if config.statement_timeout <= config.lock_timeout {
        wrong("statement_timeout", "it must be longer than lock_timeout");
    }
    if config.answer_timeout <= config.statement_timeout {
        wrong("answer_timeout", "it must be longer than statement_timeout");
    }
    found
}
