//! How a participant begins: joining a session, and being sent the events so far.

use std::{sync::Arc, vec};

use carrel_platform::{
    refusal::Refusal,
    telemetry::{
        LazySpan, attribute,
        metric::{SESSION_REFILLS, SESSION_RESYNCS},
        trace_context,
    },
};
use carrel_proto::session::v1 as wire;
use tonic::Streaming;
use wire::{attend_request::Request, attend_response::Response};

use super::{Attendance, End, Participant, unreadable, with_trace};
use crate::{
    JOIN_WITHIN, convert,
    error::Error,
    history::EncodedEvent,
    live_session::{By, Joined},
};

/// What a participant is sent first: that they joined, and the events so far.
struct Already {
    joined: wire::Joined,
    backlog: Vec<EncodedEvent>,
}

/// The events so far that are still to be sent.
pub(super) struct Backlog {
    events: vec::IntoIter<EncodedEvent>,
    /// The trace of joining, for the last of them.
    trace: String,
    /// The span of joining, which lasts until the last of them was sent.
    _served: LazySpan,
}

impl Participant {
    /// Joins, and says so. The events so far are still to be sent.
    pub(super) async fn begin(
        &self,
        join: wire::Join,
        mut served: LazySpan,
    ) -> Result<Attendance, End> {
        let goes_on = join.after.is_some();
        let (mut attendance, already) = match self.join(join).await {
            Ok(begun) => begun,
            Err(error) => {
                let refusal = Refusal::from(error);
                served.answered(refusal.code);
                return Err(refusal.into());
            }
        };
        let reason = match (already.joined.resync, goes_on) {
            (true, _) => "resync",
            (false, true) => "resume",
            (false, false) => "first",
        };
        let events = i64::try_from(already.backlog.len()).unwrap_or(i64::MAX);
        served.record(attribute::REASON, reason);
        served.record(attribute::EVENTS, events);
        let trace = match attendance.trace {
            true => trace_context::of_sampled(served.ids()),
            false => String::new(),
        };
        let Already { joined, backlog } = already;
        self.send_traced(Response::Joined(joined), trace.clone())
            .await?;
        if !backlog.is_empty() {
            attendance.backlog = Some(Box::new(Backlog {
                events: backlog.into_iter(),
                trace,
                _served: served,
            }));
        }
        Ok(attendance)
    }

    /// Sends the next of the events so far, unless the participant's attendance has ended. A participant may take long
    /// to read them all, and must not be sent those that they no longer may see.
    pub(super) async fn send_next_of_backlog(
        &self,
        attendance: &mut Attendance,
    ) -> Result<(), End> {
        if let Some(why) = attendance.listening.ending.why() {
            return Err(why.clone().into());
        }
        let Some(backlog) = &mut attendance.backlog else {
            return Ok(());
        };
        let next = backlog.events.next();
        let is_last = backlog.events.len() == 0;
        let trace = if is_last { &*backlog.trace } else { "" };
        let next = next.map(|event| with_trace(event, trace));
        if let Some(event) = next {
            self.say(event).await?;
        }
        if is_last {
            attendance.backlog = None;
        }
        Ok(())
    }

    pub(super) async fn read_join(
        &self,
        requests: &mut Streaming<wire::AttendRequest>,
    ) -> Result<(wire::Join, String), End> {
        let first = tokio::time::timeout(JOIN_WITHIN, requests.message()).await;
        match first {
            Ok(Ok(Some(wire::AttendRequest {
                request: Some(Request::Join(join)),
                trace_parent,
            }))) => Ok((join, trace_parent)),
            Ok(Err(status)) => Err(unreadable(&status)),
            Ok(Ok(_)) | Err(_) => Err(Refusal::invalid(
                "NO_JOIN",
                "join",
                "send a Join first, which names the session to attend",
            )
            .into()),
        }
    }

    async fn join(&self, join: wire::Join) -> Result<(Attendance, Already), Error> {
        let requested = convert::audience_from_wire("join.audience", join.audience)?;
        let wire::Join {
            session_id,
            after,
            trace,
            only_new_heads,
            ..
        } = join;
        let actor = Arc::new(convert::actor(self.principal.who.clone()));
        let epoch = self.sessions.parts().log.epoch();
        // A position of another epoch can't be continued, however large or small its number.
        let foreign = after.as_ref().is_some_and(|after| after.epoch != epoch);
        let number = after.filter(|_| !foreign).map(|after| after.number);
        let Joined {
            session,
            audience,
            part,
            head,
            resync,
            erased_up_to,
            backlog,
            listening,
        } = self
            .sessions
            .join(&session_id, Arc::clone(&actor), requested, number)
            .await?;
        // Set before anything is sent: the reader may stall at any time.
        listening.ending.expire_at(self.principal.expires_at_ms);
        let resync = resync || foreign;
        if resync {
            SESSION_RESYNCS.add(1, []);
        } else if number.is_some() && !backlog.is_empty() {
            SESSION_REFILLS.add(1, ["resume".into()]);
        }
        let joined = wire::Joined {
            session: Some(session),
            head: Some(wire::Position {
                epoch: epoch.to_owned(),
                number: head,
            }),
            audience: convert::audience_to_wire(audience).into(),
            part: convert::part_to_wire(part).into(),
            resync,
            erased_up_to,
        };
        let attendance = Attendance {
            session_id,
            by: By::new(actor, audience),
            listening,
            trace,
            only_new_heads,
            backlog: None,
            sent: head,
        };
        Ok((attendance, Already { joined, backlog }))
    }
}
