#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
};

use carrel_proto::gateway::v1::{Pong, ServerFrame, server_frame::Frame};
use futures::{StreamExt, channel::mpsc as futures_mpsc};
use prost::Message as _;

use super::*;

fn config(frames: usize, bytes: usize) -> SocketConfig {
    SocketConfig {
        queue_frames: NonZeroUsize::new(frames).unwrap(),
        queue_bytes: NonZeroUsize::new(bytes).unwrap(),
        ..SocketConfig::default()
    }
}

/// The outbox of a gateway's only browser.
fn alone(protocol: SubProtocol, config: &SocketConfig, closing: Closing) -> (Outbox, Writer) {
    outbox(protocol, config, Moments::from_now(), closing)
}

fn pong(number: u64) -> Frame {
    Frame::Pong(Pong { number })
}

fn code(message: &Message) -> Option<u16> {
    match message {
        Message::Close(Some(close)) => Some(close.code),
        _ => None,
    }
}

// I26
#[test]
fn a_full_queue_closes_the_socket_and_never_waits() {
    for config in [config(4, 1_000_000), config(1_000, 100)] {
        let closing = Closing::default();
        let (outbox, writer) = alone(SubProtocol::Json, &config, closing.clone());
        for number in 0..10_000 {
            outbox.push(pong(number));
        }
        assert_eq!(closing.reason(), Some(Close::TooSlow));
        assert!(writer.queue.len() <= 4);
    }
}

#[test]
fn the_first_reason_to_close_counts() {
    let closing = Closing::default();
    closing.decide(Close::BadToken);
    closing.decide(Close::TooSlow);
    assert_eq!(closing.reason(), Some(Close::BadToken));
}

async fn write<S>(mut writer: Writer, mut sink: S)
where
    S: Sink<Message, Error: Error + 'static> + Unpin,
{
    writer.run(&mut sink).await;
}

#[tokio::test]
async fn what_waits_is_sent_before_a_close_unless_the_reader_is_too_slow() {
    for (close, frames) in [(Close::BadToken, 3), (Close::TooSlow, 0)] {
        let closing = Closing::default();
        let (outbox, writer) = alone(SubProtocol::Json, &config(16, 1_000), closing.clone());
        for number in 0..3 {
            outbox.push(pong(number));
        }
        closing.decide(close);
        let (sink, received) = futures_mpsc::channel(16);
        write(writer, sink).await;
        let received: Vec<Message> = received.collect().await;
        assert_eq!(received.len(), frames + 1);
        assert_eq!(code(&received[frames]), Some(close.code()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_takes_nothing_is_too_slow() {
    let closing = Closing::default();
    let (outbox, writer) = alone(SubProtocol::Proto, &config(16, 1_000), closing.clone());
    let (sink, _never_read) = futures_mpsc::channel(0);
    let writing = tokio::spawn(write(writer, sink));
    for number in 0..4 {
        outbox.push(pong(number));
    }
    assert_eq!(closing.decided().await, Close::TooSlow);
    writing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_quiet_socket_is_pinged_on_a_fixed_clock() {
    let closing = Closing::default();
    let (outbox, writer) = alone(SubProtocol::Json, &config(16, 1_000), closing.clone());
    let (sink, mut received) = futures_mpsc::channel(16);
    tokio::spawn(write(writer, sink));
    let start = Instant::now();
    for round in 1..=3 {
        assert!(matches!(received.next().await, Some(Message::Ping(_))));
        assert_eq!(start.elapsed().as_secs(), 20 * round);
    }
    drop(outbox);
}

/// Returns what was received, up to and including this many pings: `None` is a ping, anything else must be a head.
async fn heads_and_pings(
    received: &mut futures_mpsc::Receiver<Message>,
    pings: usize,
) -> Vec<Option<(String, u64)>> {
    let mut all = Vec::new();
    while all.iter().filter(|one: &&Option<_>| one.is_none()).count() < pings {
        all.push(match received.next().await.unwrap() {
            Message::Ping(_) => None,
            Message::Binary(bytes) => match ServerFrame::decode(bytes).unwrap().frame.unwrap() {
                Frame::Head(head) => Some((head.session_id, head.number)),
                other => panic!("no head: {other:?}"),
            },
            other => panic!("neither a head nor a ping: {other:?}"),
        });
    }
    all
}

// I8
#[tokio::test(start_paused = true)]
async fn a_head_is_told_once_and_again_with_a_ping_until_it_is_forgotten() {
    let (outbox, writer) = alone(SubProtocol::Proto, &config(16, 1_000), Closing::default());
    let (sink, mut received) = futures_mpsc::channel(16);
    tokio::spawn(write(writer, sink));
    for (session, number) in [("a", 1), ("a", 1), ("b", 7), ("a", 2), ("a", 2)] {
        outbox.tell_head(session, number);
    }
    let told = |session: &str, number| Some((session.to_owned(), number));
    assert_eq!(
        heads_and_pings(&mut received, 2).await,
        [
            told("a", 1),
            told("b", 7),
            told("a", 2),
            None,
            told("a", 2),
            told("b", 7),
            None
        ]
    );
    outbox.forget_head("a");
    // The heads of the last ping had been sent by then.
    assert_eq!(
        heads_and_pings(&mut received, 2).await,
        [told("a", 2), told("b", 7), None, told("b", 7), None]
    );
}

#[tokio::test(start_paused = true)]
async fn heads_are_not_told_again_with_every_ping_of_a_monitor() {
    let (outbox, writer) = alone(SubProtocol::Proto, &config(16, 1_000), Closing::default());
    let (sink, mut received) = futures_mpsc::channel(16);
    tokio::spawn(write(writer, sink));
    outbox.ping_every(Duration::from_secs(5));
    outbox.tell_head("a", 1);
    let told = || Some(("a".to_owned(), 1));
    assert_eq!(
        heads_and_pings(&mut received, 9).await,
        [
            told(),
            None,
            None,
            None,
            None,
            told(),
            None,
            None,
            None,
            None,
            told(),
            None
        ]
    );
}

/// A head that still waits in the queue must not be told before the events that it counts.
#[tokio::test(start_paused = true)]
async fn a_head_that_is_told_again_overtakes_nothing() {
    let (outbox, mut writer) = alone(SubProtocol::Proto, &config(16, 1_000), Closing::default());
    outbox.push(pong(1));
    outbox.tell_head("a", 1);
    let (mut sink, received) = futures_mpsc::channel(16);
    let due = writer.heads_due_at;
    assert!(writer.ping(&mut sink, due).await.is_ok());
    assert!(writer.write_some(&mut sink).await.is_ok());
    drop(sink);
    let received: Vec<Message> = received.collect().await;
    let kinds: Vec<_> = received
        .into_iter()
        .map(|message| match message {
            Message::Binary(bytes) => ServerFrame::decode(bytes).unwrap().frame,
            _ => None,
        })
        .collect();
    assert!(matches!(
        &kinds[..],
        [None, Some(Frame::Pong(_)), Some(Frame::Head(_))]
    ));
}

#[tokio::test(start_paused = true)]
async fn pings_come_faster_and_slower_as_they_are_wanted() {
    let closing = Closing::default();
    let (outbox, writer) = alone(SubProtocol::Json, &config(16, 1_000), closing.clone());
    let (sink, mut received) = futures_mpsc::channel(16);
    tokio::spawn(write(writer, sink));
    let start = Instant::now();
    for (interval, pinged_at) in [(20, 20), (5, 25), (5, 30), (0, 30), (20, 50)] {
        outbox.ping_every(Duration::from_secs(interval));
        assert!(matches!(received.next().await, Some(Message::Ping(_))));
        assert_eq!(start.elapsed().as_secs(), pinged_at);
    }
}

/// A websocket whose own buffer is full until it is to be closed.
#[derive(Default)]
struct Full {
    closed: Option<Message>,
}

impl Sink<Message> for Full {
    type Error = axum::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), axum::Error> {
        match message {
            Message::Close(_) => self.closed = Some(message),
            _ => {
                let message = tungstenite::Message::binary(Vec::new());
                let full = tungstenite::Error::WriteBufferFull(Box::new(message));
                return Err(axum::Error::new(full));
            }
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_browser_is_not_taken_for_gone_when_the_sockets_own_buffer_is_full() {
    let closing = Closing::default();
    let (outbox, mut writer) = alone(SubProtocol::Proto, &config(16, 1_000), closing.clone());
    outbox.push(pong(1));
    let mut sink = Full::default();
    writer.run(&mut sink).await;
    assert_eq!(closing.reason(), Some(Close::Internal));
    assert_eq!(code(&sink.closed.unwrap()), Some(1011));
}

#[tokio::test]
async fn there_is_room_again_when_half_of_what_may_wait_was_written() {
    for config in [config(4, 1_000_000), config(1_000, 100)] {
        let (outbox, mut writer) = alone(SubProtocol::Json, &config, Closing::default());
        let mut pushed = 0;
        while outbox.has_room() {
            outbox.push(pong(pushed));
            pushed += 1;
        }
        assert_eq!(outbox.closing.reason(), None);
        let waiting = outbox.clone();
        let waiting = tokio::spawn(async move { waiting.room().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let (mut sink, received) = futures_mpsc::channel(1_000);
        assert!(writer.write_some(&mut sink).await.is_ok());
        waiting.await.unwrap();
        assert_eq!(outbox.shared.wanting_room.load(Ordering::SeqCst), 0);
        drop(sink);
        assert_eq!(received.count().await as u64, pushed);
    }
}

#[tokio::test]
async fn nobody_waits_for_room_in_a_socket_that_is_being_closed() {
    let closing = Closing::default();
    let (outbox, _writer) = alone(SubProtocol::Json, &config(4, 1_000), closing.clone());
    for number in 0..4 {
        outbox.push(pong(number));
    }
    let waiting = tokio::spawn(async move { outbox.room().await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    closing.decide(Close::BadToken);
    waiting.await.unwrap();
}
