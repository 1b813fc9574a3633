//! What the program can do, one module for each command.

pub mod config;
pub mod directory;
pub mod healthcheck;
pub mod keys;
pub mod librarian;
pub mod serve;
