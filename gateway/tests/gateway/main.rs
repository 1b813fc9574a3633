//! The gateway over a real listener and real websockets, before scripted services over real gRPC.
//!
//! The services here do as a test tells them; how the real ones behave is tested in `carrel/tests`.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

mod acts;
mod browser;
mod desk;
mod doors;
mod fixture;
mod frames;
mod im;
mod json_api;
mod long;
mod losses;
mod order;
mod presence;
mod services;
mod slow;
mod streams;
mod tokens;
mod transfers;
