//! What a browser may write on its socket, and what ends it.

use std::num::NonZeroU32;
use std::time::Duration;

use carrel_gateway::config::SocketConfig;
use carrel_proto::gateway::v1::{Ping, client_frame::Frame, server_frame::Frame as Received};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame as RawFrame,
        coding::{Data, OpCode},
    },
};

use crate::{
    browser::{Browser, JSON, PROTO},
    fixture::{Fixture, NOW_S, with_socket},
    services::token,
};

// F28
#[tokio::test]
async fn who_says_nothing_is_sent_away() {
    let fixture = Fixture::with(with_socket(SocketConfig {
        hello_timeout: Duration::from_millis(50).into(),
        ..SocketConfig::default()
    }))
    .await;
    let browser = Browser::silent(&fixture, JSON).await;
    assert_eq!(browser.closed().await.0, 4409);
}

#[tokio::test]
async fn the_first_frame_is_hello_and_only_the_first() {
    let fixture = Fixture::open().await;
    let mut early = Browser::silent(&fixture, JSON).await;
    early.post("1", "s", "too early").await;
    assert_eq!(early.closed().await.0, 4400);
    let mut garbled = Browser::silent(&fixture, JSON).await;
    garbled.raw(Message::text("hello")).await;
    assert_eq!(garbled.closed().await.0, 4400);
    let (mut twice, _) = Browser::hello(&fixture, JSON, "map").await;
    twice.say_hello(token("lee", NOW_S + 600)).await;
    assert_eq!(twice.refused().await.refusal.unwrap().reason, "BAD_FRAME");
}

// F26, I27
#[tokio::test]
async fn a_malformed_frame_is_refused_and_the_socket_lives() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    for bad in [
        "",
        "{",
        "{}",
        "[1]",
        r#"{"shout": {}}"#,
        r#"{"act": {"commandId": 1}}"#,
    ] {
        browser.raw(Message::text(bad)).await;
        let refusal = browser.refused().await.refusal.unwrap();
        assert_eq!((refusal.code, &*refusal.reason), (3, "BAD_FRAME"), "{bad}");
    }
    let act = r#"{"act": {"commandId": "c", "sessionId": "s", "danceNow": {}}}"#;
    browser.raw(Message::text(act)).await;
    assert_eq!(browser.refused().await.command_id, "c");
    let nothing = r#"{"act": {"commandId": "d", "sessionId": "s"}}"#;
    browser.raw(Message::text(nothing)).await;
    assert_eq!(browser.refused().await.command_id, "d");
    browser.post("e", "s", "fine").await;
    assert_eq!(browser.accepted().await.command_id, "e");
}

// F26
#[tokio::test]
async fn what_can_not_be_a_frame_ends_the_socket() {
    let fixture = Fixture::open().await;
    for (protocol, message) in [
        (JSON, Message::binary(b"{}".to_vec())),
        (PROTO, Message::text("{}")),
        (PROTO, Message::binary(vec![0x0a, 0xff])),
    ] {
        let (mut browser, _) = Browser::hello(&fixture, protocol, "map").await;
        browser.raw(message).await;
        assert_eq!(browser.closed().await.0, 4400);
    }
}

// F25
#[tokio::test]
async fn a_frame_may_have_64_kib_and_no_more() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.raw(Message::text(" ".repeat(65_536))).await;
    assert_eq!(browser.refused().await.refusal.unwrap().reason, "BAD_FRAME");
    browser.raw(Message::text(" ".repeat(65_537))).await;
    assert_eq!(browser.closed().await.0, 1009);
}

// F25
#[tokio::test]
async fn fragments_make_one_message_and_have_its_limit_together() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    let fragment = |text: &str, opcode, last| {
        let text = text.as_bytes().to_vec();
        Message::Frame(RawFrame::message(text, OpCode::Data(opcode), last))
    };
    browser
        .raw(fragment(r#"{"ping": {"#, Data::Text, false))
        .await;
    browser
        .raw(fragment(r#""number": "#, Data::Continue, false))
        .await;
    browser
        .raw(fragment(r#""3"}}"#, Data::Continue, true))
        .await;
    assert!(matches!(browser.next().await, Received::Pong(pong) if pong.number == 3));
    browser.raw(fragment("", Data::Text, false)).await;
    let piece = " ".repeat(1_024);
    for _ in 0..65 {
        browser.raw(fragment(&piece, Data::Continue, false)).await;
    }
    assert_eq!(browser.closed().await.0, 1009);
}

// F26
#[tokio::test]
async fn text_that_is_not_utf8_ends_the_socket() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    let bad = RawFrame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    browser.raw(Message::Frame(bad)).await;
    assert_eq!(browser.closed().await.0, 1007);
}

// T10
#[tokio::test]
async fn too_many_frames_end_the_socket() {
    let fixture = Fixture::with(with_socket(SocketConfig {
        frames_per_second: NonZeroU32::MIN,
        frames_burst: NonZeroU32::new(3).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    for number in 0..6 {
        browser.send(Frame::Ping(Ping { number })).await;
    }
    assert_eq!(browser.closed().await.0, 4429);
}

// T10
#[tokio::test]
async fn frames_before_hello_count_too() {
    let fixture = Fixture::with(with_socket(SocketConfig {
        frames_per_second: NonZeroU32::MIN,
        frames_burst: NonZeroU32::new(3).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let mut browser = Browser::silent(&fixture, JSON).await;
    for _ in 0..6 {
        browser.raw(Message::Ping(Default::default())).await;
    }
    assert_eq!(browser.closed().await.0, 4429);
}
