//! What the directory is: pure values and functions. No clock, no log, no wire.

pub mod directory;
pub mod rules;
