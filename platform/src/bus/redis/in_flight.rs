//! The unanswered writes to one master.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, ready},
};
use redis::{RedisResult, Value};
use tokio::{task::unconstrained, time::Instant};

use super::outbox::Publication;

/// How many writes may be unanswered before the next one waits.
const MAX_IN_FLIGHT: usize = 4;
/// How long a write may be unanswered before it counts as lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The server's answer to a write: a value for each of its publications.
pub(super) type Answers = RedisResult<Vec<Value>>;

/// The writes on one connection, in the order in which they were made.
///
/// **Nothing overtakes.** A write takes its place in the connection's own queue when it is put here; the connection has
/// room for it. Answers come in the order of the writes. And if a write is given up, all that follow it are, too: the
/// connection skips requests that are no longer awaited, and what comes behind must not be heard before the loss is
/// announced. Only a refusal by the server becomes known after later writes were sent.
pub(super) struct InFlight<Line> {
    line: Line,
    writes: VecDeque<Write>,
}

struct Write {
    began: Instant,
    publications: Vec<Arc<Publication>>,
    answers: BoxFuture<'static, Answers>,
}

impl<Line> InFlight<Line> {
    /// No writes yet on this connection.
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            writes: VecDeque::new(),
        }
    }

    /// Returns the connection.
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Begins to write publications. The future resolves to the answers.
    pub(super) fn put(
        &mut self,
        publications: Vec<Arc<Publication>>,
        answers: impl Future<Output = Answers> + Send + 'static,
    ) {
        // Must not yield because the task has used up its coop budget: the write would have no place yet.
        let mut answers = unconstrained(answers).boxed();
        if let Some(answered) = (&mut answers).now_or_never() {
            answers = ready(answered).boxed();
        }
        self.writes.push_back(Write {
            began: Instant::now(),
            publications,
            answers,
        });
    }

    /// Returns whether the next write has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.writes.len() >= MAX_IN_FLIGHT
    }

    /// Returns whether all writes were answered or given up.
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Returns when the first unanswered write began.
    pub(super) fn began(&self) -> Option<Instant> {
        self.writes.front().map(|write| write.began)
    }

    /// Returns when the first unanswered write counts as lost.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        self.began().map(|began| began + ANSWER_WITHIN)
    }

    /// Takes the first unanswered write once it is answered.
    pub(super) fn poll_answered(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<Arc<Publication>>, Answers)> {
        let Some(first) = self.writes.front_mut() else {
            return Poll::Pending;
        };
        let answers = ready!(first.answers.poll_unpin(cx));
        let publications = self.writes.pop_front().map(|write| write.publications);
        Poll::Ready((publications.unwrap_or_default(), answers))
    }

    /// Gives up all unanswered writes. They may or may not have been sent.
    pub(super) fn give_up(&mut self) -> Vec<Arc<Publication>> {
        let mut lost = Vec::new();
        // Last one first: none may still be sent once one before it is skipped.
        while let Some(Write {
            publications,
            answers,
            ..
        }) = self.writes.pop_back()
        {
            drop(answers);
            lost.extend(publications);
        }
        lost
    }
}

/// Gives up the writes last one first here, too, so that none is sent after a skipped one.
impl<Line> Drop for InFlight<Line> {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        future::{pending, poll_fn},
        sync::Mutex,
    };

    use bytes::Bytes;
    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::bus::{Origin, redis::outbox::Outbox};

    async fn publication() -> Vec<Arc<Publication>> {
        let outbox = Outbox::new(Arc::default());
        outbox.put("t", Origin(1), Bytes::new());
        outbox.take(1).await
    }

    fn in_flight() -> InFlight<()> {
        InFlight::new(())
    }

    /// Tasks that wait because the coop budget was used up are woken last one first by the runtime.
    #[tokio::test]
    async fn a_write_has_its_place_before_the_next_also_at_the_end_of_a_turn() {
        let publications = publication().await;
        let mut in_flight = in_flight();
        let (used_up, mut turn) = mpsc::unbounded_channel();
        (0..1_000).for_each(|n| used_up.send(n).unwrap());
        let (connection, mut written) = mpsc::channel(16);
        poll_fn(|cx| {
            while turn.poll_recv(cx).is_ready() {}
            for n in 0..3 {
                let connection = connection.clone();
                in_flight.put(publications.clone(), async move {
                    connection.send(n).await.unwrap();
                    pending().await
                });
            }
            Poll::Ready(())
        })
        .await;
        assert!(!turn.is_empty(), "there was a turn left");
        for n in 0..3 {
            assert_eq!(written.try_recv(), Ok(n));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_first_is_answered_first() {
        let publications = publication().await;
        let mut in_flight = in_flight();
        let (first, answered) = oneshot::channel();
        in_flight.put(publications.clone(), async { answered.await.unwrap() });
        tokio::time::advance(ANSWER_WITHIN).await;
        in_flight.put(publications, ready(Ok(Vec::new())));
        assert_eq!(in_flight.overdue_at(), Some(Instant::now()));
        let next = poll_fn(|cx| Poll::Ready(in_flight.poll_answered(cx).is_ready()));
        assert!(!next.await);
        first.send(Ok(Vec::new())).unwrap();
        for _ in 0..2 {
            let (publications, answers) = poll_fn(|cx| in_flight.poll_answered(cx)).await;
            assert_eq!((publications.len(), answers), (1, Ok(Vec::new())));
        }
        assert!(in_flight.is_empty());
    }

    #[tokio::test]
    async fn what_is_given_up_takes_along_what_follows_and_the_last_goes_first() {
        struct Gone(usize, Arc<Mutex<Vec<usize>>>);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.1.lock().unwrap().push(self.0);
            }
        }
        let publications = publication().await;
        let mut in_flight = in_flight();
        let gone = Arc::<Mutex<Vec<usize>>>::default();
        for n in 0..MAX_IN_FLIGHT {
            assert!(!in_flight.is_full());
            let held = Gone(n, Arc::clone(&gone));
            in_flight.put(publications.clone(), async move {
                let _held = held;
                pending().await
            });
        }
        assert!(in_flight.is_full());
        assert_eq!(in_flight.give_up().len(), MAX_IN_FLIGHT);
        assert_eq!(*gone.lock().unwrap(), [3, 2, 1, 0]);
        assert!(in_flight.is_empty() && in_flight.overdue_at().is_none());
    }
}
