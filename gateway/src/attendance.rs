//! One session attended on one socket: an Attend stream of session-svc, read by a task of its own.
//!
//! The task only reads the stream and pushes to the outbox, which never waits. So the stream is read as fast as it
//! comes, whatever the browser does.

mod in_doubt;
mod reader;
mod requests;
pub(crate) mod response;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_platform::{
    refusal::Refusal,
    telemetry::{LazySpan, Scope, SpanKind, TraceIds, grpc, span, trace_context},
};
use carrel_proto::session::v1::{self as session, AttendRequest, Audience, Join, attend_request};
use tokio::{select, sync::OwnedSemaphorePermit, task::JoinHandle};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use self::{
    in_doubt::InDoubt,
    reader::{End, Reader},
    requests::{Requests, requests},
};
use crate::{frame_time::FrameTime, upstream::read, viewer_context::ViewerContext};

/// How many requests may wait for the service on one stream, beside the acts under way, which have their own limit: the
/// Join, typing, and the wake-up for a renewal.
const SPARE_REQUESTS: usize = 16;

/// An attended session. Dropping it ends the stream, but only [`Attendance::stop`] waits for the end.
#[derive(Debug)]
pub(crate) struct Attendance {
    requests: Requests,
    acts: ActsUnderWay,
    unsettled: TaskTracker,
    stop: DropGuard,
    reader: JoinHandle<()>,
}

/// The acts of a stream.
///
/// The lock makes "is the stream still open" and "record the act" one step, so that no act is left without an answer.
#[derive(Clone, Debug)]
struct ActsUnderWay(Arc<Mutex<Acts>>);

#[derive(Debug)]
enum Acts {
    /// The acts that were put on the stream and not answered yet, in order.
    Open(Vec<UnderWay>),
    /// The stream has ended.
    Over {
        /// Whether the browser is to attend again.
        comes_back: bool,
        /// The commands whose outcome is not known.
        in_doubt: InDoubt,
    },
}

/// An act that was put on a stream. A command that is sent again before it was answered is listed twice.
#[derive(Debug)]
struct UnderWay {
    command_id: String,
    /// Measures how long the act's frame takes.
    time: FrameTime,
    /// The act's span. It ends when the answer was written.
    span: LazySpan,
    /// Counts the act among the user's acts under way.
    _permit: OwnedSemaphorePermit,
    /// Counts the act among the stream's, for [`Attendance::settled`].
    unsettled: TaskTrackerToken,
}

/// Why an act was not put on a stream.
#[derive(Debug)]
pub(crate) enum NotSent {
    /// The stream is over for good. The act can be sent by a separate call, with the permit and the time given back
    /// here.
    Over(OwnedSemaphorePermit, FrameTime),
    /// The stream is over, and the browser must first attend again, or send its earlier acts again. It may have sent
    /// this act before it knew, and its earlier acts may not have happened: so this one must not happen either, or it
    /// would overtake them.
    Interrupted(FrameTime),
    /// The service does not take acts as fast as the browser sends them. Nothing happened.
    Full(FrameTime),
}

impl Attendance {
    /// Opens the stream and starts the task that reads it.
    pub(crate) fn start(
        context: &ViewerContext,
        session_id: String,
        after: Option<session::Position>,
        act_limit: usize,
        time: FrameTime,
    ) -> Self {
        let (requests, to_service) = requests(act_limit + SPARE_REQUESTS);
        let span = grpc::client_span("carrel.session.v1.SessionService/Attend");
        let scope = Scope::within(&span);
        let join = Box::new(AttendRequest {
            request: Some(attend_request::Request::Join(Join {
                session_id: session_id.clone(),
                audience: Audience::Unspecified.into(),
                after,
                trace: true,
                // The connection shows whether the service is there, and the outbox repeats heads.
                only_new_heads: true,
            })),
            trace_parent: scope.run(trace_context::current),
        });
        // A new queue has room for its first request.
        let _ = requests.send(join);
        let mut sessions = context.upstream.sessions.clone();
        let caller = context.caller.clone().about(&session_id);
        let request = scope.run(|| caller.request(to_service));
        // Boxed, so that its memory is freed once the stream is open: the task would keep room for it.
        let opening = Box::pin(async move { sessions.attend(request).await });
        let deadline = context.upstream.deadline;
        let acts = ActsUnderWay(Arc::new(Mutex::new(Acts::Open(Vec::new()))));
        let stop = CancellationToken::new();
        let mut reader = Reader::new(context.clone(), session_id, acts.clone(), time);
        let stopped = stop.clone();
        let reader = tokio::spawn(async move {
            let end = select! {
                biased;
                () = stopped.cancelled() => End::Stopped,
                refusal = read(deadline, span, opening, "Attend again.", |response| {
                    reader.deliver(response)
                }) => End::Service(refusal),
            };
            reader.end(end);
        });
        // Closed from the start, so that `wait` returns as soon as no token is left.
        let unsettled = TaskTracker::new();
        unsettled.close();
        Self {
            requests,
            acts,
            unsettled,
            stop: stop.drop_guard(),
            reader,
        }
    }

    /// Puts an act on the stream. The permit is held until the act was answered.
    pub(crate) fn act(
        &self,
        act: session::Act,
        permit: OwnedSemaphorePermit,
        time: FrameTime,
    ) -> Result<(), NotSent> {
        let command_id = act.command_id.clone();
        let mut acts = self.acts.lock();
        let under_way = match &mut *acts {
            Acts::Open(under_way) => under_way,
            Acts::Over {
                comes_back,
                in_doubt,
            } => {
                return Err(match !*comes_back && in_doubt.lets_through(&command_id) {
                    true => NotSent::Over(permit, time),
                    false => NotSent::Interrupted(time),
                });
            }
        };
        // Covers the way to the service and back; empty if the trace of the act's frame is not kept.
        let span = LazySpan::step(TraceIds::current(), SpanKind::Client, span::ACT_SERVED);
        let request = attend_request::Request::Act(act);
        let sent = span.scope().run(|| self.send(request));
        match sent {
            Ok(()) => {
                under_way.push(UnderWay {
                    command_id,
                    time,
                    span,
                    _permit: permit,
                    unsettled: self.unsettled.token(),
                });
                Ok(())
            }
            Err(()) => Err(NotSent::Full(time)),
        }
    }

    /// Resolves when no act is under way on the stream. Returns the refusal for whatever waited if the acts that were
    /// under way may have to be sent again: the stream has broken, or the browser ended it before they were answered.
    pub(crate) fn settled(&self) -> impl Future<Output = Result<(), Refusal>> + Send + use<> {
        let (unsettled, acts) = (self.unsettled.clone(), self.acts.clone());
        async move {
            unsettled.wait().await;
            match &*acts.lock() {
                Acts::Over {
                    comes_back,
                    in_doubt,
                } if *comes_back || !in_doubt.is_empty() => Err(interrupted()),
                Acts::Open(_) | Acts::Over { .. } => Ok(()),
            }
        }
    }

    /// Tells the service which box the user is typing in. Dropped if the service does not keep up.
    pub(crate) fn typing(&self, r#box: i32) {
        let typing = session::Typing {
            r#box,
            author: None,
        };
        let _ = self.send(attend_request::Request::Typing(typing));
    }

    /// Gives the service a fresh token ahead of all waiting requests, but after the Join.
    pub(crate) fn renew(&self, access_token: String) {
        let renew = attend_request::Request::Renew(session::Renew { access_token });
        self.requests.renew(within_trace(renew));
    }

    /// Whether the stream has ended by itself, for good.
    pub(crate) fn is_over(&self) -> bool {
        matches!(
            *self.acts.lock(),
            Acts::Over {
                comes_back: false,
                ..
            }
        )
    }

    /// Whether the stream has ended by itself, for good, and no command has to be sent again before others.
    pub(crate) fn is_settled_for_good(&self) -> bool {
        matches!(
            &*self.acts.lock(),
            Acts::Over {
                comes_back: false,
                in_doubt,
            } if in_doubt.is_empty()
        )
    }

    /// Whether the stream is open.
    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.acts.lock(), Acts::Open(_))
    }

    /// Ends the stream. When this returns, nothing more of it reaches the outbox.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.reader.await {
            tracing::error!(%error, "the reader of an attended session failed");
        }
    }

    fn send(&self, request: attend_request::Request) -> Result<(), ()> {
        self.requests.send(within_trace(request))
    }
}

/// Makes a request that carries the current trace.
fn within_trace(request: attend_request::Request) -> Box<AttendRequest> {
    Box::new(AttendRequest {
        request: Some(request),
        trace_parent: trace_context::current(),
    })
}

impl ActsUnderWay {
    fn lock(&self) -> MutexGuard<'_, Acts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes an act that was answered. The caller drops it once the answer was queued.
    fn answered(&self, command_id: &str) -> Option<UnderWay> {
        let mut acts = self.lock();
        let Acts::Open(acts) = &mut *acts else {
            return None;
        };
        let place = acts.iter().position(|act| act.command_id == command_id)?;
        Some(acts.remove(place))
    }

    /// Marks the stream as over and returns the acts that were not answered. `unknown` are the commands that were
    /// answered without a known outcome.
    fn close(&self, comes_back: bool, unknown: Vec<String>) -> Vec<UnderWay> {
        let mut acts = self.lock();
        let unanswered = match &mut *acts {
            Acts::Open(unanswered) => std::mem::take(unanswered),
            Acts::Over { .. } => Vec::new(),
        };
        let behind = unanswered.iter().map(|act| act.command_id.clone());
        *acts = Acts::Over {
            comes_back,
            in_doubt: unknown.into_iter().chain(behind).collect(),
        };
        unanswered
    }
}

/// The refusal of an act that came behind those on a broken stream. It did not happen.
pub(crate) fn interrupted() -> Refusal {
    Refusal::unavailable(
        "INTERRUPTED",
        "The session was detached. Attend it again, then send this again, after what you sent before it.",
    )
}
