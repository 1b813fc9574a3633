//! The limits' protocol: one byte for the kind, eight for a number, then the content.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{BenchMessage, Incoming, Meter, socket::Socket};

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// To the server: join the room with this number. From it: joined, and the last position.
    Join = b'J',
    /// To the server: say this, with a number for the acknowledgement. From it: said, with its position.
    Say = b'S',
    /// From the server: said and, if the limit has a disk, written to it.
    Accepted = b'A',
    /// Somebody types.
    Typing = b'T',
}

/// Makes a frame.
#[must_use]
pub fn frame(kind: Kind, number: u64, content: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(9 + content.len());
    frame.push(kind as u8);
    frame.extend(number.to_le_bytes());
    frame.extend(content);
    frame.into()
}

/// Parses a frame.
#[must_use]
pub fn parse(frame: &[u8]) -> Option<(Kind, u64, &[u8])> {
    let (kind, rest) = frame.split_first()?;
    let (number, content) = rest.split_first_chunk()?;
    let kind = [Kind::Join, Kind::Say, Kind::Accepted, Kind::Typing]
        .into_iter()
        .find(|known| *known as u8 == *kind)?;
    Some((kind, u64::from_le_bytes(*number), content))
}

/// A socket that has joined a room.
#[derive(Debug)]
pub struct Raw {
    socket: Socket,
}

impl Raw {
    pub(super) async fn join(
        server: SocketAddr,
        room: &str,
        meter: &Meter,
    ) -> anyhow::Result<(Self, u64)> {
        let mut socket = Socket::open(server, "raw", meter).await?;
        socket
            .feed(Message::Binary(frame(Kind::Join, room.parse()?, b"")))
            .await?;
        let message = socket.next().await?;
        match parse(&message.into_data()) {
            Some((Kind::Join, head, _)) => Ok((Self { socket }, head)),
            other => bail!("not joined: {other:?}"),
        }
    }

    pub(super) async fn say(&mut self, said: &BenchMessage) -> anyhow::Result<()> {
        let text = said.text();
        let frame = frame(Kind::Say, u64::from(said.number), text.as_bytes());
        self.socket.feed(Message::Binary(frame)).await
    }

    pub(super) async fn type_on(&mut self) -> anyhow::Result<()> {
        let frame = frame(Kind::Typing, 0, b"");
        self.socket.feed(Message::Binary(frame)).await
    }

    pub(super) async fn incoming(&mut self) -> anyhow::Result<Incoming> {
        let Message::Binary(message) = self.socket.next().await? else {
            return Ok(Incoming::Other);
        };
        let (kind, number, content) = parse(&message).context("no frame of a limit")?;
        Ok(match kind {
            Kind::Say => Incoming::Event(number, BenchMessage::parse(content)),
            Kind::Accepted => Incoming::Accepted(u32::try_from(number)?),
            Kind::Typing => Incoming::Typing,
            Kind::Join => Incoming::Other,
        })
    }
}
