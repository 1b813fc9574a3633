//! The far end of an attended session: what comes on the stream, and how it ends.

use std::{cell::OnceCell, sync::Arc};

use bytes::Bytes;
use carrel_platform::{
    refusal::{Refusal, leaves_unknown},
    telemetry::{NotedSpan, attribute, session_hash},
};
use carrel_proto::{
    encoded::Encoded,
    gateway::v1::{
        Accepted, Attending, Detached, Refused, SomebodyTyping, Waiting, server_frame::Frame,
    },
    refusal::v1 as wire,
    session::v1 as session,
};
use prost::{DecodeError, Message as _};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Code;

use super::{
    ActsUnderWay, UnderWay,
    response::{AttendResponse, Outline, Response},
};
use crate::{
    delivery::{Delivery, delivery_span},
    frame::refused,
    frame_time::FrameTime,
    line::Line,
};

/// How a stream ended.
pub(super) enum End {
    /// The user detached, attended anew, or has gone.
    Stopped,
    /// By the service.
    Service(Refusal),
}

/// The task that reads one stream.
pub(super) struct Reader {
    session_id: String,
    /// What spans have in its place, once there was one.
    session_hash: OnceCell<Arc<str>>,
    line: Line,
    acts: ActsUnderWay,
    /// How long the frame has taken that asked for the stream, until it was answered.
    joining: Option<FrameTime>,
    /// The last event that there was when the stream began. What is not after it is sent again.
    head: u64,
    /// The acts of which it is not known whether they happened, though they were answered. The service ends the stream
    /// after that; until then none of them is settled.
    unknown: Vec<(String, TaskTrackerToken)>,
}

impl Reader {
    /// Reads the stream of a session whose acts are these. `joining` is how long the frame has taken that asked for it.
    pub(super) fn new(
        line: Line,
        session_id: String,
        acts: ActsUnderWay,
        joining: FrameTime,
    ) -> Self {
        Self {
            session_id,
            session_hash: OnceCell::new(),
            line,
            acts,
            joining: Some(joining),
            head: 0,
            unknown: Vec::new(),
        }
    }

    /// Passes on what the service gave, and nothing else: whoever may see what was decided there.
    pub(super) fn deliver(
        &mut self,
        response: Encoded<session::AttendResponse>,
    ) -> Result<(), DecodeError> {
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
                    && leaves_unknown(Code::from_i32(refusal.code))
                {
                    let in_doubt = (refused.command_id.clone(), act.unsettled.clone());
                    self.unknown.push(in_doubt);
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
    pub(super) fn end(self, end: End) {
        self.line.outbox.forget_head(&self.session_id);
        let comes_back = matches!(&end, End::Service(refusal) if asks_to_come_back(refusal));
        let unknown = self
            .unknown
            .iter()
            .map(|(command_id, _)| command_id.clone());
        let unanswered = self.acts.close(comes_back, unknown.collect());
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

/// Whether the client is to attend again after a stream that ended so: the service did not say that it is over for good. Nor
/// does it when the token has run out; calls by themselves are let through for a little longer, and must not overtake.
fn asks_to_come_back(refusal: &Refusal) -> bool {
    leaves_unknown(refusal.code)
        || refusal.code == Code::Unauthenticated
        || refusal.reason == "TOO_SLOW"
}
