//! Handing a session over: an offer by its owner, and what becomes of it.
//!
//! The owner keeps the session until somebody accepts (R15). So at each moment a session has exactly one owner or
//! waits, and an offer that comes to nothing changes nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    access::{Relation, Situation},
    decide::{Decision, leave_as_owner},
    event::Event,
    people::{LibrarianActor, Role, StaffMember},
    refused::Refused,
    session::{Phase, ROOM, Session},
    text::{check_remark, in_field},
};

/// An offer to hand a session over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its id, unique in its session.
    pub id: String,
    /// The owner, who makes it.
    pub by: StaffMember,
    /// The recipient.
    pub to: Recipient,
    /// The message that goes with it, or empty.
    pub message: String,
    /// When it lapses, in Unix milliseconds.
    pub lapses_at_ms: i64,
}

/// To whom a session is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Recipient {
    /// To one librarian.
    Librarian {
        /// The librarian.
        member: StaffMember,
    },
    /// To any librarian who may pick up from a queue.
    Queue {
        /// The queue.
        queue_id: String,
    },
}

/// To whom the owner wants to offer a session, before it is known whether that is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Addressee {
    /// A librarian who was introduced.
    Librarian {
        /// The librarian.
        member: StaffMember,
        /// The queues that they monitor; `None` if the introduction is too old to say. Not part of the command's
        /// content: a repeated command is the same command when these have changed.
        #[serde(skip)]
        monitors: Option<BTreeSet<String>>,
    },
    /// A queue.
    Queue {
        /// The queue.
        queue_id: String,
    },
    /// Nobody: the introduction is not one of ours.
    Stranger,
}

/// How an offer came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferOutcome {
    /// The librarian to whom it was made declined.
    Declined,
    /// Nobody accepted in time.
    Lapsed,
    /// The owner took it back.
    Withdrawn,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It stands.
    Stands,
    /// It came to nothing.
    Closed(TransferOutcome),
    /// Somebody accepted it.
    Accepted,
}

impl Fate {
    /// The constant that a caller is told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stands => "STANDS",
            Self::Closed(TransferOutcome::Declined) => "DECLINED",
            Self::Closed(TransferOutcome::Lapsed) => "LAPSED",
            Self::Closed(TransferOutcome::Withdrawn) => "WITHDRAWN",
            Self::Accepted => "ACCEPTED",
        }
    }
}

/// An offer that was made in a session, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeOffer {
    /// The offer.
    pub offer: Offer,
    /// When it was made, in Unix milliseconds.
    pub at_ms: i64,
    /// What has become of it.
    pub fate: Fate,
}

impl MadeOffer {
    /// Returns what has become of it by now. It has lapsed when its time is over, even before that is written.
    #[must_use]
    pub fn fate_at(&self, now_ms: i64) -> Fate {
        match self.fate {
            Fate::Stands if now_ms >= self.offer.lapses_at_ms => {
                Fate::Closed(TransferOutcome::Lapsed)
            }
            fate => fate,
        }
    }
}

impl Offer {
    /// Returns whether it is for this librarian: by name, or by a queue that they may monitor.
    #[must_use]
    pub fn is_for(&self, librarian: &LibrarianActor) -> bool {
        match &self.to {
            Recipient::Librarian { member } => member.librarian_id == librarian.member.librarian_id,
            Recipient::Queue { queue_id } => librarian.queues.contains(queue_id),
        }
    }
}

/// The owner offers the session. An earlier offer that still stands is withdrawn.
pub(super) fn offer(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
    to: &Addressee,
    message: &str,
) -> Result<Decision, Refused> {
    let session = owned_session(situation, librarian, Refused::NotFound)?;
    if session.phase() != Phase::Active {
        return Err(Refused::Ended);
    }
    let to = recipient(session, librarian, to)?;
    check_remark(message).map_err(in_field("message"))?;
    if session.notes_size >= ROOM {
        return Err(Refused::Full);
    }
    let mut events = Vec::new();
    if let Some(standing) = session.standing_offer() {
        let outcome = match standing.fate_at(situation.now_ms) {
            Fate::Closed(outcome) => outcome,
            Fate::Stands | Fate::Accepted => TransferOutcome::Withdrawn,
        };
        events.push(closed(&standing.offer, outcome, &librarian.member, ""));
    }
    events.push(Event::TransferOffered(Offer {
        // The position that the event will have for staff: no two offers of a session share it.
        id: (session.position + events.len() as u64 + 1).to_string(),
        by: librarian.member.clone(),
        to,
        message: message.to_owned(),
        lapses_at_ms: situation
            .now_ms
            .saturating_add(situation.times.transfer_lapse_ms),
    }));
    Ok(Decision {
        session: events,
        ..Decision::default()
    })
}

/// Returns to whom an offer goes. Practice sessions and real ones are kept apart (D36).
fn recipient(
    session: &Session,
    librarian: &LibrarianActor,
    to: &Addressee,
) -> Result<Recipient, Refused> {
    let is_of_its_kind =
        |queue_id: &String| librarian.practice_queues.contains(queue_id) == session.opened.practice;
    match to {
        Addressee::Librarian { member, .. }
            if member.librarian_id == librarian.member.librarian_id =>
        {
            Err(Refused::Oneself)
        }
        Addressee::Librarian { member, monitors } => {
            let monitors = monitors.as_ref().ok_or(Refused::BadIntroduction)?;
            let mut shared = monitors.intersection(&librarian.queues).peekable();
            if shared.peek().is_none() {
                return Err(Refused::NotShared);
            }
            if !shared.any(is_of_its_kind) {
                return Err(Refused::PracticeMixed);
            }
            let member = member.clone();
            Ok(Recipient::Librarian { member })
        }
        Addressee::Queue { queue_id } if librarian.queues.contains(queue_id) => {
            if !is_of_its_kind(queue_id) {
                return Err(Refused::PracticeMixed);
            }
            let queue_id = queue_id.clone();
            Ok(Recipient::Queue { queue_id })
        }
        Addressee::Queue { .. } => Err(Refused::NoSuchQueue),
        Addressee::Stranger => Err(Refused::BadIntroduction),
    }
}

/// A librarian accepts an offer. Exactly one gets the session (I11); a supervisor who is inside leaves conference mode
/// (D7).
pub(super) fn accept(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
    offer_id: &str,
) -> Result<Decision, Refused> {
    let (session, made) = addressed_offer(situation, librarian, offer_id)?;
    match (&session.owner, made.fate_at(situation.now_ms)) {
        (_, _) if session.end.is_some() => Err(Refused::Ended),
        (Some(_), Fate::Accepted) if session.is_owned_by(&librarian.member.librarian_id) => {
            Ok(Decision::default())
        }
        (Some(_), Fate::Stands) if session.is_owned_by(&librarian.member.librarian_id) => {
            Err(Refused::OwnSession)
        }
        (Some(owner), Fate::Stands) => Ok(hand_over(situation, librarian, &owner.member, offer_id)),
        (_, fate) => Err(Refused::OfferClosed { fate }),
    }
}

fn hand_over(
    situation: &Situation<'_>,
    to: &LibrarianActor,
    from: &StaffMember,
    offer_id: &str,
) -> Decision {
    let mut decision = Decision::happens(Event::Transferred {
        by: to.member.clone(),
        from: from.clone(),
        offer_id: offer_id.to_owned(),
    });
    leave_as_owner(&mut decision, situation, &to.member);
    decision
}

/// A librarian declines an offer, which was made to them by name.
pub(super) fn decline(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
    offer_id: &str,
    reason: &str,
) -> Result<Decision, Refused> {
    let (session, made) = addressed_offer(situation, librarian, offer_id)?;
    if matches!(made.offer.to, Recipient::Queue { .. }) {
        return Err(Refused::NoSuchOffer);
    }
    if session.end.is_some() {
        return Err(Refused::Ended);
    }
    check_remark(reason).map_err(in_field("reason"))?;
    match made.fate_at(situation.now_ms) {
        Fate::Stands => Ok(Decision::happens(closed(
            &made.offer,
            TransferOutcome::Declined,
            &librarian.member,
            reason,
        ))),
        fate => Err(Refused::OfferClosed { fate }),
    }
}

/// The owner takes an offer back.
pub(super) fn withdraw(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
    offer_id: &str,
) -> Result<Decision, Refused> {
    let session = owned_session(situation, librarian, Refused::NoSuchOffer)?;
    let made = session.made_offer(offer_id).ok_or(Refused::NoSuchOffer)?;
    match made.fate_at(situation.now_ms) {
        _ if session.end.is_some() => Err(Refused::Ended),
        Fate::Stands => Ok(Decision::happens(closed(
            &made.offer,
            TransferOutcome::Withdrawn,
            &librarian.member,
            "",
        ))),
        fate => Err(Refused::OfferClosed { fate }),
    }
}

/// Returns what follows when the time of an offer is over: it lapses, and the owner keeps the session.
#[must_use]
pub fn lapse(session: &Session, now_ms: i64) -> Decision {
    match session.standing_offer() {
        Some(MadeOffer { offer, .. }) if now_ms >= offer.lapses_at_ms => {
            Decision::happens(closed(offer, TransferOutcome::Lapsed, &offer.by, ""))
        }
        _ => Decision::default(),
    }
}

fn closed(offer: &Offer, outcome: TransferOutcome, by: &StaffMember, reason: &str) -> Event {
    Event::TransferClosed {
        offer_id: offer.id.clone(),
        outcome,
        by: by.clone(),
        reason: reason.to_owned(),
    }
}

/// Returns the session if this librarian owns it. A supervisor can't hand over what is not theirs (R6). To others, what
/// they name does not exist: `missing` says what that is.
fn owned_session<'a>(
    situation: &Situation<'a>,
    librarian: &LibrarianActor,
    missing: Refused,
) -> Result<&'a Session, Refused> {
    match situation.relation_of(librarian) {
        Some(Relation::Owner) => situation.session.ok_or(missing),
        _ if situation.has_lost(librarian) => Err(situation.no_longer_owner()),
        _ if librarian.role >= Role::AskAdministrator => Err(Refused::OwnersOnly),
        _ => Err(missing),
    }
}

/// Returns an offer that was made to this librarian. Nobody else can tell whether the offer exists, nor whether the
/// session does.
fn addressed_offer<'a>(
    situation: &Situation<'a>,
    librarian: &LibrarianActor,
    offer_id: &str,
) -> Result<(&'a Session, &'a MadeOffer), Refused> {
    let session = situation.session.ok_or(Refused::NoSuchOffer)?;
    let made = session
        .made_offer(offer_id)
        .filter(|made| made.offer.is_for(librarian))
        .ok_or(Refused::NoSuchOffer)?;
    Ok((session, made))
}
