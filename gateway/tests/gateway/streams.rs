//! What a browser attends and watches.

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{
        Attend, Detach, Ping, Typing, client_frame::Frame, server_frame::Frame as Received,
    },
    session::v1::{
        AttendResponse, Heartbeat, Position, WatchHeartbeat, WatchSessionsRequest, attend_response,
        watch_sessions_response::Change,
    },
};
use tokio_tungstenite::tungstenite::Message;
use tonic::Code;

use crate::{
    browser::{Browser, JSON, PROTO},
    fixture::Fixture,
    services::event,
};

#[tokio::test]
async fn both_sub_protocols_carry_a_conversation() {
    let fixture = Fixture::open().await;
    for protocol in [JSON, PROTO] {
        let (mut browser, welcome) = Browser::hello(&fixture, protocol, "map").await;
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
async fn heads_and_typing_pass_and_traces_do_not() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    let typing = Typing {
        session_id: "s".into(),
        r#box: 2,
    };
    browser.send(Frame::Typing(typing)).await;
    fixture.seen.wait_for("attend typing 2", 1).await;
    fixture.sessions.publish("s", event(1, "hi")).await;
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
    fixture.sessions.publish("s", heartbeat).await;
    assert!(matches!(browser.next().await, Received::Head(head) if head.number == 5));
}

#[tokio::test]
async fn an_ended_stream_is_told_and_can_be_attended_again() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    browser.post("1", "s", "never answered").await;
    fixture
        .seen
        .wait_for("attend post_message never answered", 1)
        .await;
    let slow = Refusal::new(Code::ResourceExhausted, "TOO_SLOW", "Join again.");
    fixture.sessions.end("s", slow.into()).await;
    // R8: the client settles what was under way, with the same command.
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().code, Code::Unavailable as i32);
    let Received::Detached(detached) = browser.next().await else {
        panic!("not detached");
    };
    assert_eq!(detached.session_id, "s");
    assert_eq!(detached.refusal.unwrap().reason, "TOO_SLOW");
    // I5: anything before the session is attended again could overtake what was under way.
    browser.post("2", "s", "too soon").await;
    assert_eq!(
        browser.refused().await.refusal.unwrap().reason,
        "INTERRUPTED"
    );
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
    fixture.seen.wait_for("attend join 4", 1).await;
    browser.post("1", "s", "again").await;
    assert_eq!(browser.accepted().await.command_id, "1");
}

#[tokio::test]
async fn attending_twice_starts_anew_and_detaching_ends_it() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    browser.attend("s").await;
    assert!(matches!(browser.next().await, Received::Attending(_)));
    fixture.seen.wait_for("attend over", 1).await;
    let detach = Detach {
        session_id: "s".into(),
    };
    browser.send(Frame::Detach(detach)).await;
    assert!(matches!(browser.next().await, Received::Detached(d) if d.refusal.is_none()));
    fixture.seen.wait_for("attend over", 2).await;
}

#[tokio::test]
async fn what_may_not_be_attended_is_told_in_the_services_words() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
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
    let fixture = Fixture::open().await;
    let (mut librarian, _) = Browser::hello(&fixture, JSON, "map").await;
    let watch = |queue: &str| {
        Frame::Watch(WatchSessionsRequest {
            queue_ids: vec![queue.into()],
            all: false,
        })
    };
    librarian.send(watch("maple")).await;
    assert!(matches!(librarian.next().await, Received::Lists(_)));
    fixture.seen.wait_for("watch maple", 1).await;
    fixture
        .sessions
        .change(Change::Heartbeat(WatchHeartbeat {}))
        .await;
    let Received::Lists(lists) = librarian.next().await else {
        panic!("no lists");
    };
    assert_eq!(lists.change, Some(Change::Heartbeat(WatchHeartbeat {})));
    librarian.send(watch("harbor")).await;
    assert!(matches!(librarian.next().await, Received::Lists(_)));
    fixture.seen.wait_for("watch harbor", 1).await;

    let (mut patron, _) = Browser::hello(&fixture, JSON, "patron-ricky").await;
    patron.send(watch("maple")).await;
    let refused = patron.refused().await;
    assert_eq!(refused.command_id, "");
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.reason, "ROLE_NOT_ALLOWED");
    assert_eq!(refusal.metadata["request"], "watch");
}
