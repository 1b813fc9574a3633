#![allow(clippy::unwrap_used, clippy::panic)]

use carrel_proto::{
    gateway::v1::{
        AcceptTransfer, Act, Attend, DeclineTransfer, Detach, Hello, OfferTransfer, PickUp, Ping,
        RenewToken, SetDescriptiveCodes, SetResolution, Typing, WithdrawTransfer, act,
        offer_transfer,
    },
    im::v1::{
        ListMessagesRequest, MarkReadRequest, SendMessageRequest, SendTypingRequest,
        WatchConversationsRequest, send_message_request,
    },
    presence::v1::{Announcement, Goodbye, MonitoredQueues, WatchDeskRequest},
    session::v1::{Position, PostMessage, WatchSessionsRequest},
};
use proptest::prelude::*;

use super::*;

fn json(text: &str) -> Message {
    Message::Text(text.to_owned().into())
}

fn encode(protocol: SubProtocol, frame: &ClientFrame) -> Message {
    match protocol {
        SubProtocol::Proto => Message::Binary(frame.encode_to_vec().into()),
        SubProtocol::Json => json(&serde_json::to_string(frame).unwrap()),
    }
}

fn answered(message: &Message) -> Refused {
    match SubProtocol::Json.decode(message) {
        Err(BadFrame::Answerable(refused)) => *refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_frame_typed_by_hand_is_read() {
    let typed =
        r#"{"act": {"commandId": "1", "sessionId": "s", "postMessage": {"text": "Hello"}}}"#;
    let (frame, trace_parent) = SubProtocol::Json.decode(&json(typed)).unwrap();
    assert_eq!(kind(&frame), "post_message");
    assert_eq!(trace_parent, "");
}

proptest! {
    /// An event that is passed on in its encoded form makes the same frame as when it is encoded as a message.
    #[test]
    fn an_encoded_event_makes_the_same_frame(
        session_id in "[a-z0-9]{1,64}",
        position in any::<u64>(),
        text in ".{0,300}",
    ) {
        let event = session::SessionEvent {
            position,
            payload: Some(session::session_event::Payload::Message(session::MessagePosted { text })),
            ..session::SessionEvent::default()
        };
        let encoded = Bytes::from(event.encode_to_vec());
        let frame = server_frame::Frame::Event(SessionEvent {
            session_id: session_id.clone(),
            event: Some(event),
        });
        for protocol in SubProtocol::ALL {
            let passed_on = protocol.encode_event(&session_id, encoded.clone()).unwrap();
            prop_assert_eq!(passed_on, protocol.encode(frame.clone()).unwrap());
        }
    }
}

#[test]
fn what_is_no_event_is_found_where_it_has_to_be_read() {
    let event = Bytes::from_static(&[0xff]);
    assert!(SubProtocol::Json.encode_event("s", event).is_err());
}

/// Removes what a page abbreviates with "…".
fn without_ellipses(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("…");
            fields.values_mut().for_each(without_ellipses);
        }
        Value::Array(values) => values.iter_mut().for_each(without_ellipses),
        _ => {}
    }
}

#[test]
fn every_example_of_the_page_for_clients_is_a_frame() {
    let page = include_str!("../../docs/websocket.md");
    let blocks = page.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let in_line = page
        .split('`')
        .filter(|code| code.starts_with('{') && code.ends_with('}'));
    let mut examples = 0;
    for block in blocks.chain(in_line) {
        for example in serde_json::Deserializer::from_str(block).into_iter::<Value>() {
            let mut example = example.unwrap();
            without_ellipses(&mut example);
            let sent = serde_json::from_value::<ClientFrame>(example.clone());
            let received = serde_json::from_value::<ServerFrame>(example.clone());
            assert!(sent.is_ok() || received.is_ok(), "{example}");
            examples += 1;
        }
    }
    assert!(examples > 30);
}

#[test]
fn the_wrong_opcode_ends_the_socket() {
    for (protocol, message) in [
        (SubProtocol::Proto, json("{}")),
        (SubProtocol::Json, Message::Binary(b"{}".to_vec().into())),
    ] {
        assert_eq!(protocol.decode(&message), Err(BadFrame::Fatal));
    }
}

#[test]
fn bad_json_is_answered_with_the_command_that_it_named() {
    let refused = answered(&json(
        r#"{"act": {"commandId": "c", "sessionId": "s", "shout": {}}}"#,
    ));
    assert_eq!(refused.command_id, "c");
    assert_eq!(refused.session_id, "s");
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.code, 3);
    assert_eq!(refusal.reason, "BAD_FRAME");
    assert!(refusal.message.contains("shout"), "{}", refusal.message);
}

#[test]
fn bad_json_is_answered_with_the_message_that_it_named() {
    for named in ["imSend", "im_send"] {
        let refused = answered(&json(&format!(
            r#"{{"{named}": {{"commandId": "c", "text": 7}}}}"#
        )));
        assert_eq!((&*refused.command_id, &*refused.session_id), ("c", ""));
    }
}

#[test]
fn json_that_is_no_frame_at_all_is_answered() {
    for text in [
        "",
        "{",
        "[]",
        "null",
        "7",
        "{}",
        r#"{"hello": 1}"#,
        r#"{"ping": {}, "ping": {}}"#,
        r#"{"ping": {}, "detach": {}}"#,
        r#"{"typing": {"box": "AUDIENCE_EVERYONE"}}"#,
        r#"{"act": {"commandId": 7}}"#,
        &"[".repeat(60_000),
    ] {
        assert_eq!(answered(&json(text)).refusal.unwrap().reason, "BAD_FRAME");
    }
}

#[test]
fn bytes_that_are_no_frame_end_the_socket() {
    let truncated = Message::Binary(vec![0x0a, 0xff].into());
    assert_eq!(SubProtocol::Proto.decode(&truncated), Err(BadFrame::Fatal));
    let empty = Message::Binary(Vec::new().into());
    assert!(matches!(
        SubProtocol::Proto.decode(&empty),
        Err(BadFrame::Answerable(_))
    ));
}

fn client_frames() -> impl Strategy<Value = ClientFrame> {
    use client_frame::Frame;
    let text = any::<String>;
    let frame = prop_oneof![
        text().prop_map(|access_token| Frame::Hello(Hello { access_token })),
        Just(Frame::RenewToken(RenewToken {})),
        (proptest::collection::vec(text(), 0..3), any::<bool>())
            .prop_map(|(queue_ids, all)| Frame::Watch(WatchSessionsRequest { queue_ids, all })),
        (text(), proptest::option::of((text(), any::<u64>()))).prop_map(|(session_id, after)| {
            Frame::Attend(Attend {
                session_id,
                after: after.map(|(epoch, number)| Position { epoch, number }),
            })
        }),
        text().prop_map(|session_id| Frame::Detach(Detach { session_id })),
        (text(), text(), text()).prop_map(|(command_id, session_id, text)| Frame::Act(Act {
            command_id,
            session_id,
            act: Some(act::Act::PostMessage(PostMessage { text })),
        })),
        (text(), text()).prop_map(|(command_id, session_id)| Frame::Act(Act {
            command_id,
            session_id,
            act: Some(act::Act::PickUp(PickUp {})),
        })),
        (text(), 0..3i32)
            .prop_map(|(session_id, r#box)| Frame::Typing(Typing { session_id, r#box })),
        any::<u64>().prop_map(|number| Frame::Ping(Ping { number })),
        transfers(),
        presence(),
        im(),
    ];
    (frame, text()).prop_map(|(frame, trace_parent)| ClientFrame {
        frame: Some(frame),
        trace_parent,
    })
}

/// Acts that hand a session over, and the one that says how it came out.
fn transfers() -> impl Strategy<Value = client_frame::Frame> {
    let text = any::<String>;
    let to = proptest::option::of(prop_oneof![
        text().prop_map(offer_transfer::To::Introduction),
        text().prop_map(offer_transfer::To::QueueId),
    ]);
    let act = prop_oneof![
        (to, text())
            .prop_map(|(to, message)| act::Act::OfferTransfer(OfferTransfer { to, message })),
        text().prop_map(|offer_id| act::Act::AcceptTransfer(AcceptTransfer { offer_id })),
        (text(), text()).prop_map(|(offer_id, reason)| {
            act::Act::DeclineTransfer(DeclineTransfer { offer_id, reason })
        }),
        text().prop_map(|offer_id| act::Act::WithdrawTransfer(WithdrawTransfer { offer_id })),
        (0..6i32).prop_map(|resolution| act::Act::SetResolution(SetResolution { resolution })),
        (proptest::collection::vec(text(), 0..5), text()).prop_map(|(codes, code_list)| {
            act::Act::SetDescriptiveCodes(SetDescriptiveCodes { codes, code_list })
        }),
    ];
    (text(), text(), act).prop_map(|(command_id, session_id, act)| {
        client_frame::Frame::Act(Act {
            command_id,
            session_id,
            act: Some(act),
        })
    })
}

/// Frames about an open monitor, and about the desk.
fn presence() -> impl Strategy<Value = client_frame::Frame> {
    use client_frame::Frame;
    let queues = proptest::option::of(proptest::collection::vec(any::<String>(), 0..3));
    prop_oneof![
        (any::<String>(), 0..5i32, queues, any::<bool>()).prop_map(
            |(monitor_id, status, queues, returning)| {
                Frame::Announce(Announcement {
                    monitor_id,
                    status,
                    queues: queues.map(|queue_ids| MonitoredQueues { queue_ids }),
                    returning,
                })
            }
        ),
        Just(Frame::Goodbye(Goodbye {})),
        Just(Frame::WatchDesk(WatchDeskRequest {})),
    ]
}

/// Frames about messages to other librarians.
fn im() -> impl Strategy<Value = client_frame::Frame> {
    use client_frame::Frame;
    use send_message_request::To;
    let text = any::<String>;
    let to = proptest::option::of(prop_oneof![
        text().prop_map(To::LibrarianId),
        text().prop_map(To::QueueId),
        text().prop_map(To::ConversationId),
    ]);
    prop_oneof![
        Just(Frame::WatchConversations(WatchConversationsRequest {
            trace: false
        })),
        (text(), to, text()).prop_map(|(command_id, to, text)| {
            Frame::ImSend(SendMessageRequest {
                command_id,
                to,
                text,
            })
        }),
        (text(), any::<(u64, u64, i32)>()).prop_map(
            |(conversation_id, (before, after, page_size))| {
                Frame::ImList(ListMessagesRequest {
                    conversation_id,
                    before,
                    after,
                    page_size,
                })
            }
        ),
        (text(), any::<u64>()).prop_map(|(conversation_id, position)| {
            Frame::ImMarkRead(MarkReadRequest {
                conversation_id,
                position,
            })
        }),
        text().prop_map(|conversation_id| Frame::ImTyping(SendTypingRequest { conversation_id })),
    ]
}

proptest! {
    // I27
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>, text: String) {
        for protocol in SubProtocol::ALL {
            let _ = protocol.decode(&Message::Binary(bytes.clone().into()));
            let _ = protocol.decode(&Message::Text(text.clone().into()));
        }
    }

    // I27
    #[test]
    fn no_damage_to_a_frame_makes_the_decoder_panic(
        frame in client_frames(),
        at: prop::sample::Index,
        byte: u8,
        cut: prop::sample::Index,
    ) {
        let mut bytes = frame.encode_to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = SubProtocol::Proto.decode(&Message::Binary(bytes.clone().into()));
            bytes.truncate(cut.index(bytes.len()));
            let _ = SubProtocol::Proto.decode(&Message::Binary(bytes.into()));
        }
        let json = serde_json::to_string(&frame).unwrap();
        let cut: String = json.chars().take(cut.index(json.len())).collect();
        let _ = SubProtocol::Json.decode(&Message::Text(cut.into()));
    }

    #[test]
    fn both_sub_protocols_carry_every_frame_unchanged(frame in client_frames()) {
        for protocol in SubProtocol::ALL {
            let (decoded, trace_parent) = protocol.decode(&encode(protocol, &frame)).unwrap();
            prop_assert_eq!(Some(decoded), frame.frame.clone());
            prop_assert_eq!(&trace_parent, &frame.trace_parent);
        }
    }
}
