//! Messages to other librarians.

use std::num::NonZeroUsize;

use carrel_gateway::config::SocketConfig;
use carrel_proto::{
    gateway::v1::{client_frame::Frame, server_frame::Frame as Received},
    im::v1::{
        ListMessagesRequest, MarkReadRequest, SendMessageRequest, SendTypingRequest,
        send_message_request::To,
    },
};
use tokio_tungstenite::tungstenite::Message;
use tonic::Code;

use crate::{
    browser::{Browser, JSON, PROTO},
    fixture::{Fixture, with_socket},
};

fn send(command_id: &str, text: &str) -> Frame {
    Frame::ImSend(SendMessageRequest {
        command_id: command_id.into(),
        to: Some(To::LibrarianId("lee".into())),
        text: text.into(),
    })
}

fn list(conversation_id: &str, before: u64) -> Frame {
    Frame::ImList(ListMessagesRequest {
        conversation_id: conversation_id.into(),
        before,
        ..ListMessagesRequest::default()
    })
}

async fn sent(browser: &mut Browser) -> String {
    match browser.next().await {
        Received::ImSent(sent) => {
            assert_eq!(sent.sent.unwrap().position, 3);
            sent.command_id
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_are_sent_and_answered_in_order() {
    let fixture = Fixture::open().await;
    for protocol in [JSON, PROTO] {
        let (mut browser, _) = Browser::hello(&fixture, protocol, "map").await;
        for number in 0..20 {
            let number = format!("{protocol} {number}");
            browser.send(send(&number, &number)).await;
        }
        for number in 0..20 {
            assert_eq!(sent(&mut browser).await, format!("{protocol} {number}"));
        }
        let lines = fixture.seen.lines();
        let texts = lines
            .iter()
            .filter_map(|line| line.strip_prefix("im send "))
            .filter(|text| text.starts_with(protocol));
        assert!(texts.eq((0..20).map(|number| format!("{protocol} {number}"))));
    }
}

#[tokio::test]
async fn a_refusal_names_the_command() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.send(send("1", "refused")).await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().reason, "NOT_SHARED");
    let garbled = r#"{"imSend": {"commandId": "2", "librarian": "lee", "text": "x"}}"#;
    browser.raw(Message::text(garbled)).await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "2");
    assert_eq!(refused.refusal.unwrap().reason, "BAD_FRAME");
    browser.send(send("3", "fine")).await;
    assert_eq!(sent(&mut browser).await, "3");
}

#[tokio::test]
async fn messages_do_not_wait_for_acts_nor_acts_for_messages() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.post("1", "s", "never answered").await;
    browser.send(send("2", "fine")).await;
    assert_eq!(sent(&mut browser).await, "2");

    let (mut browser, _) = Browser::hello(&fixture, JSON, "lee").await;
    browser.send(send("1", "never answered")).await;
    browser.post("2", "s", "fine").await;
    assert_eq!(browser.accepted().await.command_id, "2");
}

#[tokio::test]
async fn more_than_may_be_under_way_is_refused_and_did_not_happen() {
    let fixture = Fixture::with(with_socket(SocketConfig {
        acts: NonZeroUsize::new(2).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.send(send("1", "never answered")).await;
    browser.send(list("c", 0)).await;
    browser.send(send("3", "one too many")).await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "3");
    assert_eq!(refused.refusal.unwrap().reason, "TOO_FAST");
    browser.send(list("c", 0)).await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "");
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.reason, "TOO_FAST");
    assert_eq!(refusal.metadata["request"], "im_list");
    assert_eq!(refusal.metadata["conversation_id"], "c");
    // A frame without an answer is dropped silently.
    let read = MarkReadRequest {
        conversation_id: "c".into(),
        position: 1,
    };
    browser.send(Frame::ImMarkRead(read)).await;
    browser.send(send("4", "one too many")).await;
    assert_eq!(browser.refused().await.command_id, "4");
    assert_eq!(fixture.seen.count("im send one too many"), 0);
    assert_eq!(fixture.seen.count("im mark_read map 1"), 0);
}

#[tokio::test]
async fn what_is_read_and_typed_is_told_in_order_with_what_is_sent() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    let conversation_id = || "c".to_owned();
    let read = MarkReadRequest {
        conversation_id: conversation_id(),
        position: 7,
    };
    let typing = SendTypingRequest {
        conversation_id: conversation_id(),
    };
    browser.send(Frame::ImMarkRead(read)).await;
    browser.send(Frame::ImTyping(typing)).await;
    browser.send(send("1", "fine")).await;
    // Neither has an answer.
    assert_eq!(sent(&mut browser).await, "1");
    let expected = ["im mark_read map 7", "im typing map", "im send fine"];
    assert_eq!(fixture.seen.lines(), expected);
}

#[tokio::test]
async fn messages_are_listed_as_many_as_fit_into_a_frame() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    for (before, more) in [(4, false), (101, true)] {
        browser.send(list("c", before)).await;
        let Received::ImMessages(listed) = browser.next().await else {
            panic!("not listed");
        };
        assert_eq!(listed.request.unwrap().before, before);
        let response = listed.response.unwrap();
        assert_eq!(response.more, more);
        assert_eq!(response.messages.last().unwrap().position, before - 1);
        assert!(response.messages.len() < 20);
    }
    browser.send(list("unknown", 0)).await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "");
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.code, Code::NotFound as i32);
    assert_eq!(refusal.metadata["request"], "im_list");
    assert_eq!(refusal.metadata["conversation_id"], "unknown");
}

// No patron ever sees any of it.
#[tokio::test]
async fn a_patron_is_refused_by_the_service() {
    let fixture = Fixture::open().await;
    let (mut patron, _) = Browser::hello(&fixture, JSON, "patron-ricky").await;
    for frame in [
        Frame::ImTyping(SendTypingRequest::default()),
        Frame::ImMarkRead(MarkReadRequest::default()),
        send("1", "hello"),
        list("c", 0),
    ] {
        patron.send(frame).await;
    }
    for command_id in ["1", ""] {
        let refused = patron.refused().await;
        assert_eq!(refused.command_id, command_id);
        assert_eq!(refused.refusal.unwrap().code, Code::PermissionDenied as i32);
    }
    assert!(fixture.seen.lines().is_empty());
}
