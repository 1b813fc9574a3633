//! A Redis of one's own: single, watched by Sentinels, or a cluster.
//!
//! Nothing is persisted: a Redis that was stopped and started again is empty. All of it can be stopped, killed, frozen
//! and flushed, which is what it is for.

mod cluster;
mod sentinels;
mod server;

pub use self::{
    cluster::Cluster,
    sentinels::{MASTER_NAME, Sentinels},
    server::{Redis, RedisOptions},
};
