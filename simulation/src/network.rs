//! Real gRPC over the simulated network.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, stream};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::{Channel, Endpoint, Uri, server::Connected};
use turmoil::net::{TcpListener, TcpStream};

/// The port on which every server listens.
const PORT: u16 = 7000;

/// The settings of a client's connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// How many bytes of one stream may be sent before the client reads them.
    pub(crate) window: u32,
}

impl Link {
    /// For clients that read as fast as they can.
    pub(crate) const WIDE: Self = Self { window: 65_535 };
    /// For clients that read slowly.
    pub(crate) const NARROW: Self = Self { window: 4_096 };
}

/// One connection, at either end. It can be closed from outside.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<Mutex<Option<TcpStream>>>);

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(Some(stream))))
    }

    fn with<T>(
        &self,
        act: impl FnOnce(&mut TcpStream) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *stream {
            Some(stream) => act(stream),
            None => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

/// The connections that a server has accepted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accepted(Arc<Mutex<Vec<Connection>>>);

impl Accepted {
    /// Closes all of them, in the order in which they came. A runtime that ends drops its tasks in an order that
    /// depends on what the process did before, so a server's connections have to be closed before that.
    pub(crate) fn close(&self) {
        let mut accepted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in accepted.drain(..) {
            let mut stream = connection.0.lock().unwrap_or_else(PoisonError::into_inner);
            drop(stream.take());
        }
    }

    fn keep(&self, connection: &Connection) {
        let mut accepted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Forgets connections that nobody else holds any more.
        accepted.retain(|connection| Arc::strong_count(&connection.0) > 1);
        accepted.push(connection.clone());
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| Pin::new(stream).poll_shutdown(cx))
    }
}

/// Accepts connections to the host that is running.
pub(crate) async fn listen(
    accepted: Accepted,
) -> io::Result<impl Stream<Item = io::Result<Connection>>> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    Ok(stream::unfold(
        (listener, accepted),
        async |(listener, accepted)| {
            let connection = listener
                .accept()
                .await
                .map(|(stream, _)| Connection::new(stream));
            if let Ok(connection) = &connection {
                accepted.keep(connection);
            }
            Some((connection, (listener, accepted)))
        },
    ))
}

/// Returns a channel to a host. It connects when it is first used and reconnects after a loss. It notices within three
/// seconds if the other end has vanished.
pub(crate) fn channel(host: &'static str, link: Link) -> Channel {
    let connector = tower::service_fn(move |_: Uri| async move {
        let stream = TcpStream::connect((host, PORT)).await?;
        Ok::<_, io::Error>(TokioIo::new(Connection::new(stream)))
    });
    Endpoint::from_static("http://carrel")
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(Duration::from_secs(2))
        .keep_alive_timeout(Duration::from_secs(1))
        .keep_alive_while_idle(true)
        .initial_stream_window_size(link.window)
        .connect_with_connector_lazy(connector)
}
