//! The listener for browsers: HTTP/1.1, its routes, the headers of every answer, health, and the upgrade to a
//! websocket.
//!
//! There is no HTTP/2 here: browsers open few connections, and a protocol that is not spoken can't be flooded.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    extract::{
        MatchedPath, Request, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection,
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use carrel_platform::{
    network::network_of,
    refusal::Refusal,
    replicas::Replicas,
    telemetry::{
        NotedSpan, attribute,
        metric::{HTTP_SERVER_REQUEST_DURATION, Label},
    },
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{either::Either, sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::{Service, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    Gateway, api,
    config::SocketConfig,
    error::{Error, Refused},
    frame::{FRAME_LIMIT, SubProtocol},
    limits::Counter,
    network::Network,
    origin::{Origins, Stranger},
    pages,
    socket::{self, House},
    upstream::Caller,
    write_timeout::WriteTimeout,
};

/// How long a service may take to say that it is well.
const READINESS_DEADLINE: Duration = Duration::from_secs(2);

/// How much is read from a websocket at once. Browsers send little, and each socket holds such a buffer all the time; a
/// long frame is read in several pieces.
const READ_BUFFER: usize = 512;

/// The largest head of a request.
const HEAD_LIMIT: usize = 16 * 1024;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    font-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The browser that a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browser {
    address: IpAddr,
}

impl Browser {
    /// Returns a caller on the browser's behalf, without a token.
    pub(crate) fn caller(self) -> Caller {
        Caller::anonymous(self.address)
    }
}

/// What the routes need.
#[derive(Clone)]
struct Door {
    house: Arc<House>,
    needed: [Replicas; 2],
    origins: Arc<Origins>,
    trusted_proxies: Arc<[Network]>,
    request_timeout: Duration,
    /// How many sockets each address has open.
    addresses: Counter,
    sockets: TaskTracker,
    /// Cancelled to drop the sockets and connections that did not close in time.
    abandon: CancellationToken,
}

/// Serves browsers until shutdown was requested and all have gone, or the drain deadline has passed.
pub(crate) async fn serve(
    gateway: Gateway,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
) -> Result<(), Error> {
    let Gateway {
        config,
        needed,
        house,
    } = gateway;
    let house = Arc::new(house);
    let shutdown = house.shutdown.clone();
    let door = Door {
        origins: Arc::new(Origins::new(&config, listener.local_addr()?)?),
        trusted_proxies: config.trusted_proxies.into(),
        request_timeout: config.request_timeout.get(),
        addresses: Counter::new(config.socket.per_address.get()),
        sockets: TaskTracker::new(),
        abandon: CancellationToken::new(),
        needed,
        house,
    };
    let sockets = door.sockets.clone();
    let abandon = door.abandon.clone();
    // If this future is dropped, no connection is left behind either.
    let _abandons = abandon.clone().drop_guard();
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(config.connections.get()));
    let mut server = hyper::server::conn::http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout.get())
        .max_buf_size(HEAD_LIMIT);
    let router = router(door);
    loop {
        let accepted = select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        let peer = Peer {
            address: peer,
            place: Arc::new(place),
        };
        let service = router.clone().map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(peer.clone());
            request
        });
        let connection = Connection {
            server: server.clone(),
            tls: tls.clone(),
            head_timeout: config.head_timeout.get(),
            // A websocket has its own limit, which comes first and is told with a close code.
            write_timeout: config.socket.send_timeout.get() * 2,
            shutdown: shutdown.clone(),
        };
        let abandon = abandon.clone();
        connections.spawn(async move {
            abandon
                .run_until_cancelled(connection.serve(stream, service))
                .await;
        });
    }
    drop(listener);
    connections.close();
    sockets.close();
    let all = async {
        sockets.wait().await;
        connections.wait().await;
    };
    if timeout(config.drain_deadline.get(), all).await.is_err() {
        tracing::warn!("not all browsers were gone in time");
        abandon.cancel();
    }
    Ok(())
}

/// How one connection is served.
struct Connection {
    server: hyper::server::conn::http1::Builder,
    tls: Option<TlsAcceptor>,
    head_timeout: Duration,
    write_timeout: Duration,
    /// Cancelled when the connection is to take no more requests.
    shutdown: CancellationToken,
}

impl Connection {
    /// Answers the requests that come on the connection until either end closes it.
    async fn serve<S>(self, stream: TcpStream, service: S)
    where
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send,
        S::Future: Send,
    {
        let stream = WriteTimeout::new(stream, self.write_timeout);
        let Ok(Some(stream)) = timeout(self.head_timeout, encrypt(stream, self.tls)).await else {
            return;
        };
        let connection = self
            .server
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        // An error here concerns only this one browser, which notices it itself.
        let _ = select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
    }
}

/// The other end of a connection.
#[derive(Clone)]
struct Peer {
    address: IpAddr,
    /// Its place among the connections that may be open. A websocket keeps the place of its connection.
    place: Arc<OwnedSemaphorePermit>,
}

/// Waits for a free place, and for a connection to take it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Frames are small, and each should go out at once.
            let _ = stream.set_nodelay(true);
            // A dual-stack listener shows an IPv4 peer as an IPv6 address; settings name the IPv4 one.
            Some((stream, peer.ip().to_canonical(), place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Usually no file descriptors are left; trying again at once would only spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// Adds TLS to a connection, if it is configured. `None` if the browser does not agree on it.
///
/// The TLS stream is boxed, so that a connection without it, behind a proxy that has it, keeps no room for it.
async fn encrypt<S>(stream: S, tls: Option<TlsAcceptor>) -> Option<Either<S, Box<TlsStream<S>>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tls {
        None => Some(Either::Left(stream)),
        Some(tls) => Some(Either::Right(Box::new(tls.accept(stream).await.ok()?))),
    }
}

fn router(door: Door) -> Router {
    let health = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(door.clone());
    let known = Router::new()
        .route("/v1/socket", get(open_socket))
        .with_state(door.clone())
        .merge(api::routes(door.house.upstream.clone()))
        .merge(pages::routes())
        .layer(middleware::from_fn_with_state(door.clone(), host_is_ours));
    health
        .merge(known)
        .layer(middleware::from_fn_with_state(door, whole_answer))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(headers))
}

/// Adds the headers of every answer.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Bounds the time of a request, determines the browser's address behind proxies, and gives the request a span.
async fn whole_answer(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<Peer>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let address = browser_address(&door.trusted_proxies, peer.address, request.headers());
    request.extensions_mut().insert(Browser { address });
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("_OTHER", MatchedPath::as_str);
    let method = match *request.method() {
        http::Method::GET => "GET",
        http::Method::POST => "POST",
        http::Method::HEAD => "HEAD",
        _ => "_OTHER",
    };
    let mut span = request_span(method, route);
    let began = Instant::now();
    let route_label = Label::known(route);
    let answering = timeout(door.request_timeout, next.run(request));
    let answer = span.scope().around(answering).await;
    let response = answer.unwrap_or_else(|_| {
        Refused::with_status(
            StatusCode::REQUEST_TIMEOUT,
            Refusal::new(
                Code::DeadlineExceeded,
                "DEADLINE_EXCEEDED",
                "The request took too long. Try again.",
            ),
        )
        .into_response()
    });
    let status = response.status();
    span.record(
        attribute::HTTP_RESPONSE_STATUS_CODE,
        i64::from(status.as_u16()),
    );
    HTTP_SERVER_REQUEST_DURATION.record(
        began.elapsed().as_secs_f64(),
        [method.into(), route_label, status.as_u16().into()],
    );
    if status.is_server_error() {
        span.failed(status.as_str().to_owned());
    }
    response
}

/// Begins the span of one request. Of its address it shows only the route.
fn request_span(method: &'static str, route: &str) -> NotedSpan {
    let name = format!("{method} {route}");
    let mut span = NotedSpan::begin(name);
    span.record(attribute::HTTP_REQUEST_METHOD, method);
    span.record(attribute::HTTP_ROUTE, route.to_owned());
    span
}

/// Returns the browser's address: the peer's, or the one that a trusted proxy names.
///
/// Each proxy appends the address that it heard the request from, so the list is read from its end, as far as it is
/// trusted.
fn browser_address(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.iter().rev() {
        if !trusted.iter().any(|proxies| proxies.contains(address)) {
            break;
        }
        match hop.trim().parse() {
            Ok(parsed) => address = parsed,
            Err(_) => break,
        }
    }
    address
}

/// Answers only requests to the gateway's own names.
async fn host_is_ours(State(door): State<Door>, request: Request, next: Next) -> Response {
    match door.origins.check_host(request.headers()) {
        Ok(_) => next.run(request).await,
        Err(stranger) => refused(stranger).into_response(),
    }
}

fn refused(stranger: Stranger) -> Refused {
    match stranger {
        Stranger::Host => Refused::with_status(
            StatusCode::MISDIRECTED_REQUEST,
            Refusal::new(
                Code::PermissionDenied,
                "HOST_NOT_ALLOWED",
                "This gateway does not answer under that host name. List its origin in the setting gateway.origins.",
            ),
        ),
        Stranger::Origin => Refused::with_status(
            StatusCode::FORBIDDEN,
            Refusal::new(
                Code::PermissionDenied,
                "ORIGIN_NOT_ALLOWED",
                "A page of that origin may not open a socket here. List it in the setting gateway.origins.",
            ),
        ),
    }
}

/// Reports whether the gateway takes new browsers, and reaches the services that it can't work without.
async fn ready(State(door): State<Door>) -> Result<&'static str, Refused> {
    if door.house.shutdown.is_cancelled() {
        return Err(Refusal::unavailable("SHUTTING_DOWN", "The gateway is stopping.").into());
    }
    for service in door.needed {
        let mut health = HealthClient::new(service);
        let check = health.check(HealthCheckRequest::default());
        let well = match timeout(READINESS_DEADLINE, check).await {
            Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
            // A service without a health endpoint has answered all the same.
            Ok(Err(status)) => status.code() == Code::Unimplemented,
            Err(_) => false,
        };
        if !well {
            return Err(Refusal::unavailable("UNAVAILABLE", "A service does not answer.").into());
        }
    }
    Ok("ready\n")
}

/// Opens a websocket.
async fn open_socket(
    State(door): State<Door>,
    Extension(browser): Extension<Browser>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    door.origins.check_origin(&headers).map_err(refused)?;
    let mut upgrade = upgrade.map_err(|rejection| {
        Refused::with_status(
            rejection.status(),
            Refusal::new(Code::InvalidArgument, "NO_UPGRADE", rejection.body_text()),
        )
    })?;
    let asked: Vec<&str> = upgrade
        .requested_protocols()
        .filter_map(|name| name.to_str().ok())
        .collect();
    let protocol = SubProtocol::ALL
        .into_iter()
        .find(|known| asked.contains(&known.name()))
        .ok_or_else(|| {
            Refusal::new(
                Code::InvalidArgument,
                "UNKNOWN_SUB_PROTOCOL",
                "Ask for the sub-protocol carrel.v1.proto or carrel.v1.json.",
            )
        })?;
    if door.house.shutdown.is_cancelled() {
        return Err(Refusal::unavailable("SHUTTING_DOWN", "The gateway is stopping.").into());
    }
    let counted = door
        .addresses
        .enter(network_of(browser.address).to_string())
        .ok_or_else(|| {
            Refusal::new(
                Code::ResourceExhausted,
                "TOO_MANY_SOCKETS",
                "Too many sockets are open from your address. Close one first.",
            )
            .retry_after(Duration::from_secs(5))
        })?;
    upgrade.set_selected_protocol(HeaderValue::from_static(protocol.name()));
    let running = door.sockets.token();
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(SocketConfig::WRITE_BUFFER)
        .max_write_buffer_size(door.house.config.longest_write())
        .max_frame_size(FRAME_LIMIT)
        .max_message_size(FRAME_LIMIT)
        .on_upgrade(move |socket| {
            // Boxed, or it would take up space twice.
            let served = Box::pin(socket::serve(door.house, socket, protocol, browser.address));
            async move {
                door.abandon.run_until_cancelled(served).await;
                drop((counted, running, peer.place));
            }
        }))
}
