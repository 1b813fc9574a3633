//! The settings by which a Redis of the testbed is reached.

// Each test program uses some of these.
#![allow(dead_code)]

pub(crate) mod hearing;

use carrel_platform::{
    bus::Origin,
    config::{HumanDuration, Secret},
    redis::{RedisConfig, RedisTopology},
};
use carrel_testbed::{
    proxy::Proxy,
    redis::{Cluster, MASTER_NAME, Redis, Sentinels},
};

/// A Redis of whatever kind, and how it is reached.
pub(crate) struct OnRedis<Engine> {
    pub(crate) engine: Engine,
    pub(crate) config: RedisConfig,
}

impl<Engine> OnRedis<Engine> {
    /// Settings under a key that nobody else has: with it one hears and sees nothing of others.
    pub(crate) fn apart(&self) -> RedisConfig {
        RedisConfig {
            key: new_key(),
            ..self.config.clone()
        }
    }
}

pub(crate) fn single() -> OnRedis<Redis> {
    let engine = Redis::start().unwrap();
    let config = config(RedisTopology::Single, [engine.url()]);
    OnRedis { engine, config }
}

/// A single Redis, by a name that may come to stand for another one.
pub(crate) fn behind_a_name(name: &Proxy) -> RedisConfig {
    config(RedisTopology::Single, [name.url()])
}

pub(crate) fn sentinel() -> OnRedis<Sentinels> {
    let engine = Sentinels::start().unwrap();
    let config = config(RedisTopology::Sentinel, engine.urls());
    OnRedis { engine, config }
}

pub(crate) fn cluster() -> OnRedis<Cluster> {
    let engine = Cluster::start().unwrap();
    let config = config(RedisTopology::Cluster, engine.urls());
    OnRedis { engine, config }
}

pub(crate) fn config(
    topology: RedisTopology,
    urls: impl IntoIterator<Item = String>,
) -> RedisConfig {
    RedisConfig {
        topology,
        urls: urls.into_iter().map(Secret::new).collect(),
        sentinel_master: MASTER_NAME.to_owned(),
        key: new_key(),
        settle: HumanDuration::from_secs(0),
        ..RedisConfig::default()
    }
}

pub(crate) fn new_key() -> Secret<String> {
    Secret::new(format!("{:064x}", Origin::random().0))
}
