//! What the directory is: pure values and functions. No clock, no log, no wire.

pub mod directory;
pub mod hours;
pub mod profile;
pub mod rules;
pub mod wait;

#[cfg(test)]
mod sample;
