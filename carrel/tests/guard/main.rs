//! Who may do what, and how bad input is answered: every refusal of a whole Carrel, from outside.
//!
//! - [`fixture`]: a Carrel with the people of the authorization matrix, each at an open [`monitor`]; [`case`]: a
//!   session at any stage. Apart from gRPC, the tests use [`http`] and the sockets of the other tests.
//! - [`table`]: the authorization matrix; [`matrix`] carries out each of its cells, by [`grpc`] and by [`browser`].
//! - [`bad_calls`], [`bad_desk`], [`bad_credentials`], [`bad_streams`], [`bad_bytes`], [`bad_frames`]: input that is
//!   malformed, too large, out of order or too late.
//! - [`silent`]: nobody can find out who is silently inside in conference mode.
//! - [`noise`]: arbitrary bytes and messages, thousands of each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../it/access.rs"]
mod access;
#[allow(dead_code)]
#[path = "../it/desk.rs"]
mod desk;
#[allow(dead_code)]
#[path = "../it/socket.rs"]
mod socket;

mod answer;
mod bad_bytes;
mod bad_calls;
mod bad_credentials;
mod bad_desk;
mod bad_frames;
mod bad_streams;
mod browser;
mod case;
mod expiry;
mod fixture;
mod grpc;
mod http;
mod matrix;
mod monitor;
mod noise;
mod panics;
mod silent;
mod table;
