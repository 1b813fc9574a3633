//! Serving gRPC: one server with our limits, health, reflection and a shutdown that ends in time.

mod accept;
mod connection;
mod deadline;

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use http::{Request, Response};
use prost::Message;
use prost_types::FileDescriptorSet;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};
use tokio_rustls::{TlsAcceptor, rustls};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::{Server, server::Connected},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::{Layer as _, Service};

use self::{
    accept::connections,
    deadline::{Deadlined, Deadlines},
};
use crate::telemetry::{
    call_duration::{Measured, ServedCalls},
    grpc::{ServerSpans, SpannedService},
};

/// The largest request that a service accepts, in bytes. Each service sets it on itself, see
/// [`within_limits!`](crate::within_limits).
pub const REQUEST_LIMIT: usize = 256 * 1024;
/// The largest response that a service sends, in bytes: a long transcript. Clients must set it, too, to read them.
pub const RESPONSE_LIMIT: usize = 16 * 1024 * 1024;
/// The flow-control window of one stream.
///
/// Large, because h2 counts small unread messages against a budget of half the connection's window, and ends all
/// streams of a connection when it is used up: with the default window, one stalled reader would end the others'
/// streams, too.
pub const STREAM_WINDOW: u32 = 8 * 1024 * 1024;
/// The flow-control window of one connection. See [`STREAM_WINDOW`].
pub const CONNECTION_WINDOW: u32 = 128 * 1024 * 1024;

/// Collects services, with our limits on requests and responses. A macro, because the limits are set by methods of each
/// generated server, which have no trait in common.
#[macro_export]
macro_rules! within_limits {
    ($($server:expr),* $(,)?) => {
        $crate::serve::Services::new()$(.with(
            $server
                .max_decoding_message_size($crate::serve::REQUEST_LIMIT)
                .max_encoding_message_size($crate::serve::RESPONSE_LIMIT),
        ))*
    };
}

/// How many connections are served at once; any further ones are closed immediately.
const CONNECTIONS: usize = 1024;
/// How many streams one connection may have open. tonic's default is no limit.
const STREAMS_PER_CONNECTION: u32 = 256;
/// How many bytes of metadata a call may carry.
const HEADER_LIST_LIMIT: u32 = 16 * 1024;
/// How many times a peer may make us reset a stream, and how many resets may be pending. tonic's default is no limit.
const ERROR_RESETS: usize = 1024;
const PENDING_RESETS: usize = 20;
/// How often a silent peer is pinged, and how long it has to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// After this time a client is asked to open a new connection, so that it finds servers started later. Calls in
/// progress on the old one go on.
const CONNECTION_AGE: Duration = Duration::from_secs(60 * 60);
/// How long the server may take to notice that its connections were closed by force.
const HARD_END: Duration = Duration::from_secs(1);

/// The descriptor sets of everything that a server may serve.
pub(crate) const DESCRIBED: [&[u8]; 4] = [
    carrel_proto::DESCRIPTORS,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Why a server can't be set up, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptions of the services can't be read.
    #[error("the description of the services can't be read: {0}")]
    Descriptors(String),
    /// The transport failed.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// The services of a server, before it is started.
#[derive(Debug, Default)]
pub struct Services {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
}

impl Services {
    /// Creates an empty set of services.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }
}

/// The services wrapped in all their layers.
pub(crate) type Layered = Measured<SpannedService<Deadlined<Routes>>>;

/// A gRPC server: our services, `grpc.health.v1` and, if enabled, server reflection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GrpcServer {
    routes: Routes,
    health: HealthReporter,
    names: Arc<[&'static str]>,
    spans: ServerSpans,
    places: Arc<Semaphore>,
    streams_per_connection: u32,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl GrpcServer {
    /// Creates a server for services that `carrel_proto` describes. They are healthy from the start.
    ///
    /// Reflection speaks both v1 and v1alpha, since some clients know only one of them.
    ///
    /// # Errors
    ///
    /// If the description of the services is damaged.
    pub async fn new(services: Services, reflection: bool) -> Result<Self, ServeError> {
        let mut routes = services.routes;
        let (health, health_service) = tonic_health::server::health_reporter();
        routes.add_service(health_service);
        if reflection {
            let builder = || {
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(carrel_proto::DESCRIPTORS)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            };
            let damaged =
                |error: tonic_reflection::server::Error| ServeError::Descriptors(error.to_string());
            routes.add_service(builder().build_v1().map_err(damaged)?);
            routes.add_service(builder().build_v1alpha().map_err(damaged)?);
        }
        let server = Self {
            routes: routes.routes().prepare(),
            health,
            names: services.names.into(),
            spans: ServerSpans::new(methods(&DESCRIBED)?),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            streams_per_connection: STREAMS_PER_CONNECTION,
            tls: None,
        };
        server.set_healthy(true).await;
        Ok(server)
    }

    /// Makes the server speak TLS on its listeners. See [`ServerTls::for_grpc`](crate::tls::ServerTls::for_grpc).
    #[must_use]
    pub fn with_tls(self, tls: Arc<rustls::ServerConfig>) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// Sets how many streams one connection may have: a gateway carries all of its browsers on one connection.
    #[must_use]
    pub fn with_streams_per_connection(self, streams: u32) -> Self {
        Self {
            streams_per_connection: streams,
            ..self
        }
    }

    /// Sets whether the health service reports the server and its services as accepting new calls.
    pub async fn set_healthy(&self, healthy: bool) {
        let status = if healthy {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in self.names.iter().copied().chain([""]) {
            self.health.set_service_status(name, status).await;
        }
    }

    /// The layers around the services, outermost first.
    fn layers(&self) -> (ServedCalls, ServerSpans, Deadlines) {
        (ServedCalls, self.spans.clone(), Deadlines)
    }

    /// Returns the services as a connection would serve them, for use without one.
    pub(crate) fn layered(&self) -> Layered {
        self.layers().layer(self.routes.clone())
    }

    /// Serves connections until `stop` is cancelled, then accepts no new ones, gives the existing ones `drain` to
    /// finish, and closes the rest. May be called for several listeners at once.
    ///
    /// Streams do not end by themselves: their services must be told to stop, too.
    ///
    /// # Errors
    ///
    /// If the transport fails; not if a connection fails.
    pub async fn serve<IO>(
        &self,
        incoming: impl Stream<Item = io::Result<IO>>,
        stop: CancellationToken,
        drain: Duration,
    ) -> Result<(), ServeError>
    where
        IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let kill = CancellationToken::new();
        let _kill_when_dropped = kill.clone().drop_guard();
        let tls = self.tls.clone().map(TlsAcceptor::from);
        let places = Arc::clone(&self.places);
        let connections = connections(incoming, places, tls, kill.clone());
        let serving = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(self.streams_per_connection)
            .http2_max_header_list_size(HEADER_LIST_LIMIT)
            .http2_max_local_error_reset_streams(Some(ERROR_RESETS))
            .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_connection_age(CONNECTION_AGE)
            .layer(self.layers())
            .add_routes(self.routes.clone())
            .serve_with_incoming_shutdown(connections, stop.cancelled());
        let mut serving = std::pin::pin!(serving);
        let drained = async {
            stop.cancelled().await;
            tokio::time::sleep(drain).await;
        };
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = drained => {}
        }
        tracing::warn!(
            ?drain,
            "some gRPC connections did not finish in time and were closed"
        );
        kill.cancel();
        match tokio::time::timeout(HARD_END, serving).await {
            Ok(ended) => Ok(ended?),
            Err(_) => Ok(()),
        }
    }
}

/// Returns the full names of all methods in the descriptor sets.
pub(crate) fn methods(described: &[&[u8]]) -> Result<Vec<String>, ServeError> {
    let mut methods = Vec::new();
    for encoded in described {
        let set = FileDescriptorSet::decode(*encoded)
            .map_err(|error| ServeError::Descriptors(error.to_string()))?;
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    methods.push(format!(
                        "{}.{}/{}",
                        file.package(),
                        service.name(),
                        method.name()
                    ));
                }
            }
        }
    }
    Ok(methods)
}
