//! How a participant begins: what they join, and what they are sent of what there is already.

use std::sync::Arc;

use carrel_platform::{
    refusal::Refusal,
    telemetry::{
        ServerSpan, attribute,
        metric::{SESSION_REFILLS, SESSION_RESYNCS},
        trace_context,
    },
};
use carrel_proto::session::v1 as wire;
use tonic::Streaming;
use tracing::Span;
use wire::{attend_request::Request, attend_response::Response};

use super::{Attendance, End, Participant, unreadable};
use crate::{JOIN_WITHIN, convert, error::Error, live_session::By};

impl Participant {
    /// Joins, and sends what there is already.
    pub(super) async fn begin(
        &self,
        join: wire::Join,
        served: &mut ServerSpan,
    ) -> Result<Attendance, End> {
        let goes_on = join.after.is_some();
        let mut attendance = match self.join(join).await {
            Ok(attendance) => attendance,
            Err(error) => {
                let refusal = Refusal::from(error);
                served.answered(refusal.code);
                return Err(refusal.into());
            }
        };
        let reason = match (attendance.joined.resync, goes_on) {
            (true, _) => "resync",
            (false, true) => "resume",
            (false, false) => "first",
        };
        let backlog = i64::try_from(attendance.joined.backlog.len()).unwrap_or(i64::MAX);
        served.record(attribute::REASON, reason);
        served.record(attribute::EVENTS, backlog);
        self.catch_up(&mut attendance, served.span()).await?;
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

    async fn join(&self, join: wire::Join) -> Result<Attendance, Error> {
        let wish = convert::audience_from_wire("join.audience", join.audience)?;
        let wire::Join {
            session_id,
            after,
            trace,
            only_new_heads,
            ..
        } = join;
        let actor = Arc::new(convert::actor(self.principal.who.clone()));
        let epoch = self.sessions.parts().log.epoch();
        // A position of another history can't be continued, however large or small its number.
        let foreign = after.as_ref().is_some_and(|after| after.epoch != epoch);
        let number = after.filter(|_| !foreign).map(|after| after.number);
        let mut joined = self
            .sessions
            .join(&session_id, Arc::clone(&actor), wish, number)
            .await?;
        joined.resync |= foreign;
        if joined.resync {
            SESSION_RESYNCS.add(1, []);
        } else if number.is_some() && !joined.backlog.is_empty() {
            SESSION_REFILLS.add(1, ["resume".into()]);
        }
        Ok(Attendance {
            session_id,
            by: By::new(actor, joined.audience),
            joined,
            trace,
            only_new_heads,
            sent: 0,
        })
    }

    /// Sends what there is already. The first and the last of it carry the trace.
    async fn catch_up(&self, attendance: &mut Attendance, span: &Span) -> Result<(), End> {
        let trace = match attendance.trace {
            true => trace_context::of_sampled(span),
            false => String::new(),
        };
        let joined = &mut attendance.joined;
        let epoch = self.sessions.parts().log.epoch().to_owned();
        let first = Response::Joined(wire::Joined {
            session: Some(joined.session.clone()),
            head: Some(wire::Position {
                epoch,
                number: joined.head,
            }),
            audience: convert::audience_to_wire(joined.audience).into(),
            part: convert::part_to_wire(joined.part).into(),
            resync: joined.resync,
        });
        self.send_traced(first, trace.clone()).await?;
        let mut backlog = std::mem::take(&mut joined.backlog).into_iter().peekable();
        while let Some(event) = backlog.next() {
            let trace = match backlog.peek() {
                Some(_) => "",
                None => &trace,
            };
            self.pass_on_event(event, trace).await?;
        }
        attendance.sent = attendance.joined.head;
        Ok(())
    }
}
