//! A queue of jobs: requests of a user that each take a separate call to a service, done one after another in the order
//! in which they came.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use carrel_platform::telemetry::LazySpan;
use carrel_proto::gateway::v1::server_frame::Frame;
use futures::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;

use crate::{frame_time::FrameTime, outbox::Outbox};

/// A job, until it was answered.
pub(crate) struct Job {
    /// Does the job, and returns what the browser is told of it, if anything.
    pub(crate) work: BoxFuture<'static, Option<Frame>>,
    /// The span of the frame that brought it.
    pub(crate) span: LazySpan,
    /// Measures that frame.
    pub(crate) time: FrameTime,
    /// Counts it as under way.
    pub(crate) under_way: OwnedSemaphorePermit,
}

/// The queue has no room for another job. Holds the time of the job's frame. Nothing happened.
#[derive(Debug)]
pub(crate) struct Full(pub(crate) FrameTime);

/// Does jobs in order, independently of other queues. An empty queue keeps no memory for jobs: most users seldom
/// have any.
pub(crate) struct JobQueue {
    room: usize,
    outbox: Outbox,
    stop: CancellationToken,
    tasks: TaskTracker,
    waiting: Arc<Mutex<Waiting>>,
}

/// The jobs that wait behind the one being done.
#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Whether a task is doing jobs. It does those that wait as well.
    is_busy: bool,
}

impl JobQueue {
    /// Creates a queue in which `room` jobs may wait, done by one of `tasks` until `stop`.
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

    /// Takes a job, to be done after all jobs taken before.
    pub(crate) fn push(&self, job: Job) -> Result<(), Full> {
        let mut waiting = lock(&self.waiting);
        if waiting.jobs.len() >= self.room {
            return Err(Full(job.time));
        }
        waiting.jobs.push_back(job);
        if !mem::replace(&mut waiting.is_busy, true) {
            let worker = Worker {
                waiting: Arc::clone(&self.waiting),
                is_done: false,
            };
            let work = run_all(worker, self.outbox.clone());
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

/// The task that does a queue's jobs. However it ends, the queue is no longer busy after that.
struct Worker {
    waiting: Arc<Mutex<Waiting>>,
    /// Nothing was left to do; another task may be at work by now.
    is_done: bool,
}

impl Worker {
    fn next(&mut self) -> Option<Job> {
        let mut waiting = lock(&self.waiting);
        let job = waiting.jobs.pop_front();
        if job.is_none() {
            *waiting = Waiting::default();
            self.is_done = true;
        }
        job
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_done {
            let given_up = mem::take(&mut *lock(&self.waiting));
            drop(given_up);
        }
    }
}

/// Does jobs until none is left.
async fn run_all(mut worker: Worker, outbox: Outbox) {
    while let Some(mut job) = worker.next() {
        let answer = job.span.scope().around(job.work).await;
        match answer {
            Some(answer) => {
                if let Frame::Refused(refused) = &answer
                    && let Some(refusal) = &refused.refusal
                {
                    job.span.answered(Code::from_i32(refusal.code));
                }
                job.time.answered(&answer);
                outbox.push_within(answer, job.span);
            }
            None => job.time.done(),
        }
        drop(job.under_way);
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

    /// A queue in which two jobs may wait, the writer of its answers, and its tasks.
    fn queue() -> (JobQueue, Writer, TaskTracker) {
        let (outbox, writer) = outbox(
            SubProtocol::Proto,
            &SocketConfig::default(),
            Moments::from_now(),
            Closing::default(),
        );
        let tasks = TaskTracker::new();
        let queue = JobQueue::new(2, outbox, CancellationToken::new(), &tasks);
        (queue, writer, tasks)
    }

    fn job(permits: &Arc<Semaphore>, work: BoxFuture<'static, Option<Frame>>) -> Job {
        Job {
            work,
            span: LazySpan::default(),
            time: FrameTime::of_unknown(),
            under_way: Arc::clone(permits).try_acquire_owned().unwrap(),
        }
    }

    #[tokio::test]
    async fn jobs_are_done_in_order_and_an_empty_queue_keeps_nothing() {
        let permits = Arc::new(Semaphore::new(10));
        let (queue, _writer, _tasks) = queue();
        let done = Arc::new(Mutex::new(Vec::new()));
        let (go, gone) = oneshot::channel::<()>();
        let first = Arc::clone(&done);
        queue
            .push(job(
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
            queue.push(job(&permits, work.boxed())).unwrap();
        }
        assert!(queue.push(job(&permits, pending().boxed())).is_err());
        go.send(()).unwrap();
        let _all = permits.acquire_many(10).await.unwrap();
        assert_eq!(*done.lock().unwrap(), [1, 2, 3]);
        tokio::task::yield_now().await;
        let waiting = lock(&queue.waiting);
        assert!(!waiting.is_busy);
        assert_eq!(waiting.jobs.capacity(), 0);
    }

    #[tokio::test]
    async fn a_job_that_panics_does_not_close_the_queue() {
        let permits = Arc::new(Semaphore::new(10));
        let (queue, _writer, tasks) = queue();
        let work = async { panic!("as it must not") };
        queue.push(job(&permits, work.boxed())).unwrap();
        queue.push(job(&permits, pending().boxed())).unwrap();
        tasks.close();
        tasks.wait().await;
        // The job that waited behind it was dropped, and no longer counts.
        assert_eq!(permits.available_permits(), 10);
        let (done, is_done) = oneshot::channel();
        let work = async move {
            done.send(()).unwrap();
            None
        };
        queue.push(job(&permits, work.boxed())).unwrap();
        is_done.await.unwrap();
    }
}
