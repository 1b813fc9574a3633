//! What follows from a command.

use carrel_platform::{auth::statement::CodeList, text::check_text};
use serde::Serialize;

use super::{
    access::{Relation, Situation},
    address::PageAddress,
    audit::{AuditAct, AuditFact},
    conference::{ConferenceEvent, Departure},
    descriptive_codes, erasure,
    event::{Event, Opened, Speaker},
    people::{Actor, LibrarianActor, PatronActor, Role, StaffMember},
    refused::Refused,
    resolution::{self, Resolution},
    session::{Phase, ROOM, Session},
    text::{Opening, in_field},
    transfer::{self, Addressee},
};

/// A command to a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Command {
    /// The patron asks.
    Open {
        /// The question.
        question: String,
        /// The patron's name, or empty.
        patron_name: String,
        /// The patron's e-mail address, or empty.
        patron_email: String,
        /// The language in which the patron reads the page, or empty.
        #[serde(skip_serializing_if = "String::is_empty")]
        language: String,
    },
    /// A librarian picks the patron up.
    PickUp,
    /// A participant writes to everyone in the session.
    PostMessage {
        /// The text.
        text: String,
    },
    /// A librarian sends a web page.
    PushPage {
        /// Its address.
        address: String,
    },
    /// A librarian writes a note.
    WriteNote {
        /// The text.
        text: String,
    },
    /// A supervisor enters.
    EnterConference {
        /// The version of the warning that they accepted.
        warning_version: String,
    },
    /// A supervisor leaves.
    LeaveConference,
    /// The owner offers the session.
    OfferTransfer {
        /// The addressee.
        to: Addressee,
        /// The message that goes with it, or empty.
        message: String,
    },
    /// A librarian accepts an offer.
    AcceptTransfer {
        /// The offer's id.
        offer_id: String,
    },
    /// A librarian declines an offer.
    DeclineTransfer {
        /// The offer's id.
        offer_id: String,
        /// The reason, or empty.
        reason: String,
    },
    /// The owner takes an offer back.
    WithdrawTransfer {
        /// The offer's id.
        offer_id: String,
    },
    /// The patron or the owner ends the session.
    End,
    /// A librarian says how the session came out.
    SetResolution {
        /// How.
        resolution: Resolution,
    },
    /// A librarian says what the session was about.
    SetDescriptiveCodes {
        /// The descriptive codes from then on.
        codes: Vec<String>,
        /// The list of a library's codes; `None` if none was given, or one that is not ours or too old. Not part of the
        /// command's content: a repeated command is the same command with a newer list.
        #[serde(skip)]
        list: Option<CodeList>,
    },
    /// An administrator erases the ended session.
    Erase,
}

/// What follows from a command, to be written all at once. Empty if things already are as the command wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What happens in the session.
    pub session: Vec<Event>,
    /// What happens in its conference.
    pub conference: Vec<ConferenceEvent>,
    /// What the audit must record before anyone is shown anything.
    pub audit: Vec<AuditFact>,
}

impl Decision {
    pub(super) fn happens(event: Event) -> Self {
        Self {
            session: vec![event],
            ..Self::default()
        }
    }
}

/// Returns what follows from a command, or why it is refused. This is the state machine of a session.
///
/// Checks in the order of [`super::access`]: role, session, state, and then the content.
///
/// # Errors
/// A refusal changes nothing.
pub fn decide(
    situation: &Situation<'_>,
    actor: &Actor,
    command: &Command,
) -> Result<Decision, Refused> {
    check_role(actor, command)?;
    match (actor, command) {
        (
            Actor::Patron(patron),
            Command::Open {
                question,
                patron_name,
                patron_email,
                language,
            },
        ) => {
            let opening = Opening {
                question,
                patron_name,
                patron_email,
                language,
            };
            open(situation, patron, opening)
        }
        (Actor::Librarian(librarian), Command::PickUp) => pick_up(situation, librarian),
        (Actor::Librarian(librarian), Command::EnterConference { warning_version }) => {
            enter_conference(situation, librarian, warning_version)
        }
        (Actor::Librarian(librarian), Command::LeaveConference) => {
            leave_conference(situation, librarian)
        }
        (Actor::Librarian(librarian), Command::OfferTransfer { to, message }) => {
            transfer::offer(situation, librarian, to, message)
        }
        (Actor::Librarian(librarian), Command::AcceptTransfer { offer_id }) => {
            transfer::accept(situation, librarian, offer_id)
        }
        (Actor::Librarian(librarian), Command::DeclineTransfer { offer_id, reason }) => {
            transfer::decline(situation, librarian, offer_id, reason)
        }
        (Actor::Librarian(librarian), Command::WithdrawTransfer { offer_id }) => {
            transfer::withdraw(situation, librarian, offer_id)
        }
        (Actor::Librarian(librarian), Command::SetResolution { resolution }) => {
            resolution::set(situation, librarian, *resolution)
        }
        (Actor::Librarian(librarian), Command::SetDescriptiveCodes { codes, list }) => {
            descriptive_codes::set(situation, librarian, codes, list.as_ref())
        }
        (Actor::Librarian(librarian), Command::Erase) => erasure::erase(situation, librarian),
        (_, Command::End) => end(situation, actor),
        (_, Command::PostMessage { text }) => {
            let by = speaker(situation, actor)?;
            check_text(text).map_err(in_field("text"))?;
            Ok(Decision::happens(Event::MessagePosted {
                by,
                text: text.clone(),
            }))
        }
        (_, Command::PushPage { address }) => {
            let by = speaker(situation, actor)?;
            let page = PageAddress::parse(address)?;
            let (address, host) = (page.address().to_owned(), page.host().to_owned());
            Ok(Decision::happens(Event::PagePushed { by, address, host }))
        }
        (_, Command::WriteNote { text }) => {
            let by = note_writer(situation, actor)?;
            check_text(text).map_err(in_field("text"))?;
            Ok(Decision::happens(Event::NoteWritten {
                by,
                text: text.clone(),
            }))
        }
        (Actor::Librarian(_), Command::Open { .. })
        | (
            Actor::Patron(_),
            Command::PickUp
            | Command::EnterConference { .. }
            | Command::LeaveConference
            | Command::OfferTransfer { .. }
            | Command::AcceptTransfer { .. }
            | Command::DeclineTransfer { .. }
            | Command::WithdrawTransfer { .. }
            | Command::SetResolution { .. }
            | Command::SetDescriptiveCodes { .. }
            | Command::Erase,
        ) => Err(Refused::NotAllowed),
    }
}

/// Refuses what a role may never do, in any session.
fn check_role(actor: &Actor, command: &Command) -> Result<(), Refused> {
    let allowed = match (actor, command) {
        (Actor::Patron(_), Command::Open { .. } | Command::PostMessage { .. } | Command::End) => {
            true
        }
        (Actor::Patron(_), _) | (Actor::Librarian(_), Command::Open { .. }) => false,
        (Actor::Librarian(librarian), Command::EnterConference { .. }) => {
            librarian.role >= Role::AskAdministrator
        }
        (Actor::Librarian(librarian), Command::Erase) => librarian.role == Role::Administrator,
        (Actor::Librarian(_), _) => true,
    };
    if allowed {
        Ok(())
    } else {
        Err(Refused::NotAllowed)
    }
}

fn open(
    situation: &Situation<'_>,
    patron: &PatronActor,
    opening: Opening<'_>,
) -> Result<Decision, Refused> {
    situation
        .relation(&Actor::Patron(patron.clone()))
        .ok_or(Refused::NotFound)?;
    if situation.session.is_some() {
        return Err(Refused::AlreadyOpen);
    }
    opening.check()?;
    Ok(Decision::happens(Event::Opened(Opened {
        institution_id: patron.institution_id.clone(),
        institution_name: patron.institution_name.clone(),
        queue_id: patron.queue_id.clone(),
        staff_naming: patron.staff_naming,
        patron_name: opening.patron_name.to_owned(),
        patron_email: opening.patron_email.to_owned(),
        language: opening.language.to_owned(),
        question: opening.question.to_owned(),
        practice: patron.practice,
        route: patron.route.clone(),
    })))
}

/// Decides a pick-up. Exactly one librarian gets the patron (D28, I11); the others learn who.
///
/// A supervisor inside may take over a patron whose librarian was lost, and thereby leaves conference mode (R7).
fn pick_up(situation: &Situation<'_>, librarian: &LibrarianActor) -> Result<Decision, Refused> {
    let session = situation.session.ok_or(Refused::NotFound)?;
    let owns = session.is_owned_by(&librarian.member.librarian_id);
    let inside = situation.is_inside(session, librarian);
    if !owns && !inside && !session.waits_in_one_of(&librarian.queues) {
        return Err(Refused::NotFound);
    }
    match (&session.owner, &session.end) {
        (_, Some(_)) => Err(Refused::Ended),
        (Some(_), None) if owns => Ok(Decision::default()),
        (Some(owner), None) => Err(Refused::AlreadyPickedUp {
            by: owner.member.clone(),
        }),
        (None, None) => {
            let picked_up = Event::PickedUp {
                by: librarian.member.clone(),
            };
            let mut decision = Decision::happens(picked_up);
            leave_as_owner(&mut decision, situation, &librarian.member);
            Ok(decision)
        }
    }
}

fn enter_conference(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
    warning_version: &str,
) -> Result<Decision, Refused> {
    let (session, relation) = librarians_session(situation, librarian)?;
    match (relation, session.phase()) {
        (Relation::Owner, _) => Err(Refused::OwnSession),
        (Relation::Supervisor, _) => Ok(Decision::default()),
        (Relation::Reviewer, Phase::Ended) => Err(Refused::Ended),
        (Relation::Reviewer, Phase::Waiting) => Err(Refused::NotActive),
        (Relation::Reviewer, Phase::Active) if warning_version != librarian.warning_version => {
            Err(Refused::WarningNotAccepted {
                current: librarian.warning_version.clone(),
            })
        }
        (Relation::Reviewer, Phase::Active)
            if (situation.conference).entered_too_often(&librarian.member.librarian_id) =>
        {
            Err(Refused::EnteredTooOften)
        }
        (Relation::Reviewer, Phase::Active) => Ok(Decision {
            session: Vec::new(),
            conference: vec![ConferenceEvent::Entered {
                by: librarian.member.clone(),
                warning_version: warning_version.to_owned(),
            }],
            audit: vec![audit_fact(
                situation,
                AuditAct::ConferenceEntered,
                &librarian.member,
                warning_version,
            )],
        }),
        (Relation::Patron | Relation::Candidate | Relation::FormerOwner, _) => {
            Err(Refused::NotFound)
        }
    }
}

fn leave_conference(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
) -> Result<Decision, Refused> {
    let (_, relation) = librarians_session(situation, librarian)?;
    match relation {
        Relation::Supervisor => Ok(depart(situation, &librarian.member, Departure::Left)),
        Relation::Reviewer => Ok(Decision::default()),
        Relation::Owner => Err(Refused::NotInside),
        Relation::Patron | Relation::Candidate | Relation::FormerOwner => Err(Refused::NotFound),
    }
}

/// Has the new owner leave conference mode, if they are inside. This includes an owner who may no longer supervise:
/// otherwise they would stay inside for as long as they own the session, and be inside again when they get that right
/// back.
pub(super) fn leave_as_owner(
    decision: &mut Decision,
    situation: &Situation<'_>,
    owner: &StaffMember,
) {
    if situation.conference.contains(&owner.librarian_id) {
        let exit = depart(situation, owner, Departure::BecameOwner);
        decision.conference = exit.conference;
        decision.audit = exit.audit;
    }
}

/// Returns what follows when a supervisor is no longer inside.
///
/// Only staff who knew of them are told, and nobody is disconnected (S15, S16, I14). After the end there is nobody
/// left to tell.
#[must_use]
pub fn depart(situation: &Situation<'_>, member: &StaffMember, how: Departure) -> Decision {
    let known = situation
        .session
        .is_some_and(|session| session.end.is_none() && session.knows(&member.librarian_id));
    Decision {
        session: if known {
            vec![Event::ColleagueLeft { by: member.clone() }]
        } else {
            Vec::new()
        },
        conference: vec![ConferenceEvent::Left {
            by: member.clone(),
            how,
        }],
        audit: vec![audit_fact(
            situation,
            AuditAct::ConferenceLeft,
            member,
            how.as_str(),
        )],
    }
}

/// Only the patron and the owner may end a session. A supervisor never can, not even by mistake (R6, D5).
fn end(situation: &Situation<'_>, actor: &Actor) -> Result<Decision, Refused> {
    let by = match (situation.relation(actor), actor) {
        (Some(Relation::Patron), _) => Speaker::Patron,
        (Some(Relation::Owner), Actor::Librarian(librarian)) => {
            Speaker::Owner(librarian.member.clone())
        }
        (_, Actor::Librarian(librarian)) if situation.has_lost(librarian) => {
            return Err(situation.no_longer_owner());
        }
        (_, Actor::Librarian(librarian)) if librarian.role >= Role::AskAdministrator => {
            return Err(Refused::OwnersOnly);
        }
        _ => return Err(Refused::NotFound),
    };
    let session = situation.session.ok_or(Refused::NotFound)?;
    match session.phase() {
        Phase::Waiting | Phase::Active => Ok(Decision::happens(Event::Ended { by: Some(by) })),
        Phase::Ended => Err(Refused::Ended),
    }
}

/// Returns the speaker as whom the actor writes to everyone in the session.
fn speaker(situation: &Situation<'_>, actor: &Actor) -> Result<Speaker, Refused> {
    let (by, session) = participant(situation, actor)?;
    if session.end.is_some() {
        return Err(Refused::Ended);
    }
    let by = by.ok_or_else(|| situation.outside(actor))?;
    if session.open_size >= ROOM {
        return Err(Refused::Full);
    }
    Ok(by)
}

/// Returns the speaker as whom the actor writes a note. The rules are those for a message, except that after the end
/// the owner may still write for a while, and reviewers always (R11, I10).
fn note_writer(situation: &Situation<'_>, actor: &Actor) -> Result<Speaker, Refused> {
    let (by, session) = participant(situation, actor)?;
    let full = session.notes_size >= ROOM;
    match (&session.end, by, actor) {
        (None, Some(_), _) if full => Err(Refused::Full),
        (None, Some(by), _) => Ok(by),
        (None, None, _) => Err(situation.outside(actor)),
        (Some(_), ..) if session.erased.is_some() => Err(Refused::Erased),
        (Some(_), Some(_), _) if situation.wrapped_up(session) => Err(Refused::Ended),
        (Some(_), ..) if full => Err(Refused::Full),
        (Some(_), Some(by), _) => Ok(by),
        (Some(_), None, Actor::Librarian(reviewer)) => {
            Ok(Speaker::Colleague(reviewer.member.clone()))
        }
        (Some(_), None, Actor::Patron(_)) => Err(Refused::NotAllowed),
    }
}

/// Returns the speaker that the actor is in the session, or none for a reviewer who is outside.
fn participant<'a>(
    situation: &Situation<'a>,
    actor: &Actor,
) -> Result<(Option<Speaker>, &'a Session), Refused> {
    let relation = situation.relation(actor).ok_or(Refused::NotFound)?;
    let session = situation.session.ok_or(Refused::NotFound)?;
    let by = match (relation, actor) {
        (Relation::Patron, _) => Some(Speaker::Patron),
        (Relation::Owner, Actor::Librarian(librarian)) => {
            Some(Speaker::Owner(librarian.member.clone()))
        }
        (Relation::Supervisor, Actor::Librarian(librarian)) => {
            Some(Speaker::Colleague(librarian.member.clone()))
        }
        (Relation::Reviewer, _) => None,
        (Relation::FormerOwner, _) => return Err(situation.no_longer_owner()),
        _ => return Err(Refused::NotFound),
    };
    Ok((by, session))
}

fn librarians_session<'a>(
    situation: &Situation<'a>,
    librarian: &LibrarianActor,
) -> Result<(&'a Session, Relation), Refused> {
    let relation = situation.relation_of(librarian).ok_or(Refused::NotFound)?;
    let session = situation.session.ok_or(Refused::NotFound)?;
    Ok((session, relation))
}

/// Returns what the audit records of a librarian and this session.
#[must_use]
pub fn audit_fact(
    situation: &Situation<'_>,
    act: AuditAct,
    member: &StaffMember,
    detail: &str,
) -> AuditFact {
    AuditFact {
        act,
        librarian_id: member.librarian_id.clone(),
        librarian_name: member.screen_name.clone(),
        session_id: situation.session_id.to_owned(),
        detail: detail.to_owned(),
    }
}
