//! Leases of many servers, in Redis.
//!
//! Each step is a script that Redis runs by itself, and all of them go by one clock: Redis's own. It may be set back by
//! thirty days, by an operator or because a replica on another machine took over: the store's time then goes on from
//! where it was, so that a lease lasts no longer than it was held for, give or take the second that may have been lost.
//! Set forward, all leases run out at once, and the store says that it was away.
//!
//! **A store that does not know says so.** Each of the store's 32 parts remembers since when it has existed without a
//! break; every server lets it know once a second that it is there. A Redis that was emptied, restarted, replaced by a
//! replica that had not heard of it, or away for five seconds, in which nobody could say that they are there, has
//! parts that are younger than the setting `settle`; then [`Leases::standing`] is an error, and not a list without
//! those who have not said again that they are there. So is it, once, when a desk is set up. When the youngest part of
//! a space was born is the life of the store that [`Leases::read`] tells.
//!
//! What has run out is removed by whoever touches its space next, and a space is gone from Redis a second after its last
//! lease. Only a server whose clock was set back keeps, for as long, what nobody touches; nobody sees it. Redis must
//! not evict keys (`maxmemory-policy noeviction`), and must be version 7 or newer.
//!
//! Redis sees sealed values under names that tell nothing ([`crate::seal`]). What does not open is left out.

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

/// The longest that a lease lasts here: thirty years. Whoever asks for more gets this.
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
    /// When a setting can't be used, Redis does not answer now, or is too old.
    pub async fn connect(config: &RedisConfig) -> Result<Self, RedisError> {
        let settings = config.check()?;
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

    /// How the connections to Redis are, as it changes.
    #[must_use]
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.health.watch()
    }
}

/// Lets each part of the store know each second that it is there, and says if a part does not do as it is asked: a Redis
/// that is full, or is a replica by now, answers its connections all the same.
async fn keep_touching(store: Arc<Store>, report: Report) {
    let mut tick = interval(PING_EVERY);
    // After a time in which the process stood still, once is enough.
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed_before = false;
    loop {
        tick.tick().await;
        let keys = store.keyring.keys().iter();
        let touches = keys.flat_map(|key| (0..PARTS).map(|part| store.touch(key, part)));
        let touched = futures::future::join_all(touches).await;
        // One round may meet the moment in which a replica takes over.
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

    /// Runs a script on a space under one of the keys.
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
        // A part of a millisecond counts as a whole one, since a lease must not run out earlier than asked.
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
        // Whichever part begins anew is the one that was born last.
        let mut life = 0;
        for key in self.keyring.keys() {
            let answer = self.run(&self.scripts.standing, key, space, &[]).await?;
            let part = read_standing(&answer).ok_or_else(not_understood)?;
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

/// The higher incarnation that the script names, if it names one.
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
    /// When it was born, by its own clock.
    born: u64,
    /// Names with what is kept under them.
    kept: Vec<(&'a [u8], &'a [u8])>,
}

fn read_standing(answer: &Value) -> Option<Part<'_>> {
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

/// Gives a call no longer than its budget, however many keys there are.
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

    fn standing<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
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
