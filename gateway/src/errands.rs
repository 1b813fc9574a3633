//! Errands: what a user asks of a service by a call of its own, done one after another in the order in which it was
//! asked.

use std::sync::OnceLock;

use carrel_platform::telemetry::ServerSpan;
use carrel_proto::gateway::v1::server_frame::Frame;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
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

/// Does errands in order. What is in one lane does not wait for what is in another.
#[derive(Debug)]
pub(crate) struct Lane {
    room: usize,
    outbox: Outbox,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Most users have nothing to be done in it, so it is opened with the first errand.
    errands: OnceLock<mpsc::Sender<Errand>>,
}

impl Lane {
    /// A lane with room for so many errands, done by one of `tasks` until `stop`.
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
            errands: OnceLock::new(),
        }
    }

    /// Takes an errand, to be done after all that were taken before.
    pub(crate) fn take(&self, errand: Errand) -> Result<(), Full> {
        self.errands
            .get_or_init(|| self.open())
            .try_send(errand)
            .map_err(|refused| Full(refused.into_inner().time))
    }

    fn open(&self) -> mpsc::Sender<Errand> {
        let (errands, mut receiver) = mpsc::channel::<Errand>(self.room);
        let (outbox, stop) = (self.outbox.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let work = async {
                while let Some(mut errand) = receiver.recv().await {
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
            };
            stop.run_until_cancelled(work).await;
        });
        errands
    }
}
