//! Erasing an ended session: what is said of its patron and in it goes, what statistics need stays (R20).
//!
//! The log can erase the beginning of a stream. So what stays is written into the last event, [`Event::Erased`], from
//! which alone both audiences' sessions can be built; then everything before it is erased.
//!
//! Who the patron was is only in the first event, and goes before the rest: the last event, [`Event::IdentityErased`],
//! takes the first one's place without that; then the first one is erased.

use std::{ops::Not, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    access::Situation,
    audience::Audience,
    audit::{AuditAct, AuditFact},
    decide::{Decision, audit_fact},
    event::{Event, Opened, PatronConnection, Speaker},
    people::{LibrarianActor, StaffMember, StaffNaming},
    refused::Refused,
    resolution::{Resolution, Resolved},
    session::{End, Owner, Session},
};

/// What the audit says of an erasure that a librarian asked for.
const REQUESTED: &str = "REQUESTED";
/// What the audit says of an erasure because a session's time was over.
const RETENTION: &str = "RETENTION";

/// An erasure: who erased a session, and what stays of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The librarian who erased it; `None` if its time was over.
    pub by: Option<StaffMember>,
    /// What stays.
    pub remains: Remains,
}

/// That the patron's name and e-mail address were erased, with what takes the place of the opening, in which they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityErasure {
    /// The opening without them.
    pub opened: Opened,
    /// When the patron asked, in Unix milliseconds.
    pub opened_at_ms: i64,
}

/// What stays of an erased session. Nothing here says who the patron was, what was said, or which librarian said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// The patron's library.
    pub institution_id: String,
    /// Its name, as it was when the session was opened.
    pub institution_name: String,
    /// The queue in which the patron waited.
    pub queue_id: String,
    /// All queues that the wait reached, the first one included.
    pub queues: Vec<String>,
    /// How the library names staff to its patrons.
    pub staff_naming: StaffNaming,
    /// Whether the patron practised.
    pub practice: bool,
    /// When the patron asked, in Unix milliseconds.
    pub opened_at_ms: i64,
    /// When the patron was picked up and by which library's librarian, the last one if there were several.
    pub picked_up: Option<PickedUp>,
    /// When the patron was first picked up, in Unix milliseconds. Erasures by earlier versions do not have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_picked_up_at_ms: Option<i64>,
    /// Whether the patron ended the session; otherwise its owner did, or it was abandoned.
    pub ended_by_patron: bool,
    /// Whether the session ended by itself, since nobody was there any more.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub abandoned: bool,
    /// When the session ended, in Unix milliseconds.
    pub ended_at_ms: i64,
    /// How the session came out, if that was said.
    pub resolution: Option<Resolution>,
    /// What it was about: descriptive codes from the library's list, so nothing that the patron wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descriptive_codes: Vec<String>,
    /// How many events staff had been shown.
    pub staff_head: u64,
    /// How many events the patron had been shown.
    pub patron_head: u64,
}

/// When a patron was picked up, and by which library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickedUp {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// The librarian's library.
    pub institution_id: String,
    /// Its name.
    pub institution_name: String,
}

/// That a session was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The librarian who erased it, as staff are told. `None` if its time was over, and to the patron.
    pub by: Option<StaffMember>,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

impl Remains {
    /// Returns what stays of a session as staff know it; `None` if it has not ended.
    #[must_use]
    pub fn of(session: &Session) -> Option<Self> {
        let end = session.end.as_ref()?;
        let opened = &session.opened;
        Some(Self {
            institution_id: opened.institution_id.clone(),
            institution_name: opened.institution_name.clone(),
            queue_id: opened.queue_id.clone(),
            queues: session.queues.clone(),
            staff_naming: opened.staff_naming,
            practice: opened.practice,
            opened_at_ms: session.opened_at_ms,
            picked_up: session.owner.as_ref().map(|owner| PickedUp {
                at_ms: owner.picked_up_at_ms,
                institution_id: owner.member.institution_id.clone(),
                institution_name: owner.member.institution_name.clone(),
            }),
            first_picked_up_at_ms: session.first_picked_up_at_ms,
            ended_by_patron: end.by == Some(Speaker::Patron),
            abandoned: end.by.is_none(),
            ended_at_ms: end.at_ms,
            resolution: session
                .resolved
                .as_ref()
                .map(|resolved| resolved.resolution),
            descriptive_codes: session.descriptive_codes.clone(),
            staff_head: session.position,
            patron_head: session.patron_position,
        })
    }

    /// Returns how many events of an audience are erased.
    #[must_use]
    pub fn head(&self, audience: Audience) -> u64 {
        match audience {
            Audience::Staff => self.staff_head,
            Audience::Patron => self.patron_head,
        }
    }
}

impl Erasure {
    /// Returns the session as an audience knows it after the erasure, whatever they knew before.
    #[must_use]
    pub fn session(&self, audience: Audience, at_ms: i64) -> Session {
        let remains = &self.remains;
        let owner = remains.picked_up.as_ref().map(|picked_up| {
            Arc::new(Owner {
                member: StaffMember {
                    librarian_id: String::new(),
                    screen_name: String::new(),
                    institution_id: picked_up.institution_id.clone(),
                    institution_name: picked_up.institution_name.clone(),
                },
                picked_up_at_ms: picked_up.at_ms,
            })
        });
        let ended_by = match &owner {
            _ if remains.abandoned => None,
            Some(owner) if !remains.ended_by_patron => Some(Speaker::Owner(owner.member.clone())),
            _ => Some(Speaker::Patron),
        };
        Session {
            audience,
            position: remains.head(audience) + 1,
            patron_position: remains.patron_head + 1,
            opened: Arc::new(Opened {
                institution_id: remains.institution_id.clone(),
                institution_name: remains.institution_name.clone(),
                queue_id: remains.queue_id.clone(),
                staff_naming: remains.staff_naming,
                patron_name: String::new(),
                patron_email: String::new(),
                language: String::new(),
                question: String::new(),
                practice: remains.practice,
                route: Vec::new(),
            }),
            opened_at_ms: remains.opened_at_ms,
            owner,
            first_picked_up_at_ms: remains
                .first_picked_up_at_ms
                .or_else(|| remains.picked_up.as_ref().map(|picked_up| picked_up.at_ms)),
            returned: false,
            waiting_since_ms: remains.opened_at_ms,
            queues: remains.queues.clone(),
            added: None,
            patron_connection: PatronConnection::Connected,
            patron_changes: 0,
            patron_lost_at_ms: None,
            last_shown_at_ms: remains.ended_at_ms,
            offers: Vec::new(),
            former_owners: Vec::new(),
            end: Some(End {
                by: ended_by,
                at_ms: remains.ended_at_ms,
            }),
            resolved: remains
                .resolution
                .filter(|_| audience == Audience::Staff)
                .map(|resolution| Resolved {
                    by: None,
                    resolution,
                }),
            descriptive_codes: match audience {
                Audience::Staff => remains.descriptive_codes.clone(),
                Audience::Patron => Vec::new(),
            },
            open_size: 0,
            notes_size: 0,
            colleagues: Vec::new(),
            shown_to_patron: Vec::new(),
            identity_erased_at_ms: None,
            erased: Some(Erased {
                by: match audience {
                    Audience::Staff => self.by.clone(),
                    Audience::Patron => None,
                },
                at_ms,
            }),
        }
    }
}

/// An administrator of the patron's library erases the session. Another library's has no right to it, also if they own
/// it.
pub(super) fn erase(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
) -> Result<Decision, Refused> {
    let session = situation
        .session
        .filter(|session| librarian.supervises(&session.opened.institution_id))
        .ok_or(Refused::NotFound)?;
    if session.erased.is_some() {
        return Ok(Decision::default());
    }
    let remains = Remains::of(session).ok_or(Refused::NotEnded)?;
    let by = &librarian.member;
    let fact = audit_fact(situation, AuditAct::SessionErased, by, REQUESTED);
    Ok(erased(Some(by.clone()), remains, fact))
}

/// Returns what follows when the time of sessions is over that ended at a moment or before: the session is erased, if
/// it is one of them.
#[must_use]
pub fn expire(situation: &Situation<'_>, ended_by_ms: i64) -> Decision {
    let remains = situation
        .session
        .filter(|session| session.erased.is_none())
        .and_then(Remains::of)
        .filter(|remains| remains.ended_at_ms <= ended_by_ms);
    let Some(remains) = remains else {
        return Decision::default();
    };
    let fact = by_itself(situation, AuditAct::SessionErased);
    erased(None, remains, fact)
}

/// Returns what follows when the time of patrons' names is over for sessions that ended at a moment or before: the name
/// and the e-mail address are erased, if this is one of them and has any.
#[must_use]
pub fn expire_identity(situation: &Situation<'_>, ended_by_ms: i64) -> Decision {
    let due = situation.session.filter(|session| {
        let has_ended = |end: &End| end.at_ms <= ended_by_ms;
        session.end.as_ref().is_some_and(has_ended) && session.opened.has_identity()
    });
    let Some(session) = due else {
        return Decision::default();
    };
    let opened = Opened {
        patron_name: String::new(),
        patron_email: String::new(),
        // In a small place, a rare language says who it was.
        language: String::new(),
        ..(*session.opened).clone()
    };
    Decision {
        session: vec![Event::IdentityErased(IdentityErasure {
            opened,
            opened_at_ms: session.opened_at_ms,
        })],
        audit: vec![by_itself(situation, AuditAct::IdentityErased)],
        ..Decision::default()
    }
}

/// What the audit says of something that was erased because its time was over.
fn by_itself(situation: &Situation<'_>, act: AuditAct) -> AuditFact {
    AuditFact {
        act,
        librarian_id: String::new(),
        librarian_name: String::new(),
        session_id: situation.session_id.to_owned(),
        detail: RETENTION.to_owned(),
    }
}

fn erased(by: Option<StaffMember>, remains: Remains, fact: AuditFact) -> Decision {
    Decision {
        session: vec![Event::Erased(Erasure { by, remains })],
        audit: vec![fact],
        ..Decision::default()
    }
}

#[cfg(test)]
mod tests;
