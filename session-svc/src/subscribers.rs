//! The subscribers of one session on this server, and what each of them receives.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};

use carrel_platform::{
    queue::{self, NotSent, queue},
    refusal::{Refusal, stream::token_expired},
    telemetry::DELIVERIES_TRACED,
};
use carrel_proto::{
    encoded::Encoded,
    session::v1::{self as wire, attend_response::Response},
};

use crate::{
    domain::{
        access::{Purpose, Situation, TypingReach, may_see},
        audience::Audience,
        people::Actor,
    },
    error::Error,
    history::{Shown, ShownEvent},
};

/// Something that subscribers receive as it happens.
#[derive(Clone, Debug)]
pub(crate) enum Live {
    /// An event, with the trace of the act that caused it.
    Event(ShownEvent, Arc<str>),
    /// An encoded notice that somebody is typing.
    Typing(Encoded<wire::AttendResponse>),
}

/// The receiving end of a subscription.
#[derive(Debug)]
pub(crate) struct Listening {
    /// What happens, in order, without a gap. It ends when the subscription does.
    pub live: queue::Receiver<Live>,
    /// When it expires, and why it ended.
    pub ending: Arc<Ending>,
}

/// When a subscription expires, and why it has ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// When the subscriber's token expires, in Unix milliseconds.
    expires_at_ms: AtomicI64,
    why: OnceLock<Refusal>,
}

impl Ending {
    /// Has the subscription end when a token expires, instead of any time set before. The subscriber's stream may stand
    /// still because nobody reads it, and its timers because the machine slept, so the expiry is enforced where the
    /// session checks who is there.
    pub(crate) fn expire_at(&self, unix_ms: i64) {
        self.expires_at_ms.store(unix_ms, Ordering::Relaxed);
    }

    /// Returns why it ended. Set before it ends.
    pub(crate) fn why(&self) -> Option<&Refusal> {
        self.why.get()
    }

    fn is_due(&self, now_ms: i64) -> bool {
        self.expires_at_ms.load(Ordering::Relaxed) <= now_ms
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self {
            expires_at_ms: AtomicI64::new(i64::MAX),
            why: OnceLock::new(),
        }
    }
}

/// All subscribers of one session.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Vec<Subscriber>);

#[derive(Debug)]
struct Subscriber {
    actor: Arc<Actor>,
    audience: Audience,
    live: queue::Sender<Live>,
    ending: Arc<Ending>,
}

impl Subscriber {
    fn end(&self, refusal: impl Into<Refusal>) {
        let _ = self.ending.why.set(refusal.into());
    }

    /// Sends without waiting, and returns whether the subscriber stays. A subscriber with no room left was too slow.
    fn offer(&self, live: Live) -> bool {
        match self.live.send(live) {
            Ok(()) => true,
            Err(NotSent::Full(_)) => {
                self.end(Error::TooSlow);
                false
            }
            Err(NotSent::Closed(_)) => false,
        }
    }
}

impl Subscribers {
    /// Adds a subscriber, who receives all that happens from now on as far as it is for their audience.
    pub(crate) fn add(
        &mut self,
        actor: Arc<Actor>,
        audience: Audience,
        backlog: usize,
    ) -> Listening {
        let (sender, live) = queue(backlog.max(1));
        let ending = Arc::new(Ending::default());
        self.0.push(Subscriber {
            actor,
            audience,
            live: sender,
            ending: Arc::clone(&ending),
        });
        Listening { live, ending }
    }

    /// Passes events on, each to the subscribers it is for. A slow subscriber is removed and may come back.
    pub(crate) fn pass_on(&mut self, shown: &[Shown], trace: &Arc<str>) {
        let mut room = DELIVERIES_TRACED;
        self.0.retain(|subscriber| {
            let trace = match room {
                0 => Arc::default(),
                _ => Arc::clone(trace),
            };
            room = room.saturating_sub(1);
            shown
                .iter()
                .filter_map(|shown| shown.to(subscriber.audience))
                .all(|event| subscriber.offer(Live::Event(event.clone(), Arc::clone(&trace))))
        });
    }

    /// Tells the subscribers in reach that somebody is typing, but not the typist. A subscriber with no room left
    /// misses it.
    pub(crate) fn pass_on_typing(
        &self,
        typist: &Actor,
        reach: TypingReach,
        show: impl Fn(Audience) -> wire::Typing,
    ) {
        let typist = typist.key();
        let encode = |audience| {
            Encoded::of(&wire::AttendResponse {
                response: Some(Response::Typing(show(audience))),
                trace_parent: String::new(),
            })
        };
        let (mut to_staff, mut to_patron) = (None, None);
        for subscriber in &self.0 {
            let audience = subscriber.audience;
            if audience >= reach.audience && subscriber.actor.key() != typist {
                let shown = match audience {
                    Audience::Staff => &mut to_staff,
                    Audience::Patron => &mut to_patron,
                };
                let shown = shown.get_or_insert_with(|| encode(audience));
                let _ = subscriber.live.send(Live::Typing(shown.clone()));
            }
        }
    }

    /// Removes those of the chosen subscribers who may no longer see the session, whose token has expired, or who have
    /// gone by themselves.
    pub(crate) fn revalidate(
        &mut self,
        situation: &Situation<'_>,
        chosen: impl Fn(&Actor) -> bool,
    ) {
        self.0.retain(|subscriber| {
            if !chosen(&subscriber.actor) {
                return true;
            }
            if subscriber.ending.is_due(situation.now_ms) {
                subscriber.end(token_expired());
                return false;
            }
            match may_see(
                situation,
                &subscriber.actor,
                Some(subscriber.audience),
                Purpose::Attend,
            ) {
                Ok(_) => !subscriber.live.is_closed(),
                Err(refused) => {
                    subscriber.end(Error::from(refused));
                    false
                }
            }
        });
    }

    /// Ends all subscriptions.
    pub(crate) fn end_all(&mut self, error: &Error) {
        for subscriber in self.0.drain(..) {
            subscriber.end(error.clone());
        }
    }

    /// Returns whether nobody listens.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|subscriber| subscriber.live.is_closed())
    }

    /// Returns whether the patron listens.
    #[must_use]
    pub(crate) fn has_patron(&self) -> bool {
        self.0.iter().any(|subscriber| {
            matches!(*subscriber.actor, Actor::Patron(_)) && !subscriber.live.is_closed()
        })
    }

    /// Returns the key of everyone who listens, each once.
    #[must_use]
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        let listening = self.0.iter().filter(|one| !one.live.is_closed());
        listening.map(|one| one.actor.key()).collect()
    }

    /// Returns whether this librarian listens.
    #[must_use]
    pub(crate) fn has_librarian(&self, librarian_id: &str) -> bool {
        self.0.iter().any(|subscriber| {
            subscriber.actor.is_librarian(librarian_id) && !subscriber.live.is_closed()
        })
    }
}
