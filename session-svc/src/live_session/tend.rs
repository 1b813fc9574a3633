//! What a live session does by itself as time goes by.

use std::time::Duration;

use carrel_platform::log::LogError;
use tokio::time::Instant;

use super::{Act, LiveSession};
use crate::domain::{
    audience::Audience,
    conference::Departure,
    decide::{Command, depart, return_to_queue},
    people::StaffMember,
    session::{Owner, Phase},
};

impl LiveSession {
    /// When there is something to do by itself.
    ///
    /// While a session runs, the pace is the same with supervisors and without: nobody in it must be able to tell.
    pub(super) fn wake_at(&self) -> Instant {
        let config = &self.parts.config;
        let (owners, supervisors) = (config.owner_grace.get(), config.conference_grace.get());
        let pause = if self.does_not_exist() {
            Duration::ZERO
        } else if self.is_active() {
            tick(owners.min(supervisors))
        } else if !self.history.conference().is_empty() {
            tick(supervisors)
        } else {
            // A foreign owner's time ends with the wrap-up. Settings of zero shall not keep a core busy.
            let pause = config.rest_after.get().min(config.wrap_up.get());
            pause.max(Duration::from_millis(10))
        };
        self.tended_at + pause
    }

    /// Does what time alone brings: a lost owner's patron waits again, lost supervisors leave, and who may no longer
    /// look goes.
    pub(super) async fn tend(&mut self) {
        self.tended_at = Instant::now();
        if !self.subscribers.is_empty() {
            // Should the bus have lost a word, this finds what it was about (I8).
            self.look_again().await;
        }
        self.revalidate();
        if let Err(error) = self.return_if_owner_lost().await {
            self.warn(
                &error,
                "a lost librarian's session could not go back to its queue",
            );
        }
        for member in self.lost_supervisors() {
            if let Err(error) = self.see_off(&member, Departure::ConnectionLost).await {
                self.warn(
                    &error,
                    "a lost supervisor could not be taken out of a session",
                );
            }
        }
    }

    /// Sees that a command of the owner's came. A note does not count: the patron, who would hear of the owner's loss,
    /// must not be able to tell that one was written.
    pub(super) fn see_owner(&mut self, act: &Act) {
        let shown = !matches!(act.command, Command::WriteNote { .. });
        let session = self.history.view(Audience::Staff).session();
        let owner = session.and_then(|session| session.owner.as_ref());
        if shown && owner.is_none_or(|owner| act.actor.is_librarian(&owner.member.librarian_id)) {
            self.owner_seen = Instant::now();
        }
    }

    async fn return_if_owner_lost(&mut self) -> Result<(), LogError> {
        let Some(session) = self.history.view(Audience::Staff).session() else {
            return Ok(());
        };
        let is_there = |owner: &Owner| self.subscribers.has_librarian(&owner.member.librarian_id);
        if session.owner.as_ref().is_none_or(is_there) {
            self.owner_seen = Instant::now();
        }
        if self.owner_seen.elapsed() < self.parts.config.owner_grace.get() {
            return Ok(());
        }
        self.ensure_current().await?;
        match self
            .history
            .view(Audience::Staff)
            .session()
            .map(return_to_queue)
        {
            Some(decision) => self.append_decision(decision).await,
            None => Ok(()),
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
                self.warn(
                    &error,
                    "a supervisor could not be taken out of an ended session",
                );
                return;
            }
        }
    }

    async fn see_off(&mut self, member: &StaffMember, how: Departure) -> Result<(), LogError> {
        self.ensure_current().await?;
        if !self.history.conference().contains(&member.librarian_id) {
            return Ok(());
        }
        let decision = depart(&self.situation(), member, how);
        self.append_decision(decision).await
    }

    /// Whether nobody needs the session in memory.
    pub(super) fn may_rest(&self) -> bool {
        self.subscribers.is_empty()
            && !self.is_active()
            && self.history.conference().is_empty()
            && (self.does_not_exist()
                || self.last_used.elapsed() >= self.parts.config.rest_after.get())
    }

    /// Whether somebody owns the session, so that it must be seen whether they are there.
    fn is_active(&self) -> bool {
        let session = self.history.view(Audience::Staff).session();
        session.is_some_and(|session| session.phase() == Phase::Active)
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
