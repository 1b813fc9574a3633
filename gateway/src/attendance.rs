//! One session attended on one socket: an Attend stream of session-svc, read by a task of its own.
//!
//! The task does nothing but read the stream and push to the outbox, which never waits. So the stream is read at the
//! speed at which it comes, whatever the browser does.

pub(crate) mod response;

use std::{
    cell::OnceCell,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use carrel_platform::{
    refusal::Refusal,
    telemetry::{
        NotedSpan, Scope, SpanKind, TraceIds, attribute, grpc, session_hash, span, trace_context,
    },
};
use carrel_proto::{
    encoded::Encoded,
    gateway::v1::{
        Accepted, Attending, Detached, Refused, SomebodyTyping, Waiting, server_frame::Frame,
    },
    refusal::v1 as wire,
    session::v1::{self as session, AttendRequest, Audience, Join, attend_request},
};
use prost::{DecodeError, Message as _};
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinHandle,
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tonic::Code;

use self::response::{AttendResponse, Outline, Response};
use crate::{
    delivery::{Delivery, delivery_span},
    frame::refused,
    frame_time::FrameTime,
    line::Line,
    upstream::read,
};

/// How many requests may wait for the service on one stream, beside the acts under way, which have a limit of their
/// own: the Join, renewals, and what is typed.
const SPARE_REQUESTS: usize = 16;

/// A session that is attended. Dropping it ends nothing; [`Attendance::stop`] does.
#[derive(Debug)]
pub(crate) struct Attendance {
    /// Boxed, because a channel has room for dozens from the start, and most participants say little.
    requests: mpsc::Sender<Box<AttendRequest>>,
    acts: ActsUnderWay,
    unsettled: TaskTracker,
    stop: CancellationToken,
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
    /// The stream is over, and whether the browser is to attend again.
    Over { comes_back: bool },
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
    /// The stream is over, and the browser is to attend again. It may have sent this before it knew, and what it sent
    /// before this may not have happened: so this must not either, or it would overtake that.
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
        let (requests, receiver) = mpsc::channel(act_limit + SPARE_REQUESTS);
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
        // A new channel has room for its first request.
        let _ = requests.try_send(join);
        let mut sessions = line.upstream.sessions.clone();
        let caller = line.caller.clone().about(&session_id);
        let receiver = ReceiverStream::new(receiver).map(|request| *request);
        let request = scope.run(|| caller.request(receiver));
        // In a place of its own, which is given back when the stream is open.
        let opening = Box::pin(async move { sessions.attend(request).await });
        let deadline = line.upstream.deadline;
        let acts = ActsUnderWay(Arc::new(Mutex::new(Acts::Open(Vec::new()))));
        let stop = CancellationToken::new();
        let mut reader = Reader {
            session_id,
            session_hash: OnceCell::new(),
            line: line.clone(),
            acts: acts.clone(),
            joining: Some(time),
            head: 0,
            unknown: None,
        };
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
            stop,
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
            Acts::Over { comes_back: true } => return Err(NotSent::Interrupted(time)),
            Acts::Over { comes_back: false } => return Err(NotSent::Over(permit, time)),
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

    /// Resolves when no act is under way on the stream, with the refusal of what waited for that if the stream has
    /// broken: those that were under way may have to be sent again then.
    pub(crate) fn settled(&self) -> impl Future<Output = Result<(), Refusal>> + Send + use<> {
        let (unsettled, acts) = (self.unsettled.clone(), self.acts.clone());
        async move {
            unsettled.wait().await;
            match *acts.lock() {
                Acts::Over { comes_back: true } => Err(interrupted()),
                Acts::Open(_) | Acts::Over { comes_back: false } => Ok(()),
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

    /// Gives the service a fresh token. If it can't be given, the stream ends with the old one and the client attends
    /// again.
    pub(crate) fn renew(&self, access_token: String) {
        let renew = session::Renew { access_token };
        let _ = self.send(attend_request::Request::Renew(renew));
    }

    /// Whether the stream has ended by itself, and nothing is left to be said of it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(*self.acts.lock(), Acts::Over { comes_back: false })
    }

    /// Whether the stream goes on.
    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.acts.lock(), Acts::Open(_))
    }

    /// Ends the stream. When this returns, nothing more of it reaches the outbox.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.reader.await {
            tracing::error!(%error, "the reader of an attended session failed");
        }
    }

    fn send(&self, request: attend_request::Request) -> Result<(), ()> {
        self.requests
            .try_send(Box::new(AttendRequest {
                request: Some(request),
                trace_parent: trace_context::current(),
            }))
            .map_err(|_| ())
    }
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
}

/// Whether the service that ended a stream so wants the client to attend again.
fn asks_to_come_back(refusal: &Refusal) -> bool {
    refusal.code == Code::Unavailable || refusal.reason == "TOO_SLOW"
}

/// What is told of an act that came behind those on a stream that has broken. It did not happen.
pub(crate) fn interrupted() -> Refusal {
    Refusal::unavailable(
        "INTERRUPTED",
        "The session was detached. Attend it again, then send this again, after what you sent before it.",
    )
}

/// How a stream ended.
enum End {
    /// The user detached, attended anew, or has gone.
    Stopped,
    /// By the service.
    Service(Refusal),
}

/// The task that reads one stream.
struct Reader {
    session_id: String,
    /// What spans have in its place, once there was one.
    session_hash: OnceCell<Arc<str>>,
    line: Line,
    acts: ActsUnderWay,
    /// How long the frame has taken that asked for the stream, until it was answered.
    joining: Option<FrameTime>,
    /// The last event that there was when the stream began. What is not after it is sent again.
    head: u64,
    /// Counts the first act of which it is not known whether it happened. The service ends the stream after that; until
    /// then it is not settled.
    unknown: Option<TaskTrackerToken>,
}

impl Reader {
    /// Passes on what the service gave, and nothing else: whoever may see what was decided there.
    fn deliver(&mut self, response: Encoded<session::AttendResponse>) -> Result<(), DecodeError> {
        let AttendResponse {
            response,
            trace_parent,
        } = AttendResponse::read(response)?;
        let session_id = || self.session_id.clone();
        let mut answered = None;
        let frame = match response {
            Some(Response::Event(event)) => return self.deliver_event(event, &trace_parent),
            Some(Response::Joined(joined)) => {
                self.head = joined.head.as_ref().map_or(0, |head| head.number);
                Frame::Attending(Attending {
                    session_id: session_id(),
                    joined: Some(*joined),
                })
            }
            Some(Response::ActAccepted(accepted)) => {
                answered = self.acts.answered(&accepted.command_id);
                Frame::Accepted(Accepted {
                    command_id: accepted.command_id,
                    session_id: session_id(),
                    position: accepted.position,
                    replayed: accepted.replayed,
                })
            }
            Some(Response::ActRefused(refused)) => {
                answered = self.acts.answered(&refused.command_id);
                if let (Some(refusal), Some(act)) = (&refused.refusal, &answered)
                    && Code::from_i32(refusal.code) == Code::Unavailable
                {
                    self.unknown.get_or_insert_with(|| act.unsettled.clone());
                }
                Frame::Refused(Refused {
                    command_id: refused.command_id,
                    session_id: session_id(),
                    refusal: refused.refusal,
                })
            }
            Some(Response::Typing(typing)) => Frame::Typing(SomebodyTyping {
                session_id: session_id(),
                typing: Some(*typing),
            }),
            Some(Response::Waiting(status)) => Frame::Waiting(Waiting {
                session_id: session_id(),
                status: Some(status),
            }),
            Some(Response::Heartbeat(heartbeat)) => {
                self.line.outbox.tell_head(&self.session_id, heartbeat.head);
                return Ok(());
            }
            // A kind that a newer service knows: it has nothing to say to this version's clients.
            None => return Ok(()),
        };
        if let Some(time) = self
            .joining
            .take_if(|_| matches!(frame, Frame::Attending(_)))
        {
            time.done();
        }
        let span = match answered {
            Some(UnderWay { time, span, .. }) => {
                time.answered(&frame);
                span
            }
            None => self.delivery(&trace_parent),
        };
        self.line.outbox.push_within(frame, span);
        Ok(())
    }

    /// Passes an event on as it is encoded.
    fn deliver_event(&self, event: Bytes, trace_parent: &str) -> Result<(), DecodeError> {
        let outline = Outline::decode(event.clone())?;
        let Line { user, clock, .. } = &self.line;
        let delivery = match outline.position > self.head {
            true => Delivery::of_event(&outline, user, clock),
            false => Delivery::default(),
        };
        let delivery = delivery.within(self.delivery(trace_parent));
        let outbox = &self.line.outbox;
        outbox.deliver_event(&self.session_id, event, delivery);
        Ok(())
    }

    /// The span of a delivery of something in this session.
    fn delivery(&self, trace_parent: &str) -> NotedSpan {
        let mut delivery = delivery_span(trace_parent);
        if delivery.ids().is_some() {
            let hash = self
                .session_hash
                .get_or_init(|| session_hash(&self.session_id).into());
            delivery.record(attribute::SESSION_HASH, Arc::clone(hash));
        }
        delivery
    }

    /// Answers what was not answered, and says that the session is no longer attended.
    ///
    /// Of an act that was on the stream nobody here knows whether it happened. The same command settles it.
    fn end(self, end: End) {
        self.line.outbox.forget_head(&self.session_id);
        let comes_back = matches!(&end, End::Service(refusal) if asks_to_come_back(refusal));
        let over = Acts::Over { comes_back };
        let acts = std::mem::replace(&mut *self.acts.lock(), over);
        let unanswered = match acts {
            Acts::Open(unanswered) => unanswered,
            Acts::Over { .. } => Vec::new(),
        };
        for act in unanswered {
            let unknown = Refusal::unavailable(
                "UNAVAILABLE",
                "The session was detached before this was answered. Send the same command again.",
            );
            act.time.refused(&unknown);
            self.line.outbox.push_within(
                Frame::Refused(refused(act.command_id, self.session_id.clone(), unknown)),
                act.span,
            );
        }
        if let End::Service(refusal) = end {
            if let Some(time) = self.joining {
                time.refused(&refusal);
            }
            self.line.outbox.push(Frame::Detached(Detached {
                session_id: self.session_id,
                refusal: Some(wire::Refusal::from(refusal)),
            }));
        }
    }
}
