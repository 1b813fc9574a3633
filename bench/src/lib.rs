//! The bench: how fast Carrel is, beside what the socket and the disk allow.
//!
//! - [`server`]: what is measured, started on a core of its own: Carrel in both forms, and the [`limits`], which are
//!   small servers that do only the part of the work that nobody can do without.
//! - [`client`]: one connection of one person, over a websocket in either sub-protocol, over gRPC, or as a limit speaks.
//! - [`member`], [`pacer`], [`ledger`]: somebody in a session who talks when it is due and checks all that comes.
//! - [`room`]: entry, tokens, questions and pick-up: sessions full of members, before the clock starts.
//! - [`scenario`]: what they do, and what is measured of it.
//! - [`cost`], [`machine`]: what it cost the servers, and on what machine.
//! - [`instructions`]: what one message costs by callgrind's count, held to a budget.
//! - [`plan`], [`report`]: which scenario on which server, in turns, and the figures as a table and as JSON.
//!
//! `docs/performance.md` says how to run it and what it found.

pub mod client;
pub mod core;
pub mod cost;
pub mod figures;
pub mod instructions;
pub mod ledger;
pub mod limits;
pub mod machine;
pub mod member;
pub mod moment;
pub mod pacer;
pub mod plan;
pub mod report;
pub mod room;
pub mod scenario;
pub mod server;
