//! Services, gateways and browsers that go away.

use std::time::Duration;

use carrel_gateway::Config;
use carrel_proto::gateway::v1::{Ping, client_frame::Frame, server_frame::Frame as Received};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::Code;

use crate::{
    browser::{Browser, JSON},
    fixture::{Fixture, NOW_S},
    services::token,
};

// F1
#[tokio::test]
async fn services_that_are_away_are_told_as_unknown_and_the_socket_lives() {
    let mut fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    fixture.lose_services().await;
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
    let mut newcomer = Browser::silent(&fixture, JSON).await;
    newcomer.say_hello(token("lee", NOW_S + 600)).await;
    assert_eq!(newcomer.closed().await.0, 1012);
}

// I28
#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_asks_the_browser_to_come_back() {
    let mut fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    browser.post("1", "s", "last words").await;
    assert_eq!(browser.accepted().await.command_id, "1");
    fixture.shutdown.cancel();
    let (code, reason) = browser.closed().await;
    assert_eq!(code, 1012);
    let wait: u64 = reason.strip_prefix("retry_ms=").unwrap().parse().unwrap();
    assert!((500..3_000).contains(&wait), "{wait}");
    (&mut fixture.serving).await.unwrap().unwrap();
    assert!(
        tokio::net::TcpStream::connect(fixture.address)
            .await
            .is_err()
    );
    fixture.seen.wait_for("attend over", 1).await;
}

// I14
#[tokio::test]
async fn a_browser_that_vanishes_leaves_nothing_behind_and_ends_nothing() {
    let fixture = Fixture::open().await;
    let gone = Browser::attending(&fixture, "map", "s").await;
    let mut here = Browser::attending(&fixture, "lee", "s").await;
    drop(gone);
    fixture.seen.wait_for("attend over", 1).await;
    here.post("1", "s", "still here").await;
    assert_eq!(here.accepted().await.command_id, "1");
}

/// Sends a request whose body the gateway waits for.
async fn unfinished_request(fixture: &Fixture) -> TcpStream {
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let head = format!(
        "POST /v1/log-in HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\
         expect: 100-continue\r\n\r\n",
        fixture.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The gateway asks for the body, so it is waiting for it now.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

// I28
#[tokio::test]
async fn a_request_that_does_not_end_holds_up_no_stop_and_does_not_outlive_it() {
    let mut fixture = Fixture::with(Config {
        drain_deadline: Duration::from_millis(50).into(),
        ..Config::default()
    })
    .await;
    let mut stream = unfinished_request(&fixture).await;
    fixture.shutdown.cancel();
    (&mut fixture.serving).await.unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

// I28
#[tokio::test]
async fn who_ends_a_gateway_at_once_leaves_no_connection_behind() {
    let fixture = Fixture::open().await;
    let mut stream = unfinished_request(&fixture).await;
    let _browser = Browser::attending(&fixture, "map", "s").await;
    fixture.serving.abort();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(String::from_utf8_lossy(&rest), "");
    fixture.seen.wait_for("attend over", 1).await;
}

// I28
#[tokio::test]
async fn who_is_being_greeted_is_asked_to_come_back_at_a_stop() {
    let mut fixture = Fixture::open().await;
    let mut browser = Browser::silent(&fixture, JSON).await;
    browser.say_hello(token("never", NOW_S + 600)).await;
    fixture.directory.waits.notified().await;
    fixture.shutdown.cancel();
    assert_eq!(browser.closed().await.0, 1012);
    (&mut fixture.serving).await.unwrap().unwrap();
}
