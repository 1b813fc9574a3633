//! Tests of a whole Carrel from outside.
//!
//! - [`desk`]: a Carrel in this process, on free ports, with the demo directory; [`process`]: the real program.
//! - [`access`]: how tests reach either: gRPC clients, log-in, sockets ([`socket`]).
//! - [`talker`]: a conversation that goes on over any interruption; [`history`] compares what its people were told and
//!   saw with the transcript.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod apart;
mod collector_away;
mod desk;
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
