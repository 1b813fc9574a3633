//! Who is there: the owner, the patron, and supervisors, as far as their streams and acts tell.
//!
//! Each server sees its own streams. What it sees it also says by leases, which all servers share; before it counts
//! somebody as gone it looks there, so that a participant who is connected to another server is not lost.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use carrel_platform::lease::Lease;
use tokio::time::Instant;

use super::{Act, LiveSession, Standing};
use crate::domain::{
    audience::Audience, decide::Command, event::PatronConnection, people::StaffMember,
};

/// When participants were last known to be there.
pub(super) struct Seen {
    /// The owner, or who becomes it.
    owner: Instant,
    /// The patron: since when nothing was heard of them, and whether anything was heard here at all.
    patron: Instant,
    patron_heard: bool,
    /// Supervisors whose connection is gone, and when that was noticed.
    gone: HashMap<String, Instant>,
}

impl Seen {
    /// Nothing is known; everybody gets the whole of their time.
    pub(super) fn now() -> Self {
        Self {
            owner: Instant::now(),
            patron: Instant::now(),
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

    fn hear_patron(&mut self) {
        self.patron = Instant::now();
        self.patron_heard = true;
    }
}

impl LiveSession {
    /// Sees that a command of the owner's or the patron's came. A note does not count: the patron, who would hear of
    /// the owner's loss, must not be able to tell that one was written. Nor does what else only staff see.
    pub(super) fn see(&mut self, act: &Act) {
        let shown = matches!(
            act.command,
            Command::Open { .. }
                | Command::PickUp
                | Command::AcceptTransfer { .. }
                | Command::PostMessage { .. }
                | Command::PushPage { .. }
        );
        if !shown {
            return;
        }
        let session = self.history.view(Audience::Staff).session();
        let owner = session.and_then(|session| session.owner.as_ref());
        if act.actor.librarian().is_none() {
            self.seen.hear_patron();
        } else if owner.is_none_or(|owner| act.actor.is_librarian(&owner.member.librarian_id)) {
            self.seen.owner = Instant::now();
        }
    }

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

    fn lease_space(&self) -> String {
        format!("attending/{}", self.history.session_id())
    }

    fn lease_key(&self, who: &str) -> String {
        format!("{who}/{:x}", self.origin.0)
    }

    /// Whether the owner was gone for longer than their grace.
    pub(super) async fn owner_is_lost(&mut self) -> bool {
        let session = self.history.view(Audience::Staff).session();
        let Some(owner) = session.and_then(|session| session.owner.as_ref()) else {
            self.seen.owner = Instant::now();
            return false;
        };
        let id = owner.member.librarian_id.clone();
        if self.subscribers.has_librarian(&id) {
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
        if self.subscribers.has_patron() {
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

/// What a librarian is filed under, as [`crate::domain::people::Actor::key`] has it.
fn librarian_key(librarian_id: &str) -> String {
    format!("librarian:{librarian_id}")
}
