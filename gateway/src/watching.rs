//! Something that a librarian watches on one socket: a stream that begins with a snapshot and goes on with changes,
//! read by its own task.
//!
//! Each module is for one thing that can be watched: the lists of sessions, the desk, and conversations. It says how
//! the stream is opened and how its messages become frames; everything else is the same for all, and here.

mod conversations;
mod desk;
mod lists;

use carrel_platform::telemetry::{LazySpan, Scope, grpc};
use carrel_proto::gateway::v1::server_frame::Frame;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::{select, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    delivery::delivery_span,
    frame::{FRAME_LIMIT, json_length, refused},
    frame_time::FrameTime,
    outbox::Outbox,
    upstream::{Upstream, read_at_leisure},
    viewer_context::ViewerContext,
};

/// How many bytes of a snapshot's frame are not rows.
const ENVELOPE: usize = 256;

/// A request to watch something.
pub(crate) trait Watched: Clone + Send + 'static {
    /// A message on the stream.
    type Change: Send + 'static;

    /// Its name in the metadata entry "request" of refusals: the frame that asks for it.
    const NAME: &'static str;
    /// The full name of the method that opens the stream.
    const METHOD: &'static str;

    /// Opens the stream.
    fn open(
        upstream: Upstream,
        request: Request<Self>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Change>>, Status>> + Send;

    /// Returns the trace of what caused a message, if the service tells it.
    fn trace_parent(_change: &Self::Change) -> &str {
        ""
    }

    /// Whether a message is a snapshot or a part of one, and so may be longer than a browser's queue.
    fn is_snapshot(change: &Self::Change) -> bool;

    /// Converts a message to frames, none of them too long.
    fn frames(change: Self::Change) -> Vec<Frame>;
}

/// The current watch of one kind, if there is one. Dropping it ends the stream, but only [`Watching::stop`] waits for
/// that.
#[derive(Debug)]
pub(crate) struct Watching<W>(Option<Reading<W>>);

/// A stream that is being read.
#[derive(Debug)]
struct Reading<W> {
    request: W,
    stop: DropGuard,
    reader: JoinHandle<()>,
}

impl<W: Watched> Watching<W> {
    /// Nothing is watched.
    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    /// Opens a stream in place of the one before, and starts the task that reads it. `time` measures the frame that
    /// asks for it.
    pub(crate) async fn watch(
        &mut self,
        context: &ViewerContext,
        request: W,
        mut time: Option<FrameTime>,
    ) {
        self.stop().await;
        let span = grpc::client_span(W::METHOD);
        let call = Scope::within(&span).run(|| context.caller.request(request.clone()));
        let (upstream, outbox) = (context.upstream.clone(), context.outbox.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let reader = tokio::spawn(async move {
            let deadline = upstream.deadline;
            let opening = W::open(upstream, call);
            let read = read_at_leisure(deadline, span, opening, "Watch again.", |change| {
                if let Some(time) = time.take() {
                    time.done();
                }
                let delivery = delivery_span(W::trace_parent(&change));
                let is_snapshot = W::is_snapshot(&change);
                let frames = W::frames(change);
                Ok(match is_snapshot {
                    true => hand_out(&outbox, frames, delivery),
                    false => {
                        push_all(&outbox, frames, delivery);
                        None
                    }
                })
            });
            select! {
                biased;
                () = stopped.cancelled() => {}
                refusal = read => {
                    if let Some(time) = time {
                        time.refused(&refusal);
                    }
                    let refusal = refusal.with("request", W::NAME);
                    let frame = refused(String::new(), String::new(), refusal);
                    outbox.push(Frame::Refused(frame));
                }
            }
        });
        self.0 = Some(Reading {
            request,
            stop: stop.drop_guard(),
            reader,
        });
    }

    /// Watches the same with a context's fresh token, unless the stream had ended by itself. A watch takes no requests,
    /// so it can't be renewed: a new one replaces it and starts with a snapshot.
    pub(crate) async fn renew(&mut self, context: &ViewerContext) {
        if let Some(request) = self.stop().await {
            self.watch(context, request, None).await;
        }
    }

    /// Ends the stream. When this returns, nothing more of it reaches the outbox. Returns what was watched, unless the
    /// stream had ended by itself.
    pub(crate) async fn stop(&mut self) -> Option<W> {
        let reading = self.0.take()?;
        let over = reading.reader.is_finished();
        drop(reading.stop);
        if let Err(error) = reading.reader.await {
            tracing::error!(%error, watched = W::NAME, "the reader of what is watched failed");
        }
        (!over).then_some(reading.request)
    }
}

/// Queues the frames of a change.
fn push_all(outbox: &Outbox, frames: impl IntoIterator<Item = Frame>, mut delivery: LazySpan) {
    for frame in frames {
        outbox.push_within(frame, std::mem::take(&mut delivery));
    }
}

/// Queues the frames of a snapshot for which there is room. The returned future queues the rest as room becomes free: a
/// browser that was closed for a snapshot longer than its queue would come back to the same snapshot.
fn hand_out(
    outbox: &Outbox,
    frames: Vec<Frame>,
    mut delivery: LazySpan,
) -> Option<BoxFuture<'static, ()>> {
    let mut frames = frames.into_iter().peekable();
    while outbox.has_room() {
        outbox.push_within(frames.next()?, std::mem::take(&mut delivery));
    }
    frames.peek()?;
    let outbox = outbox.clone();
    Some(Box::pin(async move {
        for frame in frames {
            outbox.room().await;
            outbox.push_within(frame, std::mem::take(&mut delivery));
        }
    }))
}

/// The room left in one frame for the rows of a snapshot.
#[derive(Debug)]
struct Room(usize);

impl Room {
    /// The room of a whole frame.
    fn of_a_frame() -> Self {
        Self(FRAME_LIMIT - ENVELOPE)
    }

    /// Splits rows into those that still fit, and the rest. After one that does not fit, no other does, so that the
    /// order is kept.
    fn fill<R: Serialize>(&mut self, mut rows: Vec<R>) -> (Vec<R>, Vec<R>) {
        let mut fitting = 0;
        for row in &rows {
            let length = json_length(row) + 1;
            if length > self.0 {
                self.0 = 0;
                break;
            }
            self.0 -= length;
            fitting += 1;
        }
        let rest = rows.split_off(fitting);
        (rows, rest)
    }
}
