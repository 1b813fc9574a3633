//! One session in memory: the only place on this server where it changes.
//!
//! A task owns the session's history and its subscribers. Commands that wait are taken together, decided one after the
//! other, and appended to the log at once, so a burst in one session costs one sync. Another server may be doing the
//! same with the same session: the log refuses the slower one, which then reads the new events and decides again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use carrel_platform::{
    bus::{Bus, Origin, Subscription},
    clock::Clock,
    lease::Leases,
    log::{EventLog, LogError},
    moments::Moments,
    telemetry::messaging,
};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    audits::Audits,
    config::Config,
    cut_off::CutOff,
    domain::{
        access::Situation,
        audience::Audience,
        conference::ConferenceEvent,
        event::{Event, PatronConnection},
        people::Actor,
        session::{Owner, Phase, Session},
    },
    error::Error,
    heartbeats::Heartbeats,
    history::History,
    live_list::LiveList,
    retention::{Libraries, Mark},
    storage::Stored,
    subscribers::Subscribers,
};

pub(crate) use in_order::InOrder;
pub(crate) use liveness::attending;
use liveness::{Liveness, LookUp};
use no_ops::NoOps;
pub(crate) use request::{
    Act, Acted, By, Expiring, INBOX, Inbox, Joined, Look, Request, Transcript,
};

mod answers;
mod append;
mod carry_out;
mod erase;
mod in_order;
mod keep_up;
mod liveness;
mod maintenance;
mod no_ops;
mod request;

/// The topic of messages about sessions.
const TOPIC: messaging::Topic = carrel_platform::topic!("session/{id}");

/// How many requests are taken from the inbox at once.
const TAKE: usize = 64;
/// How many requests the buffer of an idle session has room for.
const FEW: usize = 4;
/// How often a decision is retried because another server was faster, before the caller is told to try again.
const TRIES: usize = 16;

/// What every live session depends on.
pub(crate) struct Parts {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) list: LiveList,
    pub(crate) audits: Audits,
    pub(crate) cut_off: CutOff,
    pub(crate) libraries: Libraries,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) moments: Moments,
    pub(crate) leases: Arc<dyn Leases>,
    pub(crate) stop: CancellationToken,
}

/// The versions up to which a session is known here, to be compared with the log.
#[derive(Debug, Default)]
pub(crate) struct Known {
    session: AtomicU64,
    conference: AtomicU64,
}

impl Known {
    /// Returns whether the log has more than this.
    pub(crate) fn is_behind(&self, session: u64, conference: u64) -> bool {
        self.session.load(Ordering::Relaxed) < session
            || self.conference.load(Ordering::Relaxed) < conference
    }
}

/// The parts of a session that lists and rights depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Summary {
    phase: Option<Phase>,
    owner: Option<Arc<Owner>>,
    queues: usize,
    offer: Option<String>,
    patron: Option<PatronConnection>,
    added: Option<Arc<str>>,
    conference_version: u64,
}

/// One session in memory.
pub(crate) struct LiveSession {
    parts: Arc<Parts>,
    origin: Origin,
    history: History,
    no_ops: NoOps,
    known: Arc<Known>,
    /// Whether the log may have more than the history: a write was not confirmed, or news was missed.
    behind: bool,
    /// The outcome of reading the log for the requests that were taken together, once one of them needed it.
    looked_for_these: Option<Result<(), LogError>>,
    subscribers: Subscribers,
    news: Subscription,
    news_over: bool,
    liveness: Liveness,
    last_used: Instant,
    maintained_at: Instant,
    /// How far the erasing has come that the log has confirmed to this server.
    confirmed: Option<Mark>,
    /// Whether something was due at the last check and could not be written.
    overdue: bool,
    /// Whether nobody attends here but somebody does on another server, which then looks after the session.
    attended_elsewhere: bool,
    /// Whether a lease may still say that somebody attends here.
    holds_lease: bool,
    /// The task that updates the lease on who attends here, if that takes time.
    lease_update: Option<JoinHandle<()>>,
    /// The look-up of who attends on any server, while it is under way.
    look_up: Option<LookUp>,
}

impl LiveSession {
    /// Reads a session from the log. A session that does not exist is read as an empty one.
    pub(crate) async fn load(
        parts: Arc<Parts>,
        origin: Origin,
        session_id: String,
        known: Arc<Known>,
    ) -> Result<Self, LogError> {
        let news = parts.bus.subscribe(origin, &topic(&session_id));
        let history = History::load(&*parts.log, session_id).await?;
        let live = Self {
            parts,
            origin,
            history,
            no_ops: NoOps::default(),
            known,
            behind: false,
            looked_for_these: None,
            subscribers: Subscribers::default(),
            news,
            news_over: false,
            liveness: Liveness::now(),
            last_used: Instant::now(),
            maintained_at: Instant::now(),
            confirmed: None,
            overdue: false,
            attended_elsewhere: false,
            holds_lease: false,
            lease_update: None,
            look_up: None,
        };
        live.tell_versions();
        Ok(live)
    }

    /// Updates [`Known`] to what the history has.
    fn tell_versions(&self) {
        let Known {
            session,
            conference,
        } = &*self.known;
        session.store(self.history.session_version(), Ordering::Relaxed);
        conference.store(self.history.conference_version(), Ordering::Relaxed);
    }

    /// Serves requests until nobody needs the session in memory, or the server stops. When the session leaves memory,
    /// the inbox is closed and requests that arrived at the last moment are left in it: a caller who joins now must
    /// find a session that stays.
    ///
    /// Each step is boxed while it runs, so that a session at rest keeps no room for it.
    pub(crate) async fn run(&mut self, inbox: &mut Inbox) {
        self.serve_until_rest(inbox).await;
        self.subscribers.end_all(&Error::ShuttingDown);
    }

    async fn serve_until_rest(&mut self, inbox: &mut Inbox) {
        let stop = self.parts.stop.clone();
        let mut requests = Vec::new();
        let alarm = tokio::time::sleep_until(self.wake_at());
        tokio::pin!(alarm);
        loop {
            // Supervisors are taken out of an ended session one at a time, so a request waits for one of them at most.
            if inbox.is_empty() && Box::pin(self.remove_one_supervisor_after_end()).await {
                continue;
            }
            // A session at rest must not keep the buffer of a burst.
            requests.shrink_to(FEW);
            let wake = self.wake_at();
            if alarm.deadline() != wake {
                alarm.as_mut().reset(wake);
            }
            tokio::select! {
                // In this order, rare events are not starved by frequent ones; and a simulation's seed determines all
                // that happens.
                biased;
                () = stop.cancelled() => inbox.close(),
                // A session that does not exist leaves memory as soon as there is no request for it.
                () = &mut alarm, if inbox.is_empty() || !self.does_not_exist() => {
                    Box::pin(self.maintain()).await;
                    if self.may_rest() && inbox.is_empty() {
                        return inbox.close();
                    }
                }
                looked_up = LookUp::done(&mut self.look_up) => Box::pin(self.looked_elsewhere(looked_up)).await,
                notice = self.news.next(), if !self.news_over => Box::pin(self.on_notice(notice)).await,
                taken = inbox.recv_many(&mut requests, TAKE) => {
                    if taken == 0 {
                        break;
                    }
                    self.last_used = Instant::now();
                    Box::pin(self.serve(&mut requests)).await;
                }
            }
            if inbox.is_closed() {
                while inbox.recv_many(&mut requests, TAKE).await > 0 {
                    Box::pin(self.serve(&mut requests)).await;
                }
                break;
            }
        }
    }

    #[expect(clippy::vec_box, reason = "they come boxed out of the inbox")]
    async fn serve(&mut self, requests: &mut Vec<Box<Request>>) {
        self.looked_for_these = None;
        let mut acts = Vec::new();
        for request in requests.drain(..) {
            match *request {
                Request::Act(act) => acts.push(act),
                other => {
                    self.carry_out(std::mem::take(&mut acts)).await;
                    self.answer(other).await;
                }
            }
        }
        self.carry_out(acts).await;
    }

    async fn answer(&mut self, request: Request) {
        // Sending fails if the caller has gone; then nobody needs the answer.
        match request {
            Request::Act(act) => self.carry_out(vec![act]).await,
            Request::Join {
                actor,
                requested,
                after,
                answer,
            } => {
                let _ = answer.send(self.join(actor, requested, after).await);
            }
            Request::Look { actor, answer } => {
                let _ = answer.send(self.look(&actor).await);
            }
            Request::Transcript {
                actor,
                requested,
                used_for,
                answer,
            } => {
                let _ = answer.send(self.transcript(&actor, requested, used_for).await);
            }
            Request::Typing { actor, typed_in } => self.pass_on_typing(&actor, typed_in),
            Request::CatchUp => self.refill("tail", None).await,
            Request::Expire {
                what,
                ended_by_ms,
                answer,
            } => {
                let _ = answer.send(self.expire(what, ended_by_ms).await);
            }
        }
    }

    fn situation(&self) -> Situation<'_> {
        self.history
            .situation(self.parts.clock.unix_ms(), self.parts.config.times())
    }

    /// Takes in what was written, and passes the session's events on, each to those who may see it at that point, since
    /// many may be taken in at once. A supervisor who left conference mode receives none of them, unless they left it
    /// to become the owner.
    fn record(
        &mut self,
        conference: Vec<Stored<ConferenceEvent>>,
        session: Vec<(Stored<Event>, Arc<str>)>,
    ) {
        let mut left = BTreeSet::new();
        for stored in conference {
            self.liveness.see_conference(&stored.event);
            if let ConferenceEvent::Left { by, .. } = &stored.event {
                left.insert(by.librarian_id.clone());
            }
            self.history.record_conference(stored);
        }
        for new_owner in session
            .iter()
            .filter_map(|(stored, _)| stored.event.new_owner())
        {
            left.remove(&new_owner.librarian_id);
        }
        // After the end, rights expire by time alone, so everyone is checked.
        let has_ended = self.has_ended();
        self.revalidate(|actor| has_ended || left.iter().any(|id| actor.is_librarian(id)));
        for (stored, trace) in session {
            self.liveness.see(&stored.event);
            let is_turning_point = stored.event.is_turning_point();
            if let Some(shown) = self.history.record(stored) {
                self.subscribers.pass_on(&[shown], &trace);
            }
            if is_turning_point {
                self.revalidate(|_| true);
            }
        }
    }

    fn has_ended(&self) -> bool {
        let session = self.history.view(Audience::Staff).session();
        session.is_some_and(|session| session.end.is_some())
    }

    /// The parts of a session that lists and rights depend on.
    fn summary(&self) -> Summary {
        let session = self.history.view(Audience::Staff).session();
        Summary {
            phase: session.map(Session::phase),
            owner: session.and_then(|session| session.owner.clone()),
            queues: session.map_or(0, |session| session.queues.len()),
            offer: session
                .and_then(Session::standing_offer)
                .map(|made| made.offer.id.clone()),
            patron: session.map(|session| session.patron_connection),
            added: session.and_then(|session| session.added.clone()),
            conference_version: self.history.conference_version(),
        }
    }

    /// Ends the subscriptions of those of the chosen actors who may no longer see the session.
    fn revalidate(&mut self, chosen: impl Fn(&Actor) -> bool) {
        let now_ms = self.parts.clock.unix_ms();
        let situation = self.history.situation(now_ms, self.parts.config.times());
        self.subscribers.revalidate(&situation, chosen);
    }

    /// Does what follows from a change of the session's summary since `before`, and returns whether there was one.
    fn after_change(&mut self, before: &Summary) -> bool {
        let now = self.summary();
        let changed = now != *before;
        if changed {
            self.liveness.take_note(before, &now);
            self.revalidate(|_| true);
            self.parts.list.take_in(&self.history);
        }
        self.tell_versions();
        changed
    }
}

/// Returns the topic on which servers say that a session has changed.
fn topic(session_id: &str) -> String {
    ["session/", session_id].concat()
}
