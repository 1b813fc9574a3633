//! A service as a process: its command line, and what it is built on.
//!
//! A `main.rs` defines what is specific to its service: its settings, which services it calls, and how it is built
//! ([`ServiceProgram`]).

use std::{future::pending, path::Path, process::ExitCode, sync::Arc};

use clap::Subcommand;
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::server::TcpIncoming;

use super::{
    Bound, DRAIN, EngineSettings, Engines, EnginesError, LAST_TELEMETRY, Process, ProcessError,
    ProcessSettings, Readiness, ServiceSettings, bind,
    cli::{self, ProcessCommand, SettingsFile},
    open_secrets,
};
use crate::{
    auth::{interceptor::Authenticator, keys::KeyRing},
    bus::redis,
    clock::Clock,
    config::{ConfigError, Problems},
    log::postgres,
    replicas::{Address, Replicas},
    serve::{GrpcServer, Services},
    shutdown::Signals,
    tls::{ClientTls, TlsError},
};

/// The settings of a service's process, as in its settings file, and how the service is built from them.
pub trait ServiceProgram: Serialize + DeserializeOwned {
    /// The name of the process.
    const NAME: &'static str;
    /// The defaults of the settings that only this service has, each with its meaning.
    const OWN_DEFAULTS: &'static [&'static str];

    /// Returns the settings that all services have in common.
    fn alike(&self) -> ServiceSettings<'_>;

    /// Checks the settings that only this service has.
    ///
    /// # Errors
    /// When settings can't be used.
    fn check(&self) -> Result<(), Problems>;

    /// Returns the files with secrets that are named by settings that only this service has, each with its setting.
    fn own_secrets(&self) -> Option<(&'static str, &Path)> {
        None
    }

    /// Finds the services that this one calls, opens the engines, builds the service and serves it until the process is
    /// to end.
    ///
    /// # Errors
    /// When something that it needs can't be opened, or it can't continue.
    fn serve(&self, process: ServiceProcess<'_>) -> impl Future<Output = anyhow::Result<()>>;

    /// Returns the defaults of all settings, each with its meaning.
    #[must_use]
    fn defaults() -> String {
        let alike = [
            cli::PROCESS_DEFAULTS,
            include_str!("service.toml"),
            include_str!("engines.toml"),
        ];
        [&alike[..], Self::OWN_DEFAULTS].concat().join("\n")
    }

    /// Loads the settings in effect.
    ///
    /// # Errors
    /// As [`SettingsFile::load`].
    fn load(file: &SettingsFile) -> Result<Self, ConfigError> {
        file.load(&Self::defaults())
    }
}

/// What every service can be told to do.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ServiceCommand {
    /// What every process can be told to do.
    #[command(flatten)]
    Process(ProcessCommand),
    /// Create the tables of the log in the database, or upgrade those of an older version. All services share the
    /// tables; running it again does nothing.
    Migrate,
}

impl Default for ServiceCommand {
    fn default() -> Self {
        Self::Process(ProcessCommand::Serve)
    }
}

impl ServiceCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When the settings can't be used, or the command fails.
    pub async fn run<S: ServiceProgram>(self, file: &SettingsFile) -> anyhow::Result<ExitCode> {
        if let Self::Process(ProcessCommand::Config { defaults: true }) = self {
            return cli::print(&S::defaults());
        }
        let settings = S::load(file)?;
        let alike = settings.alike();
        match self {
            Self::Process(ProcessCommand::Serve) => {
                check(&settings)?;
                serve(&settings).await?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Process(ProcessCommand::Config { .. }) => {
                cli::show(&settings, &warnings(&settings), check(&settings))
            }
            Self::Process(ProcessCommand::Healthcheck) => {
                cli::tell_readiness(alike.health.address).await
            }
            Self::Migrate => cli::migrate(alike.postgres).await,
        }
    }
}

/// Checks all settings of a service.
fn check(settings: &impl ServiceProgram) -> Result<(), Problems> {
    let mut problems = Problems::default();
    problems.take(settings.alike().check());
    problems.take(settings.check());
    problems.checked()
}

fn warnings(settings: &impl ServiceProgram) -> Vec<String> {
    let alike = settings.alike();
    open_secrets(
        [alike.secrets(), settings.own_secrets()]
            .into_iter()
            .flatten(),
    )
}

/// Serves until a signal or a failure. Also if it ends before it serves, what it has to say is sent first.
async fn serve<S: ServiceProgram>(settings: &S) -> anyhow::Result<()> {
    let mut signals = Signals::listen().map_err(ProcessError::Signals)?;
    let process = ServiceProcess::start(S::NAME, settings.alike()).await?;
    for warning in warnings(settings) {
        tracing::warn!("{warning}");
    }
    let readiness = process.process.readiness().clone();
    let telemetry = process.process.telemetry().clone();
    let served = tokio::select! {
        // `serve` is polled first, so that it is known whether it serves when a signal arrives.
        biased;
        served = settings.serve(process) => served,
        () = told_to_stop_before_serving(&mut signals, &readiness) => Ok(()),
    };
    if readiness.is_starting() {
        telemetry.shutdown(LAST_TELEMETRY).await;
    }
    served
}

/// Waits for a signal that arrives before the process serves: waiting for an engine must not keep it from stopping. If
/// the process already serves, this never returns; [`Process::run`] handles the signal.
async fn told_to_stop_before_serving(signals: &mut Signals, readiness: &Readiness) {
    let signal = signals.next().await;
    if !readiness.is_starting() {
        return pending().await;
    }
    tracing::info!(signal, "stopping before it serves");
}

/// A service's process with its ports bound, its keys loaded and telemetry running.
pub struct ServiceProcess<'a> {
    process: Process,
    bound: Bound,
    settings: ServiceSettings<'a>,
    /// The time.
    pub clock: Clock,
    /// The keys that verify tokens.
    pub keys: KeyRing,
}

impl<'a> ServiceProcess<'a> {
    async fn start(
        name: &'static str,
        settings: ServiceSettings<'a>,
    ) -> Result<Self, ProcessError> {
        let watched = ProcessSettings {
            health: settings.health,
            telemetry: settings.telemetry,
        };
        let process = Process::start(name, &watched).await?;
        let bound = bind("grpc.address", settings.grpc.address).await?;
        let clock = Clock::system();
        let keys = KeyRing::load(&settings.keys.file)?;
        keys.observe(clock.clone());
        let watched = keys.clone();
        process
            .readiness()
            .watch("keys", move || watched.condition());
        Ok(Self {
            process,
            bound,
            settings,
            clock,
            keys,
        })
    }

    /// Finds the replicas of a service that this one calls. While they can't be reached, the process is degraded.
    ///
    /// # Errors
    /// When the TLS files can't be used.
    pub fn upstream(
        &self,
        service: &'static str,
        addresses: &[Address],
        tls: Option<&ClientTls>,
    ) -> Result<Replicas, TlsError> {
        let replicas = Replicas::find(service, addresses.to_vec(), tls)?;
        self.process.readiness().watch_upstream(service, &replicas);
        Ok(replicas)
    }

    /// Opens the log, the bus and the leases.
    ///
    /// # Errors
    /// As [`Engines::open`].
    pub async fn engines(&self) -> Result<Engines, EnginesError> {
        let settings = EngineSettings {
            postgres: self.settings.postgres,
            redis: self.settings.redis,
        };
        Engines::open(settings, self.process.readiness()).await
    }

    /// Returns an authenticator of callers that uses the process's keys and clock.
    #[must_use]
    pub fn authenticator(&self) -> Authenticator {
        Authenticator::new(self.keys.clone(), self.clock.clone())
    }

    /// Returns a unique name, as [`Process::replica`] does.
    #[must_use]
    pub fn replica(&self) -> Arc<str> {
        self.process.replica()
    }

    /// Returns the stop token, as [`Process::stop`] does.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.process.stop()
    }

    /// Serves gRPC until a signal, a failure of the server or a failure of the log, then stops in order.
    ///
    /// # Errors
    /// When it can't serve, or can't continue.
    pub async fn serve(
        self,
        services: Services,
        tasks: TaskTracker,
        engines: Engines,
    ) -> Result<(), ProcessError> {
        let settings = self.settings.grpc;
        let mut server = GrpcServer::new(services, settings.reflection)
            .await?
            .with_streams_per_connection(settings.streams_per_connection);
        if let Some(tls) = &settings.tls {
            server = server.with_tls(tls.for_grpc()?);
        }
        let serving = {
            let (server, stop) = (server.clone(), self.process.stop());
            let incoming = TcpIncoming::from(self.bound.listener);
            async move { server.serve(incoming, stop, DRAIN).await }
        };
        let unhealthy = async move { server.set_healthy(false).await };
        let failed = engines.log.failed();
        let address = format!("gRPC at {}", self.bound.address);
        let log_failed = async {
            failed.await;
            ProcessError::LogFailed
        };
        self.process
            .telemetry()
            .tell_engines(Some(postgres::SYSTEM), Some(redis::SYSTEM));
        let ended = self
            .process
            .run(
                &address,
                settings.notice.get(),
                serving,
                unhealthy,
                tasks,
                log_failed,
            )
            .await;
        drop(engines);
        ended
    }
}
