//! One accepted connection, as long as we let it live.

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

/// How many bytes the preface has with which an HTTP/2 client begins (RFC 9113, 3.4).
const PREFACE: usize = 24;

/// A connection that fails once it is told to, or when its peer connects and does not send its preface.
///
/// hyper waits for ever for a peer that never sends its HTTP/2 preface, and tonic for streams that do not end, also
/// when the server shuts down. A failing read ends both.
///
/// So the preface must be seen here, and not what it is encrypted to: TLS lies below, and is none of tonic's affair.
pub(super) struct Connection<IO> {
    io: Either<IO, Box<TlsStream<IO>>>,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until the preface came.
    awaited: Option<Awaited>,
    _place: OwnedSemaphorePermit,
}

/// What is still to come of a preface, and until when.
struct Awaited {
    bytes: usize,
    deadline: Pin<Box<Sleep>>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    /// A connection that keeps its place to its end. With TLS it is one when its peer has agreed on it; `None` if that
    /// does not come about `within` a time. As long again may its preface take.
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
