//! What more than one Carrel service needs, and nothing that only one does.
//!
//! - [`log`]: the durable truth. Versioned, atomic appends, and erasing for real; [`log::sqlite`] is the embedded
//!   engine, [`log::postgres`] the one that several servers share, [`log::stored`] how services' events lie in it.
//! - [`bus`]: the quick word that something happened, which may be lost.
//! - [`lease`]: what is true for as long as somebody keeps saying so; [`members`], which replicas of a service there are.
//! - [`auth`]: from a token to a [`auth::Principal`], and what services sign for each other.
//! - [`refusal`]: the kinds of "no", and the only mapping to a gRPC status and back; [`responses`]: streams of them, and
//!   of what else a service answers.
//! - [`network`]: what counts as one address when something is limited per address.
//! - [`text`]: what people may write.
//! - [`redis`]: where Redis is, how it is reached and what it may know, for [`bus::redis`] and [`lease::redis`].
//! - [`seal`]: bytes that tell nothing and can't be made up, for Redis and for what a caller carries back and forth.
//! - [`clock`]: where time comes from, so that tests can hold it still; [`moments`], at which timers go off together.
//! - [`replicas`]: the way to a service that runs more than once; [`tls`] on it and on listeners; [`backoff`] between
//!   tries; [`condition`]: how well something is without which a process goes on.
//! - [`config`], [`telemetry`], [`serve`], [`in_process`], [`shutdown`]: how a process is configured, watched, served,
//!   wired and stopped; [`process`] puts that together for a service that runs as a process of its own.
//!
//! It grows by request of a second service, never ahead of one. It knows nothing of sessions, queues or librarians'
//! conversations beyond what a token says.

mod allocator;
pub mod auth;
pub mod backoff;
pub mod bus;
pub mod clock;
pub mod condition;
pub mod config;
pub mod in_process;
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
