//! A directory service that runs for one test: in-memory log, a clock that stands still, real gRPC on a free loopback
//! port.

use std::{future::pending, sync::Arc, time::Duration};

use carrel_platform::{
    auth::{interceptor::Authenticator, keys::KeyRing},
    bus::local::LocalBus,
    clock::Clock,
    in_process::InProcessServer,
    lease::memory::MemoryLeases,
    log::{EventLog, sqlite::SqliteLog},
    replicas::Replicas,
    serve::{GrpcServer, Services},
};
use carrel_presence::{Config, Parts, Running, config::Rate};
use carrel_proto::directory::v1::{
    LogInRequest, LogInResponse, directory_service_client::DirectoryServiceClient,
};
use carrel_testbed::pipe::pipe;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    transport::{Endpoint, Server},
};
use tonic_types::StatusExt as _;

pub(crate) const DEMO: &str = include_str!("../../../carrel/demo/directory.toml");
pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) type Client = DirectoryServiceClient<Replicas>;

pub(crate) struct Desk {
    pub(crate) log: SqliteLog,
    pub(crate) clock: Clock,
    pub(crate) keys: KeyRing,
    pub(crate) auth: Authenticator,
    pub(crate) client: Client,
    server: JoinHandle<()>,
    stop: CancellationToken,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.server.abort();
        self.stop.cancel();
    }
}

impl Desk {
    /// A desk with the demo directory and no limits.
    pub(crate) async fn demo() -> Self {
        let desk = Self::with(Config {
            log_in_per_account_and_address: unlimited(),
            log_in_per_account: unlimited(),
            log_in_per_address: unlimited(),
            admit_per_address: unlimited(),
            ..Config::default()
        })
        .await;
        desk.load(DEMO).await;
        desk
    }

    /// A desk with an empty directory, whose callers come over the network.
    pub(crate) async fn with(config: Config) -> Self {
        Self::serve(config, async |running| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let channel = Endpoint::from_shared(address).unwrap().connect_lazy();
            let serving = Server::builder()
                .add_service(running.directory)
                .serve_with_incoming(TcpListenerStream::new(listener));
            let server = tokio::spawn(async move { serving.await.unwrap() });
            (channel.into(), server)
        })
        .await
    }

    /// The same, with callers whose address is not known.
    #[allow(dead_code, reason = "not every test file needs it")]
    pub(crate) async fn without_addresses(config: Config) -> Self {
        Self::serve(config, async |running| {
            let (channel, incoming) = pipe();
            let serving = Server::builder()
                .add_service(running.directory)
                .serve_with_incoming(incoming);
            let server = tokio::spawn(async move { serving.await.unwrap() });
            (channel.into(), server)
        })
        .await
    }

    /// The same, with callers in the same process, as a gateway can be.
    #[allow(dead_code, reason = "not every test file needs it")]
    pub(crate) async fn in_process(config: Config) -> Self {
        Self::serve(config, async |running| {
            let services = Services::new().with(running.directory);
            let within = InProcessServer::default();
            within.serve(&GrpcServer::new(services, false).await.unwrap());
            let way = within.way().into();
            let server = tokio::spawn(async move {
                let _serves = within;
                pending().await
            });
            (way, server)
        })
        .await
    }

    async fn serve(
        config: Config,
        mount: impl AsyncFnOnce(Running) -> (Replicas, JoinHandle<()>),
    ) -> Self {
        let log = SqliteLog::in_memory().unwrap();
        let clock = Clock::manual(NOW);
        let keys = KeyRing::generate().unwrap();
        let auth = Authenticator::new(keys.clone(), clock.clone());
        let stop = CancellationToken::new();
        let parts = Parts {
            log: Arc::new(log.clone()) as Arc<dyn EventLog>,
            bus: Arc::new(LocalBus::default()),
            leases: Arc::new(MemoryLeases::default()),
            clock: clock.clone(),
            keys: keys.clone(),
            auth: auth.clone(),
            // Not served: the directory needs no load.
            load: pipe().0.into(),
            stop: stop.clone(),
        };
        let running = carrel_presence::build(config, parts).await.unwrap();
        let (way, server) = mount(running).await;
        let client = DirectoryServiceClient::new(way);
        Self {
            log,
            clock,
            keys,
            auth,
            client,
            server,
            stop,
        }
    }

    pub(crate) async fn load(&self, text: &str) {
        carrel_presence::commands::load_directory(&self.log, text, &self.clock)
            .await
            .unwrap();
    }

    pub(crate) async fn log_in(&self, name: &str) -> LogInResponse {
        self.try_log_in(name, "demo").await.unwrap()
    }

    pub(crate) async fn try_log_in(
        &self,
        name: &str,
        password: &str,
    ) -> Result<LogInResponse, Status> {
        let request = LogInRequest {
            log_in_name: name.into(),
            password: password.into(),
        };
        Ok(self.client.clone().log_in(request).await?.into_inner())
    }
}

pub(crate) fn unlimited() -> Rate {
    Rate {
        burst: 1,
        every: Duration::ZERO.into(),
    }
}

/// A request that brings a token.
pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(
        "authorization",
        MetadataValue::try_from(format!("Bearer {token}")).unwrap(),
    );
    request
}

/// The code and reason of a refusal, which must name our domain.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "carrel");
    (status.code(), info.reason.clone())
}
