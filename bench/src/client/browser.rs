//! A browser's websocket to a gateway.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use carrel_proto::{
    gateway::v1::{
        Act, Attend, ClientFrame, Hello, ServerFrame, Typing, Welcome, act,
        client_frame::Frame as Request, server_frame::Frame,
    },
    session::v1::{Audience, Position, PostMessage, session_event::Payload},
};
use prost::Message as _;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{BenchMessage, Incoming, Meter, command_id, number_of, socket::Socket};

/// The encoding of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `carrel.v1.proto`.
    Proto,
    /// `carrel.v1.json`.
    Json,
}

/// An open socket, after the Welcome.
#[derive(Debug)]
pub struct Browser {
    socket: Socket,
    wire: Wire,
}

impl Browser {
    /// Opens a socket and waits for the Welcome.
    ///
    /// # Errors
    /// If there is none.
    pub async fn open(
        gateway: SocketAddr,
        wire: Wire,
        token: &str,
        meter: &Meter,
    ) -> anyhow::Result<(Self, Welcome)> {
        let protocol = match wire {
            Wire::Proto => "carrel.v1.proto",
            Wire::Json => "carrel.v1.json",
        };
        let socket = Socket::open(gateway, protocol, meter).await?;
        let mut browser = Self { socket, wire };
        let access_token = token.to_owned();
        browser.send(Request::Hello(Hello { access_token })).await?;
        match browser.next().await? {
            Frame::Welcome(welcome) => Ok((browser, welcome)),
            other => bail!("not welcomed: {other:?}"),
        }
    }

    /// Sends a frame. It leaves with the next [`Browser::next`] at the latest.
    ///
    /// # Errors
    /// If the socket has ended.
    pub async fn send(&mut self, frame: Request) -> anyhow::Result<()> {
        let frame = ClientFrame {
            frame: Some(frame),
            trace_parent: String::new(),
        };
        let message = match self.wire {
            Wire::Proto => Message::binary(frame.encode_to_vec()),
            Wire::Json => Message::text(serde_json::to_string(&frame)?),
        };
        self.socket.feed(message).await
    }

    /// Sends an act in a session and waits for its answer.
    ///
    /// # Errors
    /// If it is refused, or the socket ends.
    pub async fn act(&mut self, session: &str, command: &str, act: act::Act) -> anyhow::Result<()> {
        self.send(Request::Act(Act {
            command_id: command.to_owned(),
            session_id: session.to_owned(),
            act: Some(act),
        }))
        .await?;
        loop {
            match self.next().await? {
                Frame::Accepted(accepted) if accepted.command_id == command => return Ok(()),
                Frame::Refused(refused) => bail!("{command} was refused: {refused:?}"),
                _ => {}
            }
        }
    }

    /// Attends a session. Returns its last position.
    ///
    /// # Errors
    /// If it is refused, or the socket ends.
    pub async fn attend(
        &mut self,
        session: &str,
        after: Option<Position>,
    ) -> anyhow::Result<Position> {
        let session_id = session.to_owned();
        self.send(Request::Attend(Attend { session_id, after }))
            .await?;
        loop {
            match self.next().await? {
                Frame::Attending(attending) => {
                    let head = attending.joined.and_then(|joined| joined.head);
                    return head.context("a session without an end");
                }
                Frame::Detached(detached) => bail!("can't attend: {detached:?}"),
                _ => {}
            }
        }
    }

    /// Waits for the next frame. Cancel-safe.
    ///
    /// # Errors
    /// If the socket has ended.
    pub async fn next(&mut self) -> anyhow::Result<Frame> {
        loop {
            let frame = match self.socket.next().await? {
                Message::Binary(bytes) => decode(bytes)?,
                Message::Text(text) => serde_json::from_str::<ServerFrame>(&text)?.frame,
                _ => None,
            };
            if let Some(frame) = frame {
                return Ok(frame);
            }
        }
    }

    pub(super) async fn say(&mut self, session: &str, said: &BenchMessage) -> anyhow::Result<()> {
        self.send(Request::Act(Act {
            command_id: command_id(said.speaker, said.number),
            session_id: session.to_owned(),
            act: Some(act::Act::PostMessage(PostMessage { text: said.text() })),
        }))
        .await
    }

    pub(super) async fn type_on(&mut self, session: &str) -> anyhow::Result<()> {
        self.send(Request::Typing(Typing {
            session_id: session.to_owned(),
            r#box: Audience::Patron.into(),
        }))
        .await
    }

    pub(super) async fn incoming(&mut self) -> anyhow::Result<Incoming> {
        Ok(match self.next().await? {
            Frame::Event(event) => {
                let event = event.event.context("an event without content")?;
                Incoming::Event(event.position, bench_message(event.payload))
            }
            Frame::Accepted(accepted) => match number_of(&accepted.command_id) {
                Some(number) => Incoming::Accepted(number),
                None => Incoming::Other,
            },
            Frame::Refused(refused) => Incoming::Refused(format!("{refused:?}")),
            Frame::Typing(_) => Incoming::Typing,
            Frame::Detached(detached) => bail!("no longer attending: {detached:?}"),
            _ => Incoming::Other,
        })
    }
}

/// Returns what was said, if an event is a message of the bench.
pub(super) fn bench_message(payload: Option<Payload>) -> Option<BenchMessage> {
    match payload {
        Some(Payload::Message(message)) => BenchMessage::parse(message.text.as_bytes()),
        _ => None,
    }
}

fn decode(bytes: Bytes) -> anyhow::Result<Option<Frame>> {
    Ok(ServerFrame::decode(bytes)?.frame)
}
