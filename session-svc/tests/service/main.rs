//! session-svc over real gRPC.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

mod company;
mod desk;
mod failing_log;
mod noninterference;
mod observer;
mod pick_up;
mod story;
mod unknown;
