//! Faults of Redis, and lies that it tells.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use carrel_testbed::redis::Redis;
use tokio::{
    task::block_in_place,
    time::{Instant, sleep, timeout},
};

use super::{Injected, Injector, NO_ENGINES};
use crate::{
    cluster::Route,
    history::What,
    proxy::Weather,
    resp::{Answer, Resp},
    seed::Dice,
};

/// How often subscribers are cut while Redis forgets (F8).
const FORGET_EVERY: Duration = Duration::from_millis(200);
/// The length of the longest lie, in bytes.
const LONGEST_LIE: usize = 1024 * 1024;

impl Injector<'_> {
    /// Stops Redis, in order or not, and starts it again empty.
    pub(super) async fn redis_outage(&mut self, lasts: Duration) -> anyhow::Result<Injected> {
        let in_order = self.dice.once_in(2);
        let Some(redis) = self.redis() else {
            return Ok(NO_ENGINES);
        };
        block_in_place(|| {
            if in_order {
                return redis.stop();
            }
            redis.kill();
            Ok(())
        })?;
        self.shared.recorder.write("", What::Redis { there: false });
        sleep(lasts).await;
        self.shared.recorder.write("", What::Redis { there: true });
        let redis = self.redis().context("Redis is gone")?;
        block_in_place(|| redis.start_again())?;
        Ok(Injected::Done)
    }

    /// Makes Redis lose everything and disconnect its subscribers, again and again.
    pub(super) async fn redis_forgets(&mut self, lasts: Duration) -> anyhow::Result<Injected> {
        let until = Instant::now() + lasts;
        while Instant::now() < until {
            let Some(redis) = self.redis() else {
                return Ok(NO_ENGINES);
            };
            block_in_place(|| redis.flush().and_then(|()| redis.kill_subscribers()))?;
            sleep(FORGET_EVERY).await;
        }
        Ok(Injected::Done)
    }

    /// Cuts the link between one session-svc and Redis: both ways, or so that requests arrive and no answers come back.
    pub(super) async fn redis_partition(&mut self, lasts: Duration) -> Injected {
        let both_ways = self.dice.once_in(2);
        let proxies: Vec<_> = self.cluster.proxies(Route::Redis).collect();
        let Some(proxy) = self.dice.pick(&proxies) else {
            return NO_ENGINES;
        };
        proxy.set(if both_ways {
            Weather::half_open()
        } else {
            Weather::one_way()
        });
        sleep(lasts).await;
        proxy.clear();
        Injected::Done
    }

    /// Makes Redis answer nobody: it is frozen, or pauses its clients.
    pub(super) async fn redis_pause(&mut self, lasts: Duration) -> anyhow::Result<Injected> {
        let frozen = self.dice.once_in(2);
        let Some(redis) = self.redis() else {
            return Ok(NO_ENGINES);
        };
        if frozen {
            redis.freeze()?;
            sleep(lasts).await;
            self.redis().context("Redis is gone")?.thaw()?;
        } else {
            let milliseconds = u32::try_from(lasts.as_millis())?;
            block_in_place(|| redis.pause(milliseconds))?;
            sleep(lasts).await;
        }
        Ok(Injected::Done)
    }

    /// Publishes lies on the desk's channels: words that were said before, repeated in another order, cut and altered;
    /// random bytes; and very long ones.
    pub(super) async fn redis_lies(&mut self, lasts: Duration) -> anyhow::Result<Injected> {
        let Some(address) = self.redis().map(|redis| address(redis)) else {
            return Ok(NO_ENGINES);
        };
        let mut words = eavesdrop(address, lasts / 2).await?;
        let mut liar = Resp::connect(address).await?;
        let channels = channels(&mut liar).await?;
        self.dice.shuffle(&mut words);
        let until = Instant::now() + lasts / 2;
        for (channel, word) in words {
            for lie in lies(&word, self.dice) {
                liar.ask(&[b"PUBLISH", &channel, &lie]).await?;
            }
            if Instant::now() > until {
                break;
            }
        }
        let longest = vec![0xff; LONGEST_LIE];
        for channel in channels.iter().take(16) {
            liar.ask(&[b"PUBLISH", channel, &longest]).await?;
        }
        Ok(Injected::Done)
    }

    /// Sets Redis to disconnect slow subscribers, and publishes so much that all are too slow.
    pub(super) async fn redis_cuts_listeners(
        &mut self,
        lasts: Duration,
    ) -> anyhow::Result<Injected> {
        let Some(address) = self.redis().map(|redis| address(redis)) else {
            return Ok(NO_ENGINES);
        };
        let mut redis = Resp::connect(address).await?;
        let limit = b"client-output-buffer-limit";
        redis
            .ask(&[b"CONFIG", b"SET", limit, b"pubsub 64kb 64kb 1"])
            .await?;
        let much = vec![b'x'; LONGEST_LIE];
        let until = Instant::now() + lasts;
        while Instant::now() < until {
            for channel in channels(&mut redis).await?.iter().take(16) {
                redis.ask(&[b"PUBLISH", channel, &much]).await?;
            }
            sleep(FORGET_EVERY).await;
        }
        redis
            .ask(&[b"CONFIG", b"SET", limit, b"pubsub 32mb 8mb 60"])
            .await?;
        Ok(Injected::Done)
    }

    fn redis(&mut self) -> Option<&mut Redis> {
        self.cluster
            .engines
            .as_mut()
            .map(|engines| &mut engines.redis)
    }
}

fn address(redis: &Redis) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], redis.port()))
}

/// Returns the channels that have subscribers.
async fn channels(redis: &mut Resp) -> anyhow::Result<Vec<Vec<u8>>> {
    let answer = redis.say("PUBSUB CHANNELS *").await?;
    Ok(answer.texts().into_iter().map(String::into_bytes).collect())
}

/// Listens on all channels for a while. Returns channels and words.
async fn eavesdrop(
    address: SocketAddr,
    lasts: Duration,
) -> anyhow::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut listener = Resp::connect(address).await?;
    listener.say("PSUBSCRIBE *").await?;
    let until = Instant::now() + lasts;
    let mut words = Vec::new();
    while let Ok(heard) = timeout(
        until.saturating_duration_since(Instant::now()),
        listener.answer(),
    )
    .await
    {
        // "pmessage", the pattern, the channel, the word.
        if let Answer::List(heard) = heard?
            && let [
                _,
                _,
                Answer::Bytes(Some(channel)),
                Answer::Bytes(Some(word)),
            ] = &heard[..]
        {
            words.push((channel.clone(), word.clone()));
        }
    }
    Ok(words)
}

/// Makes lies from a true word: the same again twice, one cut, one altered, and random bytes.
fn lies(word: &[u8], dice: &mut Dice) -> Vec<Vec<u8>> {
    let cut = word[..dice.below(word.len())].to_vec();
    let mut altered = word.to_vec();
    if let Some(byte) = altered.get_mut(dice.below(word.len())) {
        *byte ^= 1 << dice.below(8);
    }
    let junk = (0..dice.below(2_000))
        .map(|_| dice.number().to_le_bytes()[0])
        .collect();
    vec![word.to_vec(), word.to_vec(), cut, altered, junk]
}
