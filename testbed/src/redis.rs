//! Private Redis servers: a single one, some watched by Sentinels, or a cluster.
//!
//! Nothing is persisted: a Redis that was stopped and started again is empty. Tests can stop, kill, freeze and flush
//! them.

mod cluster;
mod sentinels;
mod server;

pub use self::{
    cluster::Cluster,
    sentinels::{MASTER_NAME, Sentinels},
    server::{Redis, RedisOptions},
};
