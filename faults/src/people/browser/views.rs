//! The sessions that a browser attends. Each resumes from its own position, whatever happens to its stream.

use std::time::Duration;

use carrel_proto::{
    gateway::v1::{Attend, Detach, client_frame::Frame as Request},
    refusal::v1::Refusal,
    session::v1::{Audience as WireAudience, Joined, Position, SessionEvent},
};
use tokio::time::Instant;

use super::{
    super::sight::seen,
    Browser, LONGEST_WAIT,
    answers::{UNAUTHENTICATED, is_definite},
};
use crate::history::{Audience, What};

/// A session that is attended, or will be.
#[derive(Debug)]
pub(super) struct View {
    pub(super) epoch: String,
    pub(super) last: u64,
    pub(super) joined: bool,
    pub(super) again: Option<Instant>,
    pub(super) failures: u32,
}

impl Browser {
    /// Attends a session from its beginning.
    pub async fn attend(&mut self, session: &str) {
        let view = View {
            epoch: String::new(),
            last: 0,
            joined: false,
            again: None,
            failures: 0,
        };
        self.known.insert(session.to_owned());
        self.attended.entry(session.to_owned()).or_insert(view);
        self.join(session).await;
    }

    /// Stops attending a session.
    pub async fn release(&mut self, session: &str) {
        if self.attended.remove(session).is_some() {
            self.record(What::Detached {
                session: session.to_owned(),
                reason: String::new(),
            });
            let session_id = session.to_owned();
            self.send(Request::Detach(Detach { session_id })).await;
        }
    }

    /// Attends a session, after the last position that was shown.
    pub(super) async fn join(&mut self, session: &str) {
        let Some(view) = self.attended.get_mut(session) else {
            return;
        };
        view.again = None;
        view.joined = false;
        let after = (!view.epoch.is_empty()).then(|| Position {
            epoch: view.epoch.clone(),
            number: view.last,
        });
        let session_id = session.to_owned();
        self.send(Request::Attend(Attend { session_id, after }))
            .await;
        // Unanswered acts are sent again behind it, before anything newer.
        self.outbox.renew(Some(session));
    }

    pub(super) fn joined(&mut self, session: &str, joined: &Joined) {
        let Some(view) = self.attended.get_mut(session) else {
            return;
        };
        if let Some(head) = &joined.head {
            view.epoch.clone_from(&head.epoch);
        }
        if joined.resync {
            view.last = 0;
        }
        view.joined = true;
        view.failures = 0;
        let audience = match joined.audience() {
            WireAudience::Staff => Audience::Staff,
            _ => Audience::Patron,
        };
        self.record(What::Attending {
            session: session.to_owned(),
            audience,
            resync: joined.resync,
        });
    }

    /// Takes in an event, unless it is from a stream that was given up.
    pub(super) fn event(&mut self, session: &str, event: &SessionEvent) -> bool {
        let Some(view) = self.attended.get_mut(session) else {
            return false;
        };
        if !view.joined {
            return false;
        }
        view.last = event.position;
        self.record(What::Event {
            session: session.to_owned(),
            position: event.position,
            seen: seen(event),
        });
        true
    }

    pub(super) fn detached(&mut self, session: &str, refusal: &Refusal) {
        let Some(view) = self.attended.get_mut(session) else {
            return;
        };
        view.joined = false;
        self.renew_first |= refusal.code == UNAUTHENTICATED;
        let comes_back = !is_definite(refusal.code)
            || refusal.code == UNAUTHENTICATED
            || refusal.reason == "TOO_SLOW";
        if comes_back {
            let wait = Duration::from_millis(100) * 2_u32.saturating_pow(view.failures.min(6));
            view.failures += 1;
            let retry = Duration::from_millis(refusal.retry_after_ms.into());
            view.again = Some(Instant::now() + wait.min(LONGEST_WAIT).max(retry));
        } else {
            self.attended.remove(session);
        }
        self.record(What::Detached {
            session: session.to_owned(),
            reason: refusal.reason.clone(),
        });
    }

    /// Returns the last position that was shown of a session.
    #[must_use]
    pub fn position(&self, session: &str) -> u64 {
        self.attended.get(session).map_or(0, |view| view.last)
    }

    /// Returns whether a session is attended, or about to be.
    #[must_use]
    pub fn attends(&self, session: &str) -> bool {
        self.attended.contains_key(session)
    }

    /// Returns whether a session was ever attended.
    #[must_use]
    pub fn knows(&self, session: &str) -> bool {
        self.known.contains(session)
    }
}
