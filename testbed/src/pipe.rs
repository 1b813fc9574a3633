//! A gRPC channel within a test: the same client and server as over a network, HTTP/2 and all, without a socket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use carrel_platform::serve::{CONNECTION_WINDOW, STREAM_WINDOW};
use hyper_util::rt::TokioIo;
use tokio::{io::DuplexStream, sync::mpsc};
use tokio_stream::Stream;
use tonic::transport::{Channel, Endpoint, Uri};

/// How many bytes may be in flight in each direction.
const CAPACITY: usize = 256 * 1024;

/// Creates a client's channel and the server's end of it.
///
/// The channel connects when it is first used, and again after its connection was lost. Calls fail with UNAVAILABLE
/// while nobody serves the other end.
#[must_use]
pub fn pipe() -> (Channel, PipeIncoming) {
    // Room for one connection to be accepted: a channel has only one at a time.
    let (dialler, connections) = mpsc::channel(1);
    let connector = tower::service_fn(move |_: Uri| {
        let dialler = dialler.clone();
        async move {
            let (near, far) = tokio::io::duplex(CAPACITY);
            dialler
                .send(far)
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
            Ok::<_, io::Error>(TokioIo::new(near))
        }
    });
    let channel = Endpoint::from_static("http://pipe.carrel")
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_with_connector_lazy(connector);
    (channel, PipeIncoming { connections })
}

/// The server's end of a [`pipe`]: the connections to it, to be served like a listener's.
#[derive(Debug)]
pub struct PipeIncoming {
    connections: mpsc::Receiver<DuplexStream>,
}

impl Stream for PipeIncoming {
    type Item = io::Result<DuplexStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.connections
            .poll_recv(cx)
            .map(|connection| connection.map(Ok))
    }
}
