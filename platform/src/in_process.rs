//! gRPC within one process: the generated client and the generated server, with neither socket nor HTTP/2 between them.
//!
//! A call works as it does everywhere: its messages are encoded, framed and bounded, its metadata is checked, its
//! refusal is a status, and it passes the same layers. Only the transport is missing. The service's work is done by the
//! task that reads the response, as it reads: so thousands of idle streams need no transport tasks, windows or buffers,
//! and a message wakes no task in between.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::watch;
use tonic::{Status, body::Body};
use tower::ServiceExt as _;

use crate::serve::{GrpcServer, Layered};

/// The server of this process, for callers within it. Calls made before it serves wait; once this is dropped, calls
/// fail with UNAVAILABLE.
#[derive(Debug, Default)]
pub struct InProcessServer(watch::Sender<Option<Layered>>);

/// A handle for calling an [`InProcessServer`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct InProcess(watch::Receiver<Option<Layered>>);

/// A request extension that marks the caller as part of this process. Only requests that came by [`InProcess`] have it.
///
/// A missing peer address does not mean that: a connection may have lost its own before it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct FromWithin(());

impl InProcessServer {
    /// Returns a handle for calling this server.
    #[must_use]
    pub fn way(&self) -> InProcess {
        InProcess(self.0.subscribe())
    }

    /// Serves these services from now on.
    pub fn serve(&self, server: &GrpcServer) {
        self.0.send_replace(Some(server.layered()));
    }
}

impl Drop for InProcessServer {
    fn drop(&mut self) {
        // Otherwise services that call each other would keep each other, and their log, alive for ever.
        self.0.send_replace(None);
    }
}

impl InProcess {
    /// Makes a call; `None` if the server is gone. Dropping the returned future, or the body in the response, ends the
    /// call, as on a connection.
    ///
    /// If the service panics, this call ends with INTERNAL and nothing else is affected.
    pub(crate) async fn call(mut self, mut request: Request<Body>) -> Option<Response<Body>> {
        request.extensions_mut().insert(FromWithin(()));
        let server = self.0.wait_for(Option::is_some).await.ok()?.clone()?;
        let answer = AssertUnwindSafe(server.oneshot(request)).catch_unwind();
        Some(match answer.await {
            Ok(Ok(response)) => response.map(|body| Body::new(Spared(Some(body)))),
            Ok(Err(never)) => match never {},
            Err(_) => panicked().into_http(),
        })
    }
}

/// A response body that turns a panic of the service into an error for the reader.
struct Spared(Option<Body>);

impl HttpBody for Spared {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx)));
        polled.unwrap_or_else(|_| {
            self.0 = None;
            Poll::Ready(Some(Err(panicked())))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

/// Deliberately not one of our refusals: like a broken connection, it does not say what happened.
pub(crate) fn panicked() -> Status {
    Status::internal("the service failed")
}
