//! Streams of responses that are made by a future, without a task of its own.

use std::{
    collections::VecDeque,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::{Stream, task::AtomicWaker};
use tokio::runtime::Handle;
use tonic::Status;

/// The future behind a stream. Its outcome is the stream's end.
type Work = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// Returns a stream of what `work` sends. The work goes on whenever the stream is read, so there is no task and no
/// wake-up between the two. Up to `capacity` responses wait to be read; then the work waits.
///
/// When the stream is dropped, the work goes on as a task of its own until it notices that its [`Sender`] is closed, so
/// that requests that came in before are still dealt with.
pub(super) fn response_stream<T, F>(
    capacity: usize,
    work: impl FnOnce(Sender<T>) -> F,
) -> ResponseStream<T>
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let shared = Arc::new(Shared {
        buffer: Mutex::new(Buffer {
            waiting: VecDeque::new(),
            capacity: capacity.max(1),
            wants_room: false,
            is_open: true,
        }),
        is_woken: AtomicBool::new(true),
        reader: AtomicWaker::new(),
    });
    let work = work(Sender(Arc::clone(&shared)));
    ResponseStream {
        shared,
        work: Some(Box::pin(work)),
        end: None,
    }
}

/// What the work and the stream share, and the waker of the work.
struct Shared<T> {
    buffer: Mutex<Buffer<T>>,
    /// Whether the work was woken since it was polled. Each response takes three polls of the stream, and at the second
    /// and third the work mostly has nothing to do.
    is_woken: AtomicBool,
    reader: AtomicWaker,
}

/// What was sent and not read yet.
struct Buffer<T> {
    waiting: VecDeque<T>,
    capacity: usize,
    /// Whether the work waits for room.
    wants_room: bool,
    is_open: bool,
}

impl<T> Shared<T> {
    fn buffer(&self) -> MutexGuard<'_, Buffer<T>> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Wake for Shared<T> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.reader.wake();
    }
}

/// The sending end, which the work uses.
pub(super) struct Sender<T>(Arc<Shared<T>>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Nobody reads the stream any more.
#[derive(Debug)]
pub(super) struct Closed;

impl<T> Sender<T> {
    /// Sends a response, once there is room for it.
    pub(super) async fn send(&self, response: T) -> Result<(), Closed> {
        let mut response = Some(response);
        self.once_there_is_room(move |waiting| waiting.extend(response.take()))
            .await
    }

    /// Waits until there is room for a response.
    pub(super) async fn room(&self) -> Result<(), Closed> {
        self.once_there_is_room(|_| ()).await
    }

    async fn once_there_is_room(
        &self,
        mut then: impl FnMut(&mut VecDeque<T>),
    ) -> Result<(), Closed> {
        // No waker is needed: the reader that makes room sees that the work wants it, and polls the work again.
        std::future::poll_fn(move |_| {
            let mut buffer = self.0.buffer();
            if !buffer.is_open {
                return Poll::Ready(Err(Closed));
            }
            if buffer.waiting.len() >= buffer.capacity {
                buffer.wants_room = true;
                return Poll::Pending;
            }
            then(&mut buffer.waiting);
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Waits until nobody reads the stream any more.
    pub(super) async fn closed(&self) {
        // No waker is needed: the work is polled anew when that happens.
        std::future::poll_fn(|_| match self.0.buffer().is_open {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }
}

/// The stream that [`response_stream`] returns.
pub(super) struct ResponseStream<T> {
    shared: Arc<Shared<T>>,
    work: Option<Work>,
    end: Option<Status>,
}

impl<T: Send + Unpin + 'static> Stream for ResponseStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let mut buffer = this.shared.buffer();
            if let Some(response) = buffer.waiting.pop_front() {
                return Poll::Ready(Some(Ok(response)));
            }
            let has_room_now = mem::take(&mut buffer.wants_room);
            drop(buffer);
            let Some(work) = &mut this.work else {
                return Poll::Ready(this.end.take().map(Err));
            };
            // Registered before the flag is read, so that no wake-up is missed between the two.
            this.shared.reader.register(cx.waker());
            if !this.shared.is_woken.swap(false, Ordering::AcqRel) && !has_room_now {
                return Poll::Pending;
            }
            let waker = Waker::from(Arc::clone(&this.shared));
            match work.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(outcome) => {
                    this.work = None;
                    this.end = outcome.err();
                }
                Poll::Pending if this.shared.buffer().waiting.is_empty() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }
}

impl<T> Drop for ResponseStream<T> {
    fn drop(&mut self) {
        self.shared.buffer().is_open = false;
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            // Nobody needs its outcome.
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::{FutureExt, StreamExt};
    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn all_is_received_in_order_and_then_the_end() {
        let mut stream = response_stream(2, |sender| async move {
            for number in 0..5 {
                sender
                    .send(number)
                    .await
                    .map_err(|_| Status::cancelled(""))?;
            }
            Err(Status::not_found("the end"))
        });
        for number in 0..5 {
            assert_eq!(stream.next().await.unwrap().unwrap(), number);
        }
        let end = stream.next().await.unwrap().unwrap_err();
        assert_eq!(end.message(), "the end");
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn no_more_is_sent_than_there_is_room_for() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let mut stream = response_stream(3, |sender| async move {
            loop {
                sender.send(()).await.map_err(|_| Status::cancelled(""))?;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert!(stream.next().await.is_some());
        assert_eq!(count.load(Ordering::Relaxed), 3);
        for _ in 0..3 {
            assert!(stream.next().await.is_some());
        }
        assert_eq!(count.load(Ordering::Relaxed), 6);
    }

    #[tokio::test]
    async fn what_waits_for_room_goes_on_when_there_is_some() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let mut stream = response_stream(2, |sender| async move {
            while sender.room().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = sender.send(()).await;
            }
            Ok(())
        });
        for _ in 0..3 {
            assert!(stream.next().await.is_some());
        }
        assert_eq!(count.load(Ordering::Relaxed), 4);
    }

    #[tokio::test]
    async fn a_stream_that_waits_is_woken_by_its_work() {
        let notify = Arc::new(Notify::new());
        let notified = Arc::clone(&notify);
        let mut stream = response_stream(1, |sender| async move {
            notified.notified().await;
            sender.send(7).await.map_err(|_| Status::cancelled(""))
        });
        assert!(stream.next().now_or_never().is_none());
        notify.notify_one();
        assert_eq!(stream.next().await.unwrap().unwrap(), 7);
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn the_work_is_left_alone_until_something_wakes_it() {
        let polls = Arc::new(AtomicUsize::new(0));
        let polled = Arc::clone(&polls);
        let notify = Arc::new(Notify::new());
        let notified = Arc::clone(&notify);
        let mut stream = response_stream(1, |sender| async move {
            let mut woken = std::pin::pin!(notified.notified());
            std::future::poll_fn(|cx| {
                polled.fetch_add(1, Ordering::Relaxed);
                woken.as_mut().poll(cx)
            })
            .await;
            sender.send(7).await.map_err(|_| Status::cancelled(""))
        });
        for _ in 0..3 {
            assert!(stream.next().now_or_never().is_none());
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        // The last reader is woken.
        let reading = tokio::spawn(async move { stream.next().await });
        tokio::task::yield_now().await;
        notify.notify_one();
        assert_eq!(reading.await.unwrap().unwrap().unwrap(), 7);
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn when_nobody_reads_any_more_the_work_deals_with_what_came_in_and_ends() {
        let (dealt_with, waits) = oneshot::channel();
        let mut stream = response_stream(1, |sender| async move {
            while sender.send(()).await.is_ok() {}
            sender.closed().await;
            let _ = dealt_with.send(());
            Ok(())
        });
        assert!(stream.next().await.is_some());
        drop(stream);
        waits.await.unwrap();
    }
}
