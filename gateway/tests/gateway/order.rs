//! The order of one browser's acts (I5): nothing overtakes what may have to be sent again.

use std::time::Duration;

use carrel_gateway::Config;
use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{
        Detach, LeaveConference, Ping, act, client_frame::Frame, server_frame::Frame as Received,
    },
    session::v1::{ActAccepted, AttendResponse, attend_response},
};
use tonic::{Code, Status};

use crate::{
    browser::{Browser, JSON},
    fixture::Fixture,
};

// I5
#[tokio::test]
async fn acts_on_a_stream_that_has_broken_wait_until_the_session_is_attended_again() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    fixture.sessions.end("s", Status::unavailable("gone")).await;
    // Sent before the browser knows. A separate call would go through.
    browser.post("1", "s", "1").await;
    browser.post("2", "s", "2").await;
    let (refused, others) = two_to_be_sent_again(&mut browser).await;
    assert_eq!(refused, ["1", "2"]);
    assert!(
        others
            .iter()
            .all(|other| matches!(other, Received::Detached(_)))
    );
    browser.attend("s").await;
    browser.post("1", "s", "1").await;
    assert_eq!(position_of(&mut browser, "1").await, ON_STREAM);

    // A browser that is not to attend again may still act by separate calls.
    let over = Refusal::new(Code::FailedPrecondition, "NO_LONGER_OWNER", "Another's.");
    fixture.sessions.end("s", over.into()).await;
    while !matches!(browser.next().await, Received::Detached(_)) {}
    browser.post("3", "s", "3").await;
    assert_eq!(position_of(&mut browser, "3").await, BY_ITSELF);
}

/// How the outcome of a supervisor's message becomes unknown.
#[derive(Clone, Copy, Debug)]
enum Breaks {
    /// The stream breaks before it is answered, and they leave after that.
    BeforeLeaving,
    /// The stream breaks before it is answered, while their leaving waits for it.
    WhileLeaving,
    /// The service says that the outcome is unknown, or that others were faster, and their leaving waits until the
    /// stream ends.
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
        let fixture = Fixture::open().await;
        let mut browser = Browser::attending(&fixture, "admin", "s").await;
        let text = match breaks {
            Breaks::AfterSayingSo(text) => text,
            Breaks::BeforeLeaving | Breaks::WhileLeaving => "never answered",
        };
        browser.post("1", "s", text).await;
        let on_stream = format!("attend post_message {text}");
        fixture.seen.wait_for(&on_stream, 1).await;
        let leave = || act::Act::LeaveConference(LeaveConference {});
        let mut refused = Vec::new();
        let gone = Status::unavailable("gone");
        match breaks {
            Breaks::BeforeLeaving => {
                fixture.sessions.end("s", gone).await;
                refused.push(browser.refused().await);
                assert!(matches!(browser.next().await, Received::Detached(_)));
                browser.act("2", "s", leave()).await;
            }
            Breaks::WhileLeaving => {
                browser.act("2", "s", leave()).await;
                time_to_overtake(&mut browser).await;
                fixture.sessions.end("s", gone).await;
            }
            Breaks::AfterSayingSo(_) => {
                refused.push(browser.refused().await);
                browser.act("2", "s", leave()).await;
                time_to_overtake(&mut browser).await;
                fixture.sessions.end("s", gone).await;
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
        assert_eq!(
            fixture.seen.count("unary leave_conference"),
            0,
            "{breaks:?}"
        );

        // Once it attends again, the page sends both again.
        browser.attend("s").await;
        browser.post("1", "s", "again").await;
        browser.act("2", "s", leave()).await;
        assert_eq!(position_of(&mut browser, "1").await, ON_STREAM);
        assert_eq!(position_of(&mut browser, "2").await, 0);
        assert_eq!(fixture.seen.count("unary leave_conference"), 1);
    }
}

/// Gives earlier frames enough time to be done out of turn, if they could be.
async fn time_to_overtake(browser: &mut Browser) {
    for number in 0..50 {
        browser.send(Frame::Ping(Ping { number })).await;
        assert!(matches!(browser.next().await, Received::Pong(_)));
    }
}

/// The positions that the scripted service gives to a message on a stream, and to one of a separate call.
const ON_STREAM: u64 = 7;
const BY_ITSELF: u64 = 8;

/// Waits until a command is accepted, and returns its position.
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

// I5
#[tokio::test]
async fn nothing_overtakes_what_is_on_a_stream_that_did_not_open_in_time() {
    let fixture = Fixture::with(Config {
        call_deadline: Duration::from_millis(100).into(),
        ..Config::default()
    })
    .await;
    let (mut browser, refused) = loop {
        let mut browser = Browser::hello_in_time(&fixture, JSON, "admin").await;
        browser.attend("never opened").await;
        browser.post("1", "never opened", "wait").await;
        match browser.next().await {
            Received::Refused(refused) => break (browser, refused),
            // The message came after the deadline. It is tried on another socket, which knows nothing of this one.
            Received::Detached(_) => {}
            other => panic!("{other:?}"),
        }
    };
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

// I5
#[tokio::test]
async fn what_is_handed_on_at_a_join_that_fails_is_not_overtaken_whatever_the_failure_is_called() {
    for (session, reason) in [("unreadable", "INTERNAL"), ("expired", "TOKEN_EXPIRED")] {
        let fixture = Fixture::open().await;
        let (mut browser, _) = Browser::hello(&fixture, JSON, "admin").await;
        browser.attend(session).await;
        browser.post("1", session, "wait").await;
        let refused = browser.refused().await;
        assert_eq!(refused.command_id, "1");
        assert_eq!(refused.refusal.unwrap().code, Code::Unavailable as i32);
        let Received::Detached(detached) = browser.next().await else {
            panic!("it is detached, so that it is attended again");
        };
        assert_eq!(detached.refusal.unwrap().reason, reason);
        browser.post("2", session, "2").await;
        let leave = act::Act::LeaveConference(LeaveConference {});
        browser.act("3", session, leave).await;
        for command_id in ["2", "3"] {
            let refused = browser.refused().await;
            assert_eq!(refused.command_id, command_id);
            assert_eq!(refused.refusal.unwrap().reason, "INTERRUPTED");
        }
        assert_eq!(fixture.seen.count("unary post_message 2"), 0);
        assert_eq!(fixture.seen.count("unary leave_conference"), 0);
    }
}

// I5
#[tokio::test]
async fn leaving_does_not_overtake_a_message_whose_answer_takes_longer_than_a_call_may() {
    let fixture = Fixture::with(Config {
        call_deadline: Duration::from_secs(2).into(),
        ..Config::default()
    })
    .await;
    let mut browser = Browser::attending(&fixture, "admin", "s").await;
    browser.post("1", "s", "never answered").await;
    let leave = act::Act::LeaveConference(LeaveConference {});
    browser.act("2", "s", leave).await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "2");
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.code, Code::Unavailable as i32);
    assert_eq!(refusal.reason, "INTERRUPTED");
    assert_eq!(fixture.seen.count("unary leave_conference"), 0);
}

/// A stream that nobody is to attend again does not block what may still be done with the session, such as taking it
/// over.
#[tokio::test]
async fn an_act_off_the_stream_goes_after_one_that_is_over_for_good() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "admin").await;
    browser.attend("handed over").await;
    browser.post("1", "handed over", "crossed it").await;
    assert_eq!(browser.refused().await.command_id, "1");
    let Received::Detached(detached) = browser.next().await else {
        panic!("it is detached");
    };
    assert_eq!(detached.refusal.unwrap().reason, "NO_LONGER_OWNER");
    let leave = act::Act::LeaveConference(LeaveConference {});
    browser.act("2", "handed over", leave).await;
    assert_eq!(browser.accepted().await.command_id, "2");
}

/// A browser whose stream is over for good, with a message of unknown outcome on it, and one behind it that was sent
/// before the browser knew.
async fn over_for_good(fixture: &Fixture) -> Browser {
    let (mut browser, _) = Browser::hello(fixture, JSON, "admin").await;
    browser.attend("handed over").await;
    browser.post("1", "handed over", "crossed it").await;
    assert_eq!(browser.refused().await.command_id, "1");
    let Received::Detached(_) = browser.next().await else {
        panic!("it is detached");
    };
    browser.post("2", "handed over", "and more").await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "2");
    assert_eq!(refused.refusal.unwrap().reason, "INTERRUPTED");
    browser
}

/// I5: a user who may not attend any more may still write a note, but not before one that must be sent again.
#[tokio::test]
async fn what_is_to_be_sent_again_after_a_stream_that_is_over_for_good_is_not_overtaken() {
    let fixture = Fixture::open().await;
    let mut browser = over_for_good(&fixture).await;
    for id in ["1", "2", "3"] {
        browser.post(id, "handed over", "again").await;
        assert_eq!(browser.accepted().await.command_id, id);
    }
}

#[tokio::test]
async fn what_was_to_be_sent_again_and_is_given_up_is_in_nobodys_way() {
    let fixture = Fixture::open().await;
    let mut browser = over_for_good(&fixture).await;
    for id in ["2", "3", "1"] {
        browser.post(id, "handed over", "again").await;
        assert_eq!(browser.accepted().await.command_id, id);
    }
}

#[tokio::test]
async fn an_act_off_the_stream_waits_for_those_on_it() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "admin", "s").await;
    leave_behind_a_message(&fixture, &mut browser).await;
    assert_eq!(fixture.seen.count("unary leave_conference"), 0);
    let accepted = ActAccepted {
        command_id: "1".into(),
        position: 7,
        replayed: false,
    };
    let accepted = AttendResponse {
        response: Some(attend_response::Response::ActAccepted(accepted)),
        trace_parent: String::new(),
    };
    fixture.sessions.publish("s", accepted).await;
    assert_eq!(browser.accepted().await.command_id, "1");
    assert_eq!(browser.accepted().await.command_id, "2");
}

// I5
#[tokio::test]
async fn leaving_does_not_overtake_a_message_that_its_sender_stopped_waiting_for() {
    for again in [true, false] {
        let fixture = Fixture::open().await;
        let mut browser = Browser::attending(&fixture, "admin", "s").await;
        leave_behind_a_message(&fixture, &mut browser).await;
        if again {
            browser.attend("s").await;
        } else {
            let session_id = "s".into();
            browser.send(Frame::Detach(Detach { session_id })).await;
        }
        let (refused, others) = two_to_be_sent_again(&mut browser).await;
        assert_eq!(refused, ["1", "2"]);
        assert!(others.iter().all(|other| match other {
            Received::Attending(_) => again,
            Received::Detached(_) => !again,
            _ => false,
        }));
        assert_eq!(fixture.seen.count("unary leave_conference"), 0);
    }
}

/// The next two acts that are refused and must be sent again, and what else comes meanwhile.
async fn two_to_be_sent_again(browser: &mut Browser) -> (Vec<String>, Vec<Received>) {
    let (mut refused, mut others) = (Vec::new(), Vec::new());
    while refused.len() < 2 {
        match browser.next().await {
            Received::Refused(answer) => {
                assert_eq!(answer.refusal.unwrap().code, Code::Unavailable as i32);
                refused.push(answer.command_id);
            }
            other => others.push(other),
        }
    }
    (refused, others)
}

/// Sends a message that is never answered, and behind it a leave that waits for its answer.
async fn leave_behind_a_message(fixture: &Fixture, browser: &mut Browser) {
    browser.post("1", "s", "never answered").await;
    let on_stream = "attend post_message never answered";
    fixture.seen.wait_for(on_stream, 1).await;
    let leave = act::Act::LeaveConference(LeaveConference {});
    browser.act("2", "s", leave).await;
    time_to_overtake(browser).await;
}
