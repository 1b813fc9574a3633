//! Errands: requests of a user that each take a separate call to a service, done one after another in the order in
//! which they came.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use carrel_platform::telemetry::NotedSpan;
use carrel_proto::gateway::v1::server_frame::Frame;
use futures::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;

use crate::{frame_time::FrameTime, outbox::Outbox};

/// An errand, until it was answered.
pub(crate) struct Errand {
    /// Does the errand, and returns what the browser is told of it, if anything.
    pub(crate) work: BoxFuture<'static, Option<Frame>>,
    /// The span of the frame that brought it.
    pub(crate) span: NotedSpan,
    /// Measures that frame.
    pub(crate) time: FrameTime,
    /// Counts it as under way.
    pub(crate) under_way: OwnedSemaphorePermit,
}

/// The lane has no room for another errand. Holds the time of the errand's frame. Nothing happened.
#[derive(Debug)]
pub(crate) struct Full(pub(crate) FrameTime);

/// Does errands in order, independently of other lanes. An empty lane keeps no memory for errands: most users seldom
/// have any.
pub(crate) struct Lane {
    room: usize,
    outbox: Outbox,
    stop: CancellationToken,
    tasks: TaskTracker,
    waiting: Arc<Mutex<Waiting>>,
}

/// The errands that wait behind the one being done.
#[derive(Default)]
struct Waiting {
    errands: VecDeque<Errand>,
    /// Whether a task is doing errands. It does those that wait as well.
    is_busy: bool,
}

impl Lane {
    /// Creates a lane in which `room` errands may wait, done by one of `tasks` until `stop`.
    pub(crate) fn new(
        room: usize,
        outbox: Outbox,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        Self {
            room,
            outbox,
            stop,
            tasks: tasks.clone(),
            waiting: Arc::default(),
        }
    }

    /// Takes an errand, to be done after all errands taken before.
    pub(crate) fn take(&self, errand: Errand) -> Result<(), Full> {
        let mut waiting = lock(&self.waiting);
        if waiting.errands.len() >= self.room {
            return Err(Full(errand.time));
        }
        waiting.errands.push_back(errand);
        if !mem::replace(&mut waiting.is_busy, true) {
            let at_work = AtWork {
                waiting: Arc::clone(&self.waiting),
                is_done: false,
            };
            let work = do_all(at_work, self.outbox.clone());
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                stop.run_until_cancelled(work).await;
            });
        }
        Ok(())
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task that does a lane's errands. However it ends, the lane is no longer busy after that.
struct AtWork {
    waiting: Arc<Mutex<Waiting>>,
    /// Nothing was left to do; another task may be at work by now.
    is_done: bool,
}

impl AtWork {
    fn next(&mut self) -> Option<Errand> {
        let mut waiting = lock(&self.waiting);
        let errand = waiting.errands.pop_front();
        if errand.is_none() {
            *waiting = Waiting::default();
            self.is_done = true;
        }
        errand
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if !self.is_done {
            let given_up = mem::take(&mut *lock(&self.waiting));
            drop(given_up);
        }
    }
}

/// Does errands until none is left.
async fn do_all(mut at_work: AtWork, outbox: Outbox) {
    while let Some(mut errand) = at_work.next() {
        let answer = errand.span.scope().around(errand.work).await;
        match answer {
            Some(answer) => {
                if let Frame::Refused(refused) = &answer
                    && let Some(refusal) = &refused.refusal
                {
                    errand.span.answered(Code::from_i32(refusal.code));
                }
                errand.time.answered(&answer);
                outbox.push_within(answer, errand.span);
            }
            None => errand.time.done(),
        }
        drop(errand.under_way);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::future::pending;

    use carrel_platform::moments::Moments;
    use futures::FutureExt as _;
    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::{
        config::SocketConfig,
        frame::SubProtocol,
        outbox::{Closing, Writer, outbox},
    };

    /// A lane in which two errands may wait, the writer of its answers, and its tasks.
    fn lane() -> (Lane, Writer, TaskTracker) {
        let (outbox, writer) = outbox(
            SubProtocol::Proto,
            &SocketConfig::default(),
            Moments::from_now(),
            Closing::default(),
        );
        let tasks = TaskTracker::new();
        let lane = Lane::new(2, outbox, CancellationToken::new(), &tasks);
        (lane, writer, tasks)
    }

    fn errand(permits: &Arc<Semaphore>, work: BoxFuture<'static, Option<Frame>>) -> Errand {
        Errand {
            work,
            span: NotedSpan::default(),
            time: FrameTime::of_unknown(),
            under_way: Arc::clone(permits).try_acquire_owned().unwrap(),
        }
    }

    #[tokio::test]
    async fn errands_are_done_in_order_and_an_empty_lane_keeps_nothing() {
        let permits = Arc::new(Semaphore::new(10));
        let (lane, _writer, _tasks) = lane();
        let done = Arc::new(Mutex::new(Vec::new()));
        let (go, gone) = oneshot::channel::<()>();
        let first = Arc::clone(&done);
        lane.take(errand(
            &permits,
            async move {
                gone.await.unwrap();
                first.lock().unwrap().push(1);
                None
            }
            .boxed(),
        ))
        .unwrap();
        tokio::task::yield_now().await;
        for number in [2, 3] {
            let done = Arc::clone(&done);
            let work = async move {
                done.lock().unwrap().push(number);
                None
            };
            lane.take(errand(&permits, work.boxed())).unwrap();
        }
        assert!(lane.take(errand(&permits, pending().boxed())).is_err());
        go.send(()).unwrap();
        let _all = permits.acquire_many(10).await.unwrap();
        assert_eq!(*done.lock().unwrap(), [1, 2, 3]);
        tokio::task::yield_now().await;
        let waiting = lock(&lane.waiting);
        assert!(!waiting.is_busy);
        assert_eq!(waiting.errands.capacity(), 0);
    }

    #[tokio::test]
    async fn an_errand_that_panics_does_not_close_the_lane() {
        let permits = Arc::new(Semaphore::new(10));
        let (lane, _writer, tasks) = lane();
        let work = async { panic!("as it must not") };
        lane.take(errand(&permits, work.boxed())).unwrap();
        lane.take(errand(&permits, pending().boxed())).unwrap();
        tasks.close();
        tasks.wait().await;
        // The errand that waited behind it was dropped, and no longer counts.
        assert_eq!(permits.available_permits(), 10);
        let (done, is_done) = oneshot::channel();
        let work = async move {
            done.send(()).unwrap();
            None
        };
        lane.take(errand(&permits, work.boxed())).unwrap();
        is_done.await.unwrap();
    }
}
