//! Acts of one browser: their way, their order and their answers.

use std::time::Duration;

use carrel_gateway::{Config, config::SocketConfig};
use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{
        Detach, EnterConference, LeaveConference, OpenSession, PickUp, Ping, act,
        client_frame::Frame, server_frame::Frame as Received,
    },
    session::v1::{EndSession, PushPage, WriteNote},
};
use tonic::{Code, Status};

use crate::{
    browser::{Browser, JSON, PROTO},
    house::{House, with_socket},
};

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
    let seen = house.seen.lines();
    let posted: Vec<_> = seen
        .iter()
        .filter_map(|line| line.strip_prefix("attend post_message "))
        .collect();
    assert_eq!(posted, sent);
}

// I5
#[tokio::test]
async fn acts_on_a_stream_that_has_broken_wait_until_the_session_is_attended_again() {
    let house = House::open().await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    house.sessions.end("s", Status::unavailable("gone")).await;
    // Sent before the browser knows. A call by itself would go through.
    browser.post("1", "s", "1").await;
    browser.post("2", "s", "2").await;
    let mut refused = Vec::new();
    while refused.len() < 2 {
        match browser.next().await {
            Received::Refused(answer) => {
                assert_eq!(answer.refusal.unwrap().code, Code::Unavailable as i32);
                refused.push(answer.command_id);
            }
            Received::Detached(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, ["1", "2"]);
    browser.attend("s").await;
    browser.post("1", "s", "1").await;
    assert_eq!(position_of(&mut browser, "1").await, ON_STREAM);

    // Who is not to come back may still do things by themselves.
    let over = Refusal::new(Code::FailedPrecondition, "NO_LONGER_OWNER", "Another's.");
    house.sessions.end("s", over.into()).await;
    while !matches!(browser.next().await, Received::Detached(_)) {}
    browser.post("3", "s", "3").await;
    assert_eq!(position_of(&mut browser, "3").await, BY_ITSELF);
}

/// How a supervisor's message comes to be of unknown outcome.
#[derive(Clone, Copy, Debug)]
enum Breaks {
    /// It is not answered when the stream breaks, and they leave then.
    BeforeLeaving,
    /// It is not answered when the stream breaks, and their leaving waits for it.
    WhileLeaving,
    /// The service says that it does not know what became of it, or that others were faster, and their leaving waits
    /// until the stream ends.
    AfterSayingSo(&'static str),
}

// I5
#[tokio::test]
async fn leaving_does_not_overtake_a_message_that_must_be_sent_again() {
    for breaks in [
        Breaks::BeforeLeaving,
        Breaks::WhileLeaving,
        Breaks::AfterSayingSo("not known"),
        Breaks::AfterSayingSo("contended"),
    ] {
        let house = House::open().await;
        let mut browser = Browser::attending(&house, "admin", "s").await;
        let text = match breaks {
            Breaks::AfterSayingSo(text) => text,
            Breaks::BeforeLeaving | Breaks::WhileLeaving => "never answered",
        };
        browser.post("1", "s", text).await;
        let on_stream = format!("attend post_message {text}");
        house.seen.wait_for(&on_stream, 1).await;
        let leave = || act::Act::LeaveConference(LeaveConference {});
        let mut refused = Vec::new();
        let gone = Status::unavailable("gone");
        match breaks {
            Breaks::BeforeLeaving => {
                house.sessions.end("s", gone).await;
                refused.push(browser.refused().await);
                assert!(matches!(browser.next().await, Received::Detached(_)));
                browser.act("2", "s", leave()).await;
            }
            Breaks::WhileLeaving => {
                browser.act("2", "s", leave()).await;
                time_to_overtake(&mut browser).await;
                house.sessions.end("s", gone).await;
            }
            Breaks::AfterSayingSo(_) => {
                refused.push(browser.refused().await);
                browser.act("2", "s", leave()).await;
                time_to_overtake(&mut browser).await;
                house.sessions.end("s", gone).await;
            }
        }
        while refused.len() < 2 {
            match browser.next().await {
                Received::Refused(answer) => refused.push(answer),
                Received::Detached(_) => {}
                other => panic!("{breaks:?}: {other:?}"),
            }
        }
        let commands: Vec<_> = refused.iter().map(|answer| &*answer.command_id).collect();
        assert_eq!(commands, ["1", "2"], "{breaks:?}");
        let refusal = refused.pop().unwrap().refusal.unwrap();
        assert_eq!(refusal.code, Code::Unavailable as i32);
        assert_eq!(refusal.reason, "INTERRUPTED", "{breaks:?}");
        assert_eq!(house.seen.count("unary leave_conference"), 0, "{breaks:?}");

        // Once it attends again, the page goes on with both.
        browser.attend("s").await;
        browser.post("1", "s", "again").await;
        browser.act("2", "s", leave()).await;
        assert_eq!(position_of(&mut browser, "1").await, ON_STREAM);
        assert_eq!(position_of(&mut browser, "2").await, 0);
        assert_eq!(house.seen.count("unary leave_conference"), 1);
    }
}

/// Gives what was sent before time enough to be done out of turn, if it could be.
async fn time_to_overtake(browser: &mut Browser) {
    for number in 0..50 {
        browser.send(Frame::Ping(Ping { number })).await;
        assert!(matches!(browser.next().await, Received::Pong(_)));
    }
}

/// Where the scripted service says that a message is: one on a stream, and one of a call by itself.
const ON_STREAM: u64 = 7;
const BY_ITSELF: u64 = 8;

/// Waits until a command is accepted.
async fn position_of(browser: &mut Browser, command_id: &str) -> u64 {
    loop {
        match browser.next().await {
            Received::Accepted(accepted) if accepted.command_id == command_id => {
                return accepted.position;
            }
            Received::Refused(refused) => panic!("{refused:?}"),
            _ => {}
        }
    }
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

// I5
#[tokio::test]
async fn nothing_overtakes_what_is_on_a_stream_that_did_not_open_in_time() {
    let house = House::with(Config {
        call_deadline: Duration::from_millis(100).into(),
        ..Config::default()
    })
    .await;
    let (mut browser, _) = Browser::hello(&house, JSON, "admin").await;
    browser.attend("never opened").await;
    browser.post("1", "never opened", "wait").await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().code, Code::Unavailable as i32);
    let Received::Detached(detached) = browser.next().await else {
        panic!("it is detached, so that it is attended again");
    };
    assert_eq!(detached.refusal.unwrap().code, Code::Unavailable as i32);
    browser
        .act(
            "2",
            "never opened",
            act::Act::LeaveConference(LeaveConference {}),
        )
        .await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "2");
    assert_eq!(refused.refusal.unwrap().reason, "INTERRUPTED");
}

#[tokio::test]
async fn an_act_off_the_stream_waits_for_those_on_it() {
    let house = House::open().await;
    let mut browser = Browser::attending(&house, "admin", "s").await;
    browser.post("1", "s", "never answered").await;
    house
        .seen
        .wait_for("attend post_message never answered", 1)
        .await;
    let leave = act::Act::LeaveConference(LeaveConference {});
    browser.act("2", "s", leave).await;
    time_to_overtake(&mut browser).await;
    let detach = Detach {
        session_id: "s".into(),
    };
    browser.send(Frame::Detach(detach)).await;
    assert_eq!(browser.refused().await.command_id, "1");
    let mut rest = [browser.next().await, browser.next().await];
    rest.sort_by_key(|frame| matches!(frame, Received::Accepted(_)));
    let [Received::Detached(_), Received::Accepted(left)] = rest else {
        panic!("{rest:?}");
    };
    assert_eq!(left.command_id, "2");
}

#[tokio::test]
async fn a_command_that_is_sent_again_counts_again_and_each_has_an_answer() {
    let house = House::with(with_socket(SocketConfig {
        acts: std::num::NonZeroUsize::new(2).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let mut browser = Browser::attending(&house, "map", "s").await;
    for _ in 0..3 {
        browser.post("1", "s", "never answered").await;
    }
    let refusal = browser.refused().await.refusal.unwrap();
    assert_eq!(refusal.reason, "TOO_FAST");
    let detach = Detach {
        session_id: "s".into(),
    };
    browser.send(Frame::Detach(detach)).await;
    for _ in 0..2 {
        let refusal = browser.refused().await.refusal.unwrap();
        assert_eq!(refusal.code, Code::Unavailable as i32);
    }
    assert!(matches!(browser.next().await, Received::Detached(_)));
}
