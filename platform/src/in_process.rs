//! gRPC within one process: the generated client, the generated server, and neither socket nor HTTP/2 between them.
//!
//! A call is what it is everywhere: its messages are encoded, framed and bounded, its metadata checked, its refusal a status,
//! and it passes the same layers. Only nothing carries it. Whoever reads what is answered does the work of the service
//! meanwhile, in their own task: so thousands of streams at rest need no tasks, windows and buffers of a transport, and
//! what is said on one wakes nobody in between.

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

/// The server of this process, for those within who call it. What is called before it serves waits; once this is dropped,
/// calls fail with UNAVAILABLE.
#[derive(Debug, Default)]
pub struct InProcessServer(watch::Sender<Option<Layered>>);

/// The way to an [`InProcessServer`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct InProcess(watch::Receiver<Option<Layered>>);

/// Among the extensions of a request that came by [`InProcess`], and of no other: the caller is part of this process.
///
/// That a call has no peer address does not say so. A connection may have lost its own before anybody asked.
#[derive(Clone, Copy, Debug)]
pub struct FromWithin(());

impl InProcessServer {
    /// The way to it.
    #[must_use]
    pub fn way(&self) -> InProcess {
        InProcess(self.0.subscribe())
    }

    /// Has these services answer from now on.
    pub fn serve(&self, server: &GrpcServer) {
        self.0.send_replace(Some(server.layered()));
    }
}

impl Drop for InProcessServer {
    fn drop(&mut self) {
        // Services that call each other would keep each other, and their log, for ever.
        self.0.send_replace(None);
    }
}

impl InProcess {
    /// Makes a call; `None` if the server has gone. To drop what is returned, or the body in it, ends the call, as it does
    /// on a connection.
    ///
    /// A service that panics ends this call with INTERNAL, and takes nothing else along.
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

/// What a service answers, for a reader who is spared its panics.
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

/// Not of our own refusals: it says nothing of what happened, just as a connection that breaks.
pub(crate) fn panicked() -> Status {
    Status::internal("the service failed")
}
