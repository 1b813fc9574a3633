//! im-svc over real gRPC.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

mod authorization;
mod desk;
mod failing_log;
mod pairs;
mod presence;
mod replicas;
mod resume;
mod retention;
mod watching;
mod writing;
