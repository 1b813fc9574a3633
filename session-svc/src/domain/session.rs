//! The state of a session after all that happened in it.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    access::Times,
    addition::with_addition,
    audience::{Audience, audience_of, project},
    erasure::Erased,
    event::{Event, Opened, PatronConnection, Speaker},
    people::{RouteStep, StaffMember},
    resolution::Resolved,
    room::{CODE_FRAME, names, size},
    transfer::{Fate, MadeOffer, Recipient, TransferOutcome},
};

pub use super::room::ROOM;

/// A session as one audience knows it: the fold over the events that the audience was shown, and nothing else.
///
/// Large parts that seldom change are shared by all clones: a session is cloned whenever something is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The audience.
    pub audience: Audience,
    /// How many events the audience was shown. Also the position of the last one.
    pub position: u64,
    /// How many of these events the patron was shown, too.
    pub patron_position: u64,
    /// The question, and all that is fixed when it is asked.
    pub opened: Arc<Opened>,
    /// When the patron asked, in Unix milliseconds.
    pub opened_at_ms: i64,
    /// The chatting librarian.
    pub owner: Option<Arc<Owner>>,
    /// When a librarian first picked the patron up, in Unix milliseconds, whoever owns the session since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_picked_up_at_ms: Option<i64>,
    /// Whether the patron lost their librarian and waits again, first in line.
    pub returned: bool,
    /// When the current or the last wait began, in Unix milliseconds: with the question, or when the librarian was
    /// lost.
    pub waiting_since_ms: i64,
    /// The queues from which the patron may be picked up, in the order in which their wait reached them.
    pub queues: Vec<String>,
    /// What the patron has added to their question since the wait began, as much as lists show. `None` unless they wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<Arc<str>>,
    /// Whether the patron is there.
    pub patron_connection: PatronConnection,
    /// How often that has changed.
    #[serde(default)]
    pub patron_changes: u32,
    /// When the patron was lost, in Unix milliseconds, if they are. Only staff know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patron_lost_at_ms: Option<i64>,
    /// When something last happened up to the end that the patron was shown, in Unix milliseconds.
    #[serde(default)]
    pub last_shown_at_ms: i64,
    /// All offers to hand the session over, oldest first.
    pub offers: Vec<MadeOffer>,
    /// The librarians who owned the session before its owner: each once, in the order in which they last owned it.
    pub former_owners: Vec<StaffMember>,
    /// How the session ended, and when.
    pub end: Option<End>,
    /// The resolution, if one was set. Entries from servers of an earlier version do not have this field.
    #[serde(default)]
    pub resolved: Option<Resolved>,
    /// The descriptive codes that were set last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descriptive_codes: Vec<String>,
    /// How much room messages and pages take up, see [`ROOM`].
    pub open_size: usize,
    /// How much room notes, the remarks on transfers, the resolutions and the descriptive codes take up. Counted apart:
    /// a message must not be refused because of them.
    pub notes_size: usize,
    /// The librarians besides the owner who have shown themselves to this audience, in the order in which they did.
    pub colleagues: Vec<StaffMember>,
    /// The ids of those colleagues who have also shown themselves to the patron since they entered. Not sent to lists
    /// on other servers: nothing there depends on it.
    #[serde(skip)]
    pub shown_to_patron: Vec<String>,
    /// When the patron's name and e-mail address were erased, in Unix milliseconds, if they were and the rest was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_erased_at_ms: Option<i64>,
    /// That the session was erased, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
}

/// The chatting librarian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The librarian.
    pub member: StaffMember,
    /// When the patron was last picked up, in Unix milliseconds: by this librarian, or by one who handed the session
    /// over since then.
    pub picked_up_at_ms: i64,
}

/// The end of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Who ended it; `None` if it ended by itself, since nobody was there any more.
    pub by: Option<Speaker>,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asked or returned, and not picked up.
    Waiting,
    /// Picked up.
    Active,
    /// Over.
    Ended,
}

impl Session {
    /// Returns the session after one more event, or as it was if the event is not for its audience.
    ///
    /// `None` stands for a session that was not opened yet; any event but the opening leaves it so, and but an erasure,
    /// which stands for all events before it.
    #[must_use]
    pub fn apply(
        mut session: Option<Self>,
        audience: Audience,
        event: &Event,
        at_ms: i64,
    ) -> Option<Self> {
        Self::apply_to(&mut session, audience, event, at_ms);
        session
    }

    /// Like [`Session::apply`], in place: a live session takes in each message three times, and would be moved several
    /// times for each.
    pub fn apply_to(session: &mut Option<Self>, audience: Audience, event: &Event, at_ms: i64) {
        let Some(event) = project(event, audience) else {
            return;
        };
        match (session.as_mut(), event) {
            (_, Event::Erased(erasure)) => *session = Some(erasure.session(audience, at_ms)),
            (None, Event::Opened(opened)) => {
                *session = Some(Self {
                    audience,
                    position: 1,
                    patron_position: 1,
                    opened: Arc::new(opened.clone()),
                    opened_at_ms: at_ms,
                    owner: None,
                    first_picked_up_at_ms: None,
                    returned: false,
                    waiting_since_ms: at_ms,
                    queues: vec![opened.queue_id.clone()],
                    added: None,
                    patron_connection: PatronConnection::Connected,
                    patron_changes: 0,
                    patron_lost_at_ms: None,
                    last_shown_at_ms: at_ms,
                    offers: Vec::new(),
                    former_owners: Vec::new(),
                    end: None,
                    resolved: None,
                    descriptive_codes: Vec::new(),
                    open_size: 0,
                    notes_size: 0,
                    colleagues: Vec::new(),
                    shown_to_patron: Vec::new(),
                    identity_erased_at_ms: None,
                    erased: None,
                });
            }
            (None, _) => {}
            (Some(session), event) => {
                session.position += 1;
                if audience_of(event) == Audience::Patron {
                    session.patron_position += 1;
                    if session.end.is_none() {
                        session.last_shown_at_ms = at_ms;
                    }
                }
                session.change(event, at_ms);
            }
        }
    }

    fn change(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Opened(_) | Event::Erased(_) => {}
            Event::IdentityErased(erasure) => {
                self.opened = Arc::new(erasure.opened.clone());
                self.identity_erased_at_ms = Some(at_ms);
            }
            Event::PickedUp { by } => {
                self.first_picked_up_at_ms.get_or_insert(at_ms);
                self.pass_to(by, at_ms);
            }
            Event::Transferred { by, offer_id, .. } => {
                self.settle_offer(offer_id, Fate::Accepted);
                // The patron was picked up before, and the chat goes on.
                let picked_up_at_ms = self.owner.as_ref().map(|owner| owner.picked_up_at_ms);
                self.pass_to(by, picked_up_at_ms.unwrap_or(at_ms));
            }
            Event::Returned { .. } => {
                self.disown();
                self.returned = true;
                self.waiting_since_ms = at_ms;
            }
            Event::TransferOffered(offer) => {
                let to = match &offer.to {
                    Recipient::Librarian { member } => names(member),
                    Recipient::Queue { queue_id } => queue_id.len(),
                };
                // The offer names its author once more.
                self.notes_size += size(offer.message.len(), 2 * names(&offer.by) + to);
                self.offers.push(MadeOffer {
                    offer: offer.clone(),
                    at_ms,
                    fate: Fate::Stands,
                });
            }
            Event::TransferClosed {
                offer_id,
                outcome,
                by,
                reason,
            } => {
                self.notes_size += size(reason.len(), names(by));
                self.settle_offer(offer_id, Fate::Closed(*outcome));
            }
            Event::Escalated { queue_id } => self.queues.push(queue_id.clone()),
            Event::PatronConnectionChanged { connection } => {
                self.patron_connection = *connection;
                self.patron_changes = self.patron_changes.saturating_add(1);
                self.patron_lost_at_ms = (*connection == PatronConnection::Lost).then_some(at_ms);
            }
            Event::MessagePosted { by, text } => {
                self.open_size += size(text.len(), self.names_of(by));
                self.notice(by, Audience::Patron);
                if *by == Speaker::Patron && self.phase() == Phase::Waiting {
                    self.added = Some(with_addition(self.added.take(), text));
                }
            }
            Event::PagePushed { by, address, host } => {
                self.open_size += size(address.len() + host.len(), self.names_of(by));
                self.notice(by, Audience::Patron);
            }
            Event::NoteWritten { by, text } => {
                self.notes_size += size(text.len(), self.names_of(by));
                self.notice(by, Audience::Staff);
            }
            Event::ColleagueLeft { by } => {
                // They may enter, show themselves and leave again and again.
                self.notes_size += size(0, names(by));
                self.forget(&by.librarian_id);
            }
            Event::Ended { by } => {
                self.added = None;
                self.end = Some(End {
                    by: by.clone(),
                    at_ms,
                });
            }
            Event::ResolutionSet { by, resolution } => {
                self.notes_size += size(0, self.names_of(by));
                self.resolved = Some(Resolved {
                    by: Some(by.clone()),
                    resolution: *resolution,
                });
            }
            Event::DescriptiveCodesSet { by, codes } => {
                let texts = codes.iter().map(|code| code.len() + CODE_FRAME).sum();
                self.notes_size += size(texts, self.names_of(by));
                self.descriptive_codes.clone_from(codes);
            }
        }
    }

    /// Returns how many bytes the names of an author take up.
    fn names_of(&self, author: &Speaker) -> usize {
        match author {
            Speaker::Patron => self.opened.patron_name.len(),
            Speaker::Owner(member) | Speaker::Colleague(member) => names(member),
        }
    }

    fn pass_to(&mut self, member: &StaffMember, picked_up_at_ms: i64) {
        self.disown();
        let id = &member.librarian_id;
        self.former_owners
            .retain(|former| former.librarian_id != *id);
        self.forget(id);
        self.returned = false;
        self.added = None;
        self.owner = Some(Arc::new(Owner {
            member: member.clone(),
            picked_up_at_ms,
        }));
    }

    fn disown(&mut self) {
        if let Some(former) = self.owner.take() {
            self.former_owners.push(former.member.clone());
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

    /// Returns whether the patron may be, or could have been, picked up from one of these queues (I16).
    #[must_use]
    pub fn waits_in_one_of(&self, queues: &BTreeSet<String>) -> bool {
        self.queues.iter().any(|queue| queues.contains(queue))
    }

    /// Returns the offer that stands. There is none unless a librarian owns the session and it has not ended.
    #[must_use]
    pub fn standing_offer(&self) -> Option<&MadeOffer> {
        self.offers
            .last()
            .filter(|made| made.fate == Fate::Stands && self.phase() == Phase::Active)
    }

    /// Returns the offer with this id, whether it still stands or not.
    #[must_use]
    pub fn made_offer(&self, offer_id: &str) -> Option<&MadeOffer> {
        self.offers.iter().find(|made| made.offer.id == offer_id)
    }

    /// Returns the next queue that the patron's wait reaches, and when, in Unix milliseconds.
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

    /// Returns when the session ends by itself, in Unix milliseconds, if nothing happens until then that the patron would
    /// be shown; `None` unless the patron is lost. What only staff know of makes no difference, since the patron is shown
    /// the end (I17).
    #[must_use]
    pub fn abandoned_at_ms(&self, times: Times) -> Option<i64> {
        let after_ms = match self.phase() {
            Phase::Waiting => times.abandoned_waiting_ms,
            Phase::Active => times.abandoned_active_ms,
            Phase::Ended => return None,
        };
        let since_ms = self.patron_lost_at_ms?.max(self.last_shown_at_ms);
        Some(since_ms.saturating_add(after_ms))
    }

    /// Returns until when nobody need look after the session while nobody attends it, in Unix milliseconds: it waits for a
    /// librarian, and its patron is lost. `None` if somebody must, now.
    #[must_use]
    pub fn rests_until_ms(&self, times: Times) -> Option<i64> {
        let abandoned_at_ms = self.abandoned_at_ms(times);
        let abandoned_at_ms = abandoned_at_ms.filter(|_| self.phase() == Phase::Waiting)?;
        let step_at_ms = self.next_step().map(|(_, due_ms)| due_ms);
        Some(step_at_ms.map_or(abandoned_at_ms, |due_ms| due_ms.min(abandoned_at_ms)))
    }

    /// Notes a colleague, who is known from the first thing that the audience was shown of them (R4). A reviewer who
    /// writes after the end is no longer in the session.
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

    /// Forgets a colleague who left or owns the session now, until they show themselves again (I19).
    fn forget(&mut self, librarian_id: &str) {
        self.colleagues
            .retain(|colleague| colleague.librarian_id != librarian_id);
        self.shown_to_patron.retain(|id| id != librarian_id);
    }

    /// Returns whether the audience knows of this colleague.
    #[must_use]
    pub fn knows(&self, librarian_id: &str) -> bool {
        self.colleagues
            .iter()
            .any(|colleague| colleague.librarian_id == librarian_id)
    }

    /// Returns whether a colleague has shown themselves to an audience since they entered. Only the session as staff
    /// know it can tell: the patron's still has those who left.
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

    /// Returns whether this librarian owned the session before its owner.
    #[must_use]
    pub fn was_owned_by(&self, librarian_id: &str) -> bool {
        self.former_owners
            .iter()
            .any(|former| former.librarian_id == librarian_id)
    }

    /// Returns whether this librarian owns the session, or owned it when it ended.
    #[must_use]
    pub fn is_owned_by(&self, librarian_id: &str) -> bool {
        self.owner
            .as_ref()
            .is_some_and(|owner| owner.member.librarian_id == librarian_id)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
