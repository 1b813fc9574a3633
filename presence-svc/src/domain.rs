//! What the directory is, and who is there: pure values and functions. No clock, no log, no wire.

pub mod directory;
pub mod hours;
pub mod language;
pub mod presence;
pub mod profile;
pub mod queues;
pub mod role_change;
pub mod roster;
pub mod rules;
pub mod wait;

#[cfg(test)]
pub(crate) mod sample;
