//! Who is there: the owner, the patron, and supervisors, as far as their streams and acts tell.
//!
//! Each server sees its own streams, and tells the others by leases, which all servers share. Before it counts somebody
//! as gone it looks at those leases, so that a participant who is connected to another server is not lost. It never
//! waits for the store of leases, so that nothing said in the session waits for it either.

use std::{collections::BTreeSet, future::pending, mem, sync::Arc};

use bytes::Bytes;
use carrel_platform::lease::{Lease, LeaseError};
use futures::FutureExt as _;
use tokio::task::JoinHandle;

use self::last_seen::LastSeen;
pub(super) use self::last_seen::Liveness;
use super::LiveSession;
use crate::domain::{
    audience::Audience, event::PatronConnection, people::StaffMember, session::Owner,
};

mod last_seen;

/// The incarnation of each lease. A session in memory has a key of its own, so nobody else ever holds its lease.
const INCARNATION: u64 = 1;

/// Who attends a session on which server, as the store of leases told it.
pub(super) type Attending = Result<Vec<Lease>, LeaseError>;

/// A look-up, under way, of who attends on any server.
pub(super) struct LookUp {
    /// Whether it is made for the owner and the patron, too.
    for_owner_and_patron: bool,
    /// Whether nobody attended here when it began.
    was_unattended: bool,
    task: JoinHandle<Attending>,
}

/// What such a look-up found.
pub(super) struct LookedUp {
    pub(super) for_owner_and_patron: bool,
    pub(super) was_unattended: bool,
    pub(super) attending: Attending,
}

impl LookUp {
    /// Waits for the end of the look-up under way, for ever if there is none. Cancel-safe.
    pub(super) async fn done(under_way: &mut Option<Self>) -> LookedUp {
        let Some(look_up) = under_way else {
            return pending().await;
        };
        let attending = (&mut look_up.task).await;
        let (for_owner_and_patron, was_unattended) =
            (look_up.for_owner_and_patron, look_up.was_unattended);
        *under_way = None;
        LookedUp {
            for_owner_and_patron,
            was_unattended,
            attending: attending.unwrap_or_else(|error| Err(LeaseError(error.to_string()))),
        }
    }
}

impl LiveSession {
    /// Updates the lease on who listens here, which lasts a little longer than two looks. Once nobody listens any more
    /// it is released, so that other servers do not go on seeing the last who left. Does nothing while an update is
    /// still under way.
    pub(super) fn keep_lease(&mut self) {
        let under_way = self
            .lease_update
            .as_ref()
            .is_some_and(|lease_update| !lease_update.is_finished());
        if under_way {
            return;
        }
        let listening = self.subscribers.keys();
        let (space, key) = (self.lease_space(), self.lease_key());
        let store = Arc::clone(&self.parts.leases);
        if listening.is_empty() {
            if mem::take(&mut self.holds_lease) {
                self.update_lease(async move { store.release(&space, &key, INCARNATION).await });
            }
            return;
        }
        self.holds_lease = true;
        let lasts = self.parts.config.leases_last();
        let lease = Lease {
            space,
            key,
            incarnation: INCARNATION,
            value: listing(&listening),
        };
        self.update_lease(async move { store.hold(lease, lasts).await.map(drop) });
    }

    /// Releases the lease when the session leaves memory. As long as it stood, no other server would look after the
    /// session. A write of it that is still under way must not come after the release.
    pub(crate) async fn end_lease(&mut self) {
        if let Some(lease_update) = self.lease_update.take() {
            // It has logged by itself what failed.
            let _ = lease_update.await;
        }
        if mem::take(&mut self.holds_lease) {
            let (space, key) = (self.lease_space(), self.lease_key());
            if let Err(error) = self.parts.leases.release(&space, &key, INCARNATION).await {
                tracing::debug!(%error, "that nobody attends a session here any more could not be told to other servers");
            }
        }
    }

    fn update_lease(
        &mut self,
        update: impl Future<Output = Result<(), LeaseError>> + Send + 'static,
    ) {
        let parts = Arc::clone(&self.parts);
        let mut lease_update = Box::pin(async move {
            if let Err(error) = update.await {
                parts.cut_off.note_failure();
                tracing::debug!(%error, "who attends a session could not be told to other servers");
            }
        });
        // A store in memory is done by now.
        if lease_update.as_mut().now_or_never().is_none() {
            self.lease_update = Some(tokio::spawn(lease_update));
        }
    }

    /// Begins to look up who attends on any server, if somebody is missed here who may be there, or if the session may
    /// be left to others. Participants who are missed are looked up at each look, and not only when their grace is
    /// over, so that a single look-up that misses them does not decide.
    ///
    /// A look-up that is made for a supervisor, or for nobody, is not used for the owner and the patron: otherwise a
    /// supervisor, of whom they must not know, would decide when the one is told that the other was lost.
    pub(super) fn look_elsewhere(&mut self) {
        // Looks are a little more or less than a tick apart.
        let since_last_look = self.tick() / 2;
        let for_owner_and_patron = self.liveness.misses_owner_or_patron(since_last_look);
        let wanted = for_owner_and_patron
            || self.subscribers.is_empty()
            || self.liveness.misses_supervisors(since_last_look);
        let is_under_way = (self.look_up.as_ref())
            .is_some_and(|look_up| look_up.for_owner_and_patron || !for_owner_and_patron);
        if !wanted || is_under_way {
            return;
        }
        let parts = Arc::clone(&self.parts);
        let space = self.lease_space();
        self.look_up = Some(LookUp {
            for_owner_and_patron,
            was_unattended: self.subscribers.is_empty(),
            task: tokio::spawn(async move {
                let attending = parts.leases.active(&space).await?;
                parts.cut_off.check()?;
                Ok(attending)
            }),
        });
    }

    /// Returns whether somebody is connected to another server; `None` if that is not known.
    fn is_elsewhere(&self, who: &str, attending: &Attending) -> Option<bool> {
        let here = self.lease_key();
        let leases = attending.as_ref().ok()?;
        Some(
            leases
                .iter()
                .any(|lease| lease.key != here && lists(lease, who)),
        )
    }

    /// Returns whether nobody attends here while somebody does on another server.
    pub(super) fn is_left_to_others(&self, attending: &Attending) -> bool {
        let here = self.lease_key();
        let elsewhere = |lease: &Lease| lease.key != here;
        let attending = attending.as_ref();
        self.subscribers.is_empty() && attending.is_ok_and(|leases| leases.iter().any(elsewhere))
    }

    /// Whether neither the owner nor the patron attends here while one of them attends on another server, according to
    /// the last look-up: `attending`, if there is one now.
    pub(super) fn leaves_owner_and_patron_to_others(
        &mut self,
        attending: Option<&Attending>,
    ) -> bool {
        let session = self.history.view(Audience::Staff).session();
        let owner = session.and_then(|session| session.owner.as_ref());
        let owner = owner.map(|owner| owner.member.librarian_id.as_str());
        let is_owner_here = owner.is_some_and(|id| self.subscribers.has_librarian(id));
        if let Some(attending) = attending {
            let is_elsewhere = |who: &str| self.is_elsewhere(who, attending) == Some(true);
            self.liveness.owner_or_patron_elsewhere = is_elsewhere(&self.patron_key())
                || owner.is_some_and(|id| is_elsewhere(&librarian_key(id)));
        }
        self.liveness.owner_or_patron_elsewhere && !is_owner_here && !self.subscribers.has_patron()
    }

    fn lease_space(&self) -> String {
        attending(self.history.session_id())
    }

    fn lease_key(&self) -> String {
        format!("{:x}", self.origin.0)
    }

    /// Returns the patron's key, as [`crate::domain::people::Actor::key`] makes it.
    fn patron_key(&self) -> String {
        ["patron:", self.history.session_id()].concat()
    }

    /// Returns the owner if they were gone for longer than their grace, according to what is known of who attends
    /// elsewhere.
    pub(super) fn lost_owner(&mut self, attending: Option<&Attending>) -> Option<Arc<Owner>> {
        let session = self.history.view(Audience::Staff).session();
        let Some(owner) = session.and_then(|session| session.owner.clone()) else {
            self.liveness.owner = LastSeen::now();
            return None;
        };
        let id = &owner.member.librarian_id;
        let here = self.subscribers.has_librarian(id);
        let found = attending.map(|attending| self.is_elsewhere(&librarian_key(id), attending));
        if self.liveness.owner.look_here(here) {
            return None;
        }
        // If the look-up failed, nobody is counted as gone.
        let is_lost = !self.liveness.owner.look_elsewhere(found?.unwrap_or(true))
            && self
                .liveness
                .owner
                .missed_for(self.parts.config.owner_grace.get());
        is_lost.then_some(owner)
    }

    /// Returns the state of the patron's connection according to what is known now (R8).
    pub(super) fn patron_connection(&mut self, attending: Option<&Attending>) -> PatronConnection {
        let known = self
            .history
            .view(Audience::Staff)
            .session()
            .map_or(PatronConnection::Connected, |session| {
                session.patron_connection
            });
        let who = self.patron_key();
        let here = self.subscribers.has_patron();
        let found = attending.and_then(|attending| self.is_elsewhere(&who, attending));
        let patron = &mut self.liveness.patron;
        if patron.look_here(here) || found.is_some_and(|found| patron.look_elsewhere(found)) {
            self.liveness.hear_patron();
        }
        let patron = &self.liveness.patron;
        let config = &self.parts.config;
        if !patron.missed_for(config.patron_away.get()) {
            return if self.liveness.patron_heard {
                PatronConnection::Connected
            } else {
                known
            };
        }
        let due = if patron.missed_for(config.patron_lost.get()) {
            PatronConnection::Lost
        } else {
            PatronConnection::Away
        };
        match found {
            Some(false) if known != PatronConnection::Lost => due,
            // If the look-up failed, nobody is counted as gone.
            _ => known,
        }
    }

    /// Returns whether this server itself has missed the patron for so long that they count as lost, and knows that they are
    /// on no other. A session that was just loaded gives them that time once more: while no server ran, they could not
    /// come back.
    pub(super) fn has_missed_patron(&self, attending: Option<&Attending>) -> bool {
        let who = self.patron_key();
        let found = attending.and_then(|attending| self.is_elsewhere(&who, attending));
        let lost_after = self.parts.config.patron_lost.get();
        found == Some(false) && self.liveness.patron.missed_for(lost_after)
    }

    /// Returns the supervisors who were gone for longer than their grace.
    pub(super) fn lost_supervisors(&mut self, attending: Option<&Attending>) -> Vec<StaffMember> {
        let grace = self.parts.config.conference_grace.get();
        let subscribers = &self.subscribers;
        self.liveness.gone.retain(|id, _| {
            self.history.conference().contains(id) && !subscribers.has_librarian(id)
        });
        let mut lost = Vec::new();
        for member in self.history.conference().members() {
            let id = &member.librarian_id;
            if subscribers.has_librarian(id) {
                continue;
            }
            let found = attending.map(|attending| self.is_elsewhere(&librarian_key(id), attending));
            let gone = self.liveness.gone.entry(id.clone());
            let gone = gone.or_insert_with(LastSeen::now);
            // If the look-up failed, nobody is counted as gone.
            if let Some(found) = found
                && !gone.look_elsewhere(found.unwrap_or(true))
                && gone.missed_for(grace)
            {
                lost.push(member.clone());
            }
        }
        lost
    }
}

/// Encodes who attends for a lease.
fn listing(who: &BTreeSet<String>) -> Bytes {
    // Strings can always be serialized.
    serde_json::to_vec(who).unwrap_or_default().into()
}

/// Returns whether a server lists somebody among those who attend there. A lease that can't be decoded may list
/// anybody.
fn lists(lease: &Lease, who: &str) -> bool {
    serde_json::from_slice::<BTreeSet<String>>(&lease.value).map_or(true, |all| all.contains(who))
}

/// Returns the space of the leases that say who attends a session: one lease for each server where somebody does.
pub(crate) fn attending(session_id: &str) -> String {
    format!("attending/{session_id}")
}

/// Returns the key of a librarian, as [`crate::domain::people::Actor::key`] makes it.
fn librarian_key(librarian_id: &str) -> String {
    format!("librarian:{librarian_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_lists_all_who_attend_and_nobody_else() {
        let all = BTreeSet::from(["patron:7".to_owned(), "librarian:\"ada\"\n".to_owned()]);
        let mut lease = Lease {
            space: attending("7"),
            key: "f".to_owned(),
            incarnation: 1,
            value: listing(&all),
        };
        assert!(all.iter().all(|who| lists(&lease, who)));
        assert!(!lists(&lease, "patron:8") && !lists(&lease, "librarian:ada"));
        lease.value = Bytes::from_static(b"of a newer version");
        assert!(lists(&lease, "patron:8"));
    }
}
