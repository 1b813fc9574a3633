//! The reading end of an attended session: what comes on the stream, and how it ends.

use std::{cell::OnceCell, sync::Arc};

use bytes::Bytes;
use carrel_platform::{
    refusal::{Refusal, leaves_unknown},
    telemetry::{LazySpan, attribute, session_hash},
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
    viewer_context::ViewerContext,
};

/// How a stream ended.
pub(super) enum End {
    /// The user detached, attended again, or has gone.
    Stopped,
    /// The service ended it.
    Service(Refusal),
}

/// The task that reads one stream.
pub(super) struct Reader {
    session_id: String,
    /// The hash that spans carry instead of the id, once one was needed.
    session_hash: OnceCell<Arc<str>>,
    context: ViewerContext,
    acts: ActsUnderWay,
    /// Measures the frame that asked for the stream, until it was answered.
    joining: Option<FrameTime>,
    /// The last event when the stream began. Events up to it are sent again and are not news.
    head: u64,
    /// The acts that were answered without a known outcome. The service ends the stream after such an answer; until it
    /// has, none of these acts is settled.
    unknown: Vec<(String, TaskTrackerToken)>,
}

impl Reader {
    /// Creates the reader of a session's stream. `acts` are the stream's, and `joining` measures the frame that asked
    /// for it.
    pub(super) fn new(
        context: ViewerContext,
        session_id: String,
        acts: ActsUnderWay,
        joining: FrameTime,
    ) -> Self {
        Self {
            session_id,
            session_hash: OnceCell::new(),
            context,
            acts,
            joining: Some(joining),
            head: 0,
            unknown: Vec::new(),
        }
    }

    /// Passes on what the service sent, and nothing else: the service has decided who may see what.
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
                self.context
                    .outbox
                    .tell_head(&self.session_id, heartbeat.head);
                return Ok(());
            }
            // A kind that only a newer service knows: it means nothing to clients of this version.
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
        self.context.outbox.push_within(frame, span);
        Ok(())
    }

    /// Passes an event on in its encoded form.
    fn deliver_event(&self, event: Bytes, trace_parent: &str) -> Result<(), DecodeError> {
        let outline = Outline::decode(event.clone())?;
        let ViewerContext { user, clock, .. } = &self.context;
        let delivery = match outline.position > self.head {
            true => Delivery::of_event(&outline, user, clock),
            false => Delivery::default(),
        };
        let delivery = delivery.within(self.delivery(trace_parent));
        let outbox = &self.context.outbox;
        outbox.deliver_event(&self.session_id, event, delivery);
        Ok(())
    }

    /// Begins the span of a delivery in this session.
    fn delivery(&self, trace_parent: &str) -> LazySpan {
        let mut delivery = delivery_span(trace_parent);
        if delivery.ids().is_some() {
            let hash = self
                .session_hash
                .get_or_init(|| session_hash(&self.session_id).into());
            delivery.record(attribute::SESSION_HASH, Arc::clone(hash));
        }
        delivery
    }

    /// Answers the acts that were not answered, and tells the browser that the session is no longer attended.
    ///
    /// The gateway can't know whether an act that was on the stream happened. Sending the same command again settles
    /// it.
    pub(super) fn end(self, end: End) {
        self.context.outbox.forget_head(&self.session_id);
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
            self.context.outbox.push_within(
                Frame::Refused(refused(act.command_id, self.session_id.clone(), unknown)),
                act.span,
            );
        }
        if let End::Service(refusal) = end {
            if let Some(time) = self.joining {
                time.refused(&refusal);
            }
            self.context.outbox.push(Frame::Detached(Detached {
                session_id: self.session_id,
                refusal: Some(wire::Refusal::from(refusal)),
            }));
        }
    }
}

/// Whether the client is to attend again after a stream that ended like this: the service did not say that it is over
/// for good. An expired token counts as well: separate calls are accepted with it for a little longer, and must not
/// overtake.
fn asks_to_come_back(refusal: &Refusal) -> bool {
    leaves_unknown(refusal.code)
        || refusal.code == Code::Unauthenticated
        || refusal.reason == "TOO_SLOW"
}
