//! A librarian's open monitor: how it is announced, and what keeps it alive.

use std::time::Duration;

use carrel_gateway::config::SocketConfig;
use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{
        Ping, Refused, RenewToken, client_frame::Frame, server_frame::Frame as Received,
    },
    presence::v1::{
        Announcement, Goodbye, MonitoredQueues, OwnPresence, PresenceHeartbeat, Status,
        announce_response::Response,
    },
    refusal::v1 as wire,
};
use tonic::Code;

use crate::{
    browser::{Browser, JSON, PROTO},
    fixture::{Fixture, with_socket},
};

const GOODBYE: Frame = Frame::Goodbye(Goodbye {});

/// A gateway with these intervals between pings, and between the signs of life that it tells the service.
async fn fixture(ping: Duration, here: Duration) -> Fixture {
    Fixture::with(with_socket(SocketConfig {
        monitor_ping_interval: ping.into(),
        here_interval: here.into(),
        ..SocketConfig::default()
    }))
    .await
}

/// Never, as far as a test is concerned.
const NEVER: Duration = Duration::from_secs(3_600);

fn announce(queue_ids: &[&str]) -> Frame {
    Frame::Announce(Announcement {
        monitor_id: "m".into(),
        status: Status::Available.into(),
        queues: Some(MonitoredQueues {
            queue_ids: queue_ids.iter().map(ToString::to_string).collect(),
        }),
        returning: false,
    })
}

async fn own_presence(browser: &mut Browser) -> OwnPresence {
    match browser.next().await {
        Received::OwnPresence(presence) => presence,
        other => panic!("{other:?}"),
    }
}

/// A librarian whose monitor is announced.
async fn announced(fixture: &Fixture, protocol: &str, who: &str) -> Browser {
    let (mut browser, _) = Browser::hello(fixture, protocol, who).await;
    browser.send(announce(&["maple"])).await;
    assert_eq!(own_presence(&mut browser).await.queue_ids, ["maple"]);
    browser
}

/// Reads the refusal of an announcement.
async fn refusal(browser: &mut Browser) -> wire::Refusal {
    let Refused {
        command_id,
        session_id,
        refusal,
    } = browser.refused().await;
    assert_eq!((&*command_id, &*session_id), ("", ""));
    let refusal = refusal.unwrap();
    assert_eq!(refusal.metadata["request"], "announce");
    refusal
}

/// A round trip to the gateway: a sign of life.
async fn ping(browser: &mut Browser) {
    browser.send(Frame::Ping(Ping { number: 1 })).await;
    assert!(matches!(browser.next().await, Received::Pong(_)));
}

#[tokio::test]
async fn a_monitor_is_announced_and_changed_on_one_stream() {
    let fixture = Fixture::open().await;
    for protocol in [JSON, PROTO] {
        let mut browser = announced(&fixture, protocol, protocol).await;
        browser.send(announce(&["maple", "harbor"])).await;
        let changed = own_presence(&mut browser).await;
        assert_eq!(changed.queue_ids, ["maple", "harbor"]);
        assert_eq!(changed.status(), Status::Available);
        // From another monitor of the same librarian.
        let away = OwnPresence {
            status: Status::Away.into(),
            monitors: 2,
            ..OwnPresence::default()
        };
        let heartbeat = Response::Heartbeat(PresenceHeartbeat {});
        fixture.presence.tell(protocol, heartbeat).await;
        let presence = Response::OwnPresence(away.clone());
        fixture.presence.tell(protocol, presence).await;
        assert_eq!(own_presence(&mut browser).await, away);
        let over = format!("announce over {protocol}");
        assert_eq!(fixture.seen.count(&over), 0);
    }
}

#[tokio::test]
async fn a_refused_announcement_leaves_what_was_announced_before() {
    let fixture = Fixture::open().await;
    let mut browser = announced(&fixture, JSON, "map").await;
    browser.send(announce(&["unknown"])).await;
    assert_eq!(refusal(&mut browser).await.code, Code::NotFound as i32);
    browser.send(announce(&["harbor"])).await;
    assert_eq!(own_presence(&mut browser).await.queue_ids, ["harbor"]);
    assert_eq!(fixture.seen.count("announce over map"), 0);
}

#[tokio::test]
async fn a_patron_is_refused_by_the_service() {
    let fixture = Fixture::open().await;
    let (mut patron, _) = Browser::hello(&fixture, JSON, "patron-ricky").await;
    patron.send(announce(&["maple"])).await;
    assert_eq!(
        refusal(&mut patron).await.code,
        Code::PermissionDenied as i32
    );
    patron.send(GOODBYE).await;
    ping(&mut patron).await;
}

// A background tab whose timers are frozen sends nothing by itself, but its browser answers pings.
#[tokio::test]
async fn answers_to_pings_keep_a_monitor_alive() {
    let fixture = fixture(Duration::from_millis(10), Duration::from_millis(10)).await;
    for protocol in [JSON, PROTO] {
        let mut browser = announced(&fixture, protocol, protocol).await;
        let reading = tokio::spawn(async move { browser.next().await });
        fixture.seen.wait_for(&format!("here {protocol}"), 5).await;
        reading.abort();
    }
}

// A connection that only looks alive: the service is told nothing of a browser that gives no sign of life.
#[tokio::test]
async fn a_browser_that_gives_no_sign_of_life_is_not_said_to_be_here() {
    let fixture = fixture(Duration::from_millis(10), Duration::from_millis(10)).await;
    let (mut vanished, _) = Browser::hello(&fixture, JSON, "map").await;
    vanished.send(announce(&["maple"])).await;
    // This socket is not read from here on: reading it would answer a ping, which is a sign of life.
    fixture.seen.wait_for("announce map m maple", 1).await;
    let mut alive = announced(&fixture, JSON, "lee").await;
    let reading = tokio::spawn(async move { alive.next().await });
    fixture.seen.wait_for("here lee", 20).await;
    assert_eq!(fixture.seen.count("here map"), 0);
    reading.abort();
}

#[tokio::test]
async fn each_frame_is_a_sign_of_life() {
    let fixture = fixture(NEVER, Duration::ZERO).await;
    let mut browser = announced(&fixture, JSON, "map").await;
    for _ in 0..3 {
        ping(&mut browser).await;
    }
    fixture.seen.wait_for("here map", 3).await;
}

#[tokio::test]
async fn the_service_is_not_told_of_every_sign_of_life() {
    let fixture = fixture(NEVER, NEVER).await;
    let mut browser = announced(&fixture, JSON, "map").await;
    for _ in 0..50 {
        ping(&mut browser).await;
    }
    browser.send(GOODBYE).await;
    fixture.seen.wait_for("announce over map", 1).await;
    assert_eq!(fixture.seen.count("here map"), 0);
}

#[tokio::test]
async fn a_goodbye_arrives_even_if_the_socket_closes_right_after_it() {
    let fixture = Fixture::open().await;
    let mut browser = announced(&fixture, JSON, "map").await;
    browser.send(GOODBYE).await;
    drop(browser);
    fixture.seen.wait_for("goodbye map", 1).await;
    fixture.seen.wait_for("announce over map", 1).await;
}

#[tokio::test]
async fn a_socket_that_is_lost_says_no_goodbye() {
    let fixture = Fixture::open().await;
    drop(announced(&fixture, JSON, "map").await);
    fixture.seen.wait_for("announce over map", 1).await;
    assert_eq!(fixture.seen.count("goodbye map"), 0);
}

#[tokio::test]
async fn a_monitor_can_be_announced_again_after_a_goodbye_and_none_overtakes_the_other() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    for _ in 0..5 {
        browser.send(announce(&["maple"])).await;
        own_presence(&mut browser).await;
        browser.send(GOODBYE).await;
    }
    fixture.seen.wait_for("announce over map", 5).await;
    let lines = fixture.seen.lines();
    for round in lines.chunks(3) {
        let expected = ["announce map m maple", "goodbye map", "announce over map"];
        assert_eq!(round, expected);
    }
}

#[tokio::test]
async fn an_end_of_the_stream_is_told_and_the_monitor_can_be_announced_again() {
    let mut fixture = Fixture::open().await;
    let mut browser = announced(&fixture, JSON, "map").await;
    for (code, reason) in [
        (Code::DeadlineExceeded, "SILENT"),
        (Code::Aborted, "SUPERSEDED"),
        (Code::Unauthenticated, "BAD_TOKEN"),
    ] {
        let end = Refusal::new(code, reason, "Announce again.");
        fixture.presence.end("map", end.into()).await;
        let refusal = refusal(&mut browser).await;
        assert_eq!((refusal.code, &*refusal.reason), (code as i32, reason));
        browser.send(announce(&["maple"])).await;
        own_presence(&mut browser).await;
    }
    fixture.lose_services().await;
    let lost = refusal(&mut browser).await;
    assert_eq!(lost.code, Code::Unavailable as i32);
    browser.send(announce(&["maple"])).await;
    let still_lost = refusal(&mut browser).await;
    assert_eq!(still_lost.code, Code::Unavailable as i32);
}

// F29
#[tokio::test]
async fn a_fresh_token_is_given_to_the_stream_that_goes_on() {
    let fixture = Fixture::open().await;
    let mut browser = announced(&fixture, JSON, "map").await;
    browser.send(Frame::RenewToken(RenewToken {})).await;
    assert!(matches!(browser.next().await, Received::Renewed(_)));
    fixture.seen.wait_for("renew presence map", 1).await;
    assert_eq!(fixture.seen.count("announce over map"), 0);
}
