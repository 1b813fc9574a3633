//! Measures how long gRPC calls take, on the server side and on the client side: up to the head of the response, so all
//! of a unary call and the opening of a stream.

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::Instant,
};

use http::{HeaderMap, Request, Response};
use tonic::{Code, body::Body};
use tower::{Layer, Service};

use super::{
    grpc::code_name,
    metric::{Histogram, Label, RPC_CLIENT_CALL_DURATION, RPC_SERVER_CALL_DURATION},
};
use crate::serve;

/// Stands for any method that does not exist: text from a caller never becomes a label.
const OTHER: &str = "_OTHER";

/// The full names of all existing methods.
static METHODS: LazyLock<HashSet<Arc<str>>> = LazyLock::new(|| {
    let methods = serve::methods(&serve::DESCRIBED).unwrap_or_default();
    methods.into_iter().map(Arc::from).collect()
});

/// A call in progress. If it is dropped before it has ended, it counts as cancelled.
pub(crate) struct Call {
    duration: &'static Histogram<2>,
    method: Label,
    began: Instant,
    code: Code,
}

impl Call {
    /// Begins a call to another service, identified by the path of its request.
    pub(crate) fn out(path: &str) -> Self {
        Self::begin(&RPC_CLIENT_CALL_DURATION, path)
    }

    /// Ends the call with this answer.
    pub(crate) fn answered<B, E>(self, answer: &Result<Response<B>, E>) {
        self.ended(match answer {
            Ok(response) => code_of(response.headers()),
            Err(_) => Code::Unavailable,
        });
    }

    fn begin(duration: &'static Histogram<2>, path: &str) -> Self {
        let method = METHODS.get(path.trim_start_matches('/'));
        Self {
            duration,
            method: method.map_or(Label::from(OTHER), |method| {
                Label::known(Arc::clone(method))
            }),
            began: Instant::now(),
            code: Code::Cancelled,
        }
    }

    fn ended(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let labels = [self.method.clone(), code_name(self.code).into()];
        self.duration
            .record(self.began.elapsed().as_secs_f64(), labels);
    }
}

/// Returns the code in the head of a response. It is absent if there is a body: then the call has succeeded so far.
fn code_of(headers: &HeaderMap) -> Code {
    headers
        .get("grpc-status")
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// Measures each call that a server receives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServedCalls;

impl<S> Layer<S> for ServedCalls {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Measured(inner)
    }
}

/// A service wrapped by [`ServedCalls`].
#[derive(Clone, Debug)]
pub(crate) struct Measured<S>(S);

impl<S, B> Service<Request<Body>> for Measured<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = Call::begin(&RPC_SERVER_CALL_DURATION, request.uri().path());
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await;
            call.answered(&answer);
            answer
        })
    }
}
