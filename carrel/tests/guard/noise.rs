//! Sends a running Carrel arbitrary bytes, and valid messages with arbitrary content: thousands of each (I27).
//!
//! None may make anything panic, hang, answer with a code that no rule decides on, or write to a session that its
//! sender has no part in.

use bytes::Bytes;
use carrel_proto::{
    gateway::v1::{self as frames, ClientFrame, client_frame::Frame as Asked},
    im::v1 as im,
    presence::v1 as presence,
    session::v1 as wire,
};
use futures::{StreamExt as _, stream};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use prost::Message as _;
use tokio_tungstenite::tungstenite::Message;
use tonic::{Code, Status};

use crate::{
    bad_bytes::{paths, send},
    bad_frames::{JSON, PROTO, Wire},
    case::{Case, random_id},
    fixture::Fixture,
    table::{Column, Stage},
};

/// How many inputs there are of each kind.
const CASES: usize = 3_000;
/// How many are under way at once.
const AT_ONCE: usize = 16;

fn samples<T>(strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::new(Config::default());
    (0..CASES)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// Generates texts of all kinds: short, odd and long ones.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\\PC{0,12}",
        2 => any::<String>(),
        1 => Just("\0\u{202e}\u{feff}".to_owned()),
        1 => (3_990..4_010_usize).prop_map(|length| "\u{1f5fa}".repeat(length)),
        1 => "https?://[a-z.@:%/?#\\[\\]]{0,30}",
    ]
}

/// Generates session ids: that of the case, and others.
fn session_id(known: String) -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(known), 1 => Just(random_id()), 1 => text()]
}

fn position() -> impl Strategy<Value = Option<wire::Position>> {
    proptest::option::of(
        (text(), any::<u64>()).prop_map(|(epoch, number)| wire::Position { epoch, number }),
    )
}

fn act() -> BoxedStrategy<Option<frames::act::Act>> {
    use frames::act::Act;
    proptest::option::of(prop_oneof![
        (text(), text(), text(), text()).prop_map(
            |(question, patron_name, patron_email, language)| {
                Act::OpenSession(frames::OpenSession {
                    question,
                    patron_name,
                    patron_email,
                    language,
                })
            }
        ),
        Just(Act::PickUp(frames::PickUp {})),
        text().prop_map(|text| Act::PostMessage(wire::PostMessage { text })),
        text().prop_map(|address| Act::PushPage(wire::PushPage { address })),
        text().prop_map(|text| Act::WriteNote(wire::WriteNote { text })),
        text().prop_map(|warning_version| {
            Act::EnterConference(frames::EnterConference { warning_version })
        }),
        Just(Act::LeaveConference(frames::LeaveConference {})),
        prop_oneof![0..8_i32, any::<i32>()]
            .prop_map(|resolution| Act::SetResolution(frames::SetResolution { resolution })),
        (proptest::collection::vec(text(), 0..6), text()).prop_map(|(codes, code_list)| {
            Act::SetDescriptiveCodes(frames::SetDescriptiveCodes { codes, code_list })
        }),
        transfer(),
    ])
    .boxed()
}

// Boxed here and below, since the plain strategies do not fit on a test's stack.
fn transfer() -> BoxedStrategy<frames::act::Act> {
    use frames::{act::Act, offer_transfer::To};
    let to = proptest::option::of(prop_oneof![
        text().prop_map(To::Introduction),
        prop_oneof![Just("maple".to_owned()), text()].prop_map(To::QueueId),
    ]);
    let offer_id = || prop_oneof!["[0-9]{1,2}", text()];
    prop_oneof![
        (to, text())
            .prop_map(|(to, message)| Act::OfferTransfer(frames::OfferTransfer { to, message })),
        offer_id().prop_map(|offer_id| Act::AcceptTransfer(frames::AcceptTransfer { offer_id })),
        (offer_id(), text()).prop_map(|(offer_id, reason)| {
            Act::DeclineTransfer(frames::DeclineTransfer { offer_id, reason })
        }),
        offer_id()
            .prop_map(|offer_id| Act::WithdrawTransfer(frames::WithdrawTransfer { offer_id })),
    ]
    .boxed()
}

/// Generates a desk's frames that are not about a session.
fn desk() -> BoxedStrategy<Asked> {
    use im::send_message_request::To;
    let queues = proptest::option::of(proptest::collection::vec(text(), 0..3));
    let to = proptest::option::of(prop_oneof![
        text().prop_map(To::LibrarianId),
        prop_oneof![Just("maple".to_owned()), text()].prop_map(To::QueueId),
        text().prop_map(To::ConversationId),
    ]);
    prop_oneof![
        (text(), any::<i32>(), queues, any::<bool>()).prop_map(
            |(monitor_id, status, queues, returning)| {
                Asked::Announce(presence::Announcement {
                    monitor_id,
                    status,
                    queues: queues.map(|queue_ids| presence::MonitoredQueues { queue_ids }),
                    returning,
                })
            }
        ),
        Just(Asked::Goodbye(presence::Goodbye {})),
        Just(Asked::WatchDesk(presence::WatchDeskRequest {})),
        Just(Asked::WatchConversations(im::WatchConversationsRequest {
            trace: false
        })),
        (text(), to, text()).prop_map(|(command_id, to, text)| {
            Asked::ImSend(im::SendMessageRequest {
                command_id,
                to,
                text,
            })
        }),
        (text(), any::<u64>(), any::<u64>(), any::<i32>()).prop_map(
            |(conversation_id, before, after, page_size)| {
                Asked::ImList(im::ListMessagesRequest {
                    conversation_id,
                    before,
                    after,
                    page_size,
                })
            }
        ),
        (text(), any::<u64>()).prop_map(|(conversation_id, position)| {
            Asked::ImMarkRead(im::MarkReadRequest {
                conversation_id,
                position,
            })
        }),
        text().prop_map(|conversation_id| {
            Asked::ImTyping(im::SendTypingRequest { conversation_id })
        }),
    ]
    .boxed()
}

/// Generates well-formed frames with any content.
fn frame(known: &str) -> impl Strategy<Value = Option<Asked>> + use<> {
    let id = || session_id(known.to_owned());
    proptest::option::weighted(
        0.95,
        prop_oneof![
            text().prop_map(|access_token| Asked::Hello(frames::Hello { access_token })),
            Just(Asked::RenewToken(frames::RenewToken {})),
            (proptest::collection::vec(text(), 0..3), any::<bool>()).prop_map(
                |(queue_ids, all)| Asked::Watch(wire::WatchSessionsRequest { queue_ids, all })
            ),
            (id(), position()).prop_map(|(session_id, after)| Asked::Attend(frames::Attend {
                session_id,
                after
            })),
            id().prop_map(|session_id| Asked::Detach(frames::Detach { session_id })),
            (text(), id(), act()).prop_map(|(command_id, session_id, act)| {
                Asked::Act(frames::Act {
                    command_id,
                    session_id,
                    act,
                })
            }),
            (id(), any::<i32>()).prop_map(|(session_id, r#box)| Asked::Typing(frames::Typing {
                session_id,
                r#box
            })),
            any::<u64>().prop_map(|number| Asked::Ping(frames::Ping { number })),
            desk(),
        ],
    )
}

fn is_decided(status: &Status) -> bool {
    // tonic answers INTERNAL for bytes that can't be decoded.
    let undecodable = status.code() == Code::Internal && status.message().contains("decode");
    undecodable
        || matches!(
            status.code(),
            Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::PermissionDenied
                | Code::FailedPrecondition
                | Code::Unauthenticated
                | Code::ResourceExhausted
                | Code::OutOfRange
        )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arbitrary_bytes_in_calls() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let stranger = fixture.token(Column::Lx);
    let before = fixture.recorded(&case.session_id).await;
    let paths = paths();
    let field = (
        1..16_u8,
        prop_oneof![Just(0_u8), Just(2)],
        proptest::collection::vec(any::<u8>(), 0..24),
    );
    let fields = proptest::collection::vec(field, 0..5).prop_map(|fields| {
        let mut bytes = Vec::new();
        for (number, kind, content) in fields {
            bytes.push(number << 3 | kind);
            if kind == 2 {
                bytes.push(content.len().try_into().unwrap());
            }
            bytes.extend(content);
        }
        bytes
    });
    let bytes = prop_oneof![fields, proptest::collection::vec(any::<u8>(), 0..64)];
    let inputs = samples((proptest::sample::select(paths), bytes));
    let undecided: Vec<_> = stream::iter(inputs)
        .map(|(path, bytes)| {
            let fixture = &fixture;
            async move {
                // A watch never ends once it is accepted, and neither does an Announce stream.
                if path.contains("/Watch") || path.ends_with("/Announce") {
                    return None;
                }
                let answer = send(
                    fixture.channel(),
                    path,
                    stranger,
                    vec![Bytes::from(bytes.clone())],
                )
                .await;
                answer
                    .err()
                    .filter(|status| !is_decided(status))
                    .map(|status| format!("{path} {bytes:02x?}: {status:?}"))
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|undecided| async { undecided })
        .collect()
        .await;
    assert!(undecided.is_empty(), "{}", undecided.join("\n"));
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}

/// The patron, the owner and a stranger each send the same noise; afterwards, all three can still work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arbitrary_frames_on_sockets() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let frames = samples(frame(&case.session_id));
    for token in [
        fixture.token(Column::Lx),
        fixture.token(Column::Lc),
        &case.patron,
    ] {
        let mut wire = Wire::welcomed(&fixture, PROTO, token).await;
        for some in frames.chunks(8) {
            for frame in some {
                let frame = ClientFrame {
                    frame: frame.clone(),
                    trace_parent: String::new(),
                };
                wire.send(Message::binary(frame.encode_to_vec())).await;
            }
            wire.assert_goes_on().await;
        }
    }
    still_in_order(&fixture, &case).await;
    fixture.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arbitrary_bytes_on_sockets() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await;
    for protocol in [PROTO, JSON] {
        let bytes = samples(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..64),
            "[\\[\\]{}\":,a-z0-9\\\\ -]{0,40}".prop_map(String::into_bytes),
        ]);
        stream::iter(bytes.chunks(CASES / AT_ONCE + 1))
            .for_each_concurrent(None, |bytes| {
                make_noise(&fixture, protocol, &case.patron, bytes)
            })
            .await;
    }
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}

/// Sends bytes on a socket, and opens another one whenever it is closed because they are no frame.
async fn make_noise(fixture: &Fixture, protocol: &'static str, token: &str, noise: &[Vec<u8>]) {
    let mut wire = Wire::welcomed(fixture, protocol, token).await;
    for bytes in noise {
        let message = match protocol {
            JSON => Message::text(String::from_utf8_lossy(bytes).into_owned()),
            _ => Message::binary(bytes.clone()),
        };
        wire.send(message).await;
        if let Some(code) = wire.ping_or_close().await {
            assert_eq!(code, 4400);
            wire = Wire::welcomed(fixture, protocol, token).await;
        }
    }
}

/// Asserts that the patron and the owner can read the whole session, without a gap.
async fn still_in_order(fixture: &Fixture, case: &Case) {
    for token in [&case.patron, fixture.token(Column::Lc)] {
        let message = wire::GetTranscriptRequest {
            session_id: case.session_id.clone(),
            audience: 0,
        };
        let request = crate::access::on_behalf(token, message);
        let transcript = fixture
            .access
            .sessions()
            .get_transcript(request)
            .await
            .unwrap();
        let events = transcript.into_inner().events;
        assert!(
            events
                .iter()
                .map(|event| event.position)
                .eq(1..=u64::try_from(events.len()).unwrap())
        );
    }
}
