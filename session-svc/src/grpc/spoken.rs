//! Streams of responses that are spoken by a piece of work, without a task of its own.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::Stream;
use tokio::runtime::Handle;
use tonic::Status;

/// The work behind a stream: what becomes of it is the stream's end.
type Work = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// A stream of what `work` says, which goes on whenever the stream is read: it needs no task and no wake-up between the
/// two. Up to `room` responses wait to be read; then the work waits.
///
/// When the stream is dropped, the work goes on as a task of its own until it notices that [`Voice`] is not heard any
/// more: so what came in before is still dealt with.
pub(super) fn spoken<T, F>(room: usize, work: impl FnOnce(Voice<T>) -> F) -> Spoken<T>
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let said = Arc::new(Mutex::new(Said {
        waiting: VecDeque::new(),
        room: room.max(1),
        is_heard: true,
    }));
    let work = work(Voice(Arc::clone(&said)));
    Spoken {
        said,
        work: Some(Box::pin(work)),
        end: None,
    }
}

/// What was said and not read yet.
struct Said<T> {
    waiting: VecDeque<T>,
    room: usize,
    is_heard: bool,
}

fn lock<T>(said: &Mutex<Said<T>>) -> MutexGuard<'_, Said<T>> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// With which the work says something.
pub(super) struct Voice<T>(Arc<Mutex<Said<T>>>);

impl<T> Clone for Voice<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Nobody reads the stream any more.
#[derive(Debug)]
pub(super) struct Unheard;

impl<T> Voice<T> {
    /// Says something, once there is room for it.
    pub(super) async fn say(&self, response: T) -> Result<(), Unheard> {
        let mut response = Some(response);
        // Whoever makes room reads on, and so polls this again; it needs no waker.
        std::future::poll_fn(move |_| {
            let mut said = lock(&self.0);
            if !said.is_heard {
                return Poll::Ready(Err(Unheard));
            }
            if said.waiting.len() >= said.room {
                return Poll::Pending;
            }
            said.waiting.extend(response.take());
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Resolves when nobody reads the stream any more.
    pub(super) async fn unheard(&self) {
        // The work is polled anew when that happens.
        std::future::poll_fn(|_| match lock(&self.0).is_heard {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }
}

/// See [`spoken`].
pub(super) struct Spoken<T> {
    said: Arc<Mutex<Said<T>>>,
    work: Option<Work>,
    end: Option<Status>,
}

impl<T: Unpin> Stream for Spoken<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(response) = lock(&this.said).waiting.pop_front() {
                return Poll::Ready(Some(Ok(response)));
            }
            let Some(work) = &mut this.work else {
                return Poll::Ready(this.end.take().map(Err));
            };
            match work.as_mut().poll(cx) {
                Poll::Ready(outcome) => {
                    this.work = None;
                    this.end = outcome.err();
                }
                Poll::Pending if lock(&this.said).waiting.is_empty() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }
}

impl<T> Drop for Spoken<T> {
    fn drop(&mut self) {
        lock(&self.said).is_heard = false;
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            // Why it ends is of interest to nobody.
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
    async fn all_is_heard_in_order_and_then_the_end() {
        let mut stream = spoken(2, |voice| async move {
            for number in 0..5 {
                voice.say(number).await.map_err(|_| Status::cancelled(""))?;
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
    async fn no_more_is_said_than_there_is_room_for() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let mut stream = spoken(3, |voice| async move {
            loop {
                voice.say(()).await.map_err(|_| Status::cancelled(""))?;
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
    async fn a_stream_that_waits_is_woken_by_its_work() {
        let notify = Arc::new(Notify::new());
        let notified = Arc::clone(&notify);
        let mut stream = spoken(1, |voice| async move {
            notified.notified().await;
            voice.say(7).await.map_err(|_| Status::cancelled(""))
        });
        assert!(stream.next().now_or_never().is_none());
        notify.notify_one();
        assert_eq!(stream.next().await.unwrap().unwrap(), 7);
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn when_nobody_reads_any_more_the_work_deals_with_what_came_in_and_ends() {
        let (dealt_with, waits) = oneshot::channel();
        let mut stream = spoken(1, |voice| async move {
            while voice.say(()).await.is_ok() {}
            voice.unheard().await;
            let _ = dealt_with.send(());
            Ok(())
        });
        assert!(stream.next().await.is_some());
        drop(stream);
        waits.await.unwrap();
    }
}
