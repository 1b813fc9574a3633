//! Settings for reaching the testbed's Redis.

// Each test program uses only some of these.
#![allow(dead_code)]

pub(crate) mod hearing;

use std::time::Duration;

use carrel_platform::{
    bus::{Origin, redis::RedisBus},
    config::{HumanDuration, Secret},
    lease::redis::RedisLeases,
    redis::{RedisConfig, RedisError, RedisTopology},
};
use carrel_testbed::{
    proxy::Proxy,
    redis::{Cluster, MASTER_NAME, Redis, Sentinels},
};

/// Longer than anything takes that succeeds at all.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A Redis of any kind, and the settings for reaching it.
pub(crate) struct OnRedis<Engine> {
    pub(crate) engine: Engine,
    pub(crate) config: RedisConfig,
}

impl<Engine> OnRedis<Engine> {
    /// Returns settings with a key that nothing else uses: with it, nothing of other tests is heard
    /// or seen.
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

/// A single Redis, reached by a name that may come to stand for another one.
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

/// Makes a bus over a running Redis.
pub(crate) async fn bus(config: &RedisConfig) -> RedisBus {
    there(async || RedisBus::connect(config).await).await
}

/// Makes leases in a running Redis.
pub(crate) async fn leases(config: &RedisConfig) -> RedisLeases {
    there(async || RedisLeases::connect(config).await).await
}

/// Connects, trying as often as it takes. A Redis that does not get its turn looks like one that is
/// not there.
async fn there<T>(connect: impl AsyncFn() -> Result<T, RedisError>) -> T {
    let wait = async {
        loop {
            match connect().await {
                Ok(connected) => return connected,
                Err(RedisError::Unreachable(_)) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("Redis can't be reached")
}
