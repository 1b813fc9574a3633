//! Every decoder of Carrel, each behind a function that takes any bytes and must return (I27).
//!
//! Each function panics not only when the product panics, but also when the product accepts something that it promises
//! never to accept. libFuzzer drives the functions in `fuzz_targets`, and `carrel/tests/decoders.rs` includes this file
//! and drives them with proptest in every test run.

use std::{collections::BTreeSet, sync::LazyLock};

use axum::extract::ws::Message as WsMessage;
use carrel_gateway::frame::{BadFrame, SubProtocol, kind};
use carrel_im::domain::event as im;
use carrel_platform::{
    auth::{
        keys::KeyRing,
        statement::{verify_introduction, verify_service},
        token::{verify, verify_renewable},
    },
    bus::redis::message::Message,
    seal::Key,
    text::{TEXT_LIMIT, check_text},
};
use carrel_presence::{
    domain::{directory, role_change::RoleEntry, rules},
    file::DirectoryFile,
};
use carrel_proto::{directory::v1 as directory_wire, session::v1 as wire};
use carrel_session::{
    append_message::AppendMessage,
    convert,
    domain::{
        access::{Situation, Times},
        address::{ADDRESS_LIMIT, PageAddress},
        audience::{Audience, project},
        audit::AuditEntry,
        conference::{Conference, ConferenceEvent},
        decide::{Command, decide},
        event::Event,
        people::{Actor, LibrarianActor, PatronActor, Role, StaffMember, StaffNaming},
        session::Session,
        text::{EMAIL_LIMIT, NAME_LIMIT, check_email, check_name},
        transfer::Addressee,
    },
    history::History,
};
use prost::Message as _;

/// A function that decodes arbitrary bytes.
pub type Decoder = fn(&[u8]);

/// All decoders, by name.
pub const DECODERS: [(&str, Decoder); 9] = [
    ("client_frame", client_frame),
    ("request", request),
    ("stored_event", stored_event),
    ("token", token),
    ("directory_file", directory_file),
    ("address", address),
    ("text", text),
    ("sealed_message", sealed_message),
    ("append_message", append_message),
];

/// Decodes a websocket message of either kind under either sub-protocol.
pub fn client_frame(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    for protocol in SubProtocol::ALL {
        for message in [
            WsMessage::Binary(data.to_vec().into()),
            WsMessage::Text(text.clone().into()),
        ] {
            match protocol.decode(&message) {
                Ok((frame, _)) => assert!(!kind(&frame).is_empty()),
                Err(BadFrame::Answerable(refused)) => {
                    let refusal = refused.refusal.expect("a refusal says why");
                    assert_eq!((refusal.code, refusal.reason.as_str()), (3, "BAD_FRAME"));
                }
                Err(BadFrame::Fatal) => {}
            }
        }
    }
}

/// Decodes a request of each kind, and lets session-svc convert and decide it.
pub fn request(data: &[u8]) {
    if let Ok(request) = wire::AttendRequest::decode(data) {
        match request.request {
            Some(wire::attend_request::Request::Act(wire::Act { act: Some(act), .. })) => {
                decide_on(&convert::command_from_act(act));
            }
            Some(wire::attend_request::Request::Join(join)) => {
                let _ = convert::audience_from_wire("join.audience", join.audience);
            }
            _ => {}
        }
    }
    if let Ok(open) = wire::OpenSessionRequest::decode(data) {
        decide_on(&Command::Open {
            question: open.question,
            patron_name: open.patron_name,
            patron_email: open.patron_email,
            language: open.language,
        });
    }
    if let Ok(post) = wire::PostMessageRequest::decode(data) {
        decide_on(&Command::PostMessage { text: post.text });
    }
    if let Ok(push) = wire::PushPageRequest::decode(data) {
        decide_on(&Command::PushPage {
            address: push.address,
        });
    }
    if let Ok(note) = wire::WriteNoteRequest::decode(data) {
        decide_on(&Command::WriteNote { text: note.text });
    }
    if let Ok(enter) = wire::EnterConferenceRequest::decode(data) {
        decide_on(&Command::EnterConference {
            warning_version: enter.warning_version,
        });
    }
    if let Ok(offer) = wire::OfferTransferRequest::decode(data) {
        decide_on(&Command::OfferTransfer {
            to: Addressee::Queue {
                queue_id: "maple".to_owned(),
            },
            message: offer.message,
        });
    }
    if let Ok(decline) = wire::DeclineTransferRequest::decode(data) {
        decide_on(&Command::DeclineTransfer {
            offer_id: decline.offer_id,
            reason: decline.reason,
        });
    }
    if let Ok(set) = wire::SetResolutionRequest::decode(data)
        && let Ok(resolution) = convert::resolution_from_wire("resolution", set.resolution)
    {
        decide_on(&Command::SetResolution { resolution });
    }
    if let Ok(set) = wire::SetDescriptiveCodesRequest::decode(data) {
        decide_on(&Command::SetDescriptiveCodes {
            codes: set.codes,
            list: None,
        });
    }
    let _ = wire::GetTranscriptRequest::decode(data)
        .map(|request| convert::audience_from_wire("audience", request.audience));
    let _ = wire::ExportTranscriptRequest::decode(data)
        .map(|request| convert::audience_from_wire("audience", request.audience));
    let _ = wire::WatchSessionsRequest::decode(data);
    let _ = directory_wire::LogInRequest::decode(data);
    let _ = directory_wire::RenewTokenRequest::decode(data);
}

/// Reads a stored event of each kind. What can be read is folded, shown to both audiences, and written again unchanged.
pub fn stored_event(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<Event>(data) {
        let again = serde_json::to_vec(&event).expect("an event can be written");
        assert_eq!(
            serde_json::from_slice::<Event>(&again).ok(),
            Some(event.clone())
        );
        for audience in [Audience::Patron, Audience::Staff] {
            let session = Session::apply(Some(active(audience)), audience, &event, 7)
                .expect("an open session stays open");
            let shown = project(&event, audience).is_some();
            let before = active(audience).position;
            assert_eq!(session.position, before + u64::from(shown));
            if shown {
                let _ = convert::event_to_wire(&session, &event, i64::MIN).encode_to_vec();
            }
            let _ = convert::session_to_wire("5e55", &session);
        }
    }
    if let Ok(event) = serde_json::from_slice::<ConferenceEvent>(data) {
        let mut conference = Conference::default();
        conference.apply(&event);
    }
    if let Ok(entry) = serde_json::from_slice::<AuditEntry>(data) {
        let _ = entry.follows(7, "");
        let _ = convert::audit_entry_to_wire(1, i64::MAX, entry);
    }
    if let Ok(event) = serde_json::from_slice::<im::Event>(data) {
        let again = serde_json::to_vec(&event).expect("an event can be written");
        assert_eq!(
            serde_json::from_slice::<im::Event>(&again).ok(),
            Some(event)
        );
    }
    if let Ok(event) = serde_json::from_slice::<directory::Event>(data) {
        let mut all = directory::Directory::default();
        all.apply(event);
        let _ = rules::problems(&all);
    }
    if let Ok(entry) = serde_json::from_slice::<RoleEntry>(data) {
        let _ = entry.follows(7, "");
    }
}

/// Verifies a token, or a statement of one service for another. None that the fuzzer makes may be accepted as ours.
pub fn token(data: &[u8]) {
    static KEYS: LazyLock<KeyRing> =
        LazyLock::new(|| KeyRing::generate().expect("there is entropy"));
    let token = String::from_utf8_lossy(data);
    for now_ms in [i64::MIN, 0, 1_800_000_000_000, i64::MAX] {
        assert!(verify(&KEYS, &token, now_ms).is_err());
        assert!(verify_renewable(&KEYS, &token, now_ms).is_err());
        assert!(verify_introduction(&KEYS, &token, now_ms).is_err());
        assert!(verify_service(&KEYS, &token, now_ms).is_err());
    }
}

/// Parses a directory file: each problem in it names a line and says something.
pub fn directory_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let file = DirectoryFile::parse(&text);
    let lines = text.lines().count().max(1);
    for (line, problem) in &file.problems {
        assert!((1..=lines + 1).contains(line), "line {line} of {lines}");
        assert!(!problem.what.is_empty());
    }
    let directory = directory::Directory {
        institutions: file.institutions.clone(),
        queues: file.queues.clone(),
        ..directory::Directory::default()
    };
    for problem in rules::problems(&directory) {
        assert!(!problem.to_string().is_empty());
    }
}

/// Parses an address: what is accepted can be shown as a link, and is its own normal form.
pub fn address(data: &[u8]) {
    let Ok(page) = PageAddress::parse(&String::from_utf8_lossy(data)) else {
        return;
    };
    let address = page.address();
    assert!(address.len() <= ADDRESS_LIMIT);
    assert!(address.starts_with("http://") || address.starts_with("https://"));
    assert!(address.is_ascii() && !address.chars().any(|c| c.is_control() || c == ' '));
    assert!(!page.host().is_empty() && !page.host().contains('@'));
    let again = PageAddress::parse(address).expect("a normalised address is an address");
    assert_eq!(again, page);
}

/// Checks a text, a name and an e-mail address.
pub fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let length = text.chars().count();
    let line_break = |c: char| matches!(c, '\t' | '\n' | '\r');
    if check_text(&text).is_ok() {
        assert!((1..=TEXT_LIMIT).contains(&length));
        assert!(!text.chars().any(|c| c.is_control() && !line_break(c)));
    }
    if check_name(&text).is_ok() {
        assert!(length <= NAME_LIMIT && !text.chars().any(char::is_control));
    }
    if check_email(&text).is_ok() {
        assert!(length <= EMAIL_LIMIT);
        assert!(!text.chars().any(|c| c.is_control() || c.is_whitespace()));
        assert!(text.is_empty() || text.matches('@').count() == 1);
    }
}

/// Opens a sealed message from Redis: nothing that the fuzzer makes opens, and sealed bytes are either no message, or
/// one that is the same after it was sealed again.
pub fn sealed_message(data: &[u8]) {
    static KEY: LazyLock<Key> =
        LazyLock::new(|| Key::parse(&"5e".repeat(32)).expect("it is a key"));
    assert_eq!(Message::open(&KEY, "session/5e55", data), None);
    let Ok(sealed) = KEY.seal(&[b"bus", b"session/5e55"], data) else {
        return;
    };
    assert_eq!(Message::open(&KEY, "session/other", &sealed), None);
    if let Some(message) = Message::open(&KEY, "session/5e55", &sealed) {
        let again = message
            .seal(&KEY, "session/5e55")
            .expect("it is no longer than before");
        assert_eq!(Message::open(&KEY, "session/5e55", &again), Some(message));
    }
}

/// Decides a command of the patron and of the owner, in a session not opened yet and in a running one, and applies the
/// resulting events.
fn decide_on(command: &Command) {
    let running = active(Audience::Staff);
    for session in [None, Some(&running)] {
        let situation = Situation {
            session_id: "5e55",
            session,
            conference: &Conference::default(),
            now_ms: i64::MAX,
            times: Times {
                wrap_up_ms: i64::MAX,
                transfer_lapse_ms: 60_000,
                abandoned_waiting_ms: 1_800_000,
                abandoned_active_ms: 43_200_000,
            },
        };
        for actor in [patron(), Actor::Librarian(librarian())] {
            let Ok(decision) = decide(&situation, &actor, command) else {
                continue;
            };
            let mut folded = session.cloned();
            for event in &decision.session {
                folded = Session::apply(folded, Audience::Staff, event, i64::MAX);
                let session = folded.as_ref().expect("an event of an open session");
                let _ = convert::event_to_wire(session, event, i64::MAX).encode_to_vec();
            }
        }
    }
}

fn patron() -> Actor {
    Actor::Patron(PatronActor {
        session_id: "5e55".to_owned(),
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
        queue_id: "maple".to_owned(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: Vec::new(),
    })
}

fn librarian() -> LibrarianActor {
    LibrarianActor {
        member: StaffMember {
            librarian_id: "map".to_owned(),
            screen_name: "Ms Map".to_owned(),
            institution_id: "harbor".to_owned(),
            institution_name: "Harbor".to_owned(),
        },
        role: Role::Administrator,
        queues: BTreeSet::from(["maple".to_owned()]),
        practice_queues: BTreeSet::new(),
        warning_version: "w1".to_owned(),
    }
}

/// Returns a session of [`patron`], owned by [`librarian`], as an audience sees it.
fn active(audience: Audience) -> Session {
    let opened = Event::Opened(carrel_session::domain::event::Opened {
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
        queue_id: "maple".to_owned(),
        staff_naming: StaffNaming::ScreenName,
        patron_name: String::new(),
        patron_email: String::new(),
        language: String::new(),
        question: "Where are the maps?".to_owned(),
        practice: false,
        route: Vec::new(),
    });
    let picked_up = Event::PickedUp {
        by: librarian().member,
    };
    [opened, picked_up]
        .iter()
        .fold(None, |session, event| {
            Session::apply(session, audience, event, 0)
        })
        .expect("it was opened")
}

/// Decodes the message about a session that one session-svc publishes to the others. It is sealed in transit, and a
/// server of a newer version may write it differently.
pub fn append_message(data: &[u8]) {
    let Some(message) = AppendMessage::decode(data, "") else {
        return;
    };
    let mut history = History::empty("5e55".to_owned());
    if let Ok(Some(missing)) = message.missing_from(&history) {
        assert_eq!(missing.news.session.len(), missing.traces.len());
        for stored in missing.news.session {
            // Before an opening event, an event is shown to nobody.
            history.record(stored);
        }
    }
}
