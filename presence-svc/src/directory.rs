//! The directory: libraries, queues and librarians, log-in and tokens.
//!
//! [`service`] does the directory's work, [`DirectoryApi`] is its API, [`commands`] are the operator's, [`mod@file`] is
//! what an operator writes.

pub mod commands;
pub mod file;
pub mod password;
pub mod service;
pub mod storage;
pub mod throttle;

mod changes;
pub(crate) mod convert;
mod grpc;
mod latest;
mod random;
mod refusals;
mod role_changes;

pub use grpc::DirectoryApi;
