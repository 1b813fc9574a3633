//! Real engines for tests: a Redis or a PostgreSQL of one's own, in a temporary folder, on free ports.
//!
//! Each is started by whoever needs it and gone with its handle, whatever else is installed or runs on the machine.
//! The programs come from Debian's packages (`scripts/setup.sh redis postgres`); one that is missing is an error that
//! says so, never a skipped test.

pub mod port;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod redis;
