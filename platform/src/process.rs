//! A service as a process of its own: what all of them do alike, from the configuration to the end.
//!
//! A service's `main.rs` says by [`ServiceProgram`] what is its own; the gateway's, which has no engines, uses
//! [`Process`] itself. At the start, the settings are checked and every port is taken first, then the engines are opened,
//! then the service is built, and only then anybody is let in. The order of the end is here and nowhere else: no longer
//! healthy, so that callers go elsewhere; a moment for them to notice; streams end and what was begun is finished;
//! telemetry is flushed last.

pub mod cli;
mod engines;
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

/// How long each step of a stop may take. Together they stay below ten seconds.
const DRAIN: Duration = Duration::from_secs(3);
/// How long what serves has to end by itself in a stop, before it is ended.
pub const SERVING_END: Duration = DRAIN.saturating_mul(2);
const TASKS_END: Duration = Duration::from_secs(2);
const LAST_TRACES: Duration = Duration::from_secs(1);

/// Why a process did not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The system does not tell of signals.
    #[error("signals can't be caught: {0}")]
    Signals(io::Error),
    /// Telemetry can't be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// TLS can't be set up.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// An address can't be listened on.
    #[error("{setting}: {address} can't be listened on: {source}")]
    Listen {
        /// The setting that names it.
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
    /// The log can't be used any more by this process.
    #[error(
        "the log can't be used any more by this process, see the lines above; nothing that was acknowledged is lost. \
         Start it again"
    )]
    LogFailed,
    /// What serves failed.
    #[error("the server failed: {0}")]
    Server(String),
    /// Where the process is can't be said.
    #[error("standard output can't be written: {0}")]
    Announce(io::Error),
}

/// A process that has its ports, and is watched.
pub struct Process {
    name: &'static str,
    signals: Signals,
    telemetry: Telemetry,
    readiness: Readiness,
    probes: Probes,
    stop: CancellationToken,
}

/// A listener that was bound, and where it is.
pub struct Bound {
    /// The listener.
    pub listener: TcpListener,
    /// Its address, with the port that was taken if any was to be.
    pub address: SocketAddr,
}

impl Process {
    /// Catches signals, starts telemetry and takes the port of the probes.
    ///
    /// # Errors
    /// When one of these can't be had.
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

    /// What is cancelled when the process is to stop: streams end then, and what was begun is finished.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// What the process needs to be as it should be. Add to it what can be degraded.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// How the process is watched.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// A name for this process that no other has.
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

    /// Runs what serves until a signal or a failure ends it, then stops in order: `unhealthy`, a moment, the end of
    /// `serving` and of the tasks, and the telemetry.
    ///
    /// # Errors
    /// When it can't go on.
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
            telemetry.shutdown(LAST_TRACES).await;
        };
        tokio::select! {
            () = end => {}
            // Somebody does not want to wait.
            _ = signals.next() => std::process::exit(130),
        }
        failure.map_or(Ok(()), Err)
    }

    /// Says on standard output where everything is. Programs may rely on it.
    fn announce(&self, address: &str) -> io::Result<()> {
        let mut line = format!("{} serves {address}", self.name);
        // Writing to a text does not fail.
        let _ = write!(line, ", health at http://{}", self.probes.address());
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }
}

/// Takes an address. Port 0 takes a free one.
///
/// # Errors
/// When it can't be had.
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
