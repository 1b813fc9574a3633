//! Response streams, in the form in which services hand them to tonic.

use std::pin::Pin;

use futures::stream;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::in_process::panicked;

/// A stream of responses.
pub type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Returns a stream of what a new task sends, followed by the error that the task ended with, if any. Up to `room`
/// responses wait to be read; then the task waits. The final error needs no room among them. If the task panics, the
/// stream ends with INTERNAL, so that the reader does not take it for a regular end.
///
/// The task is one of `tasks` until it ends. After the stream is dropped, it goes on until it notices.
pub fn sent_by_task<T, F>(
    tasks: &TaskTracker,
    room: usize,
    work: impl FnOnce(mpsc::Sender<Result<T, Status>>) -> F,
) -> Responses<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (sender, responses) = mpsc::channel(room);
    let (end, ending) = oneshot::channel();
    let work = work(sender);
    tasks.spawn(async move {
        let outcome = work.await;
        // The reader may be gone.
        let _ = end.send(outcome);
    });
    let ending = stream::once(ending)
        .filter_map(|end| end.unwrap_or_else(|_| Err(panicked())).err().map(Err));
    Box::pin(ReceiverStream::new(responses).chain(ending))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn the_reason_comes_after_all_that_waits() {
        let tasks = TaskTracker::new();
        let mut stream = sent_by_task(&tasks, 2, |sender| async move {
            for number in 0..2 {
                sender.send(Ok(number)).await.unwrap();
            }
            Err(Status::not_found("the end"))
        });
        tasks.close();
        // There is no room left, and the task has ended even so.
        tasks.wait().await;
        for number in 0..2 {
            assert_eq!(stream.next().await.unwrap().unwrap(), number);
        }
        let end = stream.next().await.unwrap().unwrap_err();
        assert_eq!(end.message(), "the end");
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn without_a_reason_the_stream_just_ends() {
        let tasks = TaskTracker::new();
        let mut stream = sent_by_task(&tasks, 1, |sender| async move {
            sender.send(Ok(())).await.unwrap();
            Ok(())
        });
        assert!(stream.next().await.unwrap().is_ok());
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn the_stream_of_a_task_that_panics_says_so_after_all_that_waits() {
        let tasks = TaskTracker::new();
        let mut stream = sent_by_task(&tasks, 1, |sender| async move {
            sender.send(Ok(())).await.unwrap();
            panic!("the service has a defect");
        });
        assert!(stream.next().await.unwrap().is_ok());
        let end = stream.next().await.unwrap().unwrap_err();
        assert_eq!(end.code(), Code::Internal);
        assert!(stream.next().await.is_none());
    }
}
