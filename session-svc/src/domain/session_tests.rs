#![allow(clippy::unwrap_used)]

use carrel_platform::serve::RESPONSE_LIMIT;
use carrel_proto::session::v1 as wire;
use prost::Message as _;

use super::{
    super::{samples::opened, text::NAME_LIMIT, transfer::Offer},
    *,
};
use crate::convert::event_to_wire;

fn member(id: &str) -> StaffMember {
    StaffMember {
        librarian_id: id.to_owned(),
        screen_name: id.to_owned(),
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
    }
}

fn picked_up(by: &str) -> Event {
    Event::PickedUp { by: member(by) }
}

fn transferred(from: &str, to: &str) -> Event {
    Event::Transferred {
        offer_id: String::new(),
        from: member(from),
        by: member(to),
    }
}

fn returned(from: &str) -> Event {
    Event::Returned { from: member(from) }
}

/// D49: each of several owners is known, also after they handed the session over or were lost.
#[test]
fn those_who_owned_it_before_are_known_in_their_order() {
    let told: [(_, &[&str]); 6] = [
        (Event::Opened(opened()), &[]),
        (picked_up("map"), &[]),
        (transferred("map", "lee"), &["map"]),
        (returned("lee"), &["map", "lee"]),
        (picked_up("pine"), &["map", "lee"]),
        (transferred("pine", "map"), &["lee", "pine"]),
    ];
    let mut session = None;
    for (event, former) in &told {
        session = Session::apply(session, Audience::Staff, event, 0);
        let known = session.as_ref().map(|session| {
            let ids = session.former_owners.iter();
            ids.map(|owner| &*owner.librarian_id).collect::<Vec<_>>()
        });
        assert_eq!(known.as_deref(), Some(*former), "{event:?}");
    }
}

/// R15: a transfer changes the owner, and not how long the chat has lasted.
///
/// D71: nor does a lost librarian change when the patron's first wait was over.
#[test]
fn handing_over_does_not_begin_the_length_anew() {
    let told = [
        (Event::Opened(opened()), None),
        (picked_up("map"), Some(1)),
        (transferred("map", "lee"), Some(1)),
        (transferred("lee", "pine"), Some(1)),
        (returned("pine"), None),
        (picked_up("map"), Some(5)),
        (transferred("map", "lee"), Some(5)),
    ];
    for audience in [Audience::Staff, Audience::Patron] {
        let mut session = None;
        for (at_ms, (event, picked_up_at_ms)) in (0..).zip(&told) {
            session = Session::apply(session, audience, event, at_ms);
            let first = session
                .as_ref()
                .and_then(|known| known.first_picked_up_at_ms);
            assert_eq!(first, (at_ms >= 1).then_some(1), "{audience:?} {event:?}");
            let owner = session.as_ref().and_then(|known| known.owner.as_ref());
            assert_eq!(
                owner.map(|owner| owner.picked_up_at_ms),
                *picked_up_at_ms,
                "{audience:?} {event:?}"
            );
        }
    }
}

/// The longest name, of the longest characters.
fn long() -> String {
    "\u{1f4da}".repeat(NAME_LIMIT)
}

/// Repeats these events until a session, asked by somebody with this name, has no room for more of them, and returns
/// how much of the transcript for staff they are.
fn size_when_full(patron_name: &str, events: &[Event]) -> usize {
    let opened = Event::Opened(Opened {
        patron_name: patron_name.to_owned(),
        ..opened()
    });
    let mut session = Session::apply(None, Audience::Staff, &opened, 0).unwrap();
    let mut transcript = wire::GetTranscriptResponse::default();
    let at_ms = 1_800_000_000_123;
    while session.open_size.max(session.notes_size) < ROOM {
        for event in events {
            session = Session::apply(Some(session), Audience::Staff, event, at_ms).unwrap();
            let told = event_to_wire(&session, event, at_ms);
            transcript.events.push(told);
        }
    }
    transcript.encoded_len()
}

/// A session that is full of messages and of notes still fits into its transcript, however long the names are and
/// however short the texts.
#[test]
fn a_full_session_fits_into_one_answer() {
    let long_named = StaffMember {
        screen_name: long(),
        institution_name: long(),
        ..member("map")
    };
    for member in [member("map"), long_named] {
        let owner = Speaker::Owner(member.clone());
        let message = |by: &Speaker| Event::MessagePosted {
            by: by.clone(),
            text: "x".to_owned(),
        };
        let page = Event::PagePushed {
            by: owner.clone(),
            address: ["https://", &"x".repeat(253)].concat(),
            host: "x".repeat(253),
        };
        let open = [message(&owner), message(&Speaker::Patron), page];
        let note = Event::NoteWritten {
            by: Speaker::Colleague(member.clone()),
            text: "x".to_owned(),
        };
        let left = Event::ColleagueLeft { by: member.clone() };
        let offered = Event::TransferOffered(Offer {
            id: "0123456789abcdef0123456789abcdef".to_owned(),
            by: member.clone(),
            to: Recipient::Librarian { member },
            message: "x".to_owned(),
            lapses_at_ms: 1_800_000_060_123,
        });
        let staff = [&[note, left][..], &[offered]];
        let largest_open = open.map(|event| size_when_full(&long(), &[event]));
        let largest_notes = staff.map(|events| size_when_full("", events));
        let largest = largest_open.iter().max().unwrap() + largest_notes.iter().max().unwrap();
        assert!(
            largest < RESPONSE_LIMIT,
            "{largest_open:?} {largest_notes:?}"
        );
    }
}
