//! The bench: how fast Carrel is, compared to what the socket and the disk allow.
//!
//! - [`server`]: the servers to measure, started on a core of their own: Carrel in both forms, and the [`limits`],
//!   which are small servers that do only the part of the work that every server must do.
//! - [`client`]: one person's connection, over a websocket in either sub-protocol, over gRPC, or in a limit's protocol.
//! - [`member`], [`pacer`], [`ledger`]: a participant in a session, who talks when it is due and checks all that
//!   arrives.
//! - [`room`]: entry, tokens, questions and pick-up: fills sessions with members before the clock starts.
//! - [`scenario`]: what the members do, and what is measured of it.
//! - [`cost`], [`machine`]: what it cost the servers, and on which machine.
//! - [`instructions`]: what one message costs by callgrind's count, held to a budget.
//! - [`plan`], [`report`]: which scenario runs on which server, in turns, and the figures as a table and as JSON.
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
