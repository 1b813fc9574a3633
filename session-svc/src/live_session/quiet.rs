//! Going quiet, and stirring again.

use super::{LiveSession, Place};
use crate::domain::{audience::Audience, event::PatronConnection, people::StaffMember};

impl LiveSession {
    /// Leaves it to [`crate::quiet_sessions`] to look who is there, if the last look found everyone here and nothing is
    /// due. Until something happens, each further look would find the same.
    pub(super) fn become_quiet(&mut self) {
        if !self.is_quiet() {
            return;
        }
        // If who listens has changed since the last look, the next one has something to tell.
        let current = self.current_lease();
        if let Some(lease) = &self.lease
            && current.is_some_and(|current| current.value == lease.value)
        {
            self.quiet = Some(self.parts.quiet.take_in(
                self.subscribers.endings(),
                (lease, &self.lease_writing),
                self.maintained_at,
            ));
        }
    }

    /// Looks by itself again who is there, from when it would have been looked next.
    pub(super) fn stir(&mut self) {
        if let Some(looked_at) = self.quiet.take().and_then(Place::leave) {
            self.maintained_at = looked_at;
        }
    }

    fn is_quiet(&self) -> bool {
        let Some(session) = self.history.view(Audience::Staff).session() else {
            return false;
        };
        let is_here = |member: &StaffMember| self.subscribers.has_librarian(&member.librarian_id);
        let owner = session.owner.as_ref();
        self.is_open()
            && self.subscribers.has_patron()
            && session.patron_connection == PatronConnection::Connected
            && owner.is_none_or(|owner| is_here(&owner.member))
            && self.history.conference().members().all(is_here)
            && self.look_up.is_none()
            && !self.overdue
            && self.due_at().is_none()
    }
}
