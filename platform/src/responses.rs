//! Streams of responses, as a service gives them to tonic.

use std::pin::Pin;

use futures::stream;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::in_process::panicked;

/// A stream of responses.
pub type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A stream of what a task of its own sends, and after that why the task ended, if there is a reason. Up to `room`
/// responses wait to be read; then the task waits. The reason needs no room among them. A task that panics ends its stream
/// with INTERNAL: its reader shall not take it for an end that was meant.
///
/// The task is one of `tasks` until it ends. It goes on after the stream is dropped, until it notices.
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
        // Whoever read may have gone.
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
