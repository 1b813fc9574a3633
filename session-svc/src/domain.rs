//! The rules of a session, as pure functions.
//!
//! Nothing here waits, reads a clock, draws a random number or knows a wire format. [`decide::decide`] says what
//! follows from a command, [`session::Session::apply`] and [`conference::Conference::apply`] what a session is after
//! it, [`audience`] who may see what of it, and [`access`] who may do what.

pub mod access;
pub mod addition;
pub mod address;
pub mod audience;
pub mod audit;
pub mod conference;
pub mod decide;
pub mod descriptive_codes;
pub mod due;
pub mod ended_filter;
pub mod erasure;
pub mod event;
pub mod people;
pub mod refused;
pub mod resolution;
mod room;
#[cfg(test)]
pub(crate) mod samples;
pub mod session;
pub mod text;
pub mod transcript;
pub mod transfer;
