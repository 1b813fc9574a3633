//! One browser at a time: frames, acts, tokens and closes.

use std::{num::NonZeroU32, time::Duration};

use carrel_gateway::{Config, config::SocketConfig};
use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{
        Attend, Detach, EnterConference, LeaveConference, OpenSession, PickUp, Ping, RenewToken,
        Typing, act, client_frame::Frame, server_frame::Frame as Received,
    },
    session::v1::{
        AttendResponse, EndSession, Heartbeat, Position, PushPage, WatchHeartbeat,
        WatchSessionsRequest, WriteNote, attend_response, watch_sessions_response::Change,
    },
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame as RawFrame,
        coding::{Data, OpCode},
    },
};
use tonic::Code;

use crate::{
    browser::{Browser, JSON, PROTO},
    house::{House, NOW_S},
    services::{event, token},
};

fn with_socket(socket: SocketConfig) -> Config {
    Config {
        socket,
        ..Config::default()
    }
}

#[tokio::test]
async fn both_sub_protocols_carry_a_conversation() {
    let house = House::open().await;
    for protocol in [JSON, PROTO] {
        let (mut browser, welcome) = Browser::hello(&house, protocol, "map").await;
        assert_eq!(welcome.profile.unwrap().screen_name, "Ms Map");
        assert_eq!(welcome.session_id, "");
        assert_eq!(welcome.silence_limit_ms, 50_000);
        assert_eq!(welcome.text_limit, 4_000);
        browser.attend(protocol).await;
        let Received::Attending(attending) = browser.next().await else {
            panic!("not attending");
        };
        assert_eq!(attending.session_id, protocol);
        browser.post("c1", protocol, "Hello, Ricky").await;
        let accepted = browser.accepted().await;
        assert_eq!(accepted.command_id, "c1");
        assert_eq!(accepted.session_id, protocol);
        assert_eq!(accepted.position, 7);
        let Received::Event(posted) = browser.next().await else {
            panic!("no event");
        };
        assert_eq!(posted.event.unwrap().position, 7);
        browser.send(Frame::Ping(Ping { number: u64::MAX })).await;
        assert!(matches!(browser.next().await, Received::Pong(pong) if pong.number == u64::MAX));
    }
}

#[tokio::test]
async fn a_patron_is_told_their_session() {
    let house = House::open().await;
    let (_, welcome) = Browser::hello(&house, JSON, "patron-ricky").await;
    assert_eq!(welcome.session_id, "patron-ricky");
    assert!(welcome.profile.is_none());
}

#[tokio::test]
async fn acts_that_have_no_place_on_a_stream_go_by_themselves_and_in_order() {
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, JSON, "patron-ricky").await;
    let open = OpenSession {
        question: "Who was first?".into(),
        ..OpenSession::default()
    };
    browser.act("1", "", act::Act::OpenSession(open)).await;
    browser.act("2", "s", act::Act::PickUp(PickUp {})).await;
    browser.post("3", "s", "a").await;
    let page = PushPage {
        address: "https://example.org".into(),
    };
    browser.act("4", "s", act::Act::PushPage(page)).await;
    let note = WriteNote { text: "n".into() };
    browser.act("5", "s", act::Act::WriteNote(note)).await;
    let enter = EnterConference {
        warning_version: "1".into(),
    };
    browser
        .act("6", "s", act::Act::EnterConference(enter))
        .await;
    browser
        .act("7", "s", act::Act::LeaveConference(LeaveConference {}))
        .await;
    browser
        .act("8", "s", act::Act::EndSession(EndSession {}))
        .await;

    let opened = browser.accepted().await;
    assert_eq!(opened.session_id, "patron-ricky");
    assert!(opened.replayed);
    let refused = browser.refused().await;
    assert_eq!((&*refused.command_id, &*refused.session_id), ("2", "s"));
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.reason, "ALREADY_PICKED_UP");
    assert_eq!(refusal.metadata["picked_up_by"], "Mr Lee");
    for (command_id, position) in [("3", 8), ("4", 9), ("5", 10), ("6", 0), ("7", 0), ("8", 11)] {
        let accepted = browser.accepted().await;
        assert_eq!(accepted.command_id, command_id);
        assert_eq!(accepted.position, position);
    }
}

// I5
#[tokio::test]
async fn acts_in_an_attended_session_arrive_in_the_order_in_which_they_were_sent() {
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, PROTO, "map").await;
    browser.attend("s").await;
    for number in 0..40 {
        browser
            .post(&number.to_string(), "s", &format!("{number}"))
            .await;
    }
    let mut accepted = Vec::new();
    while accepted.len() < 40 {
        if let Received::Accepted(answer) = browser.next().await {
            accepted.push(answer.command_id);
        }
    }
    let sent: Vec<_> = (0..40).map(|number: u32| number.to_string()).collect();
    assert_eq!(accepted, sent);
    let seen = house.sessions.seen.borrow().clone();
    let posted: Vec<_> = seen
        .iter()
        .filter_map(|line| line.strip_prefix("attend post_message "))
        .collect();
    assert_eq!(posted, sent);
}

#[tokio::test]
async fn a_refused_act_leaves_the_stream_as_it_is() {
    let house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    browser.post("1", "s", "refused").await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.session_id, "s");
    assert_eq!(refused.refusal.unwrap().reason, "ENDED");
    browser.post("2", "s", "fine").await;
    assert_eq!(browser.accepted().await.command_id, "2");
}

#[tokio::test]
async fn heads_and_typing_pass_and_traces_do_not() {
    let house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    let typing = Typing {
        session_id: "s".into(),
        r#box: 2,
    };
    browser.send(Frame::Typing(typing)).await;
    house.sessions.wait_for("attend typing 2", 1).await;
    house.sessions.publish("s", event(1, "hi")).await;
    let text = loop {
        match futures::StreamExt::next(&mut browser.socket)
            .await
            .unwrap()
            .unwrap()
        {
            Message::Text(text) => break text,
            _ => continue,
        }
    };
    assert!(text.contains("hi"));
    for secret in [
        "trace",
        "0af7651916cd43dd8448eb211c80319c",
        "4bf92f3577b34da6",
    ] {
        assert!(!text.contains(secret), "{text}");
    }
    let heartbeat = AttendResponse {
        response: Some(attend_response::Response::Heartbeat(Heartbeat { head: 5 })),
        trace_parent: String::new(),
    };
    house.sessions.publish("s", heartbeat).await;
    assert!(matches!(browser.next().await, Received::Head(head) if head.number == 5));
}

#[tokio::test]
async fn an_ended_stream_is_told_and_can_be_attended_again() {
    let house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    browser.post("1", "s", "never answered").await;
    house
        .sessions
        .wait_for("attend post_message never answered", 1)
        .await;
    let slow = Refusal::new(Code::ResourceExhausted, "TOO_SLOW", "Join again.");
    house.sessions.end("s", slow.into()).await;
    // R8: what was under way is settled by the client, with the same command.
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().code, Code::Unavailable as i32);
    let Received::Detached(detached) = browser.next().await else {
        panic!("not detached");
    };
    assert_eq!(detached.session_id, "s");
    assert_eq!(detached.refusal.unwrap().reason, "TOO_SLOW");
    // An act for a session whose stream is over goes by itself.
    browser.post("1", "s", "again").await;
    assert_eq!(browser.accepted().await.position, 8);
    browser
        .send(Frame::Attend(Attend {
            session_id: "s".into(),
            after: Some(Position {
                epoch: "e".into(),
                number: 4,
            }),
        }))
        .await;
    assert!(matches!(browser.next().await, Received::Attending(_)));
    house.sessions.wait_for("attend join 4", 1).await;
}

#[tokio::test]
async fn attending_twice_starts_anew_and_detaching_ends_it() {
    let house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    browser.attend("s").await;
    assert!(matches!(browser.next().await, Received::Attending(_)));
    house.sessions.wait_for("attend over", 1).await;
    let detach = Detach {
        session_id: "s".into(),
    };
    browser.send(Frame::Detach(detach)).await;
    assert!(matches!(browser.next().await, Received::Detached(d) if d.refusal.is_none()));
    house.sessions.wait_for("attend over", 2).await;
}

#[tokio::test]
async fn what_may_not_be_attended_is_told_in_the_services_words() {
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, JSON, "map").await;
    browser.attend("unknown").await;
    let Received::Detached(detached) = browser.next().await else {
        panic!("not detached");
    };
    assert_eq!(
        detached.refusal.unwrap(),
        Refusal::not_found("session").into()
    );
}

#[tokio::test]
async fn lists_are_watched_and_a_patron_may_not() {
    let house = House::open().await;
    let (mut librarian, _) = Browser::hello(&house, JSON, "map").await;
    let watch = |queue: &str| {
        Frame::Watch(WatchSessionsRequest {
            queue_ids: vec![queue.into()],
            all: false,
        })
    };
    librarian.send(watch("maple")).await;
    assert!(matches!(librarian.next().await, Received::Lists(_)));
    house.sessions.wait_for("watch maple", 1).await;
    house
        .sessions
        .change(Change::Heartbeat(WatchHeartbeat {}))
        .await;
    let Received::Lists(lists) = librarian.next().await else {
        panic!("no lists");
    };
    assert_eq!(lists.change, Some(Change::Heartbeat(WatchHeartbeat {})));
    librarian.send(watch("harbor")).await;
    assert!(matches!(librarian.next().await, Received::Lists(_)));
    house.sessions.wait_for("watch harbor", 1).await;

    let (mut patron, _) = Browser::hello(&house, JSON, "patron-ricky").await;
    patron.send(watch("maple")).await;
    let refused = patron.refused().await;
    assert_eq!(refused.command_id, "");
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.reason, "ROLE_NOT_ALLOWED");
    assert_eq!(refusal.metadata["request"], "watch");
}

// F29
#[tokio::test]
async fn a_renewed_token_keeps_the_socket_and_all_that_is_attended() {
    let house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    let watch = WatchSessionsRequest {
        queue_ids: vec!["maple".into()],
        all: false,
    };
    browser.send(Frame::Watch(watch)).await;
    assert!(matches!(browser.next().await, Received::Lists(_)));
    browser.send(Frame::RenewToken(RenewToken {})).await;
    let Received::Renewed(renewed) = browser.next().await else {
        panic!("not renewed");
    };
    assert!(!renewed.token.unwrap().access_token.is_empty());
    house.sessions.wait_for("attend renew map", 1).await;
    // The watch starts anew with the fresh token.
    assert!(matches!(browser.next().await, Received::Lists(_)));
    house.sessions.wait_for("watch maple", 2).await;
    // The old token's time is over, and the socket goes on.
    house.clock.advance_ms(700_000);
    browser.post("1", "s", "still here").await;
    assert_eq!(browser.accepted().await.command_id, "1");
    assert!(matches!(browser.next().await, Received::Event(_)));
    house.clock.advance_ms(1);
    browser.send(Frame::Ping(Ping { number: 1 })).await;
    assert!(matches!(browser.next().await, Received::Pong(_)));
}

// F29
#[tokio::test]
async fn a_token_that_expires_ends_the_socket() {
    let house = House::open().await;
    let browser = Browser::attending(&house, "map", "s").await;
    house.clock.advance_ms(600_000);
    assert_eq!(browser.closed().await.0, 4401);
    house.sessions.wait_for("attend over", 1).await;
}

#[tokio::test]
async fn a_refused_renewal_is_told_and_the_old_token_still_counts() {
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, JSON, "librarian-gone").await;
    browser.send(Frame::RenewToken(RenewToken {})).await;
    let refusal = browser.refused().await.refusal.unwrap();
    assert_eq!(refusal.code, Code::Unauthenticated as i32);
    assert_eq!(refusal.metadata["request"], "renew_token");
    browser.post("1", "s", "x").await;
    assert_eq!(browser.accepted().await.command_id, "1");
}

#[tokio::test]
async fn a_bad_or_expired_token_is_told_by_the_close() {
    let house = House::open().await;
    for bad in [
        String::new(),
        "x".repeat(20_000),
        token("nobody", NOW_S + 600),
        token("map", NOW_S - 1),
        "line\nbreak".into(),
    ] {
        let mut browser = Browser::silent(&house, JSON).await;
        browser.say_hello(bad).await;
        assert_eq!(browser.closed().await.0, 4401);
    }
}

// F28
#[tokio::test]
async fn who_says_nothing_is_sent_away() {
    let house = House::with(with_socket(SocketConfig {
        hello_timeout: Duration::from_millis(50).into(),
        ..SocketConfig::default()
    }))
    .await;
    let browser = Browser::silent(&house, JSON).await;
    assert_eq!(browser.closed().await.0, 4409);
}

#[tokio::test]
async fn the_first_frame_is_hello_and_only_the_first() {
    let house = House::open().await;
    let mut early = Browser::silent(&house, JSON).await;
    early.post("1", "s", "too early").await;
    assert_eq!(early.closed().await.0, 4400);
    let mut garbled = Browser::silent(&house, JSON).await;
    garbled.raw(Message::text("hello")).await;
    assert_eq!(garbled.closed().await.0, 4400);
    let (mut twice, _) = Browser::hello(&house, JSON, "map").await;
    twice.say_hello(token("lee", NOW_S + 600)).await;
    assert_eq!(twice.refused().await.refusal.unwrap().reason, "BAD_FRAME");
}

// F26, I27
#[tokio::test]
async fn a_malformed_frame_is_refused_and_the_socket_lives() {
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, JSON, "map").await;
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
    let house = House::open().await;
    for (protocol, message) in [
        (JSON, Message::binary(b"{}".to_vec())),
        (PROTO, Message::text("{}")),
        (PROTO, Message::binary(vec![0x0a, 0xff])),
    ] {
        let (mut browser, _) = Browser::hello(&house, protocol, "map").await;
        browser.raw(message).await;
        assert_eq!(browser.closed().await.0, 4400);
    }
}

// F25
#[tokio::test]
async fn a_frame_may_have_64_kib_and_no_more() {
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, JSON, "map").await;
    browser.raw(Message::text(" ".repeat(65_536))).await;
    assert_eq!(browser.refused().await.refusal.unwrap().reason, "BAD_FRAME");
    browser.raw(Message::text(" ".repeat(65_537))).await;
    assert_eq!(browser.closed().await.0, 1009);
}

// F25
#[tokio::test]
async fn fragments_make_one_message_and_have_its_limit_together() {
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, JSON, "map").await;
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
    let house = House::open().await;
    let (mut browser, _) = Browser::hello(&house, JSON, "map").await;
    let bad = RawFrame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    browser.raw(Message::Frame(bad)).await;
    assert_eq!(browser.closed().await.0, 1007);
}

// T10
#[tokio::test]
async fn too_many_frames_end_the_socket() {
    let house = House::with(with_socket(SocketConfig {
        frames_per_second: NonZeroU32::MIN,
        frames_burst: NonZeroU32::new(3).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let (mut browser, _) = Browser::hello(&house, JSON, "map").await;
    for number in 0..6 {
        browser.send(Frame::Ping(Ping { number })).await;
    }
    assert_eq!(browser.closed().await.0, 4429);
}

#[tokio::test]
async fn more_acts_than_may_be_under_way_are_refused_and_did_not_happen() {
    let house = House::with(with_socket(SocketConfig {
        acts: std::num::NonZeroUsize::new(2).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    browser.post("1", "s", "never answered").await;
    browser.post("2", "s", "never answered").await;
    browser.post("3", "s", "one too many").await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "3");
    assert_eq!(
        refused.refusal.unwrap().code,
        Code::ResourceExhausted as i32
    );
    let detach = Detach {
        session_id: "s".into(),
    };
    browser.send(Frame::Detach(detach)).await;
    for _ in 0..2 {
        let refusal = browser.refused().await.refusal.unwrap();
        assert_eq!(refusal.code, Code::Unavailable as i32);
    }
    assert!(matches!(browser.next().await, Received::Detached(_)));
    browser.post("3", "s", "now").await;
    assert_eq!(browser.accepted().await.command_id, "3");
}

// I3
#[tokio::test]
async fn an_act_without_an_answer_in_time_is_unknown() {
    let house = House::with(Config {
        call_deadline: Duration::from_millis(100).into(),
        ..Config::default()
    })
    .await;
    let (mut browser, _) = Browser::hello(&house, JSON, "map").await;
    browser.post("1", "s", "never answered").await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().code, Code::DeadlineExceeded as i32);
}

// F1
#[tokio::test]
async fn services_that_are_away_are_told_as_unknown_and_the_socket_lives() {
    let mut house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    house.lose_services().await;
    let Received::Detached(detached) = browser.next().await else {
        panic!("not detached");
    };
    assert_eq!(detached.refusal.unwrap().code, Code::Unavailable as i32);
    browser.post("1", "s", "anyone?").await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().code, Code::Unavailable as i32);
    browser.attend("s").await;
    let Received::Detached(detached) = browser.next().await else {
        panic!("not detached");
    };
    assert_eq!(detached.refusal.unwrap().code, Code::Unavailable as i32);
    browser.send(Frame::Ping(Ping { number: 1 })).await;
    assert!(matches!(browser.next().await, Received::Pong(_)));
    // A newcomer is asked to come back.
    let mut newcomer = Browser::silent(&house, JSON).await;
    newcomer.say_hello(token("lee", NOW_S + 600)).await;
    assert_eq!(newcomer.closed().await.0, 1012);
}

// I28
#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_asks_the_browser_to_come_back() {
    let mut house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    browser.post("1", "s", "last words").await;
    assert_eq!(browser.accepted().await.command_id, "1");
    house.shutdown.cancel();
    let (code, reason) = browser.closed().await;
    assert_eq!(code, 1012);
    let wait: u64 = reason.strip_prefix("retry_ms=").unwrap().parse().unwrap();
    assert!((500..3_000).contains(&wait), "{wait}");
    (&mut house.serving).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(house.address).await.is_err());
    house.sessions.wait_for("attend over", 1).await;
}

// I14
#[tokio::test]
async fn a_browser_that_vanishes_leaves_nothing_behind_and_ends_nothing() {
    let house = House::open().await;
    let gone = Browser::attending(&house, "map", "s").await;
    let mut here = Browser::attending(&house, "lee", "s").await;
    drop(gone);
    house.sessions.wait_for("attend over", 1).await;
    here.post("1", "s", "still here").await;
    assert_eq!(here.accepted().await.command_id, "1");
}
