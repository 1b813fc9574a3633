//! The `Attend` stream of one participant.

mod acts;
mod beginning;

use std::{collections::VecDeque, time::Duration};

use carrel_platform::{
    auth::{Principal, Who, interceptor::Authenticator},
    clock::Clock,
    refusal::{
        Refusal,
        stream::{self, nothing_chosen, token_expired},
    },
    telemetry::{LazySpan, span},
};
use carrel_proto::{encoded::Encoded, session::v1 as wire};
use tokio::{sync::watch, time::Instant};
use tonic::{Code, Status, Streaming};
use wire::{attend_request::Request, attend_response::Response};

use self::{
    acts::{UnderWay, first_answer},
    beginning::Backlog,
};
use super::{
    Responses, SessionApi,
    response_stream::{Closed, Sender, response_stream},
};
use crate::{
    convert,
    domain::{audience::Audience, people::Actor},
    error::Error,
    heartbeats::HeadHeartbeats,
    history::EncodedEvent,
    live_session::By,
    sessions::Sessions,
    subscribers::{Listening, Live},
};

/// How many responses may wait in the stream itself; what waits beyond that waits with the session.
const IN_FLIGHT: usize = 16;
/// How many acts of one participant may be under way at once. More wait until one is answered.
const ACTS_UNDER_WAY: usize = 64;
/// How many acts of one participant wait for that at most, so that a new token behind them is read in time. What comes
/// after these is read when one is answered.
const ACTS_WAITING: usize = 64;
/// The shortest pause between two notices of a participant's typing, for each box.
const TYPING_PAUSE_MS: u64 = 500;

/// Takes part in a session until the caller goes, the token expires, or the server stops.
///
/// There are thousands of these, most of them at rest, so their futures are kept small: their state is owned here and
/// borrowed by all that they do, one-time steps are boxed while they run, and a response is encoded before it waits for
/// room.
pub(super) fn attend(
    api: &SessionApi,
    principal: Principal,
    mut requests: Streaming<wire::AttendRequest>,
) -> Responses<Encoded<wire::AttendResponse>> {
    let api = api.clone();
    Box::pin(response_stream(IN_FLIGHT, |sender| {
        let stop = api.sessions.parts().stop.clone();
        let closed = sender.clone();
        let mut participant = Participant {
            sessions: api.sessions,
            auth: api.auth,
            principal,
            sender,
        };
        async move {
            let outcome = tokio::select! {
                // What the caller sent before they went is dealt with first.
                biased;
                end = participant.take_part(&mut requests) => end,
                () = stop.cancelled() => Err(Error::ShuttingDown.into()),
                () = closed.closed() => Err(End::Gone),
            };
            match outcome {
                Err(End::Refused(refusal)) => Err(refusal.into()),
                Ok(()) | Err(End::Gone) => Ok(()),
            }
        }
    }))
}

/// The participant at the other end of one stream.
struct Participant {
    sessions: Sessions,
    auth: Authenticator,
    principal: Principal,
    sender: Sender<Encoded<wire::AttendResponse>>,
}

/// The session that a participant takes part in.
struct Attendance {
    session_id: String,
    /// The author of the acts, which are carried out in the order in which they are sent.
    by: By,
    listening: Listening,
    /// Whether responses carry the trace of what caused them.
    trace: bool,
    /// Whether heartbeats are wanted only with a head that was not sent before.
    only_new_heads: bool,
    /// The events so far that are still to be sent, ahead of all that follows. Boxed, as most of the time there are none.
    backlog: Option<Box<Backlog>>,
    /// The position of the last event that they were sent, once they were sent the backlog.
    sent: u64,
}

/// When a participant's typing was last passed on, separately for each box: a patron must not be able to tell from a
/// missing notice about the message box that the librarian typed in the notes box.
#[derive(Default)]
struct LastTyping {
    message_box: Option<i64>,
    notes_box: Option<i64>,
}

impl LastTyping {
    fn allows(&mut self, typed_in: Audience, now_ms: i64) -> bool {
        let last = match typed_in {
            Audience::Patron => &mut self.message_box,
            Audience::Staff => &mut self.notes_box,
        };
        let allowed = last.is_none_or(|last| now_ms.abs_diff(last) >= TYPING_PAUSE_MS);
        if allowed {
            *last = Some(now_ms);
        }
        allowed
    }
}

/// Why a participant no longer takes part.
enum End {
    /// They have gone.
    Gone,
    /// Their stream ends with a refusal.
    Refused(Refusal),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Participant {
    async fn take_part(
        &mut self,
        requests: &mut Streaming<wire::AttendRequest>,
    ) -> Result<(), End> {
        if self.token_lasts().is_zero() {
            // Unary calls are accepted for a little longer; a stream that goes on is not.
            return Err(token_expired().into());
        }
        let (join, trace) = Box::pin(self.read_join(requests)).await?;
        let served = LazySpan::below(&trace, span::SESSION_JOIN);
        let scope = served.scope();
        let beginning = Box::pin(self.begin(join, served));
        let mut attendance = scope.around(beginning).await?;
        self.go_on(&mut attendance, requests).await
    }

    /// Runs until something ends the stream. If that is a refusal, acts under way are still answered, so that the
    /// participant knows what became of them.
    async fn go_on(
        &mut self,
        attendance: &mut Attendance,
        requests: &mut Streaming<wire::AttendRequest>,
    ) -> Result<(), End> {
        let mut under_way = VecDeque::new();
        let end = self
            .until_an_end(attendance, requests, &mut under_way)
            .await;
        if matches!(end, Err(End::Refused(_))) {
            while !under_way.is_empty() {
                let (command_id, answer) = first_answer(&mut under_way).await;
                self.answer(command_id, answer).await?;
            }
        }
        end
    }

    async fn until_an_end(
        &mut self,
        attendance: &mut Attendance,
        requests: &mut Streaming<wire::AttendRequest>,
        under_way: &mut VecDeque<UnderWay>,
    ) -> Result<(), End> {
        let (mut heartbeats, mut waiting) = self.clocks(attendance.only_new_heads);
        let waits = matches!(*attendance.by.actor, Actor::Patron(_));
        let mut told_ahead = None;
        let mut acts_waiting: VecDeque<(wire::Act, String)> = VecDeque::new();
        let mut last_typing = LastTyping::default();
        // A participant who has closed the sending side may still listen.
        let mut listens_only = false;
        // If the clock jumps, the session notices the expiry when it checks who is there.
        let expiry = tokio::time::sleep(self.token_lasts());
        tokio::pin!(expiry);
        loop {
            let interrupted = attendance.by.in_order.interruption().is_some();
            if interrupted && under_way.is_empty() {
                return Err(Error::Interrupted.into());
            }
            if !interrupted
                && under_way.len() < ACTS_UNDER_WAY
                && let Some((act, trace)) = acts_waiting.pop_front()
            {
                under_way.extend(self.take_on(attendance, act, &trace).await?);
                continue;
            }
            let caught_up = attendance.backlog.is_none();
            // An event is sent before the answer to the act that caused it, unless both arrive during the same poll.
            tokio::select! {
                biased;
                () = &mut expiry => return Err(token_expired().into()),
                Ok(()) = self.sender.room(), if !caught_up => self.send_next_of_backlog(attendance).await?,
                live = attendance.listening.live.next(), if caught_up => match live {
                    Some(live) => self.pass_on_all(attendance, live).await?,
                    None => return attendance.listening.ending.why().cloned().map_or(Ok(()), |end| Err(end.into())),
                },
                (command_id, answer) = first_answer(under_way), if caught_up => {
                    attendance.by.in_order.note(&answer);
                    self.answer(command_id, answer).await?;
                }
                Ok(()) = waiting.changed(), if waits && caught_up => self.tell_wait(&attendance.session_id, &mut told_ahead).await?,
                request = requests.message(), if !listens_only && !interrupted && acts_waiting.len() < ACTS_WAITING => match request {
                    Err(status) => return Err(unreadable(&status)),
                    Ok(None) => listens_only = true,
                    Ok(Some(wire::AttendRequest { request, trace_parent })) => match request {
                        Some(Request::Act(act)) if under_way.len() < ACTS_UNDER_WAY => {
                            under_way.extend(self.take_on(attendance, act, &trace_parent).await?);
                        }
                        Some(Request::Act(act)) => acts_waiting.push_back((act, trace_parent)),
                        Some(Request::Typing(typing)) => self.type_on(attendance, &typing, &mut last_typing).await?,
                        Some(Request::Renew(renew)) => {
                            self.renew(&renew.access_token)?;
                            attendance.listening.ending.expire_at(self.principal.expires_at_ms);
                            expiry.as_mut().reset(Instant::now() + self.token_lasts());
                        }
                        Some(Request::Join(_)) => return Err(already_joined().into()),
                        None => return Err(nothing_chosen("request").into()),
                    },
                },
                () = heartbeats.due(attendance.sent), if caught_up => {
                    self.send(Response::Heartbeat(wire::Heartbeat { head: attendance.sent })).await?;
                }
            }
        }
    }

    /// Returns when heartbeats are due, and when a waiting patron's place may have changed.
    fn clocks(&self, only_new_heads: bool) -> (HeadHeartbeats, watch::Receiver<u64>) {
        let parts = self.sessions.parts();
        let mut waiting = parts.list.waiting_changes();
        waiting.mark_changed();
        (parts.heartbeats.with_heads(only_new_heads), waiting)
    }

    /// Passes on what has happened, and what has already happened since: a session that is busy takes in many events at
    /// once, and to look at all else between any two of them costs more than the events. No more than the stream holds,
    /// so that the expiry of the token is looked at even if more and more happens.
    async fn pass_on_all(&self, attendance: &mut Attendance, first: Live) -> Result<(), End> {
        self.pass_on(attendance, first).await?;
        for _ in 1..IN_FLIGHT {
            let Some(next) = attendance.listening.live.try_next() else {
                break;
            };
            self.pass_on(attendance, next).await?;
        }
        Ok(())
    }

    fn pass_on(
        &self,
        attendance: &mut Attendance,
        live: Live,
    ) -> impl Future<Output = Result<(), End>> + Send + use<'_> {
        self.say(match live {
            Live::Event(event, trace) => {
                attendance.sent = event.position;
                let trace = if attendance.trace { &*trace } else { "" };
                with_trace(event.encoded, trace)
            }
            Live::Typing(typing) => typing,
        })
    }

    fn send(&self, response: Response) -> impl Future<Output = Result<(), End>> + Send + use<'_> {
        self.send_traced(response, String::new())
    }

    fn send_traced(
        &self,
        response: Response,
        trace_parent: String,
    ) -> impl Future<Output = Result<(), End>> + Send + use<'_> {
        self.say(Encoded::of(&wire::AttendResponse {
            response: Some(response),
            trace_parent,
        }))
    }

    async fn say(&self, response: Encoded<wire::AttendResponse>) -> Result<(), End> {
        self.sender.send(response).await.map_err(|Closed| End::Gone)
    }

    async fn tell_wait(&self, session_id: &str, told: &mut Option<u32>) -> Result<(), End> {
        let ahead = self.sessions.parts().list.waiting_ahead(session_id);
        if ahead == *told {
            return Ok(());
        }
        *told = ahead;
        match ahead {
            Some(ahead) => {
                self.send(Response::Waiting(wire::WaitingStatus { ahead }))
                    .await
            }
            None => Ok(()),
        }
    }

    async fn type_on(
        &self,
        attendance: &Attendance,
        typing: &wire::Typing,
        last: &mut LastTyping,
    ) -> Result<(), End> {
        // Typing in an unknown box can't be shown to anybody.
        let Ok(Some(typed_in)) = convert::audience_from_wire("typing.box", typing.r#box) else {
            return Ok(());
        };
        if !last.allows(typed_in, self.clock().unix_ms()) {
            return Ok(());
        }
        self.sessions
            .typing(
                &attendance.session_id,
                attendance.by.actor.clone(),
                typed_in,
            )
            .await?;
        Ok(())
    }

    /// Takes a new token of the same person. If it says anything else of them, the stream ends, and they join again
    /// with their current rights (I23).
    fn renew(&mut self, token: &str) -> Result<(), Refusal> {
        let renewed = self.auth.verify(token)?;
        if identity(&renewed.who) != identity(&self.principal.who) {
            return Err(Refusal::new(
                Code::Unauthenticated,
                "BAD_TOKEN",
                "The new token is somebody else's.",
            ));
        }
        if renewed.who != self.principal.who {
            return Err(Refusal::unavailable(
                "RIGHTS_CHANGED",
                "The new token says something else of you. Join again with it.",
            ));
        }
        self.principal = renewed;
        Ok(())
    }

    fn token_lasts(&self) -> Duration {
        self.clock().until(self.principal.expires_at_ms)
    }

    fn clock(&self) -> &Clock {
        &self.sessions.parts().clock
    }
}

/// Adds the trace of what caused it to an encoded event, if that trace is kept.
fn with_trace(event: EncodedEvent, trace: &str) -> EncodedEvent {
    if trace.is_empty() {
        return event;
    }
    event.and(&wire::AttendResponse {
        response: None,
        trace_parent: trace.to_owned(),
    })
}

fn identity(who: &Who) -> (&str, &str) {
    match who {
        Who::Patron(patron) => ("patron", &patron.session_id),
        Who::Librarian(librarian) => ("librarian", &librarian.librarian_id),
    }
}

/// Returns why nothing more can be read from a caller: they sent an invalid request, or have gone.
fn unreadable(status: &Status) -> End {
    stream::unreadable(status, "AttendRequest", "session_service.proto")
        .map_or(End::Gone, End::Refused)
}

fn already_joined() -> Refusal {
    Refusal::invalid(
        "ALREADY_JOINED",
        "join",
        "send one Join on a stream; open another stream for another session",
    )
}
