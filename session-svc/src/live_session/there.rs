//! Who is there: the owner, the patron, and supervisors, as far as their streams and acts tell.
//!
//! Each server sees its own streams. What it sees it also says by leases, which all servers share; before it counts
//! somebody as gone it looks there, so that a participant who is connected to another server is not lost. It never waits
//! for the store of leases: what is said in the session must not wait for it either.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use carrel_platform::{
    config::HumanDuration,
    lease::{Lease, LeaseError},
};
use futures::FutureExt as _;
use tokio::time::Instant;

use super::{LiveSession, Standing};
use crate::domain::{
    audience::Audience,
    event::{Event, PatronConnection, Speaker},
    people::StaffMember,
};

/// Who attends a session on which server, as the store of leases told it.
pub(super) type Attending = Result<Vec<Lease>, LeaseError>;

/// When participants were last known to be there.
pub(super) struct Seen {
    /// The owner, or who becomes it; and whether they listened here when it was last looked. Who did may have gone at
    /// any time since, so their time runs from the look that misses them: nobody is lost too soon.
    owner: Instant,
    owner_here: bool,
    /// The patron: since when nothing was heard of them, and whether anything was heard here at all. They
    /// listened here or not, as with the owner.
    patron: Instant,
    patron_here: bool,
    patron_heard: bool,
    /// Supervisors whose connection is gone, and when that was noticed.
    gone: HashMap<String, Instant>,
}

impl Seen {
    /// Nothing is known; everybody gets the whole of their time.
    pub(super) fn now() -> Self {
        Self {
            owner: Instant::now(),
            owner_here: false,
            patron: Instant::now(),
            patron_here: false,
            patron_heard: false,
            gone: HashMap::new(),
        }
    }

    /// Learns from what happened: a new owner is there, and so is a patron who is back.
    pub(super) fn take_note(&mut self, before: &Standing, now: &Standing) {
        if now.owner != before.owner {
            self.owner = Instant::now();
        }
        if now.patron != before.patron && now.patron == Some(PatronConnection::Connected) {
            self.hear_patron();
        }
    }

    /// Learns from what the owner or the patron did, on whatever server. A note does not count: the patron, who would
    /// hear of the owner's loss, must not be able to tell that one was written. Nor does what else only staff see.
    pub(super) fn see(&mut self, event: &Event) {
        match event {
            Event::Opened(_)
            | Event::MessagePosted {
                by: Speaker::Patron,
                ..
            } => self.hear_patron(),
            Event::MessagePosted {
                by: Speaker::Owner(_),
                ..
            }
            | Event::PagePushed {
                by: Speaker::Owner(_),
                ..
            } => self.owner = Instant::now(),
            _ => {}
        }
    }

    /// The owner begins to listen here.
    pub(super) fn see_owner_join(&mut self) {
        self.owner = Instant::now();
        self.owner_here = true;
    }

    fn hear_patron(&mut self) {
        self.patron = Instant::now();
        self.patron_heard = true;
    }
}

impl LiveSession {
    /// Says by a lease who listens here, for as long as two looks at it. What is still being said is not said again.
    pub(super) fn keep_lease(&mut self) {
        let under_way = self
            .saying
            .as_ref()
            .is_some_and(|saying| !saying.is_finished());
        let listening = self.subscribers.keys();
        if under_way || listening.is_empty() {
            return;
        }
        let lasts = self.tick() * 2 + Duration::from_secs(1);
        let lease = Lease {
            space: self.lease_space(),
            key: self.lease_key(),
            incarnation: 1,
            value: listing(&listening),
        };
        let store = Arc::clone(&self.parts.leases);
        let mut saying = Box::pin(async move {
            if let Err(error) = store.hold(lease, lasts).await {
                tracing::debug!(%error, "who attends a session could not be told to other servers");
            }
        });
        // A store in memory has been told by now.
        if saying.as_mut().now_or_never().is_none() {
            self.saying = Some(tokio::spawn(saying));
        }
    }

    /// Begins to look up who attends on any server, if it depends on that what is to be done.
    pub(super) fn look_elsewhere(&mut self) {
        if self.looking.is_some() || !self.somebody_may_be_elsewhere() {
            return;
        }
        let store = Arc::clone(&self.parts.leases);
        let space = self.lease_space();
        self.looking = Some(tokio::spawn(async move { store.standing(&space).await }));
    }

    /// Whether somebody counts as gone unless they are on another server, or the session is left to others.
    fn somebody_may_be_elsewhere(&self) -> bool {
        let config = &self.parts.config;
        let late = |since: Instant, grace: HumanDuration| since.elapsed() >= grace.get();
        let inside = self.seen.gone.values();
        self.subscribers.is_empty()
            || (!self.seen.owner_here && late(self.seen.owner, config.owner_grace))
            || (!self.seen.patron_here && late(self.seen.patron, config.patron_away))
            || inside
                .into_iter()
                .any(|since| late(*since, config.conference_grace))
    }

    /// Whether somebody is connected to another server. Who can't be looked up is not counted as gone.
    fn is_elsewhere(&self, who: &str, attending: &Attending) -> bool {
        let here = self.lease_key();
        match attending {
            Ok(leases) => leases
                .iter()
                .any(|lease| lease.key != here && lists(lease, who)),
            Err(_) => true,
        }
    }

    /// Whether nobody attends here while somebody does on another server.
    pub(super) fn is_left_to_others(&self, attending: &Attending) -> bool {
        let here = self.lease_key();
        let elsewhere = |lease: &Lease| lease.key != here;
        let attending = attending.as_ref();
        self.subscribers.is_empty() && attending.is_ok_and(|leases| leases.iter().any(elsewhere))
    }

    fn lease_space(&self) -> String {
        attending(self.history.session_id())
    }

    fn lease_key(&self) -> String {
        format!("{:x}", self.origin.0)
    }

    /// Whether the owner was gone for longer than their grace, by what is known of who attends elsewhere.
    pub(super) fn owner_is_lost(&mut self, attending: Option<&Attending>) -> bool {
        let session = self.history.view(Audience::Staff).session();
        let Some(owner) = session.and_then(|session| session.owner.as_ref()) else {
            self.seen.owner = Instant::now();
            self.seen.owner_here = false;
            return false;
        };
        let id = owner.member.librarian_id.clone();
        let here = self.subscribers.has_librarian(&id);
        let was_here = mem::replace(&mut self.seen.owner_here, here);
        if here || was_here {
            self.seen.owner = Instant::now();
            return false;
        }
        if self.seen.owner.elapsed() < self.parts.config.owner_grace.get() {
            return false;
        }
        let Some(attending) = attending else {
            return false;
        };
        if self.is_elsewhere(&librarian_key(&id), attending) {
            self.seen.owner = Instant::now();
            return false;
        }
        true
    }

    /// How the patron's connection is by what is known now (R8).
    pub(super) fn patron_connection(&mut self, attending: Option<&Attending>) -> PatronConnection {
        let known = self
            .history
            .view(Audience::Staff)
            .session()
            .map_or(PatronConnection::Connected, |session| {
                session.patron_connection
            });
        let here = self.subscribers.has_patron();
        let was_here = mem::replace(&mut self.seen.patron_here, here);
        if here || was_here {
            self.seen.hear_patron();
        }
        let config = &self.parts.config;
        let gone = self.seen.patron.elapsed();
        if gone < config.patron_away.get() {
            return if self.seen.patron_heard {
                PatronConnection::Connected
            } else {
                known
            };
        }
        let due = if gone >= config.patron_lost.get() {
            PatronConnection::Lost
        } else {
            PatronConnection::Away
        };
        if due == known || known == PatronConnection::Lost {
            return known;
        }
        let Some(attending) = attending else {
            return known;
        };
        let who = format!("patron:{}", self.history.session_id());
        if self.is_elsewhere(&who, attending) {
            self.seen.hear_patron();
            return PatronConnection::Connected;
        }
        due
    }

    /// The supervisors who were gone for longer than their grace.
    pub(super) fn lost_supervisors(&mut self, attending: Option<&Attending>) -> Vec<StaffMember> {
        let now = Instant::now();
        let grace = self.parts.config.conference_grace.get();
        let subscribers = &self.subscribers;
        self.seen.gone.retain(|id, _| {
            self.history.conference().contains(id) && !subscribers.has_librarian(id)
        });
        let mut late = Vec::new();
        for member in self.history.conference().members() {
            if subscribers.has_librarian(&member.librarian_id) {
                continue;
            }
            let since = *self
                .seen
                .gone
                .entry(member.librarian_id.clone())
                .or_insert(now);
            if now.duration_since(since) >= grace {
                late.push(member.clone());
            }
        }
        let Some(attending) = attending else {
            return Vec::new();
        };
        let mut lost = Vec::new();
        for member in late {
            if self.is_elsewhere(&librarian_key(&member.librarian_id), attending) {
                self.seen.gone.remove(&member.librarian_id);
            } else {
                lost.push(member);
            }
        }
        lost
    }
}

/// Who attends, as a lease says it.
fn listing(who: &BTreeSet<String>) -> Bytes {
    // Texts can always be written.
    serde_json::to_vec(who).unwrap_or_default().into()
}

/// Whether a server lists somebody among those who attend there. Who can't be read may be anybody.
fn lists(lease: &Lease, who: &str) -> bool {
    serde_json::from_slice::<BTreeSet<String>>(&lease.value).map_or(true, |all| all.contains(who))
}

/// The space of the leases that say who attends a session: one for each server where somebody does.
pub(crate) fn attending(session_id: &str) -> String {
    format!("attending/{session_id}")
}

/// What a librarian is filed under, as [`crate::domain::people::Actor::key`] has it.
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
