//! Redis: its settings, its topology, and connections that are restored whenever they break.
//!
//! Redis is never trusted and never needed. [`crate::bus::redis`] and [`crate::lease::redis`] are built on this, for a
//! single server, a master watched over by Sentinels, or a cluster. This module maintains the connections itself, since
//! those of the client library give up after some tries and do not notice a half-open link.

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

/// Why Redis can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// A setting can't be used.
    #[error("redis.{setting}: {problem}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// What is wrong, and what would be valid.
        problem: String,
    },
    /// Nothing answers at the addresses, or not as expected.
    #[error("redis.urls: {0}; start Redis there, or correct the settings of the section redis")]
    Unreachable(String),
}
