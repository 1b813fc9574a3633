//! What a live session does by itself as time goes by.

use std::time::Duration;

use carrel_platform::log::LogError;
use tokio::time::Instant;

use super::{
    LiveSession,
    liveness::{Attending, LookedUp},
};
use crate::domain::{
    audience::Audience,
    conference::Departure,
    decide::{Decision, depart},
    due::{abandon, escalate, return_to_queue, see_patron},
    event::PatronConnection,
    people::StaffMember,
    session::{Owner, Phase, Session},
    transfer::lapse,
};

/// The shortest pause between two looks, whatever the settings.
const SHORTEST: Duration = Duration::from_millis(10);

impl LiveSession {
    /// Returns when there is something to do without a request.
    ///
    /// While a session runs, the pace is the same with supervisors and without: nobody in it must be able to tell.
    pub(super) fn wake_at(&self) -> Instant {
        let config = &self.parts.config;
        if self.does_not_exist() {
            self.maintained_at
        } else if self.is_open() {
            let tick = self.next_tick();
            self.due_at().map_or(tick, |due| due.min(tick))
        } else if !self.history.conference().is_empty() {
            self.next_tick()
        } else {
            // The rights of an owner from another library end with the wrap-up. Settings of zero must not keep a core
            // busy.
            let pause = config.rest_after.get().min(config.wrap_up.get());
            self.maintained_at + pause.max(SHORTEST)
        }
    }

    /// Returns when to look again who is there, together with other sessions.
    fn next_tick(&self) -> Instant {
        self.parts.moments.within(self.maintained_at, self.tick())
    }

    /// Returns how often to look who is there.
    pub(super) fn tick(&self) -> Duration {
        self.parts.config.tick()
    }

    /// Returns when something is due by the clock: a further queue, or the end of an offer. What could not be written
    /// waits for the next look, so that a log in trouble is not asked all the time.
    fn due_at(&self) -> Option<Instant> {
        if self.overdue {
            return None;
        }
        let session = self.history.view(Audience::Staff).session()?;
        let step = session.next_step().map(|(_, due_ms)| due_ms);
        let offer = session.standing_offer().map(|made| made.offer.lapses_at_ms);
        let due_ms = step.into_iter().chain(offer).min()?;
        let left = due_ms.saturating_sub(self.parts.clock.unix_ms());
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(SHORTEST);
        Instant::now().checked_add(left)
    }

    /// Does what time alone brings, and looks who is there: on this server and, where that matters, on others.
    ///
    /// What is due between two looks neither triggers a look nor delays one. Only staff know of an offer, but the looks
    /// decide when the patron is told that their librarian was lost: the patron must not be able to tell that an offer
    /// lapsed.
    pub(super) async fn maintain(&mut self) {
        if self.is_open() && Instant::now() < self.next_tick() {
            self.do_what_is_due().await;
            return;
        }
        self.maintained_at = Instant::now();
        self.revalidate(|_| true);
        self.keep_lease();
        self.do_what_is_due().await;
        self.check_owner_and_patron(None).await;
        self.remove_lost_supervisors(None).await;
        // Requests for random ids must not keep the store of leases busy.
        if !self.does_not_exist() {
            self.look_elsewhere();
        }
        // If the log takes longer to fail than the time between two looks, the next one would be due at once, ahead of
        // all requests.
        if self.wake_at() <= Instant::now() {
            self.maintained_at = Instant::now();
        }
    }

    async fn do_what_is_due(&mut self) {
        self.overdue = false;
        for pass in [escalate as fn(&Session, i64) -> Decision, lapse] {
            if let Err(error) = self.let_happen(pass).await {
                self.overdue = !matches!(error, LogError::Conflict { .. });
                self.warn(&error, "what was due in a session could not be written");
            }
        }
    }

    /// Takes in the result of looking up who attends on any server.
    pub(super) async fn looked_elsewhere(&mut self, looked_up: LookedUp) {
        let LookedUp {
            for_owner_and_patron,
            was_unattended,
            attending,
        } = looked_up;
        // A participant who has attended here since then may have come from there.
        self.attended_elsewhere = was_unattended && self.is_left_to_others(&attending);
        if for_owner_and_patron {
            self.check_owner_and_patron(Some(&attending)).await;
        }
        self.remove_lost_supervisors(Some(&attending)).await;
    }

    /// Writes what follows from whether the owner and the patron are there: the patron is away or back, or waits again
    /// because the owner is lost, or nobody is there any more and the session ends. Nobody counts as gone unless it is known
    /// that they are on no other server.
    ///
    /// A server that neither of them attends takes note of what it finds, but leaves it to the server that one of them
    /// attends to act on it. It may hold the session for a supervisor only, and looks at times of its own: the owner
    /// and the patron must not be able to tell.
    async fn check_owner_and_patron(&mut self, attending: Option<&Attending>) {
        let connection = self.patron_connection(attending);
        let lost_owner = self.lost_owner(attending);
        if self.leaves_owner_and_patron_to_others(attending) {
            return;
        }
        self.note_patron_connection(connection).await;
        if self.has_missed_patron(attending) {
            let times = self.parts.config.times();
            let abandoned = self.let_happen(|session, now_ms| abandon(session, now_ms, times));
            if let Err(error) = abandoned.await {
                self.warn(&error, "an abandoned session could not be ended");
            }
        }
        if let Some(owner) = lost_owner
            && let Err(error) = self.give_back(&owner, attending).await
        {
            self.warn(
                &error,
                "a lost librarian's session could not go back to its queue",
            );
        }
    }

    /// Takes lost supervisors out. Here too, nobody counts as gone unless that is known.
    async fn remove_lost_supervisors(&mut self, attending: Option<&Attending>) {
        for member in self.lost_supervisors(attending) {
            if let Err(error) = self.remove_lost_supervisor(&member, attending).await {
                self.warn(
                    &error,
                    "a lost supervisor could not be taken out of a session",
                );
            }
        }
    }

    /// Returns the patron of a lost owner to the queue, if the owner is still lost once the log was read: somebody else
    /// may have the patron by now, or the owner was heard of on another server.
    async fn give_back(
        &mut self,
        lost: &Owner,
        attending: Option<&Attending>,
    ) -> Result<(), LogError> {
        self.catch_up().await?;
        if self.lost_owner(attending).as_deref() != Some(lost) {
            return Ok(());
        }
        self.let_happen(|session, _| return_to_queue(session)).await
    }

    /// Takes a lost supervisor out, if they are still lost once the log was read: they may have left and entered again.
    async fn remove_lost_supervisor(
        &mut self,
        lost: &StaffMember,
        attending: Option<&Attending>,
    ) -> Result<(), LogError> {
        self.catch_up().await?;
        if !self.lost_supervisors(attending).contains(lost) {
            return Ok(());
        }
        self.remove_supervisor(lost, Departure::ConnectionLost)
            .await
    }

    /// Appends what time alone brings, decided on the state that is known here. If another server knows more, the log
    /// refuses it, and the next look decides again.
    async fn let_happen(
        &mut self,
        decide: impl Fn(&Session, i64) -> Decision,
    ) -> Result<(), LogError> {
        let due = |live: &Self| {
            let session = live.history.view(Audience::Staff).session()?;
            let decision = decide(session, live.parts.clock.unix_ms());
            (decision != Decision::default()).then_some(decision)
        };
        if due(self).is_none() {
            return Ok(());
        }
        self.ensure_current(&[]).await?;
        match due(self) {
            Some(decision) => self.append_decision(decision).await,
            None => Ok(()),
        }
    }

    /// Records the state of the patron's connection as far as it is known here, if it has changed.
    pub(super) async fn note_patron_heard_here(&mut self) {
        let connection = self.patron_connection(None);
        self.note_patron_connection(connection).await;
    }

    /// Records the state of the patron's connection, if it has changed.
    async fn note_patron_connection(&mut self, connection: PatronConnection) {
        let noted = self
            .let_happen(|session, _| see_patron(session, connection))
            .await;
        if let Err(error) = noted {
            self.warn(&error, "how a patron's connection is could not be noted");
        }
    }

    /// Takes one supervisor out of a session that has ended, and returns whether it did. A session ends for supervisors
    /// too (R7, D6), but they are taken out after the end was acknowledged, so that the end takes the same path with
    /// and without them.
    pub(super) async fn remove_one_supervisor_after_end(&mut self) -> bool {
        if !self.has_ended() {
            return false;
        }
        let Some(member) = self.history.conference().members().next().cloned() else {
            return false;
        };
        match self
            .remove_supervisor(&member, Departure::SessionEnded)
            .await
        {
            Ok(()) => true,
            Err(error) => {
                self.warn(
                    &error,
                    "a supervisor could not be taken out of an ended session",
                );
                false
            }
        }
    }

    async fn remove_supervisor(
        &mut self,
        member: &StaffMember,
        how: Departure,
    ) -> Result<(), LogError> {
        self.ensure_current(&[]).await?;
        if !self.history.conference().contains(&member.librarian_id) {
            return Ok(());
        }
        let decision = depart(&self.situation(), member, how);
        self.append_decision(decision).await
    }

    /// Returns whether nobody needs the session in memory.
    pub(super) fn may_rest(&self) -> bool {
        let over = !self.is_open() && self.history.conference().is_empty();
        self.subscribers.is_empty()
            && (self.does_not_exist()
                || ((over || self.attended_elsewhere || self.is_dormant())
                    && self.last_used.elapsed() >= self.parts.config.rest_after.get()))
    }

    /// Returns whether nobody need look after the open session for a while. Whoever is to look after it then loads it.
    fn is_dormant(&self) -> bool {
        let session = self.history.view(Audience::Staff).session();
        let until_ms =
            session.and_then(|session| session.rests_until_ms(self.parts.config.times()));
        self.history.conference().is_empty()
            && until_ms.is_some_and(|until_ms| until_ms > self.parts.clock.unix_ms())
    }

    /// Returns whether the session has not ended, so that it matters who is there.
    fn is_open(&self) -> bool {
        let session = self.history.view(Audience::Staff).session();
        session.is_some_and(|session| session.phase() != Phase::Ended)
    }

    /// Returns whether the session does not exist. It then leaves memory at once, so that requests for random ids can't
    /// fill the memory.
    pub(super) fn does_not_exist(&self) -> bool {
        self.history.session_version() == 0
    }
}
