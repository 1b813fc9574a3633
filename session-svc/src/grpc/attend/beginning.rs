//! How a participant begins: joining a session, and being sent the events so far.

use std::sync::Arc;

use carrel_platform::{
    refusal::Refusal,
    telemetry::{
        LazySpan, TraceIds, attribute,
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

impl Participant {
    /// Joins, and sends the events so far.
    pub(super) async fn begin(
        &self,
        join: wire::Join,
        served: &mut LazySpan,
    ) -> Result<Attendance, End> {
        let goes_on = join.after.is_some();
        let (attendance, already) = match self.join(join).await {
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
        let backlog = i64::try_from(already.backlog.len()).unwrap_or(i64::MAX);
        served.record(attribute::REASON, reason);
        served.record(attribute::EVENTS, backlog);
        self.catch_up(&attendance, already, served.ids()).await?;
        Ok(attendance)
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
            sent: head,
        };
        Ok((attendance, Already { joined, backlog }))
    }

    /// Sends that they joined, and the events so far. The first and the last response carry the trace.
    async fn catch_up(
        &self,
        attendance: &Attendance,
        already: Already,
        served: Option<TraceIds>,
    ) -> Result<(), End> {
        let trace = match attendance.trace {
            true => trace_context::of_sampled(served),
            false => String::new(),
        };
        let Already { joined, backlog } = already;
        self.send_traced(Response::Joined(joined), trace.clone())
            .await?;
        let mut backlog = backlog.into_iter().peekable();
        while let Some(event) = backlog.next() {
            let trace = match backlog.peek() {
                Some(_) => "",
                None => &trace,
            };
            self.say(with_trace(event, trace)).await?;
        }
        Ok(())
    }
}
