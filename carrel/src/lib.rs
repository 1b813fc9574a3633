//! All of Carrel in one process: the embedded default.
//!
//! The same service crates that could run each on its own are wired here to a SQLite log and an in-process bus. The
//! gateway reaches them over real gRPC, through a pipe instead of a socket. [`assemble`] is used by the program and by
//! the whole-system tests alike.

pub mod assemble;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_folder;
