//! The writes to one master that are not answered yet.

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

use super::outbox::Letter;

/// How many writes may be unanswered before the next waits.
const IN_FLIGHT: usize = 4;
/// After how long an unanswered write counts as lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What the server answers to a write: a value for each of its letters.
pub(super) type Answers = RedisResult<Vec<Value>>;

/// The writes on one connection, in the order in which they were made.
///
/// **Nothing overtakes.** A write takes its place among those of the connection when it is put here, for which the
/// connection has room. The first one is answered first. And if one is given up then all that follow it are, too: a
/// connection passes over whatever nobody waits for any more, and what comes behind must not be heard before it is said that
/// something was lost. Only of what a server refuses nobody knows before what follows is sent.
pub(super) struct Lane<Line> {
    line: Line,
    writes: VecDeque<Write>,
}

struct Write {
    began: Instant,
    letters: Vec<Arc<Letter>>,
    answers: BoxFuture<'static, Answers>,
}

impl<Line> Lane<Line> {
    /// Nothing is on its way on this connection.
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            writes: VecDeque::new(),
        }
    }

    /// The connection.
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Begins to write letters, of which this future brings the answers.
    pub(super) fn put(
        &mut self,
        letters: Vec<Arc<Letter>>,
        answers: impl Future<Output = Answers> + Send + 'static,
    ) {
        // Its turn is not to come later because the task has used up its own: then it would have no place yet.
        let mut answers = unconstrained(answers).boxed();
        if let Some(answered) = (&mut answers).now_or_never() {
            answers = ready(answered).boxed();
        }
        self.writes.push_back(Write {
            began: Instant::now(),
            letters,
            answers,
        });
    }

    /// Whether the next write has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.writes.len() >= IN_FLIGHT
    }

    /// Whether everything was answered or given up.
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// When the first write began that is unanswered.
    pub(super) fn began(&self) -> Option<Instant> {
        self.writes.front().map(|write| write.began)
    }

    /// When the first write counts as lost.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        self.began().map(|began| began + ANSWER_WITHIN)
    }

    /// The first write that is unanswered, once it is answered.
    pub(super) fn poll_answered(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<Arc<Letter>>, Answers)> {
        let Some(first) = self.writes.front_mut() else {
            return Poll::Pending;
        };
        let answers = ready!(first.answers.poll_unpin(cx));
        let letters = self.writes.pop_front().map(|write| write.letters);
        Poll::Ready((letters.unwrap_or_default(), answers))
    }

    /// Gives up all that is unanswered. It may have been sent or not.
    pub(super) fn give_up(&mut self) -> Vec<Arc<Letter>> {
        let mut lost = Vec::new();
        // The last one first: none may still be sent when one before it is passed over.
        while let Some(Write {
            letters, answers, ..
        }) = self.writes.pop_back()
        {
            drop(answers);
            lost.extend(letters);
        }
        lost
    }
}

/// Here too nothing is sent that was behind what is passed over.
impl<Line> Drop for Lane<Line> {
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

    async fn letter() -> Vec<Arc<Letter>> {
        let outbox = Outbox::new(Arc::default());
        outbox.put("t", Origin(1), Bytes::new());
        outbox.take(1).await
    }

    fn lane() -> Lane<()> {
        Lane::new(())
    }

    /// The runtime wakes what has used up a task's turn the last one first.
    #[tokio::test]
    async fn a_write_has_its_place_before_the_next_also_at_the_end_of_a_turn() {
        let letters = letter().await;
        let mut lane = lane();
        let (used_up, mut turn) = mpsc::unbounded_channel();
        (0..1_000).for_each(|n| used_up.send(n).unwrap());
        let (connection, mut written) = mpsc::channel(16);
        poll_fn(|cx| {
            while turn.poll_recv(cx).is_ready() {}
            for n in 0..3 {
                let connection = connection.clone();
                lane.put(letters.clone(), async move {
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
        let letters = letter().await;
        let mut lane = lane();
        let (first, answered) = oneshot::channel();
        lane.put(letters.clone(), async { answered.await.unwrap() });
        tokio::time::advance(ANSWER_WITHIN).await;
        lane.put(letters, ready(Ok(Vec::new())));
        assert_eq!(lane.overdue_at(), Some(Instant::now()));
        let next = poll_fn(|cx| Poll::Ready(lane.poll_answered(cx).is_ready()));
        assert!(!next.await);
        first.send(Ok(Vec::new())).unwrap();
        for _ in 0..2 {
            let (letters, answers) = poll_fn(|cx| lane.poll_answered(cx)).await;
            assert_eq!((letters.len(), answers), (1, Ok(Vec::new())));
        }
        assert!(lane.is_empty());
    }

    #[tokio::test]
    async fn what_is_given_up_takes_along_what_follows_and_the_last_goes_first() {
        struct Gone(usize, Arc<Mutex<Vec<usize>>>);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.1.lock().unwrap().push(self.0);
            }
        }
        let letters = letter().await;
        let mut lane = lane();
        let gone = Arc::<Mutex<Vec<usize>>>::default();
        for n in 0..IN_FLIGHT {
            assert!(!lane.is_full());
            let held = Gone(n, Arc::clone(&gone));
            lane.put(letters.clone(), async move {
                let _held = held;
                pending().await
            });
        }
        assert!(lane.is_full());
        assert_eq!(lane.give_up().len(), IN_FLIGHT);
        assert_eq!(*gone.lock().unwrap(), [3, 2, 1, 0]);
        assert!(lane.is_empty() && lane.overdue_at().is_none());
    }
}
