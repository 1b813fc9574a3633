//! What a user does in sessions: attends them, acts and types in them.

use std::sync::Arc;

use carrel_platform::{refusal::Refusal, telemetry::LazySpan};
use carrel_proto::{
    gateway::v1::{Act, Attend, Detached, Typing, act, server_frame::Frame},
    session::v1 as session,
};
use futures::future::FutureExt as _;
use tonic::Code;

use super::Viewer;
use crate::{
    acts,
    attendance::{self, Attendance, NotSent},
    frame::refused,
    frame_time::FrameTime,
    job_queue::{Full, Job},
};

impl Viewer {
    pub(super) async fn attend(&mut self, attend: Attend, time: FrameTime) {
        if let Some(attendance) = self.attended.remove(&attend.session_id) {
            attendance.stop().await;
        }
        self.attended
            .retain(|_, attendance| !attendance.is_settled_for_good());
        if self.attended.len() >= self.session_limit {
            // Drops those whose stream has ended and that the client never came back to.
            self.attended.retain(|_, attendance| attendance.is_open());
        }
        if self.attended.len() >= self.session_limit {
            let refusal = Refusal::new(
                Code::ResourceExhausted,
                "TOO_MANY_SESSIONS",
                format!(
                    "One socket attends {} sessions at the most. Detach from one first.",
                    self.session_limit
                ),
            )
            .with("limit", self.session_limit.to_string());
            time.refused(&refusal);
            return self.context.outbox.push(Frame::Detached(Detached {
                session_id: attend.session_id,
                refusal: Some(refusal.into()),
            }));
        }
        let attendance = Attendance::start(
            &self.context,
            attend.session_id.clone(),
            attend.after,
            self.act_limit,
            time,
        );
        self.attended.insert(attend.session_id, attendance);
    }

    pub(super) async fn detach(&mut self, session_id: String, time: FrameTime) {
        if let Some(attendance) = self.attended.remove(&session_id) {
            attendance.stop().await;
        }
        self.context.outbox.push(Frame::Detached(Detached {
            session_id,
            refusal: None,
        }));
        time.done();
    }

    /// Sends an act: on the session's stream if it is attended and the stream takes such an act, so that acts stay in
    /// order with each other. Otherwise by a separate call, once those on the stream are settled: a supervisor's last
    /// message must not be overtaken by their leaving. If the stream has broken, either is refused until the session is
    /// attended again, since the acts before it may have to be sent again.
    pub(super) fn act(&mut self, act: Act, span: LazySpan, mut time: FrameTime) {
        let (command_id, session_id) = (act.command_id.clone(), act.session_id.clone());
        let Ok(mut permit) = Arc::clone(&self.acts).try_acquire_owned() else {
            return self.too_fast(command_id, session_id, time);
        };
        if let Some(attendance) = self.attended.get(&session_id)
            && let Some(on_stream) = on_stream(&act)
        {
            let on_stream = session::Act {
                command_id: command_id.clone(),
                act: Some(on_stream),
            };
            match attendance.act(on_stream, permit, time) {
                Ok(()) => return,
                Err(NotSent::Full(time)) => return self.too_fast(command_id, session_id, time),
                Err(NotSent::Interrupted(time)) => {
                    return self.interrupted(command_id, session_id, time);
                }
                Err(NotSent::Over(given_back, so_far)) => (permit, time) = (given_back, so_far),
            }
            if attendance.is_settled_for_good() {
                self.attended.remove(&session_id);
            }
        }
        // A stream that is over for good settles nothing any more, and must not block this act for ever.
        let after = self
            .attended
            .get(&session_id)
            .filter(|attendance| !attendance.is_over())
            .map(|attendance| attendance.settled().boxed());
        let work = acts::carry_out(
            self.context.upstream.clone(),
            self.context.caller.clone(),
            act,
            after,
        );
        let job = Job {
            work: work.map(Some).boxed(),
            span,
            time,
            under_way: permit,
        };
        if let Err(Full(time)) = self.jobs.push(&session_id, job) {
            self.too_fast(command_id, session_id, time);
        }
    }

    pub(super) fn typing(&self, typing: &Typing) {
        if let Some(attendance) = self.attended.get(&typing.session_id) {
            attendance.typing(typing.r#box);
        }
    }

    /// Refuses an act because the session's stream has broken: it must wait until the session is attended again.
    fn interrupted(&self, command_id: String, session_id: String, time: FrameTime) {
        let refusal = attendance::interrupted();
        time.refused(&refusal);
        let frame = refused(command_id, session_id, refusal);
        self.context.outbox.push(Frame::Refused(frame));
    }
}

/// Returns the act as an Attend stream takes it, or `None` if it takes no such act.
fn on_stream(act: &Act) -> Option<session::act::Act> {
    match act.act.clone()? {
        act::Act::PostMessage(message) => Some(session::act::Act::PostMessage(message)),
        act::Act::PushPage(page) => Some(session::act::Act::PushPage(page)),
        act::Act::WriteNote(note) => Some(session::act::Act::WriteNote(note)),
        act::Act::EndSession(end) => Some(session::act::Act::EndSession(end)),
        act::Act::OpenSession(_)
        | act::Act::PickUp(_)
        | act::Act::EnterConference(_)
        | act::Act::LeaveConference(_)
        | act::Act::OfferTransfer(_)
        | act::Act::AcceptTransfer(_)
        | act::Act::DeclineTransfer(_)
        | act::Act::WithdrawTransfer(_)
        | act::Act::SetResolution(_)
        | act::Act::SetDescriptiveCodes(_) => None,
    }
}
