//! session-svc over real gRPC.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

mod abandoned;
mod additions;
mod attending;
mod audit;
mod company;
mod contention;
mod cut_off;
mod damaged;
mod descriptive_codes;
mod desk;
mod ended_sessions;
mod erasing;
mod escalation;
mod exporting;
mod failing_log;
mod heartbeats;
mod language;
mod load;
mod looks;
mod nameless;
mod no_ops;
mod noninterference;
mod observer;
mod patron_connection;
mod person;
mod pick_up;
mod practice;
mod programs;
mod recount;
mod replicas;
mod resolution;
mod rights;
mod silence;
mod story;
mod transfer;
mod unknown;
mod upkeep;
mod wrong_fields;
