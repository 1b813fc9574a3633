//! Jobs: requests of a user that each take a separate call to a service. Those about one subject are done one after
//! another, in the order in which they came.

use std::{
    collections::{HashMap, VecDeque},
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

/// Does the jobs about each subject in order, independently of those about other subjects and of other queues: a session
/// whose service hangs holds up no other. An empty queue keeps no memory for jobs: most users seldom have any.
pub(crate) struct JobQueue {
    room: usize,
    outbox: Outbox,
    stop: CancellationToken,
    tasks: TaskTracker,
    waiting: Arc<Mutex<Waiting>>,
}

/// For each subject about which a job is being done, the jobs that wait behind it. A task does all of them.
type Waiting = HashMap<String, VecDeque<Job>>;

impl JobQueue {
    /// Creates a queue in which `room` jobs may wait, done by some of `tasks` until `stop`.
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

    /// Takes a job, to be done after all jobs about the same subject that were taken before.
    pub(crate) fn push(&self, subject: &str, job: Job) -> Result<(), Full> {
        let mut waiting = lock(&self.waiting);
        if waiting.values().map(VecDeque::len).sum::<usize>() >= self.room {
            return Err(Full(job.time));
        }
        if let Some(behind) = waiting.get_mut(subject) {
            behind.push_back(job);
            return Ok(());
        }
        waiting.insert(subject.to_owned(), VecDeque::new());
        let worker = Worker {
            waiting: Arc::clone(&self.waiting),
            subject: subject.to_owned(),
            is_done: false,
        };
        let work = run_all(job, worker, self.outbox.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
        Ok(())
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task that does the jobs about one subject. However it ends, none waits for it after that.
struct Worker {
    waiting: Arc<Mutex<Waiting>>,
    subject: String,
    /// Nothing was left to do; another task may be at work by now.
    is_done: bool,
}

impl Worker {
    fn next(&mut self) -> Option<Job> {
        let job = lock(&self.waiting).get_mut(&self.subject)?.pop_front();
        if job.is_none() {
            drop(self.forget());
            self.is_done = true;
        }
        job
    }

    /// Takes the subject out of the queue, with the jobs that still wait.
    fn forget(&self) -> Option<VecDeque<Job>> {
        let mut waiting = lock(&self.waiting);
        let left = waiting.remove(&self.subject);
        if waiting.is_empty() {
            *waiting = Waiting::default();
        }
        left
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_done {
            drop(self.forget());
        }
    }
}

/// Does a job, and those that wait behind it, until none is left.
async fn run_all(first: Job, mut worker: Worker, outbox: Outbox) {
    let mut next = Some(first);
    while let Some(mut job) = next {
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
        next = worker.next();
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
            .push(
                "a",
                job(
                    &permits,
                    async move {
                        gone.await.unwrap();
                        first.lock().unwrap().push(1);
                        None
                    }
                    .boxed(),
                ),
            )
            .unwrap();
        tokio::task::yield_now().await;
        for number in [2, 3] {
            let done = Arc::clone(&done);
            let work = async move {
                done.lock().unwrap().push(number);
                None
            };
            queue.push("a", job(&permits, work.boxed())).unwrap();
        }
        assert!(queue.push("a", job(&permits, pending().boxed())).is_err());
        go.send(()).unwrap();
        let _all = permits.acquire_many(10).await.unwrap();
        assert_eq!(*done.lock().unwrap(), [1, 2, 3]);
        tokio::task::yield_now().await;
        assert_eq!(lock(&queue.waiting).capacity(), 0);
    }

    #[tokio::test]
    async fn a_job_that_hangs_holds_up_no_job_about_something_else() {
        let permits = Arc::new(Semaphore::new(10));
        let (queue, _writer, _tasks) = queue();
        queue.push("a", job(&permits, pending().boxed())).unwrap();
        queue.push("a", job(&permits, pending().boxed())).unwrap();
        for subject in ["b", "c", "b"] {
            let (done, is_done) = oneshot::channel();
            let work = async move {
                done.send(()).unwrap();
                None
            };
            queue.push(subject, job(&permits, work.boxed())).unwrap();
            is_done.await.unwrap();
        }
        // What waits anywhere counts: there is room for one more.
        queue.push("b", job(&permits, pending().boxed())).unwrap();
        queue.push("b", job(&permits, pending().boxed())).unwrap();
        let refused = queue.push("c", job(&permits, pending().boxed()));
        assert!(refused.is_err());
    }

    #[tokio::test]
    async fn a_job_that_panics_does_not_close_the_queue() {
        let permits = Arc::new(Semaphore::new(10));
        let (queue, _writer, tasks) = queue();
        let work = async { panic!("as it must not") };
        queue.push("a", job(&permits, work.boxed())).unwrap();
        queue.push("a", job(&permits, pending().boxed())).unwrap();
        tasks.close();
        tasks.wait().await;
        // The job that waited behind it was dropped, and no longer counts.
        assert_eq!(permits.available_permits(), 10);
        let (done, is_done) = oneshot::channel();
        let work = async move {
            done.send(()).unwrap();
            None
        };
        queue.push("a", job(&permits, work.boxed())).unwrap();
        is_done.await.unwrap();
    }
}
