//! The routes, and what holds for every request and answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use carrel_platform::{
    refusal::Refusal,
    replicas::Replicas,
    telemetry::{
        LazySpan, attribute,
        metric::{HTTP_SERVER_REQUEST_DURATION, Label},
    },
};
use http::StatusCode;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    Peer,
    client_address::{Browser, browser_address},
    headers::{Policies, add_headers},
    readiness::ready,
    upgrade::open_socket,
};
use crate::{
    api,
    error::Refused,
    limits::Counter,
    network::Network,
    origin::{Origins, Untrusted},
    pages,
    socket::SocketContext,
};

/// What the routes need.
#[derive(Clone)]
pub(super) struct RouterState {
    pub(super) context: Arc<SocketContext>,
    pub(super) needed: [Replicas; 2],
    pub(super) origins: Arc<Origins>,
    pub(super) policies: Policies,
    pub(super) trusted_proxies: Arc<[Network]>,
    pub(super) request_timeout: Duration,
    /// How many sockets each address has open.
    pub(super) addresses: Counter,
    pub(super) sockets: TaskTracker,
    /// Cancelled to drop the sockets and connections that did not close in time.
    pub(super) abandon: CancellationToken,
}

/// Where a balancer in front of the gateways asks how this one is.
const LIVE: &str = "/healthz";
const READY: &str = "/readyz";

/// Returns the routes.
pub(super) fn router(state: RouterState) -> Router {
    let policies = state.policies.clone();
    let health = Router::new()
        .route(LIVE, get(async || "ok\n"))
        .route(READY, get(ready))
        .with_state(state.clone());
    let known = Router::new()
        .route("/v1/socket", get(open_socket))
        .with_state(state.clone())
        .merge(api::routes(state.context.upstream.clone()))
        .merge(pages::routes())
        .layer(middleware::from_fn_with_state(state.clone(), host_is_ours));
    health
        .merge(known)
        .layer(middleware::from_fn_with_state(state, whole_answer))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(policies, add_headers))
}

/// Bounds the time of a request, determines the browser's address behind proxies, and gives the request a span, unless it
/// is a probe.
async fn whole_answer(
    State(state): State<RouterState>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(peer) = request.extensions().get::<Peer>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let address = browser_address(&state.trusted_proxies, peer.address, request.headers());
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
    let answering = timeout(state.request_timeout, next.run(request));
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

/// Begins the span of one request. Of its address it shows only the route. Probes come all the time, and nobody did
/// anything: they have none.
fn request_span(method: &'static str, route: &str) -> LazySpan {
    if [LIVE, READY].contains(&route) {
        return LazySpan::default();
    }
    let name = format!("{method} {route}");
    let mut span = LazySpan::begin(name);
    span.record(attribute::HTTP_REQUEST_METHOD, method);
    span.record(attribute::HTTP_ROUTE, route.to_owned());
    span
}

/// Answers only requests to the gateway's own names.
async fn host_is_ours(State(state): State<RouterState>, request: Request, next: Next) -> Response {
    match state.origins.check_host(request.headers()) {
        Ok(_) => next.run(request).await,
        Err(untrusted) => refused(untrusted).into_response(),
    }
}

/// The answer to a request under a name, or from a page, that is not the gateway's.
pub(super) fn refused(untrusted: Untrusted) -> Refused {
    match untrusted {
        Untrusted::Host => Refused::with_status(
            StatusCode::MISDIRECTED_REQUEST,
            Refusal::new(
                Code::PermissionDenied,
                "HOST_NOT_ALLOWED",
                "This gateway does not answer under that host name. List its origin in the setting gateway.origins.",
            ),
        ),
        Untrusted::Origin => Refused::with_status(
            StatusCode::FORBIDDEN,
            Refusal::new(
                Code::PermissionDenied,
                "ORIGIN_NOT_ALLOWED",
                "A page of that origin may not open a socket here. List it in the setting gateway.origins.",
            ),
        ),
    }
}
