//! Assembles a Carrel from its parts, and stops them in order.

use std::{io, net::SocketAddr, time::Duration};

use carrel_platform::{
    auth::keys::KeyRing,
    clock::Clock,
    config::Problems,
    in_process::{InProcess, InProcessServer},
    log::{
        EventLog, LogError,
        sqlite::{OpenError, SqliteLog, SqliteOptions},
    },
    serve::{GrpcServer, ServeError},
};
use carrel_presence::{CommandError, commands::load_directory, storage};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use self::services::{Begun, Shared};
use crate::{
    config::Config,
    data_folder::{DataFolder, DataFolderError, Lock},
};

mod services;

/// How long each step of a stop may take. Together with the export of the last traces, they stay below ten seconds.
pub(crate) const GATEWAY_END: Duration = Duration::from_millis(4_750);
const GRPC_DRAIN: Duration = Duration::from_secs(1);
const SERVICES_END: Duration = Duration::from_secs(1);
const LOG_END: Duration = Duration::from_secs(1);

/// Why a Carrel did not start.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The data folder can't be used.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// The log can't be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// An address can't be listened on.
    #[error("{setting}: {address} can't be listened on: {error}{hint}")]
    Listen {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
        /// What may help, as a further sentence.
        hint: &'static str,
    },
    /// session-svc did not start.
    #[error(transparent)]
    Session(#[from] carrel_session::StartError),
    /// The log can't be read.
    #[error("the log can't be read: {0}")]
    Read(#[from] LogError),
    /// presence-svc did not start.
    #[error(transparent)]
    Presence(#[from] carrel_presence::StartError),
    /// Settings can't be used.
    #[error(transparent)]
    Settings(#[from] Problems),
    /// The first directory could not be loaded.
    #[error("the directory can't be loaded: {0}")]
    Directory(#[from] CommandError),
    /// The gRPC server did not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Why a running Carrel can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The log broke.
    #[error(
        "the log can't be written any more, see the lines above. Nothing that was acknowledged is lost. See to the \
         disk, then start Carrel again"
    )]
    Log,
    /// A listener ended by itself.
    #[error("{0} ended by itself: {1}")]
    Ended(&'static str, String),
}

/// A running Carrel.
pub struct Running {
    /// The address where pages and the websocket are served.
    pub http_addr: SocketAddr,
    /// The address where gRPC is served.
    pub grpc_addr: SocketAddr,
    /// The log, for code in this process that reads or changes the directory.
    pub log: SqliteLog,
    /// The keys that sign and verify tokens, to see whether they can be followed.
    pub keys: KeyRing,
    /// The folder that it runs on.
    pub folder: DataFolder,
    grpc: GrpcServer,
    within: InProcessServer,
    serving_grpc: Part,
    serving_http: Part,
    begun: Begun,
    _lock: Lock,
}

/// A listener's task, and the token that ends it.
struct Part {
    stop: CancellationToken,
    task: JoinHandle<Result<(), String>>,
}

/// Starts everything, and returns once it serves.
pub async fn assemble(config: Config) -> Result<Running, AssembleError> {
    start(config, None).await
}

/// Like [`assemble`], but first loads this directory, before any call is served, if there never was one.
pub async fn assemble_with_directory(
    config: Config,
    directory: &str,
) -> Result<Running, AssembleError> {
    start(config, Some(directory)).await
}

async fn start(config: Config, directory: Option<&str>) -> Result<Running, AssembleError> {
    config.check()?;
    let clock = Clock::system();
    let folder = DataFolder::open(&config.data_dir)?;
    let lock = folder.lock()?;
    let (http, http_addr) = listen("http.address", config.http.address).await?;
    let (grpc, grpc_addr) = listen("grpc.address", config.grpc.address).await?;
    // The log is opened before keys are made: keys without a log are the sign that the log was lost.
    let log = SqliteLog::open(&folder.log(), SqliteOptions::default())?;
    let keys = folder.key_ring(&clock)?;
    if let Some(directory) = directory
        && storage::read(&log).await?.version == 0
    {
        load_directory(&log, directory, &clock).await?;
    }

    let within = InProcessServer::default();
    let here = within.way();
    let shared = Shared::new(log.clone(), keys.clone(), clock.clone());
    let (services, begun) = services::build(&config, shared, &here).await?;
    let server = GrpcServer::new(services, config.grpc.reflection).await?;
    within.serve(&server);
    let serving_grpc = serve_grpc(server.clone(), TcpIncoming::from(grpc));
    let serving_http = serve_http(&config, http, &here, clock);
    Ok(Running {
        http_addr,
        grpc_addr,
        log,
        keys,
        folder,
        grpc: server,
        within,
        serving_grpc,
        serving_http,
        begun,
        _lock: lock,
    })
}

impl Running {
    /// Resolves when this Carrel can't go on and must be stopped. Cancel-safe.
    pub async fn failed(&mut self) -> Failure {
        tokio::select! {
            () = self.log.failed() => Failure::Log,
            ended = &mut self.serving_grpc.task => Failure::Ended("gRPC", outcome(ended)),
            ended = &mut self.serving_http.task => Failure::Ended("HTTP", outcome(ended)),
        }
    }

    /// Stops in order: reports not serving, tells browsers to come back, ends streams, finishes calls, closes the log.
    pub async fn stop(self) {
        self.grpc.set_healthy(false).await;
        self.serving_http.stop(GATEWAY_END).await;
        self.begun.stop();
        self.serving_grpc.stop(GRPC_DRAIN * 2).await;
        let finished = tokio::time::timeout(SERVICES_END, self.begun.finished());
        if finished.await.is_err() {
            tracing::warn!("some services did not finish what they had begun");
        }
        let (grpc, within, log) = (self.grpc, self.within, self.log);
        let closed = tokio::task::spawn_blocking(move || drop((grpc, within, log)));
        if tokio::time::timeout(LOG_END, closed).await.is_err() {
            tracing::warn!("the log took too long to close; the next start will look through it");
        }
    }
}

impl Part {
    async fn stop(mut self, deadline: Duration) {
        self.stop.cancel();
        if self.task.is_finished() {
            return;
        }
        if tokio::time::timeout(deadline, &mut self.task)
            .await
            .is_err()
        {
            tracing::warn!("a listener did not end in time");
            self.task.abort();
        }
    }
}

fn serve_grpc(server: GrpcServer, listener: TcpIncoming) -> Part {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let served = server.serve(listener, stopped, GRPC_DRAIN).await;
        served.map_err(|error| error.to_string())
    });
    Part { stop, task }
}

fn serve_http(config: &Config, listener: TcpListener, here: &InProcess, clock: Clock) -> Part {
    let stop = CancellationToken::new();
    let gateway = carrel_gateway::build(
        config.gateway.clone(),
        carrel_gateway::Parts {
            session: here.clone().into(),
            presence: here.clone().into(),
            im: here.clone().into(),
            clock,
            shutdown: stop.clone(),
        },
    );
    let task = tokio::spawn(async move {
        let served = gateway.serve(listener, None).await;
        served.map_err(|error| error.to_string())
    });
    Part { stop, task }
}

async fn listen(
    setting: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), AssembleError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                ". Another program has it, perhaps another Carrel; stop that one or set another address"
            }
            io::ErrorKind::PermissionDenied => ". Ports below 1024 need a right of their own",
            _ => "",
        };
        AssembleError::Listen {
            setting,
            address,
            error,
            hint,
        }
    })
}

fn outcome(ended: Result<Result<(), String>, tokio::task::JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "it was not asked to".to_owned(),
        Ok(Err(error)) => error,
        Err(error) => error.to_string(),
    }
}
