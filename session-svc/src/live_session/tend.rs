//! What a live session does by itself as time goes by.

use std::time::Duration;

use carrel_platform::log::LogError;
use tokio::time::Instant;

use super::{
    LiveSession,
    there::{Attending, LookedUp},
};
use crate::domain::{
    audience::Audience,
    conference::Departure,
    decide::{Decision, depart},
    due::{escalate, return_to_queue, see_patron},
    people::StaffMember,
    session::{Owner, Phase, Session},
    transfer::lapse,
};

/// The shortest pause between two looks, whatever the settings.
const SHORTEST: Duration = Duration::from_millis(10);

impl LiveSession {
    /// When there is something to do by itself.
    ///
    /// While a session runs, the pace is the same with supervisors and without: nobody in it must be able to tell.
    pub(super) fn wake_at(&self) -> Instant {
        let config = &self.parts.config;
        if self.does_not_exist() {
            self.tended_at
        } else if self.is_open() {
            let tick = self.next_tick();
            self.due_at().map_or(tick, |due| due.min(tick))
        } else if !self.history.conference().is_empty() {
            self.next_tick()
        } else {
            // A foreign owner's time ends with the wrap-up. Settings of zero shall not keep a core busy.
            let pause = config.rest_after.get().min(config.wrap_up.get());
            self.tended_at + pause.max(SHORTEST)
        }
    }

    /// When it is looked again who is there, together with other sessions.
    fn next_tick(&self) -> Instant {
        self.parts.moments.within(self.tended_at, self.tick())
    }

    /// How often it is looked who is there.
    pub(super) fn tick(&self) -> Duration {
        let config = &self.parts.config;
        let grace = config
            .owner_grace
            .get()
            .min(config.conference_grace.get())
            .min(config.patron_away.get());
        (grace / 4).clamp(SHORTEST, Duration::from_secs(15))
    }

    /// When something is due by the clock: a further queue, or the end of an offer. What could not be written waits for
    /// the next look: a log that is in trouble is not to be asked all the time.
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

    /// Does what time alone brings, and looks who is there: on this server, and if it depends on others, there as well.
    ///
    /// What is due between two looks brings no look of its own, and puts none off. An offer is the staff's affair, and the
    /// looks decide when the patron is told that their librarian was lost: they must not be able to tell that one lapsed.
    pub(super) async fn tend(&mut self) {
        if self.is_open() && Instant::now() < self.next_tick() {
            self.do_what_is_due().await;
            return;
        }
        self.tended_at = Instant::now();
        self.revalidate(|_| true);
        self.keep_lease();
        self.do_what_is_due().await;
        self.see_who_talks(None).await;
        self.see_supervisors(None).await;
        // Whoever asks for sessions at random shall not keep the store of leases busy either.
        if !self.does_not_exist() {
            self.look_elsewhere();
        }
        // A log that takes longer to fail than it is until the next look would have it due at once, before all who ask.
        if self.wake_at() <= Instant::now() {
            self.tended_at = Instant::now();
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

    /// Takes in who attends on other servers.
    pub(super) async fn looked_elsewhere(&mut self, looked_up: LookedUp) {
        let LookedUp {
            of_who_talks,
            attending,
        } = looked_up;
        self.attended_elsewhere = self.is_left_to_others(&attending);
        if of_who_talks {
            self.see_who_talks(Some(&attending)).await;
        }
        self.see_supervisors(Some(&attending)).await;
    }

    /// Writes what follows from whether the owner and the patron are there: a patron is away or back, and a lost owner's
    /// patron waits again. Nobody counts as gone unless it is known that they are on no other server.
    async fn see_who_talks(&mut self, attending: Option<&Attending>) {
        self.note_patron_connection(attending).await;
        if let Some(owner) = self.lost_owner(attending)
            && let Err(error) = self.give_back(&owner, attending).await
        {
            self.warn(
                &error,
                "a lost librarian's session could not go back to its queue",
            );
        }
    }

    /// Takes lost supervisors out. Nobody counts as gone here either unless it is known.
    async fn see_supervisors(&mut self, attending: Option<&Attending>) {
        for member in self.lost_supervisors(attending) {
            if let Err(error) = self.see_off_lost(&member, attending).await {
                self.warn(
                    &error,
                    "a lost supervisor could not be taken out of a session",
                );
            }
        }
    }

    /// Has the patron of a lost owner wait again, if the owner is lost by what the log says, too: somebody else may have the
    /// patron by now, or the owner was heard of on another server.
    async fn give_back(
        &mut self,
        lost: &Owner,
        attending: Option<&Attending>,
    ) -> Result<(), LogError> {
        self.ensure_current(&[]).await?;
        if self.lost_owner(attending).as_deref() != Some(lost) {
            return Ok(());
        }
        self.let_happen(|session, _| return_to_queue(session)).await
    }

    /// Takes a lost supervisor out, if they are lost by what the log says, too: they may have left and entered again.
    async fn see_off_lost(
        &mut self,
        lost: &StaffMember,
        attending: Option<&Attending>,
    ) -> Result<(), LogError> {
        self.ensure_current(&[]).await?;
        if !self.lost_supervisors(attending).contains(lost) {
            return Ok(());
        }
        self.see_off(lost, Departure::ConnectionLost).await
    }

    /// Appends what time alone brings, decided on the newest state.
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

    /// Has the patron's connection noted as it is, if that is news.
    pub(super) async fn note_patron_connection(&mut self, attending: Option<&Attending>) {
        let connection = self.patron_connection(attending);
        let noted = self
            .let_happen(|session, _| see_patron(session, connection))
            .await;
        if let Err(error) = noted {
            self.warn(&error, "how a patron's connection is could not be noted");
        }
    }

    /// When a session ends, it ends for supervisors too (R7, D6). They are taken out after the end was acknowledged, so that
    /// its way is the same with and without them, and one at a time. Says whether one was.
    pub(super) async fn see_one_off_after_end(&mut self) -> bool {
        if !self.has_ended() {
            return false;
        }
        let Some(member) = self.history.conference().members().next().cloned() else {
            return false;
        };
        match self.see_off(&member, Departure::SessionEnded).await {
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

    async fn see_off(&mut self, member: &StaffMember, how: Departure) -> Result<(), LogError> {
        self.ensure_current(&[]).await?;
        if !self.history.conference().contains(&member.librarian_id) {
            return Ok(());
        }
        let decision = depart(&self.situation(), member, how);
        self.append_decision(decision).await
    }

    /// Whether nobody needs the session in memory.
    pub(super) fn may_rest(&self) -> bool {
        let over = !self.is_open() && self.history.conference().is_empty();
        self.subscribers.is_empty()
            && (self.does_not_exist()
                || ((over || self.attended_elsewhere)
                    && self.last_used.elapsed() >= self.parts.config.rest_after.get()))
    }

    /// Whether the session goes on, so that it must be seen who is there.
    fn is_open(&self) -> bool {
        let session = self.history.view(Audience::Staff).session();
        session.is_some_and(|session| session.phase() != Phase::Ended)
    }

    /// Whoever asks for sessions at random shall not fill the memory with them.
    pub(super) fn does_not_exist(&self) -> bool {
        self.history.session_version() == 0
    }
}
