//! The fault harness.
//!
//! It starts real programs ([`cluster`]) with fault proxies between them ([`proxy`]), runs clients that talk over them
//! ([`people`]) and record what they do and see ([`history`]), carries out a seeded list of faults ([`schedule`],
//! [`inject`]), and judges the result ([`checker`]). [`run`] puts these together; [`crash_points`] kills a server at
//! each system call on the way from a request to its acknowledgement; [`swarm`] has thousands of sockets come back at
//! once. `docs/faults.md` tells how to use it.

pub mod checker;
pub mod cluster;
pub mod crash_points;
pub mod history;
pub mod inject;
pub mod open_files;
pub mod people;
pub mod process;
pub mod proxy;
pub mod report;
pub mod resp;
pub mod run;
pub mod schedule;
pub mod seed;
pub mod swarm;
pub mod transcripts;
