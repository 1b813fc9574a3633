//! Infrastructure for tests: private Redis and PostgreSQL servers, in temporary folders, on free ports; and, each with
//! a feature of its name, a log that fails on demand, a bus that loses everything and a gRPC channel without a socket.
//!
//! A test starts the engines that it needs, and each goes with its handle, whatever else is installed or runs on the
//! machine. The programs come from Debian's packages (`scripts/setup.sh redis postgres`); one that is missing is an
//! error that says so, never a skipped test.

#[cfg(feature = "bus")]
pub mod bus;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "pipe")]
pub mod pipe;
pub mod port;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod redis;
