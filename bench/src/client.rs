//! One connection of one person to one session: over a websocket in either sub-protocol, over gRPC, or as the limits
//! speak.

mod browser;
mod meter;
mod program;
mod raw;
mod said;
mod socket;

use std::net::SocketAddr;

use carrel_proto::session::v1::Position;
use tonic::transport::Channel;

pub use browser::{Browser, Wire};
pub use meter::{Meter, Metered};
pub use program::call;
pub use raw::{Kind, frame, parse};
pub use said::{Said, command_id, number_of};

use self::{program::Program, raw::Raw};

/// By which way somebody is connected.
#[derive(Clone, Debug)]
pub enum Way {
    /// The gateway's websocket.
    Browser(SocketAddr, Wire),
    /// session-svc's gRPC.
    Program(Channel),
    /// A limit's websocket.
    Raw(SocketAddr),
}

/// Where somebody belongs: enough to come back after a lost connection.
#[derive(Clone, Debug)]
pub struct Seat {
    /// By which way.
    pub way: Way,
    /// Their token; empty where nobody asks for one.
    pub token: String,
    /// The session, or a limit's room by its number.
    pub session: String,
}

/// What comes to somebody in a session.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// An event, and what was said if it is a message of the bench.
    Event(u64, Option<Said>),
    /// What this one said, by its number, is acknowledged.
    Accepted(u32),
    /// It is refused, for the reason.
    Refused(String),
    /// Somebody types.
    Typing,
    /// Anything else.
    Other,
}

/// A connection that takes part in its session.
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
    /// Connects and takes part, after what this one has already. Also says what the last event is.
    ///
    /// # Errors
    /// When any of it fails.
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

    /// Takes part on a socket that is open already.
    ///
    /// # Errors
    /// When it is refused, or the socket ends.
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
    /// Says something. It leaves with the next [`Line::next`] at the latest.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn say(&mut self, said: &Said) -> anyhow::Result<()> {
        match self {
            Self::Browser(browser, session) => browser.say(session, said).await,
            Self::Program(program) => program.say(said).await,
            Self::Raw(raw) => raw.say(said).await,
        }
    }

    /// Tells the others that this one types.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn type_on(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Browser(browser, session) => browser.type_on(session).await,
            Self::Program(program) => program.type_on().await,
            Self::Raw(raw) => raw.type_on().await,
        }
    }

    /// What comes next. What was said before leaves first, unless something is there already. Cancel-safe.
    ///
    /// # Errors
    /// When the connection is lost, or the session left.
    pub async fn next(&mut self) -> anyhow::Result<Incoming> {
        match self {
            Self::Browser(browser, _) => browser.incoming().await,
            Self::Program(program) => program.incoming().await,
            Self::Raw(raw) => raw.incoming().await,
        }
    }
}
