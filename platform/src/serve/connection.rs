//! An accepted connection that can be made to fail.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{
    either::Either,
    sync::{CancellationToken, WaitForCancellationFutureOwned},
};
use tonic::transport::server::Connected;

/// The length of the preface that an HTTP/2 client sends first (RFC 9113, 3.4), in bytes.
const PREFACE: usize = 24;

/// A connection that fails once it is told to, or if its peer does not send its preface in time.
///
/// hyper waits for ever for a peer that never sends its HTTP/2 preface, and tonic waits for streams that do not end,
/// even when the server shuts down. A failing read ends both.
///
/// The preface must therefore be seen here unencrypted: TLS is handled inside this type, and tonic knows nothing of it.
pub(super) struct Connection<IO> {
    io: Either<IO, Box<TlsStream<IO>>>,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Set until the preface has arrived.
    awaited: Option<Awaited>,
    _place: OwnedSemaphorePermit,
}

/// How many bytes of the preface are still missing, and when they are due.
struct Awaited {
    bytes: usize,
    deadline: Pin<Box<Sleep>>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    /// Opens a connection, which holds its place until it is dropped. With TLS this waits for the handshake; `None` if
    /// that fails or does not complete `within` this time. The preface then has the same time again to arrive.
    pub(super) async fn open(
        io: IO,
        place: OwnedSemaphorePermit,
        tls: Option<TlsAcceptor>,
        kill: CancellationToken,
        within: Duration,
    ) -> Option<Self> {
        let io = match tls {
            None => Either::Left(io),
            Some(tls) => {
                let agreed = timeout(within, tls.accept(io)).await;
                Either::Right(Box::new(agreed.ok()?.ok()?))
            }
        };
        Some(Self {
            io,
            killed: Box::pin(kill.cancelled_owned()),
            awaited: Some(Awaited {
                bytes: PREFACE,
                deadline: Box::pin(sleep(within)),
            }),
            _place: place,
        })
    }
}

impl<IO> Connection<IO> {
    fn poll_killed(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.killed.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.poll_killed(cx)?;
        let before = buf.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buf);
        if let Some(awaited) = &mut this.awaited {
            let heard = buf.filled().len().saturating_sub(before);
            awaited.bytes = awaited.bytes.saturating_sub(heard);
            if awaited.bytes == 0 {
                this.awaited = None;
            } else if read.is_pending() && awaited.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_killed(cx)?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_killed(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_killed(cx)?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_killed(cx)?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<IO: Connected> Connected for Connection<IO> {
    type ConnectInfo = IO::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        match &self.io {
            Either::Left(io) => io.connect_info(),
            Either::Right(tls) => tls.get_ref().0.connect_info(),
        }
    }
}
