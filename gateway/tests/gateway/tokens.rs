//! Whose socket it is, and for how long.

use carrel_proto::{
    gateway::v1::{Ping, RenewToken, client_frame::Frame, server_frame::Frame as Received},
    session::v1::WatchSessionsRequest,
};
use tonic::Code;

use crate::{
    browser::{Browser, JSON},
    fixture::{Fixture, NOW_S},
    services::token,
};

#[tokio::test]
async fn a_patron_is_told_their_session() {
    let fixture = Fixture::open().await;
    let (_, welcome) = Browser::hello(&fixture, JSON, "patron-ricky").await;
    assert_eq!(welcome.session_id, "patron-ricky");
    assert!(welcome.profile.is_none());
}

// F29
#[tokio::test]
async fn a_renewed_token_keeps_the_socket_and_all_that_is_attended() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
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
    fixture.seen.wait_for("attend renew map", 1).await;
    // The watch starts again with the fresh token.
    assert!(matches!(browser.next().await, Received::Lists(_)));
    fixture.seen.wait_for("watch maple", 2).await;
    // The old token has expired, and the socket stays open.
    fixture.clock.advance_ms(700_000);
    browser.post("1", "s", "still here").await;
    assert_eq!(browser.accepted().await.command_id, "1");
    assert!(matches!(browser.next().await, Received::Event(_)));
    fixture.clock.advance_ms(1);
    browser.send(Frame::Ping(Ping { number: 1 })).await;
    assert!(matches!(browser.next().await, Received::Pong(_)));
}

// F29
#[tokio::test]
async fn a_token_that_expires_ends_the_socket() {
    let fixture = Fixture::open().await;
    let browser = Browser::attending(&fixture, "map", "s").await;
    fixture.clock.advance_ms(600_000);
    assert_eq!(browser.closed().await.0, 4401);
    fixture.seen.wait_for("attend over", 1).await;
}

#[tokio::test]
async fn a_refused_renewal_is_told_and_the_old_token_still_counts() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "librarian-gone").await;
    browser.send(Frame::RenewToken(RenewToken {})).await;
    let refusal = browser.refused().await.refusal.unwrap();
    assert_eq!(refusal.code, Code::Unauthenticated as i32);
    assert_eq!(refusal.metadata["request"], "renew_token");
    browser.post("1", "s", "x").await;
    assert_eq!(browser.accepted().await.command_id, "1");
}

#[tokio::test]
async fn a_bad_or_expired_token_is_told_by_the_close() {
    let fixture = Fixture::open().await;
    for bad in [
        String::new(),
        "x".repeat(20_000),
        token("nobody", NOW_S + 600),
        token("map", NOW_S - 1),
        "line\nbreak".into(),
    ] {
        let mut browser = Browser::silent(&fixture, JSON).await;
        browser.say_hello(bad).await;
        assert_eq!(browser.closed().await.0, 4401);
    }
}
