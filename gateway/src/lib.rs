//! The gateway: the entry point for browsers.
//!
//! It serves the web pages, a few JSON endpoints (log-in, a patron's entry, transcripts, lists) and the websocket on
//! which everything live happens. It speaks to the services only through the generated clients, on the connections that
//! it is given, and to nobody else.
//!
//! # What it must not do
//!
//! - **No truth.** It stores nothing. A browser that comes back to another gateway with its last positions misses
//!   nothing.
//! - **No rule of visibility.** A browser gets what session-svc sent on that viewer's own streams, frame for frame and
//!   in that order; there is no filter here that could fail. Everything else it gets (pings, answers to its own frames,
//!   closes) depends only on the browser itself and on fixed clocks. Such a clock also repeats a head, if the viewer's
//!   own stream has gone on since the last one.
//! - **No trust.** It holds no keys. It passes a token on to a service, and the service checks it.
//!
//! # How it hangs together
//!
//! - `http` is the listener: HTTP/1.1, routes, headers, and the checks of `origin` and `limits` at the door. `api` and
//!   `pages` are behind it. `embedding` says which web sites may frame a patron's page.
//! - `socket` serves one websocket: a Hello in time (`greeting`), then frames until something ends it, with one of the
//!   reasons in [`close`]. [`frame`] turns messages into frames and back, for both sub-protocols.
//! - `viewer` is one browser's user: the sessions they attend (`attendance`), what they watch (`watching`: lists, the
//!   desk, conversations), their open monitor (`monitor`), and the renewal of their token. Each stream of a service has
//!   one task that reads it. A request that takes a separate call is a job (`job_queue`): acts in sessions (`acts`)
//!   and messages to other librarians (`im`).
//! - `outbox` is the bounded queue towards the browser, and its one writer. All frames go through it.
//! - `frame_time` and `delivery` measure how long a browser's frames take, and how long events take to reach a browser.
//!
//! # Why nothing waits for a browser
//!
//! Where the services are separate processes, all browsers share a few HTTP/2 connections to them. A stream that is not
//! read holds buffers of its whole connection, until every stream on it fails. So the tasks that read streams never
//! wait: [`outbox`] takes what they push or, when it is full, closes that one socket. Its client comes back and
//! resumes.

mod acts;
mod api;
mod attendance;
mod claims;
pub mod close;
pub mod config;
mod delivery;
mod embedding;
pub mod error;
pub mod frame;
mod frame_time;
mod greeting;
mod heads;
mod http;
mod im;
mod job_queue;
mod limits;
mod monitor;
pub mod network;
mod origin;
mod outbox;
mod pages;
mod query;
mod socket;
mod upstream;
mod viewer;
mod viewer_context;
mod watching;
mod write_timeout;

use carrel_platform::{clock::Clock, moments::Moments, replicas::Replicas};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use crate::{
    config::{Config, DEFAULT_SETTINGS},
    error::Error,
};
use crate::{limits::Counter, socket::SocketContext, upstream::Upstream};

/// The parts that a gateway is built from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The replicas of session-svc.
    pub session: Replicas,
    /// The replicas of presence-svc: its directory, and who is here.
    pub presence: Replicas,
    /// The replicas of im-svc.
    pub im: Replicas,
    /// The source of time.
    pub clock: Clock,
    /// Cancelled when the gateway is to stop. The services must outlive it by its `drain_deadline`, so that acts that
    /// are under way are still answered.
    pub shutdown: CancellationToken,
}

/// A gateway that can be served.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    /// The services without which the gateway is not ready.
    needed: [Replicas; 2],
    context: SocketContext,
}

/// Builds a gateway from its parts. Nothing runs before [`Gateway::serve`].
#[must_use]
pub fn build(config: Config, parts: Parts) -> Gateway {
    let upstream = Upstream::new(
        parts.session.clone(),
        parts.presence.clone(),
        parts.im.clone(),
        config.call_deadline.get(),
    );
    Gateway {
        needed: [parts.session, parts.presence],
        context: SocketContext {
            config: config.socket.clone(),
            upstream,
            clock: parts.clock,
            moments: Moments::from_now(),
            people: Counter::new(config.socket.per_person.get()),
            shutdown: parts.shutdown,
            act_patience: config.drain_deadline.get() / 2,
        },
        config,
    }
}

impl Gateway {
    /// Serves browsers on a listener, with TLS or without, until the parts' `shutdown` is cancelled.
    ///
    /// After that, no connection is accepted any more, requests are answered, and each socket is closed with code 1012
    /// and a time to wait, once the acts under way on it were answered. Returns when all connections have ended, or
    /// after the setting `drain_deadline` at the latest. Dropping the future before that cuts all connections off at
    /// once.
    ///
    /// # Errors
    ///
    /// If a listed origin is not a valid origin, or the listener has no address.
    pub async fn serve(self, listener: TcpListener, tls: Option<TlsAcceptor>) -> Result<(), Error> {
        socket::show_closes();
        http::serve(self, listener, tls).await
    }
}
