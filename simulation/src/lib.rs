//! Carrel in a simulated world: the real services, over real gRPC, on a simulated network, with faults decided by a
//! seed.
//!
//! One seed is one world: two servers of session-svc, and in some worlds two each of presence-svc and im-svc, on one
//! database, one bus and one store of leases; and patrons, librarians and supervisors who act, lose their connection
//! and try again, as a browser does. First comes a storm, in which links are cut and held, servers die and start again,
//! the database refuses calls, leaves them unanswered or can't be reached, and the bus loses, repeats and reorders.
//! Then everything heals, and everything must recover.
//!
//! Invariants are checked throughout and at the end. The same seed gives the same world, to the last frame, so the seed
//! of a failure is all that a report needs.
//!
//! - [`run`] plays one seed. `schedule` decides what happens for a seed.
//! - `servers` are the services' hosts; `network`, `database`, `shared_bus` and `lease_store` are the world around
//!   them.
//! - `people`, `person`, `attendance`, `monitor` and `talk` are the people and their screens; `directory` has their
//!   accounts.
//! - `observations`, `commands` and `projection` keep what was seen and said; `shared_state` and `referee` check it
//!   against the log.

mod attendance;
mod commands;
mod database;
mod dice;
mod directory;
mod lease_store;
mod monitor;
mod network;
mod observations;
mod people;
mod person;
mod projection;
mod referee;
mod run;
mod schedule;
mod servers;
mod shared_bus;
mod shared_state;
mod talk;
mod time;

pub use observations::Violation;
pub use run::{Figures, Outcome, run};
