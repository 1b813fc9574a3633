//! Who is here: librarians at their monitors, and the state of each queue.
//!
//! # Where the truth is
//!
//! An open monitor is a lease in the space `presence`, under the key `<librarian id>/<monitor id>`; its value is its
//! librarian's choice of status and queues. Everything else is derived: the leases that stand, the directory,
//! session-svc's load and the time give one state, and what a watcher is shown is a function of that state. Any number
//! of servers may share the leases, the directory and the bus; each has a desk of its own.
//!
//! # What it promises
//!
//! - **Gone means gone.** A monitor that gives no sign of life for the time of the lease no longer counts after the
//!   next sweep, whatever became of its stream, its gateway or its server. One that comes back before that was never
//!   gone.
//! - **One librarian, one presence.** The newest choice counts on all their monitors. Each open monitor takes it over
//!   into its own lease, so that it stays when the monitor on which it was made is closed. For monitors that have not
//!   taken it over, the lease of the closed one stands a little longer, and counts for nothing else.
//! - **The newest stream wins.** A monitor announces itself under an incarnation above all earlier ones.
//! - **Nothing is made up.** While the leases can't be read, everyone counts as last known, and patrons are told that
//!   it is not known whether somebody is there.
//! - **Current rights count.** A librarian does not monitor what the directory no longer lets them monitor, whatever
//!   their lease says; a librarian whose account is gone is not here.
//!
//! # Where to look
//!
//! The rules are pure, in [`crate::domain`]: `presence`, `roster` and `queues`. `desk` brings the state up to date and
//! tells the watchers, `directory_reader` reads for it without keeping it waiting, `monitor` is one announced monitor,
//! `load` follows session-svc, `introductions` signs, `gauges` informs operators, and `grpc` is the API.

mod convert;
mod desk;
mod directory_reader;
mod gauges;
mod grpc;
mod introductions;
mod load;
mod monitor;
mod state;

pub use grpc::PresenceApi;

pub(crate) use desk::{Desk, DeskParts};
pub(crate) use load::{LoadSource, follow_load};

#[cfg(test)]
mod simulation;
