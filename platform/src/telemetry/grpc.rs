//! Spans of gRPC calls, on the server side and on the client side.

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use opentelemetry::StringValue;
use tonic::{
    Code,
    body::Body,
    metadata::{MetadataMap, MetadataValue},
};
use tower::{Layer, Service};
use tracing::{Span, field};

use super::{
    attribute,
    lazy_span::{LazySpan, is_fault},
    span,
    trace_context::{self, STATUS_CODE},
};

/// Stands for any method that the server does not have: text from a caller never becomes an attribute.
const OTHER: &str = "_OTHER";

/// What the paths of health checks begin with. Orchestrators and other services make them all the time, and no trace
/// shows what somebody did if it begins with one: they have no spans.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Puts the current trace context into a call's metadata, so that the callee's span becomes a child.
pub fn inject(metadata: &mut MetadataMap) {
    let context = trace_context::current();
    if !context.is_empty()
        && let Ok(value) = MetadataValue::try_from(context)
    {
        metadata.insert(trace_context::TRACEPARENT, value);
    }
}

/// Creates a span around a call to another service, to be entered before [`inject`]. Disabled within a trace that is
/// not kept.
///
/// `method` is the full name, for example `carrel.session.v1.SessionService/PickUpSession`.
#[must_use]
pub fn client_span(method: &'static str) -> Span {
    if trace_context::is_unsampled() {
        return Span::none();
    }
    trace_context::below_current(tracing::info_span!(
        span::RPC_CALL,
        otel.name = method,
        otel.kind = "client",
        otel.status_code = field::Empty,
        { attribute::RPC_SYSTEM_NAME } = "grpc",
        { attribute::RPC_METHOD } = method,
        { attribute::RPC_RESPONSE_STATUS_CODE } = field::Empty,
        { attribute::ERROR_TYPE } = field::Empty,
    ))
}

/// Records how a call made in a [`client_span`] ended. It failed if the answer means a fault of the server.
/// OpenTelemetry's conventions would have every refusal fail on the client's side; then each patron who says hello had
/// a failed span, for the profile that only librarians have, and whoever looks for failures found those.
pub fn record_client_code(span: &Span, code: Code) {
    span.record(attribute::RPC_RESPONSE_STATUS_CODE, code_name(code));
    if is_fault(code) {
        span.record(attribute::ERROR_TYPE, code_name(code));
        span.record(STATUS_CODE, "ERROR");
    }
}

/// Gives each call that a server receives a span, as a child of the caller's, except for health checks.
///
/// The span covers a call up to the head of its response: all of a unary call, the opening of a stream. What happens
/// later on a stream has spans of its own, since a span as long as the stream would show nothing until it ends.
#[derive(Clone, Debug)]
pub struct ServerSpans {
    methods: Arc<HashSet<Arc<str>>>,
}

impl ServerSpans {
    /// Creates the layer for a server that has these methods, each by its full name.
    #[must_use]
    pub fn new(methods: impl IntoIterator<Item = String>) -> Self {
        Self {
            methods: Arc::new(methods.into_iter().map(Arc::from).collect()),
        }
    }

    fn span(&self, request: &Request<Body>) -> LazySpan {
        let path = request.uri().path();
        if path.starts_with(HEALTH) {
            return LazySpan::default();
        }
        let method = self.methods.get(path.trim_start_matches('/'));
        let method = method.map_or_else(
            || StringValue::from(OTHER),
            |method| Arc::clone(method).into(),
        );
        let parent = request.headers().get(trace_context::TRACEPARENT);
        let parent = parent.and_then(|value| value.to_str().ok());
        let mut span = LazySpan::below(parent.unwrap_or_default(), method.clone());
        span.record(attribute::RPC_SYSTEM_NAME, "grpc");
        span.record(attribute::RPC_METHOD, method);
        span
    }
}

impl<S> Layer<S> for ServerSpans {
    type Service = SpannedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SpannedService {
            inner,
            spans: self.clone(),
        }
    }
}

/// A service wrapped by [`ServerSpans`].
#[derive(Clone, Debug)]
pub struct SpannedService<S> {
    inner: S,
    spans: ServerSpans,
}

impl<S, B> Service<Request<Body>> for SpannedService<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut span = self.spans.span(&request);
        let scope = span.scope();
        let answer = scope.run(|| self.inner.call(request));
        Box::pin(scope.around(async move {
            let response = answer.await?;
            // Absent from the head of a response that has a body: the call has succeeded so far.
            let code = response
                .headers()
                .get("grpc-status")
                .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()));
            span.record(attribute::RPC_RESPONSE_STATUS_CODE, code_name(code));
            span.answered(code);
            Ok(response)
        }))
    }
}

/// Returns the name of a code, as the gRPC documentation writes it.
#[must_use]
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
