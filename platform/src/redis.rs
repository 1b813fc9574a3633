//! Redis: where it is, how it is reached again and again, and what it gets to see.
//!
//! Redis is never trusted and never needed. [`crate::bus::redis`] and [`crate::lease::redis`] are made on this: a
//! single server, a master that Sentinels watch over, or a cluster. Connections are kept by this module itself, since
//! those of the client library give up after some tries and do not notice a link that is only half there.

mod config;
mod dial;
mod health;
mod nodes;
mod slots;
mod topology;

pub use self::config::{RedisConfig, RedisTopology};
pub(crate) use self::{
    config::Settings,
    dial::{Dialer, ask},
    health::{Health, Part, Report},
    nodes::{CallError, Line, Nodes, PING_EVERY, PONG_WITHIN},
    slots::{Address, Map, slot_of},
    topology::Topology,
};

/// Why Redis is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// A setting can't be used.
    #[error("redis.{setting}: {problem}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Nobody answers there, or not as expected.
    #[error("redis.urls: {0}; start Redis there, or correct the settings of the section redis")]
    Unreachable(String),
}
