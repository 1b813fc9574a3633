//! All of Carrel in one process: the embedded default.
//!
//! The service crates, which can also run as separate processes, are wired here to a SQLite log and an in-process bus.
//! The gateway and the services call each other by gRPC without a transport (`carrel_platform::in_process`).
//! [`assemble`] is used by the program and by the whole-system tests alike.

pub mod assemble;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_folder;
