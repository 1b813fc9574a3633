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
    house::{House, NOW_S},
    services::token,
};

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
    house.seen.wait_for("attend over", 1).await;
}

// I14
#[tokio::test]
async fn a_browser_that_vanishes_leaves_nothing_behind_and_ends_nothing() {
    let house = House::open().await;
    let gone = Browser::attending(&house, "map", "s").await;
    let mut here = Browser::attending(&house, "lee", "s").await;
    drop(gone);
    house.seen.wait_for("attend over", 1).await;
    here.post("1", "s", "still here").await;
    assert_eq!(here.accepted().await.command_id, "1");
}

/// Sends a request whose body the gateway waits for.
async fn unfinished_request(house: &House) -> TcpStream {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let head = format!(
        "POST /v1/log-in HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\
         expect: 100-continue\r\n\r\n",
        house.address
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
    let mut house = House::with(Config {
        drain_deadline: Duration::from_millis(50).into(),
        ..Config::default()
    })
    .await;
    let mut stream = unfinished_request(&house).await;
    house.shutdown.cancel();
    (&mut house.serving).await.unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

// I28
#[tokio::test]
async fn who_ends_a_gateway_at_once_leaves_no_connection_behind() {
    let house = House::open().await;
    let mut stream = unfinished_request(&house).await;
    let _browser = Browser::attending(&house, "map", "s").await;
    house.serving.abort();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(String::from_utf8_lossy(&rest), "");
    house.seen.wait_for("attend over", 1).await;
}

// I28
#[tokio::test]
async fn who_is_being_greeted_is_asked_to_come_back_at_a_stop() {
    let mut house = House::open().await;
    let mut browser = Browser::silent(&house, JSON).await;
    browser.say_hello(token("never", NOW_S + 600)).await;
    house.directory.waits.notified().await;
    house.shutdown.cancel();
    assert_eq!(browser.closed().await.0, 1012);
    (&mut house.serving).await.unwrap().unwrap();
}
