//! A whole Carrel, looked at from outside.
//!
//! - [`desk`]: a Carrel in this process, on free ports, with the demo directory; [`process`]: the real program.
//! - [`door`]: the ways in, the same for both: gRPC clients, log-in, sockets ([`socket`]).
//! - [`talker`]: a conversation that goes on over any interruption; [`history`] judges what its people were told against
//!   what they saw.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod apart;
mod collector_away;
mod desk;
mod door;
#[path = "../../../platform/tests/exposition/mod.rs"]
mod exposition;
mod history;
#[path = "../../../platform/tests/otlp/mod.rs"]
mod otlp;
mod process;
mod socket;
mod talker;

mod kill;
mod metrics;
mod start_stop;
mod telemetry;
