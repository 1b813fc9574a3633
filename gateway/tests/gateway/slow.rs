//! Browsers that do not read, and their neighbours.

use std::{num::NonZeroUsize, time::Duration};

use carrel_gateway::{Config, config::SocketConfig};
use carrel_proto::gateway::v1::server_frame::Frame as Received;
use tokio::{net::TcpSocket, sync::watch};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::{
    browser::{Browser, JSON, upgrade},
    fixture::{Fixture, NOW_S},
    services::{event, token},
};

const SHORT_EVENTS: u64 = 20_000;
const BATCH: u64 = 200;

/// Reads as a browser that attends: reports how far it got, and fails at a gap or a repeat.
async fn read_in_order(mut browser: Browser, received: watch::Sender<u64>, last: u64) {
    for expected in 1..=last {
        match browser.next().await {
            Received::Event(event) => assert_eq!(event.event.unwrap().position, expected),
            other => panic!("{other:?}"),
        }
        received.send_replace(expected);
    }
}

/// A browser that attends and never reads, behind a receive buffer of a fixed size.
async fn stalled(fixture: &Fixture) -> tokio_tungstenite::WebSocketStream<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(128 * 1024).unwrap();
    let stream = socket.connect(fixture.address).await.unwrap();
    let (mut socket, _) = client_async(upgrade(fixture, JSON), stream).await.unwrap();
    let hello = format!(
        r#"{{"hello": {{"accessToken": "{}"}}}}"#,
        token("stalled", NOW_S + 600)
    );
    for frame in [&hello, r#"{"attend": {"sessionId": "s"}}"#] {
        futures::SinkExt::send(&mut socket, Message::text(frame))
            .await
            .unwrap();
    }
    socket
}

// F23, I26: one browser never reads; 20,000 short events; no other browser notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_does_not_read_is_closed_and_its_neighbours_miss_nothing() {
    let fixture = Fixture::with(Config {
        socket: SocketConfig {
            queue_frames: NonZeroUsize::new(256).unwrap(),
            // The close must arrive, however late this test reads.
            close_timeout: Duration::from_secs(60).into(),
            send_timeout: Duration::from_secs(600).into(),
            // Nor must the browser that does not read be given up because it answers no ping.
            silence_limit: Duration::from_secs(600).into(),
            ..SocketConfig::default()
        },
        ..Config::default()
    })
    .await;
    let mut stalled = stalled(&fixture).await;
    fixture.seen.wait_for("attend join 0", 1).await;
    let mut neighbours = Vec::new();
    for name in ["map", "lee", "admin"] {
        let browser = Browser::attending(&fixture, name, "s").await;
        let (sender, received) = watch::channel(0);
        let reading = read_in_order(browser, sender, SHORT_EVENTS);
        neighbours.push((tokio::spawn(reading), received));
    }
    for position in 1..=SHORT_EVENTS {
        fixture.sessions.publish("s", event(position, "x")).await;
        if position % BATCH == 0 {
            for (_, received) in &mut neighbours {
                received.wait_for(|read| *read >= position).await.unwrap();
            }
        }
    }
    for (reading, _) in neighbours {
        reading.await.unwrap();
    }
    // The others have gone. However much the kernel's buffers hold for the stalled browser, they fill up at some point.
    let long = "x".repeat(4_000);
    let mut last = SHORT_EVENTS + 1;
    while fixture.sessions.publish("s", event(last, &long)).await > 0 {
        last += 1;
        assert!(last < SHORT_EVENTS + 20_000, "never closed");
    }
    // I6: it got everything in order up to the cut-off, and is told to come back.
    let mut expected = 1;
    loop {
        let message = futures::StreamExt::next(&mut stalled)
            .await
            .unwrap()
            .unwrap();
        match message {
            Message::Text(text) => {
                let frame = serde_json::from_str(&text).unwrap();
                let carrel_proto::gateway::v1::ServerFrame { frame } = frame;
                if let Some(Received::Event(event)) = frame {
                    assert_eq!(event.event.unwrap().position, expected);
                    expected += 1;
                }
            }
            Message::Close(Some(close)) => {
                assert_eq!(u16::from(close.code), 4408);
                break;
            }
            _ => {}
        }
    }
    assert!(expected < last);
    // It comes back.
    let _resumed = Browser::attending(&fixture, "stalled", "s").await;
}

#[tokio::test]
async fn a_browser_that_is_not_heard_of_is_given_up() {
    let fixture = Fixture::with(Config {
        socket: SocketConfig {
            silence_limit: Duration::from_millis(100).into(),
            ping_interval: Duration::from_secs(600).into(),
            ..SocketConfig::default()
        },
        ..Config::default()
    })
    .await;
    // On a slow machine it may be given up before it attends. Then another one comes; one that attends is given up too.
    let mut attended = false;
    while !attended {
        let mut browser = Browser::silent(&fixture, JSON).await;
        let access_token = token("map", NOW_S + 600);
        browser.hello_and_attend(access_token, "s").await;
        let (code, _) = loop {
            match browser.next_or_close().await {
                Ok(frame) => attended |= matches!(frame, Received::Attending(_)),
                Err(close) => break close,
            }
        };
        assert_eq!(code, 1001);
    }
}
