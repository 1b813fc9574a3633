//! The fault proxy does to a link what it is told to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{net::SocketAddr, time::Duration};

use carrel_faults::{
    proxy::{Proxy, Weather},
    seed::Dice,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// Starts a server that reports what it was sent, and sends it back.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (says, said) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let says = says.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 4_096];
                while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                    says.send(bytes[..length].to_vec()).unwrap();
                    if stream.write_all(&bytes[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, said)
}

async fn proxy() -> (Proxy, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (address, said) = echo().await;
    (Proxy::start(address, Dice::new(1)).await.unwrap(), said)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn come_back(stream: &mut TcpStream, text: &[u8]) {
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(back, text);
}

async fn goes_and_comes(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    come_back(stream, text).await;
}

/// Waits until the connection is gone. Returns whether it was reset.
async fn is_reset(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 64];
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
}

#[tokio::test]
async fn passes_everything_in_any_weather_that_passes() {
    let (proxy, _said) = proxy().await;
    let text: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
    for weather in [
        Weather::default(),
        Weather::sliced(),
        Weather::slow(Duration::from_millis(2)),
        Weather {
            bytes_per_second: Some(4_000_000),
            ..Weather::default()
        },
    ] {
        proxy.set(weather);
        let stream = connect(&proxy).await;
        let (mut from, mut to) = stream.into_split();
        let sent = text.clone();
        tokio::spawn(async move { to.write_all(&sent).await.unwrap() });
        let mut back = vec![0; text.len()];
        from.read_exact(&mut back).await.unwrap();
        assert!(back == text);
    }
}

#[tokio::test]
async fn passes_the_end_on() {
    let (proxy, _said) = proxy().await;
    let mut stream = connect(&proxy).await;
    goes_and_comes(&mut stream, b"good day").await;
    stream.shutdown().await.unwrap();
    assert!(!is_reset(&mut stream).await);
}

#[tokio::test]
async fn holds_everything_while_it_is_half_open_and_passes_it_afterwards() {
    let (proxy, mut said) = proxy().await;
    let mut stream = connect(&proxy).await;
    goes_and_comes(&mut stream, b"before").await;
    said.recv().await.unwrap();
    proxy.set(Weather::half_open());
    stream.write_all(b"during").await.unwrap();
    // Traffic on another link shows that there was enough time.
    let (other, _other_said) = self::proxy().await;
    goes_and_comes(&mut connect(&other).await, b"meanwhile").await;
    assert!(said.is_empty());
    proxy.clear();
    come_back(&mut stream, b"during").await;
}

#[tokio::test]
async fn passes_one_way_only() {
    let (proxy, mut said) = proxy().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Weather::one_way());
    stream.write_all(b"hello").await.unwrap();
    assert_eq!(said.recv().await.unwrap(), b"hello");
    let mut nothing = [0; 1];
    assert!(stream.try_read(&mut nothing).is_err());
    proxy.clear();
    come_back(&mut stream, b"hello").await;
}

#[tokio::test]
async fn resets_refuses_and_cuts() {
    let (proxy, _said) = proxy().await;
    let mut stream = connect(&proxy).await;
    goes_and_comes(&mut stream, b"before").await;
    proxy.reset();
    assert!(is_reset(&mut stream).await);

    proxy.set(Weather {
        refuse: true,
        ..Weather::default()
    });
    assert!(is_reset(&mut connect(&proxy).await).await);

    proxy.set(Weather {
        cut_after: Some(10),
        ..Weather::default()
    });
    let mut stream = connect(&proxy).await;
    goes_and_comes(&mut stream, b"12345").await;
    stream.write_all(b"6").await.unwrap();
    assert!(is_reset(&mut stream).await);
}

#[tokio::test]
async fn makes_the_connections_that_there_are_deaf_and_new_ones_pass() {
    let (proxy, mut said) = proxy().await;
    let mut deaf = connect(&proxy).await;
    goes_and_comes(&mut deaf, b"before").await;
    said.recv().await.unwrap();
    proxy.stall_existing();
    deaf.write_all(b"into nothing").await.unwrap();
    goes_and_comes(&mut connect(&proxy).await, b"heard").await;
    assert_eq!(said.recv().await.unwrap(), b"heard");
    proxy.reset();
    assert!(is_reset(&mut deaf).await);
    assert!(said.is_empty());
}

#[tokio::test]
async fn finds_another_target() {
    let (proxy, mut said) = proxy().await;
    let (address, mut other_said) = echo().await;
    proxy.aim(address);
    goes_and_comes(&mut connect(&proxy).await, b"hello").await;
    assert_eq!(other_said.recv().await.unwrap(), b"hello");
    assert!(said.is_empty());
    assert!(said.try_recv().is_err());
}
