//! Conversions between the wire and the domain.

use carrel_platform::{auth, refusal::Refusal};
use carrel_proto::session::v1 as wire;
use pbjson_types::Timestamp;

use crate::domain::{
    audience::{Audience, Part, SeenPerson, show_speaker, show_staff},
    audit::{AuditAct, AuditEntry},
    decide::Command,
    event::{Event, PatronConnection, Speaker},
    people::{Actor, LibrarianActor, PatronActor, RouteStep, StaffMember, StaffNaming},
    resolution::Resolution,
    session::{Phase, Session},
    transfer::{MadeOffer, Offer, Recipient, TransferOutcome},
};

/// Returns the actor that a valid token stands for.
#[must_use]
pub fn actor(who: auth::Who) -> Actor {
    match who {
        auth::Who::Patron(patron) => Actor::Patron(PatronActor {
            session_id: patron.session_id,
            institution_id: patron.institution_id,
            institution_name: patron.institution_name,
            queue_id: patron.queue_id,
            staff_naming: match patron.staff_naming {
                auth::StaffNaming::ScreenName => StaffNaming::ScreenName,
                auth::StaffNaming::Librarian => StaffNaming::Librarian,
                auth::StaffNaming::ScreenNameAndLibrary => StaffNaming::ScreenNameAndLibrary,
            },
            practice: patron.practice,
            route: patron
                .route
                .into_iter()
                .map(|step| RouteStep {
                    queue_id: step.queue_id,
                    after_ms: step.after_ms,
                })
                .collect(),
        }),
        auth::Who::Librarian(librarian) => Actor::Librarian(LibrarianActor {
            queues: librarian.all_queues(),
            member: StaffMember {
                librarian_id: librarian.librarian_id,
                screen_name: librarian.screen_name,
                institution_id: librarian.institution_id,
                institution_name: librarian.institution_name,
            },
            role: librarian.role,
            practice_queues: librarian.practice_queues,
            warning_version: librarian.warning_version,
        }),
    }
}

/// Returns the audience that a request names, if it names one.
///
/// # Errors
/// If it names one that is not known here: taking that for none would show the widest.
pub fn audience_from_wire(field: &str, audience: i32) -> Result<Option<Audience>, Refusal> {
    match wire::Audience::try_from(audience) {
        Ok(wire::Audience::Unspecified) => Ok(None),
        Ok(wire::Audience::Patron) => Ok(Some(Audience::Patron)),
        Ok(wire::Audience::Staff) => Ok(Some(Audience::Staff)),
        Err(_) => Err(Refusal::unknown_value(field, audience)),
    }
}

/// Converts an audience to the wire.
#[must_use]
pub fn audience_to_wire(audience: Audience) -> wire::Audience {
    match audience {
        Audience::Patron => wire::Audience::Patron,
        Audience::Staff => wire::Audience::Staff,
    }
}

/// Returns the resolution that a request sets.
///
/// # Errors
/// If it is unspecified, or a value that this server does not know.
pub fn resolution_from_wire(field: &str, resolution: i32) -> Result<Resolution, Refusal> {
    match wire::Resolution::try_from(resolution) {
        Ok(wire::Resolution::Unspecified) => Err(Refusal::nothing_named(field)),
        Ok(wire::Resolution::Answered) => Ok(Resolution::Answered),
        Ok(wire::Resolution::FollowUpByMe) => Ok(Resolution::FollowUpByMe),
        Ok(wire::Resolution::FollowUpByLibrary) => Ok(Resolution::FollowUpByLibrary),
        Ok(wire::Resolution::LostCall) => Ok(Resolution::LostCall),
        Ok(wire::Resolution::Practice) => Ok(Resolution::Practice),
        Err(_) => Err(Refusal::unknown_value(field, resolution)),
    }
}

/// Converts a resolution to the wire.
fn resolution_to_wire(resolution: Resolution) -> wire::Resolution {
    match resolution {
        Resolution::Answered => wire::Resolution::Answered,
        Resolution::FollowUpByMe => wire::Resolution::FollowUpByMe,
        Resolution::FollowUpByLibrary => wire::Resolution::FollowUpByLibrary,
        Resolution::LostCall => wire::Resolution::LostCall,
        Resolution::Practice => wire::Resolution::Practice,
    }
}

/// Returns the command in an act on a stream.
#[must_use]
pub fn command_from_act(act: wire::act::Act) -> Command {
    match act {
        wire::act::Act::PostMessage(wire::PostMessage { text }) => Command::PostMessage { text },
        wire::act::Act::PushPage(wire::PushPage { address }) => Command::PushPage { address },
        wire::act::Act::WriteNote(wire::WriteNote { text }) => Command::WriteNote { text },
        wire::act::Act::EndSession(wire::EndSession {}) => Command::End,
    }
}

/// Converts a time to the wire.
#[must_use]
pub fn timestamp(unix_ms: i64) -> Timestamp {
    let nanos = unix_ms.rem_euclid(1_000) * 1_000_000;
    Timestamp {
        seconds: unix_ms.div_euclid(1_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

/// Converts a person to the wire.
#[must_use]
pub fn person_to_wire(person: SeenPerson) -> wire::Person {
    wire::Person {
        part: part_to_wire(person.part).into(),
        name: person.name,
        institution_name: person.institution_name,
        librarian_id: person.librarian_id,
    }
}

/// Converts a part to the wire.
#[must_use]
pub fn part_to_wire(part: Part) -> wire::Part {
    match part {
        Part::Patron => wire::Part::Patron,
        Part::Owner => wire::Part::Owner,
        Part::Colleague => wire::Part::Colleague,
    }
}

/// Converts an event as the audience of `session` is shown it, where `session` is what they know after the event.
#[must_use]
pub fn event_to_wire(session: &Session, event: &Event, at_ms: i64) -> wire::SessionEvent {
    use wire::session_event::Payload;

    let staff = |member: &StaffMember, part| {
        let naming = session.opened.staff_naming;
        Some(show_staff(member, part, session.audience, naming))
    };
    let speaker = |by: &Speaker| {
        Some(show_speaker(
            by,
            &session.opened.patron_name,
            session.audience,
            session.opened.staff_naming,
        ))
    };
    let (author, payload) = match event {
        Event::Opened(opened) => (
            speaker(&Speaker::Patron),
            Payload::Opened(wire::SessionOpened {
                question: opened.question.clone(),
            }),
        ),
        Event::PickedUp { by } => (
            staff(by, Part::Owner),
            Payload::PickedUp(wire::SessionPickedUp {}),
        ),
        Event::MessagePosted { by, text } => (
            speaker(by),
            Payload::Message(wire::MessagePosted { text: text.clone() }),
        ),
        Event::PagePushed { by, address, host } => (
            speaker(by),
            Payload::Page(wire::PagePushed {
                address: address.clone(),
                host: host.clone(),
            }),
        ),
        Event::NoteWritten { by, text } => (
            speaker(by),
            Payload::Note(wire::NoteWritten { text: text.clone() }),
        ),
        Event::ColleagueLeft { by } => (
            staff(by, Part::Colleague),
            Payload::ColleagueLeft(wire::ColleagueLeft {}),
        ),
        Event::Returned { from } => (
            staff(from, Part::Owner),
            Payload::Returned(wire::SessionReturned {}),
        ),
        Event::TransferOffered(offer) => (
            staff(&offer.by, Part::Owner),
            Payload::TransferOffered(wire::TransferOffered {
                offer: Some(offer_to_wire(offer, at_ms)),
            }),
        ),
        Event::TransferClosed {
            offer_id,
            outcome,
            by,
            reason,
        } => (
            staff(by, part_after(session, by)),
            Payload::TransferClosed(wire::TransferClosed {
                offer_id: offer_id.clone(),
                outcome: outcome_to_wire(*outcome).into(),
                reason: reason.clone(),
            }),
        ),
        Event::Transferred { by, from, .. } => (
            staff(by, Part::Owner),
            Payload::Transferred(wire::SessionTransferred {
                // A patron is told only that another librarian answers from now on.
                from: staff(from, Part::Colleague)
                    .filter(|_| session.audience == Audience::Staff)
                    .map(person_to_wire),
            }),
        ),
        Event::Escalated { queue_id } => (
            speaker(&Speaker::Patron),
            Payload::Escalated(wire::SessionEscalated {
                queue_id: queue_id.clone(),
            }),
        ),
        Event::PatronConnectionChanged { connection } => (
            speaker(&Speaker::Patron),
            Payload::PatronConnection(wire::PatronConnectionChanged {
                connection: connection_to_wire(*connection).into(),
            }),
        ),
        Event::Ended { by } => (
            by.as_ref().and_then(speaker),
            Payload::Ended(wire::SessionEnded {
                reason: end_reason_to_wire(by.as_ref()).into(),
            }),
        ),
        Event::ResolutionSet { by, resolution } => (
            speaker(by),
            Payload::ResolutionSet(wire::ResolutionSet {
                resolution: resolution_to_wire(*resolution).into(),
            }),
        ),
        Event::DescriptiveCodesSet { by, codes } => (
            speaker(by),
            Payload::DescriptiveCodesSet(wire::DescriptiveCodesSet {
                codes: codes.clone(),
            }),
        ),
        Event::IdentityErased(_) => (None, Payload::IdentityErased(wire::PatronIdentityErased {})),
        Event::Erased(erasure) => (
            // A patron is told that it was done, and not by whom.
            erasure
                .by
                .as_ref()
                .filter(|_| session.audience == Audience::Staff)
                .and_then(|by| staff(by, Part::Colleague)),
            Payload::Erased(wire::SessionErased {}),
        ),
    };
    wire::SessionEvent {
        position: session.position,
        time: Some(timestamp(at_ms)),
        author: author.map(person_to_wire),
        payload: Some(payload),
    }
}

/// Converts a session as its audience knows it.
#[must_use]
pub fn session_to_wire(session_id: &str, session: &Session) -> wire::Session {
    let naming = session.opened.staff_naming;
    let for_staff = session.audience == Audience::Staff;
    let show = |member: &StaffMember, part| {
        person_to_wire(show_staff(member, part, session.audience, naming))
    };
    let state = match session.phase() {
        Phase::Waiting => wire::SessionState::Waiting,
        Phase::Active => wire::SessionState::Active,
        Phase::Ended => wire::SessionState::Ended,
    };
    let ended_by = match session.end.as_ref().and_then(|end| end.by.as_ref()) {
        None => wire::Part::Unspecified,
        Some(Speaker::Patron) => wire::Part::Patron,
        Some(Speaker::Owner(_)) => wire::Part::Owner,
        Some(Speaker::Colleague(_)) => wire::Part::Colleague,
    };
    wire::Session {
        session_id: session_id.to_owned(),
        institution_id: session.opened.institution_id.clone(),
        institution_name: session.opened.institution_name.clone(),
        queue_id: session.opened.queue_id.clone(),
        state: state.into(),
        patron_name: session.opened.patron_name.clone(),
        patron_email: session.opened.patron_email.clone(),
        question: session.opened.question.clone(),
        open_time: Some(timestamp(session.opened_at_ms)),
        pick_up_time: session
            .owner
            .as_ref()
            .map(|owner| timestamp(owner.picked_up_at_ms)),
        end_time: session.end.as_ref().map(|end| timestamp(end.at_ms)),
        owner: session
            .owner
            .as_ref()
            // Of an erased session only the owner's library is known, which is for staff.
            .filter(|_| for_staff || session.erased.is_none())
            .map(|owner| show(&owner.member, Part::Owner)),
        // A patron who is told nobody's name must not learn here that two of them were the same librarian.
        former_owners: session
            .former_owners
            .iter()
            .filter(|_| for_staff)
            .map(|member| show(member, Part::Colleague))
            .collect(),
        colleagues: session
            .colleagues
            .iter()
            .map(|member| show(member, Part::Colleague))
            .collect(),
        ended_by: ended_by.into(),
        end_reason: session
            .end
            .as_ref()
            .map_or(wire::EndReason::Unspecified, |end| {
                end_reason_to_wire(end.by.as_ref())
            })
            .into(),
        queue_ids: if for_staff {
            session.queues.clone()
        } else {
            Vec::new()
        },
        patron_connection: if for_staff && session.end.is_none() {
            connection_to_wire(session.patron_connection).into()
        } else {
            wire::PatronConnection::Unspecified.into()
        },
        transfer_offer: session.standing_offer().map(made_offer_to_wire),
        // A patron's picture has neither this nor the descriptive codes: it was made without the events that set them.
        resolution: session
            .resolved
            .as_ref()
            .map_or(wire::Resolution::Unspecified, |resolved| {
                resolution_to_wire(resolved.resolution)
            })
            .into(),
        resolution_by: session
            .resolved
            .as_ref()
            .and_then(|resolved| resolved.by.as_ref())
            .map(|by| {
                let patron_name = &session.opened.patron_name;
                person_to_wire(show_speaker(by, patron_name, session.audience, naming))
            }),
        descriptive_codes: session.descriptive_codes.clone(),
        // It is there for those who answer. The patron's other tabs, and whoever uses them later, need not be told.
        language: if for_staff {
            session.opened.language.clone()
        } else {
            String::new()
        },
        identity_erase_time: session.identity_erased_at_ms.map(timestamp),
        practice: session.opened.practice,
        first_pick_up_time: session.first_picked_up_at_ms.map(timestamp),
        erase_time: session
            .erased
            .as_ref()
            .map(|erased| timestamp(erased.at_ms)),
        erased_by: session
            .erased
            .as_ref()
            .and_then(|erased| erased.by.as_ref())
            .map(|by| show(by, Part::Colleague)),
    }
}

/// Returns why a session ended, by who ended it.
fn end_reason_to_wire(by: Option<&Speaker>) -> wire::EndReason {
    match by {
        Some(_) => wire::EndReason::ByParticipant,
        None => wire::EndReason::Abandoned,
    }
}

/// Returns the part in which a librarian acts in a session as it stands.
fn part_after(session: &Session, member: &StaffMember) -> Part {
    if session.is_owned_by(&member.librarian_id) {
        Part::Owner
    } else {
        Part::Colleague
    }
}

/// Converts an offer that was made to the wire.
#[must_use]
pub fn made_offer_to_wire(made: &MadeOffer) -> wire::TransferOffer {
    offer_to_wire(&made.offer, made.at_ms)
}

/// Converts an offer to the wire, for staff.
fn offer_to_wire(offer: &Offer, at_ms: i64) -> wire::TransferOffer {
    use wire::transfer_offer::To;

    wire::TransferOffer {
        offer_id: offer.id.clone(),
        from: Some(staff_to_wire(&offer.by, Part::Owner)),
        to: Some(match &offer.to {
            Recipient::Librarian { member } => {
                To::Librarian(staff_to_wire(member, Part::Colleague))
            }
            Recipient::Queue { queue_id } => To::QueueId(queue_id.clone()),
        }),
        message: offer.message.clone(),
        time: Some(timestamp(at_ms)),
        lapse_time: Some(timestamp(offer.lapses_at_ms)),
    }
}

fn outcome_to_wire(outcome: TransferOutcome) -> wire::TransferOutcome {
    match outcome {
        TransferOutcome::Declined => wire::TransferOutcome::Declined,
        TransferOutcome::Lapsed => wire::TransferOutcome::Lapsed,
        TransferOutcome::Withdrawn => wire::TransferOutcome::Withdrawn,
    }
}

/// Converts the state of the patron's connection to the wire.
#[must_use]
pub fn connection_to_wire(connection: PatronConnection) -> wire::PatronConnection {
    match connection {
        PatronConnection::Connected => wire::PatronConnection::Connected,
        PatronConnection::Away => wire::PatronConnection::Away,
        PatronConnection::Lost => wire::PatronConnection::Lost,
    }
}

/// Converts a librarian as other librarians see them.
#[must_use]
pub fn staff_to_wire(member: &StaffMember, part: Part) -> wire::Person {
    person_to_wire(show_staff(
        member,
        part,
        Audience::Staff,
        StaffNaming::default(),
    ))
}

/// Converts what the audit says of an ended session beside its entries.
#[must_use]
pub fn session_to_audited(session_id: &str, session: &Session) -> wire::AuditedSession {
    wire::AuditedSession {
        session_id: session_id.to_owned(),
        state: wire::SessionState::Ended.into(),
        patron_name: session.opened.patron_name.clone(),
        open_time: Some(timestamp(session.opened_at_ms)),
        erase_time: (session.erased.as_ref()).map(|erased| timestamp(erased.at_ms)),
    }
}

/// Converts what the audit says of a running session beside its entries, from the row of a list.
#[must_use]
pub fn row_to_audited(row: wire::SessionRow) -> wire::AuditedSession {
    let state = match row.owner {
        Some(_) => wire::SessionState::Active,
        None => wire::SessionState::Waiting,
    };
    wire::AuditedSession {
        session_id: row.session_id,
        state: state.into(),
        patron_name: row.patron_name,
        open_time: row.open_time,
        erase_time: None,
    }
}

/// Converts an audit entry to the wire.
#[must_use]
pub fn audit_entry_to_wire(number: u64, at_ms: i64, entry: AuditEntry) -> wire::AuditEntry {
    let AuditEntry { fact, chain_hash } = entry;
    let act = match fact.act {
        AuditAct::ConferenceEntered => wire::AuditAct::ConferenceEntered,
        AuditAct::ConferenceLeft => wire::AuditAct::ConferenceLeft,
        AuditAct::TranscriptRead => wire::AuditAct::TranscriptRead,
        AuditAct::TranscriptExported => wire::AuditAct::TranscriptExported,
        AuditAct::SessionErased => wire::AuditAct::SessionErased,
        AuditAct::IdentityErased => wire::AuditAct::IdentityErased,
    };
    wire::AuditEntry {
        number,
        time: Some(timestamp(at_ms)),
        act: act.into(),
        librarian_id: fact.librarian_id,
        librarian_name: fact.librarian_name,
        session_id: fact.session_id,
        detail: fact.detail,
        chain_hash,
    }
}
