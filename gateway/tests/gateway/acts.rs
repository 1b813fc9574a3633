//! One browser's acts: their way and their answers.

use std::time::Duration;

use carrel_gateway::{Config, config::SocketConfig};
use carrel_proto::{
    gateway::v1::{
        Detach, EnterConference, LeaveConference, OpenSession, PickUp, SetDescriptiveCodes,
        SetResolution, act, client_frame::Frame, server_frame::Frame as Received,
    },
    session::v1::{EndSession, PushPage, Resolution, WriteNote},
};
use tonic::Code;

use crate::{
    browser::{Browser, JSON, PROTO},
    fixture::{Fixture, with_socket},
};

#[tokio::test]
async fn acts_that_have_no_place_on_a_stream_go_by_themselves_and_in_order() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "patron-ricky").await;
    let open = OpenSession {
        question: "Who was first?".into(),
        language: "fr".into(),
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
    let set = SetResolution {
        resolution: Resolution::LostCall.into(),
    };
    browser.act("9", "s", act::Act::SetResolution(set)).await;
    let set = SetDescriptiveCodes {
        codes: vec!["Maps".into(), "Ships".into()],
        code_list: "maple's".into(),
    };
    browser
        .act("10", "s", act::Act::SetDescriptiveCodes(set))
        .await;

    let opened = browser.accepted().await;
    assert_eq!(opened.session_id, "patron-ricky");
    assert!(opened.replayed);
    let refused = browser.refused().await;
    assert_eq!((&*refused.command_id, &*refused.session_id), ("2", "s"));
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.reason, "ALREADY_PICKED_UP");
    assert_eq!(refusal.metadata["picked_up_by"], "Mr Lee");
    for (command_id, position) in [
        ("3", 8),
        ("4", 9),
        ("5", 10),
        ("6", 0),
        ("7", 0),
        ("8", 11),
        ("9", 12),
        ("10", 13),
    ] {
        let accepted = browser.accepted().await;
        assert_eq!(accepted.command_id, command_id);
        assert_eq!(accepted.position, position);
    }
    let lines = fixture.seen.lines();
    assert!(lines.iter().any(|line| line == "open_session in fr"));
    assert_eq!(
        lines[lines.len() - 2..],
        [
            "set_resolution RESOLUTION_LOST_CALL",
            "set_descriptive_codes Maps, Ships by maple's"
        ]
    );
}

/// R16: the end goes on the stream, and what is said of it by itself.
#[tokio::test]
async fn the_resolution_does_not_overtake_the_end_that_it_is_about() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    let end = act::Act::EndSession(EndSession {});
    browser.act("1", "s", end).await;
    let set = SetResolution {
        resolution: Resolution::Answered.into(),
    };
    browser.act("2", "s", act::Act::SetResolution(set)).await;
    let mut accepted = Vec::new();
    while accepted.len() < 2 {
        if let Received::Accepted(answer) = browser.next().await {
            accepted.push((answer.command_id, answer.position));
        }
    }
    assert_eq!(accepted, [("1".to_owned(), 7), ("2".to_owned(), 12)]);
    let lines = fixture.seen.lines();
    let acts = lines
        .iter()
        .filter(|line| line.contains("end_session") || line.contains("set_resolution"));
    let acts: Vec<_> = acts.map(|line| line.trim()).collect();
    assert_eq!(
        acts,
        ["attend end_session", "set_resolution RESOLUTION_ANSWERED"]
    );
}

// I5
#[tokio::test]
async fn acts_in_an_attended_session_arrive_in_the_order_in_which_they_were_sent() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, PROTO, "map").await;
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
    let seen = fixture.seen.lines();
    let posted: Vec<_> = seen
        .iter()
        .filter_map(|line| line.strip_prefix("attend post_message "))
        .collect();
    assert_eq!(posted, sent);
}

#[tokio::test]
async fn a_refused_act_leaves_the_stream_as_it_is() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
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
    let fixture = Fixture::with(with_socket(SocketConfig {
        acts: std::num::NonZeroUsize::new(2).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
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
    let fixture = Fixture::with(Config {
        call_deadline: Duration::from_millis(100).into(),
        ..Config::default()
    })
    .await;
    let mut browser = Browser::hello_in_time(&fixture, JSON, "map").await;
    browser.post("1", "s", "never answered").await;
    let refused = browser.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().code, Code::DeadlineExceeded as i32);
}

#[tokio::test]
async fn a_command_that_is_sent_again_counts_again_and_each_has_an_answer() {
    let fixture = Fixture::with(with_socket(SocketConfig {
        acts: std::num::NonZeroUsize::new(2).unwrap(),
        ..SocketConfig::default()
    }))
    .await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
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
