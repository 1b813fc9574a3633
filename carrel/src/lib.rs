//! All of Carrel in one process: the embedded default.
//!
//! The same service crates that could run each on its own are wired here to a SQLite log and an in-process bus. The
//! gateway and the services call each other by gRPC with no transport between (`carrel_platform::in_process`).
//! [`assemble`] is used by the program and by the whole-system tests alike.

pub mod assemble;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_folder;
