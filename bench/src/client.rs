//! One person's connection to one session: over a websocket in either sub-protocol, over gRPC, or in a limit's
//! protocol.

mod bench_message;
mod browser;
mod meter;
mod program;
mod raw;
mod socket;

use std::net::SocketAddr;

use carrel_proto::session::v1::Position;
use tonic::transport::Channel;

pub use bench_message::{BenchMessage, command_id, number_of};
pub use browser::{Browser, Wire};
pub use meter::{Meter, Metered};
pub use program::call;
pub use raw::{Kind, frame, parse};

use self::{program::Program, raw::Raw};

/// The way that a member connects.
#[derive(Clone, Debug)]
pub enum Way {
    /// The gateway's websocket.
    Browser(SocketAddr, Wire),
    /// session-svc's gRPC.
    Program(Channel),
    /// A limit's websocket.
    Raw(SocketAddr),
}

/// A member's place: enough to come back after a lost connection.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The way to connect.
    pub way: Way,
    /// The member's token; empty where none is needed.
    pub token: String,
    /// The session, or the number of a limit's room.
    pub session: String,
}

/// What arrives for a member in a session.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// An event with its position, and what was said if it is a message of the bench.
    Event(u64, Option<BenchMessage>),
    /// The acknowledgement of one of the member's own messages, by its number.
    Accepted(u32),
    /// A refusal, with its reason.
    Refused(String),
    /// A sign that somebody types.
    Typing,
    /// Anything else.
    Other,
}

/// A connection that attends its session.
#[derive(Debug)]
pub enum Line {
    /// To a gateway.
    Browser(Box<Browser>, String),
    /// To session-svc.
    Program(Box<Program>),
    /// To a limit.
    Raw(Box<Raw>),
}

impl Seat {
    /// Connects and attends the session, after what the member already has. Also returns the last event's position.
    ///
    /// # Errors
    /// If any of it fails.
    pub async fn join(
        &self,
        after: Option<Position>,
        meter: &Meter,
    ) -> anyhow::Result<(Line, Position)> {
        match &self.way {
            Way::Browser(gateway, wire) => {
                let (browser, _) = Browser::open(*gateway, *wire, &self.token, meter).await?;
                self.attend(browser, after).await
            }
            Way::Program(channel) => {
                let (program, head) =
                    Program::attend(channel.clone(), &self.token, &self.session, after).await?;
                Ok((Line::Program(Box::new(program)), head))
            }
            Way::Raw(server) => {
                let (raw, number) = Raw::join(*server, &self.session, meter).await?;
                let epoch = String::new();
                Ok((Line::Raw(Box::new(raw)), Position { epoch, number }))
            }
        }
    }

    /// Attends the session on a socket that is already open. Also returns the last event's position.
    ///
    /// # Errors
    /// If it is refused, or the socket ends.
    pub async fn attend(
        &self,
        mut browser: Browser,
        after: Option<Position>,
    ) -> anyhow::Result<(Line, Position)> {
        let head = browser.attend(&self.session, after).await?;
        Ok((Line::Browser(Box::new(browser), self.session.clone()), head))
    }
}

impl Line {
    /// Sends a message. It leaves with the next [`Line::next`] at the latest.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn say(&mut self, said: &BenchMessage) -> anyhow::Result<()> {
        match self {
            Self::Browser(browser, session) => browser.say(session, said).await,
            Self::Program(program) => program.say(said).await,
            Self::Raw(raw) => raw.say(said).await,
        }
    }

    /// Tells the others that this member types.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn type_on(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Browser(browser, session) => browser.type_on(session).await,
            Self::Program(program) => program.type_on().await,
            Self::Raw(raw) => raw.type_on().await,
        }
    }

    /// Waits for what arrives next. Messages sent before leave first, unless something has already arrived.
    /// Cancel-safe.
    ///
    /// # Errors
    /// If the connection is lost, or the session was left.
    pub async fn next(&mut self) -> anyhow::Result<Incoming> {
        match self {
            Self::Browser(browser, _) => browser.incoming().await,
            Self::Program(program) => program.incoming().await,
            Self::Raw(raw) => raw.incoming().await,
        }
    }
}
