//! A limit on how long a connection may take none of what is written to it.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A connection whose writes fail with [`ErrorKind::TimedOut`] once it has taken nothing for longer than the limit.
///
/// hyper bounds how long a browser may take to send a request, but not how long it may take to read the answer. Without
/// this, a client that never reads would keep its place among the connections for good.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S> {
    stream: S,
    limit: Duration,
    /// Set while a write waits. Boxed, since most connections never wait.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    /// Limits the writes of a connection.
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            waiting: None,
        }
    }

    /// Passes on the outcome of a write; one that waits for too long has failed.
    fn limited<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limited(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limited(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.limited(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut_down = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limited(cx, shut_down)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_reads_fails_when_the_limit_is_over() {
        let (stream, _reader) = duplex(16);
        let began = Instant::now();
        let written = WriteTimeout::new(stream, LIMIT).write_all(&[0; 17]).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() >= LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_has_the_whole_limit_for_each_piece() {
        let (stream, mut reader) = duplex(16);
        let reading = tokio::spawn(async move {
            let mut piece = [0; 16];
            for _ in 0..10 {
                sleep(LIMIT * 3 / 4).await;
                reader.read_exact(&mut piece).await.unwrap();
            }
        });
        let mut stream = WriteTimeout::new(stream, LIMIT);
        stream.write_all(&[0; 160]).await.unwrap();
        reading.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_written_to_may_rest() {
        let (stream, mut peer) = duplex(16);
        let mut stream = WriteTimeout::new(stream, LIMIT);
        let reading = tokio::spawn(async move {
            let mut piece = [0; 1];
            stream.read_exact(&mut piece).await.map(|_| stream)
        });
        sleep(LIMIT * 100).await;
        peer.write_all(&[7]).await.unwrap();
        assert!(reading.await.unwrap().is_ok());
    }
}
