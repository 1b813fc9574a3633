//! What a session is after all that happened in it.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    audience::{Audience, project},
    event::{Event, Opened, PatronConnection, Speaker},
    people::{RouteStep, StaffMember},
    transfer::{Fate, MadeOffer, TransferOutcome},
};

/// A session as one audience knows it: the fold over the events that the audience was shown, and nothing else.
///
/// What is large and seldom changes is shared by all copies: a copy is made whenever something is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The audience.
    pub audience: Audience,
    /// How many events the audience was shown. Also the position of the last one.
    pub position: u64,
    /// The question and all that is fixed with it.
    pub opened: Arc<Opened>,
    /// When the patron asked, in Unix milliseconds.
    pub opened_at_ms: i64,
    /// Who picked the patron up, and when.
    pub owner: Option<Arc<Owner>>,
    /// Whether the patron lost their librarian and waits again, first in line.
    pub returned: bool,
    /// When the wait began that goes on or was the last: with the question, or when the librarian was lost.
    pub waiting_since_ms: i64,
    /// The queues from which the patron may be picked up, in the order in which their wait reached them.
    pub queues: Vec<String>,
    /// Whether the patron is there.
    pub patron_connection: PatronConnection,
    /// All offers to hand the session over, the last one last.
    pub offers: Vec<MadeOffer>,
    /// The librarians who owned the session before its owner.
    pub former_owners: Vec<String>,
    /// Who ended the session, and when.
    pub end: Option<End>,
    /// How much room messages and pages take up, see [`ROOM`].
    pub open_size: usize,
    /// How much room notes take up. Counted apart: a message must not be refused because of notes.
    pub notes_size: usize,
    /// The librarians beside the owner who have shown themselves to this audience, first come first.
    pub colleagues: Vec<StaffMember>,
    /// The ids of those of them who have shown themselves to the patron, too, since they came in. Lists on other servers are
    /// not told: nothing there depends on it.
    #[serde(skip)]
    pub shown_to_patron: Vec<String>,
}

/// How much messages and pages of one session may take up, and how much its notes, in bytes: so much that both together
/// can still be sent as one transcript of 16 MiB.
pub const ROOM: usize = 6 * 1024 * 1024;

/// What an event takes up: its text, and something for who and when.
fn size(text: &str) -> usize {
    text.len() + 256
}

/// The chatting librarian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Who.
    pub member: StaffMember,
    /// Since when, in Unix milliseconds.
    pub since_ms: i64,
}

/// The end of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Who ended it.
    pub by: Speaker,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asked or returned, not picked up.
    Waiting,
    /// Picked up.
    Active,
    /// Over.
    Ended,
}

impl Session {
    /// The session after one more event, or as it was if the event is not for its audience.
    ///
    /// `None` stands for a session that was not opened yet; any event but the opening leaves it so.
    #[must_use]
    pub fn apply(
        session: Option<Self>,
        audience: Audience,
        event: &Event,
        at_ms: i64,
    ) -> Option<Self> {
        let Some(event) = project(event, audience) else {
            return session;
        };
        match (session, event) {
            (None, Event::Opened(opened)) => Some(Self {
                audience,
                position: 1,
                opened: Arc::new(opened.clone()),
                opened_at_ms: at_ms,
                owner: None,
                returned: false,
                waiting_since_ms: at_ms,
                queues: vec![opened.queue_id.clone()],
                patron_connection: PatronConnection::Connected,
                offers: Vec::new(),
                former_owners: Vec::new(),
                end: None,
                open_size: 0,
                notes_size: 0,
                colleagues: Vec::new(),
                shown_to_patron: Vec::new(),
            }),
            (None, _) => None,
            (Some(mut session), event) => {
                session.position += 1;
                session.change(event, at_ms);
                Some(session)
            }
        }
    }

    fn change(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Opened(_) => {}
            Event::PickedUp { by } => self.pass_to(by, at_ms),
            Event::Transferred { by, offer_id, .. } => {
                self.settle_offer(offer_id, Fate::Accepted);
                self.pass_to(by, at_ms);
            }
            Event::Returned { .. } => {
                self.disown();
                self.returned = true;
                self.waiting_since_ms = at_ms;
            }
            Event::TransferOffered(offer) => {
                self.notes_size += size(&offer.message);
                self.offers.push(MadeOffer {
                    offer: offer.clone(),
                    at_ms,
                    fate: Fate::Stands,
                });
            }
            Event::TransferClosed {
                offer_id,
                outcome,
                reason,
                ..
            } => {
                self.notes_size += size(reason);
                self.settle_offer(offer_id, Fate::Closed(*outcome));
            }
            Event::Escalated { queue_id } => self.queues.push(queue_id.clone()),
            Event::PatronConnectionChanged { connection } => self.patron_connection = *connection,
            Event::MessagePosted { by, text } => {
                self.open_size += size(text);
                self.notice(by, Audience::Patron);
            }
            Event::PagePushed { by, address, .. } => {
                self.open_size += size(address);
                self.notice(by, Audience::Patron);
            }
            Event::NoteWritten { by, text } => {
                self.notes_size += size(text);
                self.notice(by, Audience::Staff);
            }
            Event::ColleagueLeft { by } => self.forget(&by.librarian_id),
            Event::Ended { by } => {
                self.end = Some(End {
                    by: by.clone(),
                    at_ms,
                })
            }
        }
    }

    fn pass_to(&mut self, member: &StaffMember, at_ms: i64) {
        self.disown();
        let id = &member.librarian_id;
        self.former_owners.retain(|former| former != id);
        self.forget(id);
        self.returned = false;
        self.owner = Some(Arc::new(Owner {
            member: member.clone(),
            since_ms: at_ms,
        }));
    }

    fn disown(&mut self) {
        if let Some(former) = self.owner.take() {
            self.former_owners.push(former.member.librarian_id.clone());
        }
        if let Some(made) = self.offers.last_mut()
            && made.fate == Fate::Stands
        {
            made.fate = Fate::Closed(TransferOutcome::Lapsed);
        }
    }

    fn settle_offer(&mut self, offer_id: &str, fate: Fate) {
        let made = self
            .offers
            .iter_mut()
            .find(|made| made.offer.id == offer_id);
        if let Some(made) = made {
            made.fate = fate;
        }
    }

    /// Whether the patron may be, or could have been, picked up from one of these queues (I16).
    #[must_use]
    pub fn waits_in_one_of(&self, queues: &BTreeSet<String>) -> bool {
        self.queues.iter().any(|queue| queues.contains(queue))
    }

    /// The offer that stands. None does when nobody is there to hand the session over.
    #[must_use]
    pub fn standing_offer(&self) -> Option<&MadeOffer> {
        self.offers
            .last()
            .filter(|made| made.fate == Fate::Stands && self.phase() == Phase::Active)
    }

    /// An offer that was made.
    #[must_use]
    pub fn made_offer(&self, offer_id: &str) -> Option<&MadeOffer> {
        self.offers.iter().find(|made| made.offer.id == offer_id)
    }

    /// The next queue that the patron's wait reaches, and when, in Unix milliseconds.
    #[must_use]
    pub fn next_step(&self) -> Option<(&RouteStep, i64)> {
        if self.phase() != Phase::Waiting {
            return None;
        }
        let step = self
            .opened
            .route
            .iter()
            .find(|step| !self.queues.contains(&step.queue_id))?;
        let after_ms = i64::try_from(step.after_ms).unwrap_or(i64::MAX);
        Some((step, self.waiting_since_ms.saturating_add(after_ms)))
    }

    /// A colleague is known from the first thing that the audience was shown of them (R4). Who reviews after the end
    /// is no longer in the session.
    fn notice(&mut self, speaker: &Speaker, shown_to: Audience) {
        let Speaker::Colleague(member) = speaker else {
            return;
        };
        if self.end.is_some() {
            return;
        }
        let id = &member.librarian_id;
        if !self.knows(id) {
            self.colleagues.push(member.clone());
        }
        if shown_to == Audience::Patron && !self.shown_to_patron.contains(id) {
            self.shown_to_patron.push(id.clone());
        }
    }

    /// A colleague who left, or owns the session now, is none until they show themselves again (I19).
    fn forget(&mut self, librarian_id: &str) {
        self.colleagues
            .retain(|colleague| colleague.librarian_id != librarian_id);
        self.shown_to_patron.retain(|id| id != librarian_id);
    }

    /// Whether the audience knows of this colleague.
    #[must_use]
    pub fn knows(&self, librarian_id: &str) -> bool {
        self.colleagues
            .iter()
            .any(|colleague| colleague.librarian_id == librarian_id)
    }

    /// Whether a colleague has shown themselves to an audience since they came in. Only what staff know can tell: the patron
    /// remembers whoever has left.
    #[must_use]
    pub fn is_shown(&self, librarian_id: &str, audience: Audience) -> bool {
        match audience {
            Audience::Staff => self.knows(librarian_id),
            Audience::Patron => self.shown_to_patron.iter().any(|id| id == librarian_id),
        }
    }

    /// Where the session stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (&self.owner, &self.end) {
            (_, Some(_)) => Phase::Ended,
            (Some(_), None) => Phase::Active,
            (None, None) => Phase::Waiting,
        }
    }

    /// Whether this librarian owns the session, or owned it when it ended.
    #[must_use]
    pub fn is_owned_by(&self, librarian_id: &str) -> bool {
        self.owner
            .as_ref()
            .is_some_and(|owner| owner.member.librarian_id == librarian_id)
    }
}
