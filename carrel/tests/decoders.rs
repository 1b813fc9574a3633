//! Runs every decoder of Carrel on arbitrary, damaged and nearly good bytes, some thousand cases each (I27).
//!
//! The functions are those that `make soak` gives to libFuzzer; see `fuzz/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use carrel_proto::{gateway::v1 as frames, session::v1 as wire};
use proptest::prelude::*;
use prost::Message as _;

#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
mod decoders;

const CASES: u32 = 4_096;

/// Returns good inputs of all decoders, to be damaged. A good input of one decoder is an odd one for the others.
fn good() -> Vec<Vec<u8>> {
    let post = wire::PostMessage {
        text: "Where are the maps? \u{1f5fa}".to_owned(),
    };
    let frame = frames::ClientFrame {
        frame: Some(frames::client_frame::Frame::Act(frames::Act {
            command_id: "c".to_owned(),
            session_id: "5e55".to_owned(),
            act: Some(frames::act::Act::PostMessage(post.clone())),
        })),
        trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
    };
    let attend = frames::ClientFrame {
        frame: Some(frames::client_frame::Frame::Attend(frames::Attend {
            session_id: "5e55".to_owned(),
            after: Some(wire::Position {
                epoch: "e".to_owned(),
                number: u64::MAX,
            }),
        })),
        trace_parent: String::new(),
    };
    let request = wire::AttendRequest {
        request: Some(wire::attend_request::Request::Act(wire::Act {
            command_id: "c".to_owned(),
            act: Some(wire::act::Act::PushPage(wire::PushPage {
                address: "https://maps.example/".to_owned(),
            })),
        })),
        trace_parent: String::new(),
    };
    let open = wire::OpenSessionRequest {
        command_id: "c".to_owned(),
        question: "Where are the maps?".to_owned(),
        patron_name: "Ricky".to_owned(),
        patron_email: "ricky@example.org".to_owned(),
        language: "fr".into(),
    };
    let member =
        r#"{"librarian_id":"a","screen_name":"b","institution_id":"c","institution_name":"d"}"#;
    let event = format!(
        r#"{{"kind":"note_written","by":{{"part":"colleague","who":{member}}},"text":"hm"}}"#
    );
    let entered = format!(r#"{{"kind":"entered","by":{member},"warning_version":"w"}}"#);
    let transferred =
        format!(r#"{{"kind":"transferred","by":{member},"from":{member},"offer_id":"3"}}"#);
    let from = r#"{"librarian_id":"a","screen_name":"b","institution_name":"d"}"#;
    let written = format!(r#"{{"kind":"written","by":{from},"text":"hm"}}"#);
    let token = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJjYXJyZWwifQ.c2lnbmF0dXJl";
    vec![
        frame.encode_to_vec(),
        serde_json::to_vec(&frame).unwrap(),
        attend.encode_to_vec(),
        serde_json::to_vec(&attend).unwrap(),
        request.encode_to_vec(),
        open.encode_to_vec(),
        post.encode_to_vec(),
        event.into_bytes(),
        entered.into_bytes(),
        transferred.into_bytes(),
        written.into_bytes(),
        r#"{"announce":{"monitorId":"m","status":"STATUS_BUSY","queues":{"queueIds":["maple"]}}}"#
            .into(),
        r#"{"imSend":{"commandId":"c","librarianId":"l","text":"Do you have a minute?"}}"#.into(),
        r#"{"act":{"commandId":"c","sessionId":"s","offerTransfer":{"queueId":"maple"}}}"#.into(),
        token.into(),
        include_bytes!("../demo/directory.toml").to_vec(),
        "HTTPS://B\u{fc}cherei.example:443/Regal 3?q=\u{fc}#x".into(),
        "http://[::1]:8080/../a/./b".into(),
        "ricky@example.org".into(),
    ]
}

/// A way of damaging bytes.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index, usize),
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>) {
        let length = bytes.len() + 1;
        match self {
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Flip(at, with) => {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= with;
                }
            }
            Self::Insert(at, what) => {
                let at = at.index(length);
                bytes.splice(at..at, what);
            }
            Self::Remove(at) => {
                if !bytes.is_empty() {
                    bytes.remove(at.index(bytes.len()));
                }
            }
            Self::Repeat(at, times) => {
                let tail = bytes[at.index(length)..].to_vec();
                for _ in 0..times {
                    bytes.extend_from_slice(&tail);
                }
            }
        }
    }
}

/// Generates pieces that have a meaning to some decoder.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 14] = [
        b"\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x80",
        "\u{202e}".as_bytes(),
        "\u{fc}".as_bytes(),
        b"@",
        b"://",
        b"%00",
        b"..",
        b"{\"",
        b"[[",
        b"\"\"\"",
        b"-9223372036854775808",
        b"xn--",
    ];
    prop_oneof![
        prop::sample::select(known.map(<[u8]>::to_vec).to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::Cut),
        (any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(at, with)| Damage::Flip(at, with)),
        (any::<prop::sample::Index>(), piece()).prop_map(|(at, what)| Damage::Insert(at, what)),
        any::<prop::sample::Index>().prop_map(Damage::Remove),
        (any::<prop::sample::Index>(), 1..4_usize).prop_map(|(at, n)| Damage::Repeat(at, n)),
    ]
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    let damaged = (
        prop::sample::select(good()),
        prop::collection::vec(damage(), 0..6),
    )
        .prop_map(|(mut bytes, damages)| {
            for damage in damages {
                damage.apply(&mut bytes);
            }
            bytes
        });
    let pieces = prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat());
    prop_oneof![
        4 => damaged,
        1 => prop::collection::vec(any::<u8>(), 0..512),
        1 => "\\PC{0,64}".prop_map(String::into_bytes),
        1 => "https?://[a-z\u{e0}-\u{ff}.%@:\\[\\]/?#\\\\ 0-9\u{200b}-\u{202e}]{0,40}"
            .prop_map(String::into_bytes),
        1 => pieces,
    ]
}

fn drive(decoder: decoders::Decoder) {
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(bytes in input())| decoder(&bytes));
}

#[test]
fn client_frames() {
    drive(decoders::client_frame);
}

#[test]
fn requests() {
    drive(decoders::request);
}

#[test]
fn stored_events() {
    drive(decoders::stored_event);
}

#[test]
fn tokens() {
    drive(decoders::token);
}

#[test]
fn directory_files() {
    drive(decoders::directory_file);
}

#[test]
fn addresses() {
    drive(decoders::address);
}

#[test]
fn texts() {
    drive(decoders::text);
}

#[test]
fn sealed_messages() {
    drive(decoders::sealed_message);
}

#[test]
fn append_messages() {
    drive(decoders::append_message);
}

/// The undamaged inputs are run through every decoder too.
#[test]
fn good_inputs() {
    for bytes in good() {
        for (_, decoder) in decoders::DECODERS {
            decoder(&bytes);
        }
    }
}
