//! Puts a Carrel together out of its parts, and takes it apart in order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use carrel_platform::{
    auth::{interceptor::Authenticator, keys::KeyRing},
    bus::local::LocalBus,
    clock::Clock,
    log::{
        EventLog, LogError,
        sqlite::{OpenError, SqliteLog, SqliteOptions},
    },
    pipe::{PipeIncoming, pipe},
    serve::{GrpcServer, REQUEST_LIMIT, RESPONSE_LIMIT, ServeError, Services},
};
use carrel_presence::{CommandError, commands::load_directory, storage};
use futures::stream;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Channel, server::TcpIncoming};

use crate::{
    config::Config,
    data_folder::{DataFolder, DataFolderError, Lock},
};

/// How long each step of a stop may take. Together they stay well below ten seconds.
const GATEWAY_END: Duration = Duration::from_secs(4);
const GRPC_DRAIN: Duration = Duration::from_secs(1);
const SESSIONS_END: Duration = Duration::from_secs(1);
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
    #[error("presence-svc: {0}")]
    Presence(#[from] carrel_presence::Error),
    /// The first directory could not be loaded.
    #[error("the directory can't be loaded: {0}")]
    Directory(#[from] CommandError),
    /// The gRPC server did not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// What made a running Carrel unable to go on.
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

/// A Carrel that runs.
pub struct Running {
    /// Where pages and the websocket are served.
    pub http_addr: SocketAddr,
    /// Where gRPC is served.
    pub grpc_addr: SocketAddr,
    /// The log, for those who look at or change the directory from within the process.
    pub log: SqliteLog,
    grpc: GrpcServer,
    serving_grpc: Part,
    serving_http: Part,
    sessions: Sessions,
    _lock: Lock,
}

/// The word to end what sessions have begun, and the tasks to wait for.
struct Sessions {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A listener's task and the word to end it.
struct Part {
    stop: CancellationToken,
    task: JoinHandle<Result<(), String>>,
}

/// Starts everything and returns when it serves.
pub async fn assemble(config: Config) -> Result<Running, AssembleError> {
    start(config, None).await
}

/// Like [`assemble`]; but if there never was a directory, this one is loaded before anyone can call.
pub async fn assemble_with_directory(
    config: Config,
    directory: &str,
) -> Result<Running, AssembleError> {
    start(config, Some(directory)).await
}

async fn start(config: Config, directory: Option<&str>) -> Result<Running, AssembleError> {
    let clock = Clock::system();
    let folder = DataFolder::open(&config.data_dir)?;
    let lock = folder.lock()?;
    let (http, http_addr) = listen("http.address", config.http.address).await?;
    let (grpc, grpc_addr) = listen("grpc.address", config.grpc.address).await?;
    // First the log: keys without one are the sign that it was lost.
    let log = SqliteLog::open(&folder.log(), SqliteOptions::default())?;
    let keys = folder.key_ring(&clock)?;
    if let Some(directory) = directory
        && storage::read(&log).await?.version == 0
    {
        load_directory(&log, directory, &clock).await?;
    }

    let (services, sessions) = services(&config, &log, keys, &clock).await?;
    let server = GrpcServer::new(services, config.grpc.reflection).await?;
    let (to_session, from_session_clients) = pipe();
    let (to_directory, from_directory_clients) = pipe();
    let pipes = [from_session_clients, from_directory_clients];
    let serving_grpc = serve_grpc(server.clone(), TcpIncoming::from(grpc), pipes);
    let serving_http = serve_http(&config, http, to_session, to_directory, clock);
    Ok(Running {
        http_addr,
        grpc_addr,
        log,
        grpc: server,
        serving_grpc,
        serving_http,
        sessions,
        _lock: lock,
    })
}

impl Running {
    /// Resolves when this Carrel can't go on and has to be stopped. Cancel-safe.
    pub async fn failed(&mut self) -> Failure {
        tokio::select! {
            () = self.log.failed() => Failure::Log,
            ended = &mut self.serving_grpc.task => Failure::Ended("gRPC", outcome(ended)),
            ended = &mut self.serving_http.task => Failure::Ended("HTTP", outcome(ended)),
        }
    }

    /// Stops in order: no longer healthy, browsers told to come back, streams ended, calls finished, the log closed.
    pub async fn stop(self) {
        self.grpc.set_healthy(false).await;
        self.serving_http.stop(GATEWAY_END).await;
        self.sessions.stop.cancel();
        self.serving_grpc.stop(GRPC_DRAIN * 2).await;
        let finished = tokio::time::timeout(SESSIONS_END, self.sessions.tasks.wait());
        if finished.await.is_err() {
            tracing::warn!("some sessions did not finish what they had begun");
        }
        let (grpc, log) = (self.grpc, self.log);
        let closed = tokio::task::spawn_blocking(move || drop((grpc, log)));
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

async fn services(
    config: &Config,
    log: &SqliteLog,
    keys: KeyRing,
    clock: &Clock,
) -> Result<(Services, Sessions), AssembleError> {
    let log: Arc<dyn EventLog> = Arc::new(log.clone());
    let auth = Authenticator::new(keys.clone(), clock.clone());
    let stop = CancellationToken::new();
    let session = carrel_session::build(
        config.session.clone(),
        carrel_session::Parts {
            log: Arc::clone(&log),
            bus: Arc::new(LocalBus::default()),
            clock: clock.clone(),
            auth: auth.clone(),
            stop: stop.clone(),
        },
    )
    .await?;
    let directory = carrel_presence::build(
        config.presence.clone(),
        carrel_presence::Parts {
            log,
            clock: clock.clone(),
            keys,
            auth,
        },
    )
    .await?;
    let services = Services::new()
        .with(
            session
                .service
                .max_decoding_message_size(REQUEST_LIMIT)
                .max_encoding_message_size(RESPONSE_LIMIT),
        )
        .with(
            directory
                .max_decoding_message_size(REQUEST_LIMIT)
                .max_encoding_message_size(RESPONSE_LIMIT),
        );
    let sessions = Sessions {
        stop,
        tasks: session.tasks,
    };
    Ok((services, sessions))
}

fn serve_grpc(server: GrpcServer, listener: TcpIncoming, pipes: [PipeIncoming; 2]) -> Part {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let pipes = stream::select_all(pipes);
        let own = server.for_own_clients();
        tokio::try_join!(
            server.serve(listener, stopped.clone(), GRPC_DRAIN),
            own.serve(pipes, stopped.clone(), GRPC_DRAIN),
        )
        .map(|((), ())| ())
        .map_err(|error| error.to_string())
    });
    Part { stop, task }
}

fn serve_http(
    config: &Config,
    listener: TcpListener,
    session: Channel,
    directory: Channel,
    clock: Clock,
) -> Part {
    let stop = CancellationToken::new();
    let gateway = carrel_gateway::build(
        config.gateway.clone(),
        carrel_gateway::Parts {
            session,
            directory,
            clock,
            shutdown: stop.clone(),
        },
    );
    let task =
        tokio::spawn(async move { gateway.serve(listener).await.map_err(|e| e.to_string()) });
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
