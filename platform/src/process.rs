//! A service as a process of its own: what all of them have in common, from configuration to shutdown.
//!
//! A service's `main.rs` implements [`ServiceProgram`] for what is specific to it; the gateway, which has no engines,
//! uses [`Process`] directly. At start-up, the settings are checked and every port is bound first, then the engines are
//! opened, then the service is built, and only then are calls accepted. The shutdown order of a service is defined
//! here: report unhealthy, so that callers go elsewhere; wait a moment for them to notice; end the streams and finish
//! what was begun; flush the telemetry last. `carrel`, which runs all services in one process, has an order of its own
//! in `assemble`.

pub mod cli;
mod engines;
mod open_files;
mod open_secrets;
mod probes;
mod service;
mod settings;

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    engines::{Engines, EnginesError},
    open_files::raise_open_files,
    open_secrets::open_secrets,
    probes::{Probes, Readiness},
    service::{ServiceCommand, ServiceProcess, ServiceProgram},
    settings::{
        EngineSettings, GrpcSettings, HealthSettings, KeySettings, ProcessSettings, ServiceSettings,
    },
};
use crate::{
    auth::keys::KeyError,
    bus::Origin,
    serve::ServeError,
    shutdown::Signals,
    telemetry::{self, Telemetry, TelemetryError},
    tls::TlsError,
};

/// How long connections may take to finish when the process stops. All steps together stay below ten seconds.
const DRAIN: Duration = Duration::from_secs(3);
/// How long the serving task may take to end by itself when the process stops, before it is aborted.
pub const SERVING_END: Duration = DRAIN.saturating_mul(2);
const TASKS_END: Duration = Duration::from_secs(2);
/// How long sending the last telemetry may take when the process ends.
pub const LAST_TELEMETRY: Duration = Duration::from_secs(1);

/// Why a process did not start or could not continue.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Signals can't be caught.
    #[error("signals can't be caught: {0}")]
    Signals(io::Error),
    /// Telemetry can't be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// TLS can't be set up.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// An address can't be bound.
    #[error("{setting}: {address} can't be listened on: {source}")]
    Listen {
        /// The setting that contains it.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The keys can't be used.
    #[error("keys.file: {0}")]
    Keys(#[from] KeyError),
    /// An engine can't be used.
    #[error(transparent)]
    Engines(#[from] EnginesError),
    /// gRPC can't be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// This process can no longer use the log.
    #[error(
        "the log can't be used any more by this process, see the lines above; nothing that was acknowledged is lost. \
         Start it again"
    )]
    LogFailed,
    /// The serving task failed.
    #[error("the server failed: {0}")]
    Server(String),
    /// The addresses of the process can't be announced.
    #[error("standard output can't be written: {0}")]
    Announce(io::Error),
}

/// A process with the port of its probes bound and telemetry running.
pub struct Process {
    name: &'static str,
    signals: Signals,
    telemetry: Telemetry,
    readiness: Readiness,
    probes: Probes,
    stop: CancellationToken,
}

/// A bound listener and its address.
pub struct Bound {
    /// The listener.
    pub listener: TcpListener,
    /// Its address, with the actual port if port 0 was requested.
    pub address: SocketAddr,
}

impl Process {
    /// Catches signals, starts telemetry and binds the port of the probes.
    ///
    /// # Errors
    /// When one of these fails.
    pub async fn start(
        name: &'static str,
        settings: &ProcessSettings<'_>,
    ) -> Result<Self, ProcessError> {
        let signals = Signals::listen().map_err(ProcessError::Signals)?;
        let telemetry = telemetry::init(name, settings.telemetry)?;
        let readiness = Readiness::default();
        let bound = bind("health.address", settings.health.address).await?;
        let probes = Probes::serve(bound, readiness.clone(), telemetry.exposition());
        Ok(Self {
            name,
            signals,
            telemetry,
            readiness,
            probes,
            stop: CancellationToken::new(),
        })
    }

    /// Returns the token that is cancelled when the process is to stop: streams then end, and what was begun is
    /// finished.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Returns the readiness of the process. Add to it everything that can be degraded.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Returns the telemetry of the process.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Returns a new name for this process that no other process has; each call makes another.
    #[must_use]
    pub fn replica(&self) -> Arc<str> {
        format!(
            "{}-{:x}-{:x}",
            self.name,
            std::process::id(),
            Origin::random().0
        )
        .into()
    }

    /// Runs `serving` until a signal or a failure ends it, then stops in order: awaits `unhealthy`, waits for `notice`
    /// (unless there was a failure), ends `serving` and the tasks, and flushes the telemetry.
    ///
    /// # Errors
    /// When the process can't continue.
    pub async fn run<E>(
        mut self,
        address: &str,
        notice: Duration,
        serving: impl Future<Output = Result<(), E>> + Send + 'static,
        unhealthy: impl Future<Output = ()>,
        tasks: TaskTracker,
        failed: impl Future<Output = ProcessError>,
    ) -> Result<(), ProcessError>
    where
        E: Send + 'static,
        ProcessError: From<E>,
    {
        let mut serving = tokio::spawn(serving);
        self.readiness.serving();
        self.announce(address).map_err(ProcessError::Announce)?;
        let (version, open_files) = (env!("CARGO_PKG_VERSION"), raise_open_files());
        tracing::info!(version, address, open_files, "serving");
        let failure = tokio::select! {
            signal = self.signals.next() => {
                tracing::info!(signal, "stopping; the same signal again stops at once");
                None
            }
            failure = failed => Some(failure),
            ended = &mut serving => Some(match ended {
                Ok(Err(error)) => error.into(),
                Ok(Ok(())) => ProcessError::Server("it ended by itself".to_owned()),
                Err(error) => ProcessError::Server(error.to_string()),
            }),
        };
        let Self {
            mut signals,
            telemetry,
            readiness,
            probes,
            stop,
            ..
        } = self;
        let end = async {
            readiness.stopping();
            unhealthy.await;
            if failure.is_none() {
                tokio::time::sleep(notice).await;
            }
            stop.cancel();
            if !serving.is_finished()
                && tokio::time::timeout(SERVING_END, &mut serving)
                    .await
                    .is_err()
            {
                tracing::warn!("not everybody was gone in time");
                serving.abort();
            }
            if tokio::time::timeout(TASKS_END, tasks.wait()).await.is_err() {
                tracing::warn!("what was begun was not finished in time");
            }
            probes.stop();
            telemetry.shutdown(LAST_TELEMETRY).await;
        };
        tokio::select! {
            () = end => {}
            // A second signal: stop at once.
            _ = signals.next() => std::process::exit(130),
        }
        failure.map_or(Ok(()), Err)
    }

    /// Prints the addresses to standard output. Programs may rely on this line.
    fn announce(&self, address: &str) -> io::Result<()> {
        let mut line = format!("{} serves {address}", self.name);
        // Writing to a string does not fail.
        let _ = write!(line, ", health at http://{}", self.probes.address());
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }
}

/// Binds an address. Port 0 picks a free port.
///
/// # Errors
/// When the address can't be bound.
pub async fn bind(setting: &'static str, address: SocketAddr) -> Result<Bound, ProcessError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Bound { listener, address })
    };
    bound.await.map_err(|source| ProcessError::Listen {
        setting,
        address,
        source,
    })
}
