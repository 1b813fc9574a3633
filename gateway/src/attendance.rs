//! One session attended on one socket: an Attend stream of session-svc, read by a task of its own.
//!
//! The task does nothing but read the stream and push to the outbox, which never waits. So the stream is read at the
//! speed at which it comes, whatever the browser does.

mod in_doubt;
mod reader;
mod requests;
pub(crate) mod response;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_platform::{
    refusal::Refusal,
    telemetry::{NotedSpan, Scope, SpanKind, TraceIds, grpc, span, trace_context},
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
use crate::{frame_time::FrameTime, line::Line, upstream::read};

/// How many requests may wait for the service on one stream, beside the acts under way, which have a limit of their
/// own: the Join, what is typed, and the word that there is a renewal.
const SPARE_REQUESTS: usize = 16;

/// A session that is attended. Dropping it ends the stream, but only [`Attendance::stop`] waits for that.
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
/// The lock makes "is the stream still there" and "note the act" one step, so that no act is left without an answer.
#[derive(Clone, Debug)]
struct ActsUnderWay(Arc<Mutex<Acts>>);

#[derive(Debug)]
enum Acts {
    /// Those that were put on the stream and not answered yet, in order.
    Open(Vec<UnderWay>),
    /// The stream is over.
    Over {
        /// Whether the browser is to attend again.
        comes_back: bool,
        /// The commands of which it is not known what became of them.
        in_doubt: InDoubt,
    },
}

/// An act that was put on a stream. A command that is sent again before its answer is there twice.
#[derive(Debug)]
struct UnderWay {
    command_id: String,
    /// How long the act's frame has taken.
    time: FrameTime,
    /// The span of the act, which ends when its answer was written.
    span: NotedSpan,
    /// Counts it among the user's acts under way.
    _permit: OwnedSemaphorePermit,
    /// Counts it among the stream's, for [`Attendance::settled`].
    unsettled: TaskTrackerToken,
}

/// Why an act was not put on a stream.
#[derive(Debug)]
pub(crate) enum NotSent {
    /// The stream is over for good. The act can be done by itself, with what is given back.
    Over(OwnedSemaphorePermit, FrameTime),
    /// The stream is over, and the browser is to attend again, or to send again what was before this. It may have sent this
    /// before it knew, and what it sent before this may not have happened: so this must not either, or it would overtake
    /// that.
    Interrupted(FrameTime),
    /// The service does not take as much as the browser sends. Nothing happened.
    Full(FrameTime),
}

impl Attendance {
    /// Opens the stream and begins to read it.
    pub(crate) fn start(
        line: &Line,
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
                // Whether the service is there, its connection tells; and the outbox tells heads again.
                only_new_heads: true,
            })),
            trace_parent: scope.run(trace_context::current),
        });
        // A new queue has room for its first request.
        let _ = requests.send(join);
        let mut sessions = line.upstream.sessions.clone();
        let caller = line.caller.clone().about(&session_id);
        let request = scope.run(|| caller.request(to_service));
        // In a place of its own, which is given back when the stream is open: the task would keep one for it.
        let opening = Box::pin(async move { sessions.attend(request).await });
        let deadline = line.upstream.deadline;
        let acts = ActsUnderWay(Arc::new(Mutex::new(Acts::Open(Vec::new()))));
        let stop = CancellationToken::new();
        let mut reader = Reader::new(line.clone(), session_id, acts.clone(), time);
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
        // Closed from the start: whoever waits, waits only for what there is.
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

    /// Puts an act on the stream. The permit is held until it was answered.
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
        // On its way to the service and back; none if its frame's trace is not kept.
        let span = NotedSpan::step(TraceIds::current(), SpanKind::Client, span::ACT_SERVED);
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

    /// Resolves when no act is under way on the stream, with the refusal of what waited for that if those that were under
    /// way may have to be sent again: the stream has broken, or the browser has ended it before they were answered.
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

    /// Tells the service what the user is typing. Dropped if the service does not keep up.
    pub(crate) fn typing(&self, r#box: i32) {
        let typing = session::Typing {
            r#box,
            author: None,
        };
        let _ = self.send(attend_request::Request::Typing(typing));
    }

    /// Gives the service a fresh token before all that waits for it, as soon as it takes anything after the Join.
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

    /// Whether it has, and no command is to be sent again before others.
    pub(crate) fn is_settled_for_good(&self) -> bool {
        matches!(
            &*self.acts.lock(),
            Acts::Over {
                comes_back: false,
                in_doubt,
            } if in_doubt.is_empty()
        )
    }

    /// Whether the stream goes on.
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

/// A request within the trace of what is done now.
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

    /// Takes note of an answer; what is returned is dropped when the answer was queued.
    fn answered(&self, command_id: &str) -> Option<UnderWay> {
        let mut acts = self.lock();
        let Acts::Open(acts) = &mut *acts else {
            return None;
        };
        let place = acts.iter().position(|act| act.command_id == command_id)?;
        Some(acts.remove(place))
    }

    /// The stream is over: gives the acts that were not answered. `unknown` are the commands that were answered so that
    /// nobody knows what became of them.
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

/// What is told of an act that came behind those on a stream that has broken. It did not happen.
pub(crate) fn interrupted() -> Refusal {
    Refusal::unavailable(
        "INTERRUPTED",
        "The session was detached. Attend it again, then send this again, after what you sent before it.",
    )
}
