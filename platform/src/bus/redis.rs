//! The bus of many servers, over Redis.
//!
//! Published payloads go through a bounded queue to one task, which sends what waits in one write. Subscriptions are
//! heard on one connection to each master, which is examined each second: it must answer a ping, and a probe published
//! on a channel of its own must be heard on it. A connection that fails is replaced, with all its subscriptions, and
//! their subscribers hear [`Notice::Missed`](super::Notice::Missed) when it fails and again when they are resubscribed.
//!
//! Redis sees sealed messages on channels whose names reveal nothing ([`crate::seal`]). In a cluster, messages travel
//! by sharded pub/sub, which needs Redis 7 or newer; otherwise Redis 6 will do.

mod figures;
mod in_flight;
pub mod message;
mod outbox;
mod probe;
mod publisher;
mod subscriber;
mod subscribers;
mod topics;
mod warning;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use self::figures::Figures;
use self::{
    figures::Counters,
    outbox::Outbox,
    publisher::Publisher,
    subscribers::{Shared, listen},
    topics::Topics,
};
use super::{Bus, Origin, Subscription};
use crate::{
    condition::Condition,
    redis::{Health, Nodes, RedisConfig, RedisError},
};

/// The name of this bus in spans and metrics.
pub const SYSTEM: &str = "redis";

/// A bus over Redis, cheap to clone. It is shut down when its last clone is dropped.
///
/// Beyond what [`Bus`] promises: what is published here on a topic goes to Redis in that order as long as a connection
/// lasts. A payload that could not be sent, because Redis was away or too much was waiting, is dropped, and the topic's
/// subscribers hear [`Notice::Missed`](super::Notice::Missed) in its place as soon as Redis can be reached.
#[derive(Clone, Debug)]
pub struct RedisBus {
    outbox: Arc<Outbox>,
    topics: Arc<Topics>,
    counters: Arc<Counters>,
    health: Health,
    _tasks: Arc<[AbortOnDropHandle<()>; 2]>,
}

impl RedisBus {
    /// Connects to Redis.
    ///
    /// Afterwards the bus uses Redis while it can be reached and does without it while it can't: see
    /// [`RedisBus::condition`].
    ///
    /// # Errors
    ///
    /// If a setting can't be used, or Redis does not answer now.
    pub async fn connect(config: &RedisConfig) -> Result<Self, RedisError> {
        let settings = config.settings()?;
        let health = Health::new("bus");
        let nodes = Nodes::connect(&settings, health.clone()).await?;
        let keyring = Arc::new(settings.keyring);
        let counters = Arc::<Counters>::default();
        let outbox = Arc::new(Outbox::new(Arc::clone(&counters)));
        let topics = Arc::new(Topics::new(Arc::clone(&keyring), Arc::clone(&counters)));
        let publisher = Publisher::new(Arc::clone(&outbox), Arc::clone(&keyring), nodes.clone());
        let shared = Shared {
            topics: Arc::clone(&topics),
            nodes,
            keyring,
            counters: Arc::clone(&counters),
            health: health.clone(),
        };
        let tasks = [tokio::spawn(publisher.run()), tokio::spawn(listen(shared))];
        Ok(Self {
            outbox,
            topics,
            counters,
            health,
            _tasks: Arc::new(tasks.map(AbortOnDropHandle::new)),
        })
    }

    /// Returns the state of the connections to Redis, as it changes.
    #[must_use]
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.health.watch()
    }

    /// Returns counts of what the bus has done so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.counters.figures()
    }
}

impl Bus for RedisBus {
    fn publish(&self, origin: Origin, topic: &str, payload: Bytes) {
        self.outbox.put(topic, origin, payload);
    }

    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription {
        self.topics.subscribe(origin, topic)
    }

    fn system(&self) -> &'static str {
        SYSTEM
    }
}
