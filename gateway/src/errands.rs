//! Errands: what a user asks of a service by a call of its own, done one after another in the order in which it was
//! asked.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use carrel_platform::telemetry::ServerSpan;
use carrel_proto::gateway::v1::server_frame::Frame;
use futures::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;

use crate::{frame_time::FrameTime, outbox::Outbox};

/// One thing on its way, until it was answered.
pub(crate) struct Errand {
    /// Does it, and gives what the browser is told of it, if anything.
    pub(crate) work: BoxFuture<'static, Option<Frame>>,
    /// The span of the frame that brought it.
    pub(crate) span: ServerSpan,
    /// How long that frame has taken.
    pub(crate) time: FrameTime,
    /// Counts it as under way.
    pub(crate) under_way: OwnedSemaphorePermit,
}

/// Says that a lane has no room for one errand more, whose frame has taken so long. Nothing happened.
#[derive(Debug)]
pub(crate) struct Full(pub(crate) FrameTime);

/// Does errands in order. What is in one lane does not wait for what is in another. An empty lane keeps nothing: most users
/// seldom have something to be done.
pub(crate) struct Lane {
    room: usize,
    outbox: Outbox,
    stop: CancellationToken,
    tasks: TaskTracker,
    waiting: Arc<Mutex<Waiting>>,
}

/// The errands that wait behind the one that is done.
#[derive(Default)]
struct Waiting {
    errands: VecDeque<Errand>,
    /// Whether one is done. Then whoever does it does those that wait as well.
    is_busy: bool,
}

impl Lane {
    /// A lane in which so many errands may wait, done by one of `tasks` until `stop`.
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

    /// Takes an errand, to be done after all that were taken before.
    pub(crate) fn take(&self, errand: Errand) -> Result<(), Full> {
        let mut waiting = lock(&self.waiting);
        if waiting.errands.len() >= self.room {
            return Err(Full(errand.time));
        }
        waiting.errands.push_back(errand);
        if !mem::replace(&mut waiting.is_busy, true) {
            let work = do_all(Arc::clone(&self.waiting), self.outbox.clone());
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

/// The next errand; if there is none, nobody is busy from then on.
fn next(waiting: &Mutex<Waiting>) -> Option<Errand> {
    let mut waiting = lock(waiting);
    let errand = waiting.errands.pop_front();
    if errand.is_none() {
        *waiting = Waiting::default();
    }
    errand
}

/// Does errands until none is left.
async fn do_all(waiting: Arc<Mutex<Waiting>>, outbox: Outbox) {
    while let Some(mut errand) = next(&waiting) {
        let answer = errand.span.scope().around(errand.work).await;
        match answer {
            Some(answer) => {
                if let Frame::Refused(refused) = &answer
                    && let Some(refusal) = &refused.refusal
                {
                    errand.span.answered(Code::from_i32(refusal.code));
                }
                errand.time.answered(&answer);
                outbox.answer(answer, errand.span);
            }
            None => errand.time.done(),
        }
        drop(errand.under_way);
    }
}
