//! What more than one Carrel service needs, and nothing that only one of them needs.
//!
//! - [`log`]: the source of truth. Versioned, atomic appends, and real erasure; [`log::sqlite`] is the embedded engine,
//!   [`log::postgres`] the one that several servers share, [`log::stored`] the format of services' events in it,
//!   [`log::newest`] for streams that are shown as lists.
//! - [`chain`]: hashes by which it shows when an entry of an audit was altered, moved or removed.
//! - [`bus`]: quick, lossy notifications that something happened.
//! - [`lease`]: facts that hold only while their holder keeps renewing them; [`members`]: which replicas of a service
//!   there are.
//! - [`auth`]: from a token to a [`auth::Principal`], and what services sign for each other.
//! - [`refusal`]: the kinds of "no", and the only mapping to a gRPC status and back; [`responses`]: response streams
//!   for tonic.
//! - [`network`]: what counts as one address when something is limited per address.
//! - [`text`]: what people may write.
//! - [`redis`]: where Redis is, how it is reached and what it may know, for [`bus::redis`] and [`lease::redis`].
//! - [`seal`]: bytes that reveal nothing and can't be forged, for Redis and for what a caller carries back and forth.
//! - [`clock`]: where time comes from, so that tests can hold it still; [`moments`]: shared instants at which timers
//!   fire.
//! - [`replicas`]: how to reach a service that runs more than once; [`tls`]: TLS on the way there and on listeners;
//!   [`backoff`]: pauses between tries; [`condition`]: how well a dependency works that a process can run without.
//! - [`inboxes`]: the ways to what a service holds in memory; [`queue`]: queues that take no room while they are empty.
//! - [`config`], [`telemetry`], [`serve`], [`in_process`], [`shutdown`]: how a process is configured, watched, served,
//!   wired and stopped; [`process`] combines them for a service that runs as a process of its own.
//!
//! Code moves here once a second service needs it, never in advance. This crate knows nothing of sessions, queues or
//! librarians' conversations beyond what a token says.

mod allocator;
pub mod auth;
pub mod backoff;
pub mod bus;
pub mod chain;
pub mod clock;
pub mod condition;
pub mod config;
pub mod in_process;
pub mod inboxes;
pub mod lease;
pub mod log;
pub mod members;
pub mod moments;
pub mod network;
pub mod process;
pub mod queue;
pub mod redis;
pub mod refusal;
pub mod replicas;
pub mod responses;
pub mod seal;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod text;
pub mod tls;
