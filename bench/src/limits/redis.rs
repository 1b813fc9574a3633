//! What Redis allows: publishing messages and receiving them again, many at a time and one after the other.

use std::time::{Duration, Instant};

use anyhow::Context;
use carrel_testbed::redis::Redis;
use futures::StreamExt;

use crate::{
    core::Cores,
    figures::{Figures, quantiles},
    ledger::{histogram, record},
};

/// How many messages are published before the first of them is waited for.
const TOGETHER: u32 = 64;
const CHANNEL: &str = "bench";

/// Measures a Redis on the servers' core, each figure for `time`.
///
/// # Errors
/// If there is no Redis, or it does not answer.
pub async fn measure(cores: Cores, time: Duration) -> anyhow::Result<Figures> {
    cores.enter_server()?;
    let redis = Redis::start();
    cores.enter_load()?;
    let redis = redis?;
    let client = redis::Client::open(redis.url())?;
    let mut publisher = client.get_multiplexed_async_connection().await?;
    let mut listener = client.get_async_pubsub().await?;
    listener.subscribe(CHANNEL).await?;
    let mut heard = listener.into_on_message();
    let mut figures = Figures::new();
    for together in [1, TOGETHER] {
        let mut times = histogram();
        let (began, mut published) = (Instant::now(), 0);
        while began.elapsed() < time {
            let sent = Instant::now();
            let mut pipeline = redis::pipe();
            for _ in 0..together {
                pipeline
                    .cmd("PUBLISH")
                    .arg(CHANNEL)
                    .arg([0_u8; 256].as_slice())
                    .ignore();
            }
            pipeline.query_async::<()>(&mut publisher).await?;
            for _ in 0..together {
                heard.next().await.context("Redis went away")?;
            }
            record(&mut times, sent.elapsed());
            published += together;
        }
        let rate = f64::from(published) / began.elapsed().as_secs_f64();
        figures.insert(format!("published and heard/s, {together} at once"), rate);
        if together == 1 {
            quantiles(&mut figures, "round trip", &times);
        }
    }
    Ok(figures)
}
