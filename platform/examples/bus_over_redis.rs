//! Measures the bus over a Redis of its own: how long a payload takes, and how many payloads pass in a second.
//!
//!     cargo run --release -p carrel-platform --example bus_over_redis

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use carrel_platform::{
    bus::{Bus as _, Notice, Origin, Subscription, redis::RedisBus},
    config::Secret,
    lease::{Lease, Leases as _, redis::RedisLeases},
    redis::RedisConfig,
};
use carrel_testbed::redis::Redis;

/// About the size of a sealed event.
const PAYLOAD: usize = 300;
const ONE_BY_ONE: usize = 5_000;
/// Fewer than may wait for a subscriber.
const AT_ONCE: usize = 200;
const ROUNDS: usize = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let redis = Redis::start()?;
    let config = RedisConfig {
        urls: vec![Secret::new(redis.url())],
        key: Secret::new("01".repeat(32)),
        ..RedisConfig::default()
    };
    let (publisher, listener) = (
        RedisBus::connect(&config).await?,
        RedisBus::connect(&config).await?,
    );
    let mut heard = listener.subscribe(Origin(1), "session/1");
    heard.next().await.context("it is not active")?;
    let payload = Bytes::from(vec![7; PAYLOAD]);

    let mut times = Vec::new();
    for _ in 0..ONE_BY_ONE {
        let begun = Instant::now();
        publisher.publish(Origin(2), "session/1", payload.clone());
        heard.next().await;
        times.push(begun.elapsed());
    }
    show("publish to hear", times);

    let begun = Instant::now();
    let mut arrived = 0;
    for _ in 0..ROUNDS {
        for _ in 0..AT_ONCE {
            publisher.publish(Origin(2), "session/1", payload.clone());
        }
        arrived += drain(&mut heard, AT_ONCE).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{AT_ONCE} at once: {:.0} a second, {arrived} of {} arrived",
        f64::from(u32::try_from(arrived)?) / seconds,
        ROUNDS * AT_ONCE
    );
    println!("{:?}", publisher.figures());

    let leases = RedisLeases::connect(&config).await?;
    let lease = Lease {
        space: "session/1".to_owned(),
        key: "k".to_owned(),
        incarnation: 1,
        value: payload,
    };
    let mut times = Vec::new();
    for _ in 0..ONE_BY_ONE {
        let begun = Instant::now();
        leases.hold(lease.clone(), Duration::from_secs(15)).await?;
        times.push(begun.elapsed());
    }
    show("hold a lease", times);
    Ok(())
}

/// Receives so many payloads, or fewer if some are missing.
async fn drain(heard: &mut Subscription, most: usize) -> usize {
    let mut arrived = 0;
    let mut missing = false;
    while arrived < most {
        let next = tokio::time::timeout(Duration::from_millis(200), heard.next());
        match next.await {
            Ok(Some(Notice::Payload(_))) => arrived += 1,
            Ok(Some(Notice::Missed)) => missing = true,
            Ok(None) => return arrived,
            Err(_) if missing => return arrived,
            Err(_) => {}
        }
    }
    arrived
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| {
        times
            .get(times.len() * part / 1_000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{what}: p50 {:?}, p99 {:?}, p99.9 {:?}",
        at(500),
        at(990),
        at(999)
    );
}
