//! Who is there: the owner, the patron, and supervisors, as far as their streams and acts tell.
//!
//! Each server sees its own streams. What it sees it also says by leases, which all servers share; before it counts
//! somebody as gone it looks there, so that a participant who is connected to another server is not lost.

use std::{collections::HashMap, mem, time::Duration};

use bytes::Bytes;
use carrel_platform::lease::Lease;
use tokio::time::Instant;

use super::{LiveSession, Standing};
use crate::domain::{
    audience::Audience,
    event::{Event, PatronConnection, Speaker},
    people::StaffMember,
};

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
    /// Says by leases who listens here, for as long as two looks at it.
    pub(super) async fn keep_leases(&mut self) {
        let lasts = self.tick() * 2 + Duration::from_secs(1);
        for who in self.subscribers.keys() {
            let lease = Lease {
                space: self.lease_space(),
                key: self.lease_key(&who),
                incarnation: 1,
                value: Bytes::new(),
            };
            if let Err(error) = self.parts.leases.hold(lease, lasts).await {
                tracing::warn!(%error, "who attends a session could not be told to other servers");
                return;
            }
        }
    }

    /// Whether somebody may be connected to another server. Who can't be looked up is not counted as gone.
    async fn is_elsewhere(&self, who: &str) -> bool {
        let here = self.lease_key(who);
        match self.parts.leases.standing(&self.lease_space()).await {
            Ok(leases) => leases.iter().any(|lease| {
                lease.key != here
                    && lease
                        .key
                        .rsplit_once('/')
                        .is_some_and(|(holder, _)| holder == who)
            }),
            Err(_) => true,
        }
    }

    /// Whether nobody attends here while somebody does on another server.
    pub(super) async fn is_left_to_others(&self) -> bool {
        if !self.subscribers.is_empty() {
            return false;
        }
        let here = format!("/{:x}", self.origin.0);
        let attending = self.parts.leases.standing(&self.lease_space()).await;
        attending.is_ok_and(|leases| leases.iter().any(|lease| !lease.key.ends_with(&here)))
    }

    fn lease_space(&self) -> String {
        attending(self.history.session_id())
    }

    fn lease_key(&self, who: &str) -> String {
        format!("{who}/{:x}", self.origin.0)
    }

    /// Whether the owner was gone for longer than their grace.
    pub(super) async fn owner_is_lost(&mut self) -> bool {
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
        if self.is_elsewhere(&librarian_key(&id)).await {
            self.seen.owner = Instant::now();
            return false;
        }
        true
    }

    /// How the patron's connection is by what is known now (R8).
    pub(super) async fn patron_connection(&mut self) -> PatronConnection {
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
        let who = format!("patron:{}", self.history.session_id());
        if self.is_elsewhere(&who).await {
            self.seen.hear_patron();
            return PatronConnection::Connected;
        }
        due
    }

    /// The supervisors who were gone for longer than their grace.
    pub(super) async fn lost_supervisors(&mut self) -> Vec<StaffMember> {
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
        let mut lost = Vec::new();
        for member in late {
            if self
                .is_elsewhere(&librarian_key(&member.librarian_id))
                .await
            {
                self.seen.gone.remove(&member.librarian_id);
            } else {
                lost.push(member);
            }
        }
        lost
    }
}

/// The space of the leases that say who attends a session, and on which server.
pub(crate) fn attending(session_id: &str) -> String {
    format!("attending/{session_id}")
}

/// What a librarian is filed under, as [`crate::domain::people::Actor::key`] has it.
fn librarian_key(librarian_id: &str) -> String {
    format!("librarian:{librarian_id}")
}
