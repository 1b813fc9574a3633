//! What a live session does by itself as time goes by.

use std::time::Duration;

use tokio::time::Instant;

use super::LiveSession;
use crate::{
    domain::{audience::Audience, conference::Departure, decide::depart, people::StaffMember},
    error::Error,
};

impl LiveSession {
    /// When there is something to do by itself.
    pub(super) fn wake_at(&self) -> Instant {
        let config = &self.parts.config;
        let pause = if self.does_not_exist() {
            Duration::ZERO
        } else if self.history.conference().is_empty() {
            config.rest_after.get()
        } else {
            tick(config.conference_grace.get())
        };
        self.tended_at + pause
    }

    /// Does what time alone brings: supervisors whose connection is lost leave, owners whose time is over go.
    pub(super) async fn tend(&mut self) {
        self.tended_at = Instant::now();
        self.revalidate();
        for member in self.lost_supervisors() {
            if let Err(error) = self.see_off(&member, Departure::ConnectionLost).await {
                tracing::warn!(%error, "a lost supervisor could not be taken out of a session");
            }
        }
    }

    fn lost_supervisors(&mut self) -> Vec<StaffMember> {
        let now = Instant::now();
        let grace = self.parts.config.conference_grace.get();
        let subscribers = &self.subscribers;
        self.gone_since.retain(|id, _| {
            self.history.conference().contains(id) && !subscribers.has_librarian(id)
        });
        let mut lost = Vec::new();
        for member in self.history.conference().members() {
            if subscribers.has_librarian(&member.librarian_id) {
                continue;
            }
            let since = *self
                .gone_since
                .entry(member.librarian_id.clone())
                .or_insert(now);
            if now.duration_since(since) >= grace {
                lost.push(member.clone());
            }
        }
        lost
    }

    /// When a session ends, it ends for supervisors too (R7, D6). They are taken out after the end was acknowledged,
    /// so that its way is the same with and without them.
    pub(super) async fn clear_conference_after_end(&mut self) {
        let ended = self
            .history
            .view(Audience::Staff)
            .session()
            .is_some_and(|session| session.end.is_some());
        if !ended {
            return;
        }
        let inside: Vec<_> = self.history.conference().members().cloned().collect();
        for member in inside {
            if let Err(error) = self.see_off(&member, Departure::SessionEnded).await {
                tracing::warn!(%error, "a supervisor could not be taken out of an ended session");
                return;
            }
        }
    }

    async fn see_off(&mut self, member: &StaffMember, how: Departure) -> Result<(), Error> {
        let decision = depart(&self.situation(), member, how);
        self.append_decision(decision).await
    }

    /// Whether nobody needs the session in memory.
    pub(super) fn may_rest(&self) -> bool {
        self.subscribers.is_empty()
            && self.history.conference().is_empty()
            && (self.does_not_exist()
                || self.last_used.elapsed() >= self.parts.config.rest_after.get())
    }

    /// Whoever asks for sessions at random shall not fill the memory with them.
    fn does_not_exist(&self) -> bool {
        self.history.session_version() == 0
    }
}

/// How often supervisors' connections are looked at.
fn tick(grace: Duration) -> Duration {
    (grace / 4).clamp(Duration::from_millis(10), Duration::from_secs(15))
}
