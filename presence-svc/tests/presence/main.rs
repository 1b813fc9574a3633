//! Presence through the generated client, over real gRPC.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod announce;
mod authorization;
mod availability;
mod failures;
mod fixture;
mod streams;
mod unknown;
mod watch;
