//! The command-line options and commands that every process has.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Subcommand};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    config::{self, ConfigError, Problems},
    log::postgres::{self, Migration, PostgresConfig},
};

/// How long a server may take to answer a health check.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest answer about readiness that is read, in bytes.
const READINESS_LIMIT: usize = 64 * 1024;

/// How long a process waits at exit for threads that do not return, such as one that reads a password.
const LAST_THREADS: Duration = Duration::from_millis(500);

/// The prefix of the environment variables that are settings.
pub const ENV_PREFIX: &str = "CARREL_";

/// Where settings come from, beside the defaults and the environment.
#[derive(Clone, Debug, Args)]
pub struct SettingsFile {
    /// Settings file; see "config --defaults" for all settings.
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What every process can be told to do.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ProcessCommand {
    /// Serve until stopped. SIGTERM or Ctrl-C once: finish what is under way, within ten seconds; twice: stop at once.
    Serve,
    /// Show the settings in effect, as a settings file. Secrets are hidden. Exits with 1 and says why if the process
    /// would not start with them.
    Config {
        /// Show the defaults instead, with an explanation of each.
        #[arg(long)]
        defaults: bool,
    },
    /// Ask the process at health.address whether it is ready, and show the answer. Exits with 0 if it is ready, even if
    /// degraded, and with 1 if not.
    Healthcheck,
}

impl SettingsFile {
    /// Loads the settings in effect: the defaults, overridden by the file, overridden by the environment.
    ///
    /// # Errors
    /// As [`config::load`].
    pub fn load<T: DeserializeOwned>(&self, defaults: &str) -> Result<T, ConfigError> {
        config::load(defaults, self.config.as_deref(), ENV_PREFIX, ())
    }
}

/// The defaults of the settings that every process has.
pub const PROCESS_DEFAULTS: &str = include_str!("default.toml");

/// Runs a process to its end, and prints the error if it fails.
pub fn main(name: &str, process: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let ended = tokio::runtime::Runtime::new()
        .context("the runtime did not start")
        .and_then(|runtime| {
            let ended = runtime.block_on(process);
            runtime.shutdown_timeout(LAST_THREADS);
            ended
        });
    ended.unwrap_or_else(|error| {
        // If standard error can't be written, there is nothing left to do.
        let _ = writeln!(std::io::stderr(), "{name}: {}", told(&error));
        ExitCode::FAILURE
    })
}

/// Returns what an error says and why it came about, without what it says itself of its cause.
fn told(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.contains(&cause) {
            told.push_str(": ");
            told.push_str(&cause);
        }
    }
    told
}

/// Prints a text to standard output.
///
/// # Errors
/// When standard output can't be written.
pub fn print(text: &str) -> anyhow::Result<ExitCode> {
    write!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// Prints settings as they are in effect, whether or not they passed the check, and warnings to standard error.
///
/// # Errors
/// When they did not, so that settings can be tried before they are rolled out; or when they can't be rendered or
/// printed.
pub fn show(
    settings: &impl Serialize,
    warnings: &[String],
    checked: Result<(), Problems>,
) -> anyhow::Result<ExitCode> {
    let printed = print(&config::render(settings)?)?;
    for warning in warnings {
        writeln!(std::io::stderr(), "warning: {warning}")?;
    }
    checked?;
    Ok(printed)
}

/// Creates the tables of the log or brings them up to date, and prints what was done.
///
/// # Errors
/// When the database can't be reached or changed.
pub async fn migrate(settings: &PostgresConfig) -> anyhow::Result<ExitCode> {
    let Migration { from, to } = postgres::migrate(settings).await?;
    print(&if from == to {
        format!("The tables of the log are of version {to}, as they should be.\n")
    } else {
        format!("The tables of the log are of version {to} now; they were of version {from}.\n")
    })
}

/// Asks the gRPC server at an address for its health, and prints it.
///
/// # Errors
/// When it does not answer.
pub async fn tell_health(address: SocketAddr) -> anyhow::Result<ExitCode> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .connect()
        .await
        .with_context(|| format!("nobody answers at {address} (grpc.address)"))?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await
        .with_context(|| format!("the server at {address} does not tell its health"))?;
    let healthy = answer.into_inner().status() == ServingStatus::Serving;
    print(if healthy {
        "healthy\n"
    } else {
        "not healthy\n"
    })?;
    Ok(ExitCode::from(u8::from(!healthy)))
}

/// Asks the process whose probes are at an address whether it is ready, and prints the answer.
///
/// # Errors
/// When it does not answer.
pub async fn tell_readiness(address: SocketAddr) -> anyhow::Result<ExitCode> {
    let address = reachable(address);
    let (status, said) = tokio::time::timeout(PATIENCE, ask_readiness(address))
        .await
        .with_context(|| format!("nobody answers at {address} (health.address) in time"))?
        .with_context(|| format!("nobody answers at {address} (health.address)"))?;
    print(&said)?;
    Ok(ExitCode::from(u8::from(status != StatusCode::OK)))
}

async fn ask_readiness(address: SocketAddr) -> anyhow::Result<(StatusCode, String)> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let request = Request::get("/ready")
        .header(header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let text = Limited::new(body, READINESS_LIMIT).collect().await;
        let text = text.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        Ok((head.status, String::from_utf8_lossy(&text).into_owned()))
    };
    // The connection ends with the answer, which also reports its errors.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}

/// Returns an address at which a listener can be reached from this machine, even if it listens on all addresses.
#[must_use]
pub fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file can't be read: {source}")]
    struct Unread {
        source: io::Error,
    }

    #[test]
    fn nothing_is_said_twice() {
        let error = anyhow::Error::new(Unread {
            source: io::Error::other("no such file"),
        });
        assert_eq!(told(&error), "the file can't be read: no such file");
        let error = error.context("the directory was not changed");
        assert_eq!(
            told(&error),
            "the directory was not changed: the file can't be read: no such file"
        );
    }
}
