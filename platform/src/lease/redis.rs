//! Leases of many servers, in Redis.
//!
//! Each step is a script that Redis runs atomically, and all scripts use one clock: Redis's own. If it is set back by
//! up to thirty days, by an operator or because a replica on another machine took over, the store's time goes on from
//! where it was, so that a lease lasts no longer than it was held for, give or take the second that may have been lost.
//! If it is set forward, all leases run out at once, and the store says that it was away.
//!
//! **A store that does not know says so.** Each of the store's 32 parts remembers since when it has existed without a
//! break; every server touches it once a second. If Redis was emptied, restarted, replaced by a replica that had not
//! heard of the part, or away for five seconds, in which no holder could renew its lease, its parts are younger than
//! the setting `settle`; then [`Leases::active`] is an error, rather than a list that lacks the holders who have not
//! renewed yet. The same happens once, when a desk is set up. The life that [`Leases::read`] returns is the time at
//! which the youngest part of a space was born.
//!
//! Leases that have run out are removed by the next call that touches their space, and a space is gone from Redis a
//! second after its last lease. Only a server whose clock was set back keeps an untouched space for that much longer;
//! nobody sees it. Redis must not evict keys (`maxmemory-policy noeviction`), and must be version 7 or newer.
//!
//! Redis sees sealed values under names that reveal nothing ([`crate::seal`]). Values that do not open are left out.

mod names;
mod record;
mod script;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt as _};
use redis::Value;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

use self::{
    names::{PARTS, Place},
    script::{Script, Scripts},
};
use super::{Held, Lease, LeaseError, Leases, Reading};
use crate::{
    condition::Condition,
    redis::{CallError, Health, Nodes, PING_EVERY, RedisConfig, RedisError, Report},
    seal::{Key, Keyring},
};

/// How long a call may take.
const BUDGET: Duration = Duration::from_secs(1);

/// The longest time that a lease lasts here: thirty years. Longer requests are shortened to it.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Leases in Redis, cheap to clone. The connections are closed with the last clone.
///
/// A call that Redis does not answer within a second is a [`LeaseError`].
#[derive(Clone, Debug)]
pub struct RedisLeases {
    store: Arc<Store>,
    health: Health,
    _touching: Arc<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
struct Store {
    nodes: Nodes,
    keyring: Keyring,
    scripts: Scripts,
    settle: Duration,
}

impl RedisLeases {
    /// Connects to Redis.
    ///
    /// # Errors
    ///
    /// If a setting can't be used, or Redis does not answer now or is too old.
    pub async fn connect(config: &RedisConfig) -> Result<Self, RedisError> {
        let settings = config.settings()?;
        let health = Health::new("leases");
        let store = Arc::new(Store {
            nodes: Nodes::connect(&settings, health.clone()).await?,
            keyring: settings.keyring,
            scripts: Scripts::new(),
            settle: config.settle.get(),
        });
        for key in store.keyring.keys() {
            let touched = store.touch(key, 0).await;
            touched.map_err(|error| RedisError::Unreachable(error.to_string()))?;
        }
        let report = Report::new(&health, crate::redis::Part::Store);
        let touching = tokio::spawn(keep_touching(Arc::clone(&store), report));
        Ok(Self {
            store,
            health,
            _touching: Arc::new(AbortOnDropHandle::new(touching)),
        })
    }

    /// Returns the state of the connections to Redis, as it changes.
    #[must_use]
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.health.watch()
    }
}

/// Touches each part of the store once a second, and reports if a part fails: a Redis that is full, or is a replica by
/// now, still answers its connections.
async fn keep_touching(store: Arc<Store>, report: Report) {
    let mut tick = interval(PING_EVERY);
    // After the process stood still for a while, one touch is enough.
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed_before = false;
    loop {
        tick.tick().await;
        let keys = store.keyring.keys().iter();
        let touches = keys.flat_map(|key| (0..PARTS).map(|part| store.touch(key, part)));
        let touched = futures::future::join_all(touches).await;
        // A single failure may be the moment in which a replica takes over.
        let problem = touched.into_iter().find_map(Result::err);
        match &problem {
            None => report.well(),
            Some(problem) if failed_before => report.amiss(problem),
            Some(_) => {}
        }
        failed_before = problem.is_some();
    }
}

impl Store {
    async fn touch(&self, key: &Key, part: u8) -> Result<Value, CallError> {
        let place = Place::of_part(key, part);
        self.scripts
            .touch
            .run(&self.nodes, &place, &[], BUDGET)
            .await
    }

    /// Runs a script on a space with one of the keys.
    async fn run(
        &self,
        script: &Script,
        key: &Key,
        space: &str,
        arguments: &[&[u8]],
    ) -> Result<Value, LeaseError> {
        let place = Place::of_space(key, space);
        let answer = script.run(&self.nodes, &place, arguments, BUDGET).await;
        answer.map_err(|error| LeaseError(error.to_string()))
    }

    async fn hold(&self, lease: &Lease, lasts: Duration) -> Result<Held, LeaseError> {
        // Fractions of a millisecond are rounded up, since a lease must not run out earlier than asked.
        let lasts_ms = lasts.min(FOR_EVER).as_micros().div_ceil(1_000).to_string();
        let mut held = Held::Yes;
        for key in self.keyring.keys() {
            let name = record::name_of(key, &lease.space, &lease.key);
            let sealed = record::seal(key, &name, lease)
                .map_err(|error| LeaseError(format!("the lease can't be sealed: {error}")))?;
            let incarnation = record::digits(lease.incarnation);
            let arguments: [&[u8]; 4] =
                [&name, incarnation.as_bytes(), lasts_ms.as_bytes(), &sealed];
            let answer = self
                .run(&self.scripts.hold, key, &lease.space, &arguments)
                .await?;
            if let Some(higher) = superseded_by(&answer)? {
                held = match held {
                    Held::Superseded(other) => Held::Superseded(other.max(higher)),
                    Held::Yes => Held::Superseded(higher),
                };
            }
        }
        Ok(held)
    }

    async fn release(
        &self,
        space: &str,
        lease_key: &str,
        incarnation: u64,
    ) -> Result<(), LeaseError> {
        for key in self.keyring.keys() {
            let name = record::name_of(key, space, lease_key);
            let incarnation = record::digits(incarnation);
            let arguments: [&[u8]; 2] = [&name, incarnation.as_bytes()];
            self.run(&self.scripts.release, key, space, &arguments)
                .await?;
        }
        Ok(())
    }

    async fn read(&self, space: &str) -> Result<Reading, LeaseError> {
        let mut leases = BTreeMap::<String, Lease>::new();
        let mut oldest = Duration::ZERO;
        // The part that was born last is the one that began anew.
        let mut life = 0;
        for key in self.keyring.keys() {
            let answer = self.run(&self.scripts.active, key, space, &[]).await?;
            let part = read_active(&answer).ok_or_else(not_understood)?;
            oldest = oldest.max(part.age);
            life = life.max(part.born);
            for (name, kept) in part.kept {
                let Some(lease) = record::open(key, space, name, kept) else {
                    continue;
                };
                let newest = leases
                    .entry(lease.key.clone())
                    .or_insert_with(|| lease.clone());
                if newest.incarnation < lease.incarnation {
                    *newest = lease;
                }
            }
        }
        let doubt = (oldest < self.settle).then(|| {
            LeaseError(format!(
                "the store has been there for {oldest:?}: not everybody has said again that they are"
            ))
        });
        Ok(Reading {
            leases: leases.into_values().collect(),
            life,
            doubt,
        })
    }
}

/// Returns the higher incarnation that the script answered, if any.
fn superseded_by(answer: &Value) -> Result<Option<u64>, LeaseError> {
    let Value::BulkString(text) = answer else {
        return Err(not_understood());
    };
    if text.is_empty() {
        return Ok(None);
    }
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(not_understood)
}

/// A space as one part of the store has it.
struct Part<'a> {
    age: Duration,
    /// When it was born, by the store's clock.
    born: u64,
    /// The names and the records stored under them.
    kept: Vec<(&'a [u8], &'a [u8])>,
}

fn read_active(answer: &Value) -> Option<Part<'_>> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [
        Value::BulkString(age),
        Value::BulkString(born),
        Value::Array(kept),
    ] = parts.as_slice()
    else {
        return None;
    };
    let number = |text| std::str::from_utf8(text).ok()?.parse().ok();
    let pairs = kept.chunks_exact(2).map(|pair| match pair {
        [Value::BulkString(name), Value::BulkString(kept)] => Some((&**name, &**kept)),
        _ => None,
    });
    Some(Part {
        age: Duration::from_millis(number(age)?),
        born: number(born)?,
        kept: pairs.collect::<Option<_>>()?,
    })
}

fn not_understood() -> LeaseError {
    LeaseError("Redis gave an answer that is none".to_owned())
}

/// Limits a call to the budget, however many keys there are.
async fn in_time<T>(call: impl Future<Output = Result<T, LeaseError>>) -> Result<T, LeaseError> {
    timeout_at(Instant::now() + BUDGET, call)
        .await
        .unwrap_or_else(|_| {
            Err(LeaseError(format!(
                "Redis gave no answer within {BUDGET:?}"
            )))
        })
}

impl Leases for RedisLeases {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        async move { in_time(self.store.hold(&lease, lasts)).await }.boxed()
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        in_time(self.store.release(space, key, incarnation)).boxed()
    }

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        async move {
            let reading = self.read(space).await?;
            reading.doubt.map_or(Ok(reading.leases), Err)
        }
        .boxed()
    }

    fn read<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Reading, LeaseError>> {
        in_time(self.store.read(space)).boxed()
    }
}
