//! Who listens to what in this process.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use super::{figures::Counters, warning::Warning, word::Word};
use crate::{
    bus::{Origin, Subscription, listener::Listener},
    clock::Clock,
    seal::{Keyring, to_hexadecimal},
    telemetry::metric::BUS_LAG,
};

/// How many changes are remembered. Whoever missed more looks at everything.
const CHANGES: usize = 4_096;

/// The name of a topic at Redis.
pub(super) type Channel = Arc<str>;

/// One of the connections on which Redis tells what is said, among all there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct By(u64);

/// The topics that somebody in this process listens to, and whether Redis tells us what is said there.
///
/// Each topic has a channel for each key. Whoever holds the connections to Redis sees which channels are wanted and
/// makes it so; this knows nothing of connections. So a subscription that comes while another one goes can't be lost:
/// what counts is what is wanted in the end.
#[derive(Debug)]
pub(super) struct Topics {
    keyring: Arc<Keyring>,
    counters: Arc<Counters>,
    warning: Warning,
    table: Mutex<Table>,
    /// How many changes there have been to what is wanted.
    changes: watch::Sender<u64>,
    /// How many connections there have been.
    connections: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    topics: HashMap<Arc<str>, Topic>,
    channels: HashMap<Channel, Place>,
    /// The channels that became wanted or unwanted last.
    changed: VecDeque<Channel>,
}

#[derive(Debug)]
struct Topic {
    /// Not empty.
    listeners: Vec<Listener>,
    channels: Vec<Channel>,
}

/// What a channel stands for.
#[derive(Debug)]
struct Place {
    topic: Arc<str>,
    /// Which of the keys its words are sealed with.
    key: usize,
    /// By which connection Redis tells us what is said there, once it has confirmed that it does.
    active: Option<By>,
}

impl Topics {
    pub(super) fn new(keyring: Arc<Keyring>, counters: Arc<Counters>) -> Self {
        Self {
            keyring,
            counters,
            warning: Warning::default(),
            table: Mutex::default(),
            changes: watch::Sender::new(0),
            connections: AtomicU64::new(0),
        }
    }

    /// Adds a listener. It is told that it may have missed something as soon as Redis tells us what is said on its
    /// topic, which may be now, and hears nothing before that.
    pub(super) fn subscribe(self: &Arc<Self>, origin: Origin, topic: &str) -> Subscription {
        let (mut listener, notices) = Listener::new(super::SYSTEM, origin);
        let mut table = self.lock();
        if let Some(known) = table.topics.get(topic) {
            let active = |channel| {
                table
                    .channels
                    .get(channel)
                    .is_some_and(|place| place.active.is_some())
            };
            if known.channels.iter().any(active) {
                self.counters.missed.add(1);
                listener.miss();
            }
        }
        let topic: Arc<str> = match table.topics.get_key_value(topic) {
            Some((known, _)) => Arc::clone(known),
            None => self.add(&mut table, topic),
        };
        if let Some(known) = table.topics.get_mut(&topic) {
            known.listeners.push(listener);
        }
        Subscription {
            notices,
            _held: Box::new(Held {
                topics: Arc::downgrade(self),
                topic,
            }),
        }
    }

    fn add(&self, table: &mut Table, topic: &str) -> Arc<str> {
        let topic: Arc<str> = topic.into();
        let channels = channels_of(&self.keyring, &topic);
        for (key, channel) in channels.iter().enumerate() {
            let place = Place {
                topic: Arc::clone(&topic),
                key,
                active: None,
            };
            table.channels.insert(Arc::clone(channel), place);
            self.changed(table, channel);
        }
        let listeners = Vec::new();
        let entry = Topic {
            listeners,
            channels,
        };
        table.topics.insert(Arc::clone(&topic), entry);
        topic
    }

    fn leave(&self, topic: &str) {
        let mut table = self.lock();
        let Some(known) = table.topics.get_mut(topic) else {
            return;
        };
        known.listeners.retain(|listener| !listener.is_gone());
        if !known.listeners.is_empty() {
            return;
        }
        let Some(known) = table.topics.remove(topic) else {
            return;
        };
        for channel in known.channels {
            table.channels.remove(&channel);
            self.changed(&mut table, &channel);
        }
    }

    fn changed(&self, table: &mut Table, channel: &Channel) {
        if table.changed.len() == CHANGES {
            table.changed.pop_front();
        }
        table.changed.push_back(Arc::clone(channel));
        self.changes.send_modify(|count| *count += 1);
    }

    /// How many changes there have been, as it grows.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The channels that have changed since there were `before` changes, and how many there are now. `None` when these
    /// are more than are remembered.
    pub(super) fn changed_since(&self, before: u64) -> (u64, Option<Vec<Channel>>) {
        let table = self.lock();
        let now = *self.changes.borrow();
        let new = usize::try_from(now - before).unwrap_or(usize::MAX);
        let known = table.changed.len();
        let changed =
            (new <= known).then(|| table.changed.iter().skip(known - new).cloned().collect());
        (now, changed)
    }

    /// All channels that are wanted.
    pub(super) fn wanted(&self) -> Vec<Channel> {
        self.lock().channels.keys().cloned().collect()
    }

    /// Whether a channel is wanted.
    pub(super) fn is_wanted(&self, channel: &str) -> bool {
        self.lock().channels.contains_key(channel)
    }

    /// A name for a new connection.
    pub(super) fn somebody(&self) -> By {
        By(self.connections.fetch_add(1, Ordering::Relaxed))
    }

    /// From now on Redis tells us what is said on a channel. Whoever listens may have missed what was said before.
    pub(super) fn activated(&self, channel: &str, by: By) {
        let mut table = self.lock();
        if let Some(place) = table.channels.get_mut(channel)
            && place.active != Some(by)
        {
            place.active = Some(by);
            let topic = Arc::clone(&place.topic);
            self.miss(&mut table, &topic);
        }
    }

    /// From now on a connection does not tell us what is said on a channel. Unless another one does already, whoever
    /// listens may miss something.
    pub(super) fn deactivated(&self, channel: &str, by: By) {
        let mut table = self.lock();
        if let Some(place) = table.channels.get_mut(channel)
            && place.active == Some(by)
        {
            place.active = None;
            let topic = Arc::clone(&place.topic);
            self.miss(&mut table, &topic);
            // Another connection may have been confirmed before this one, which spoke over it: it has to look again.
            if let Some((channel, _)) = table.channels.get_key_value(channel) {
                let channel = Arc::clone(channel);
                self.changed(&mut table, &channel);
            }
        }
    }

    /// Whether a connection tells us what is said on a channel that is wanted.
    pub(super) fn is_active(&self, channel: &str, by: By) -> bool {
        let table = self.lock();
        table
            .channels
            .get(channel)
            .is_some_and(|place| place.active == Some(by))
    }

    /// Something came from Redis on a channel.
    pub(super) fn heard(&self, channel: &str, sealed: &[u8]) {
        let known = {
            let table = self.lock();
            let place = table.channels.get(channel);
            place.map(|place| (Arc::clone(&place.topic), place.key))
        };
        let Some((topic, key)) = known else {
            return;
        };
        let key = self.keyring.keys().get(key);
        let Some(word) = key.and_then(|key| Word::open(key, &topic, sealed)) else {
            self.did_not_open();
            return;
        };
        self.counters.received.add(1);
        let mut table = self.lock();
        let place = table.channels.get(channel);
        if place.is_none_or(|place| place.active.is_none()) {
            // It was on its way when the last listener left, and whoever has come since is told when Redis has confirmed.
            return;
        }
        match word {
            Word::Lost => self.miss(&mut table, &topic),
            Word::Said {
                origin,
                at_ms,
                payload,
            } => {
                measure_lag(at_ms);
                let listeners = table
                    .topics
                    .get_mut(&topic)
                    .map(|known| &mut known.listeners);
                for listener in listeners.into_iter().flatten() {
                    if listener.tell(origin, &payload) {
                        self.counters.missed.add(1);
                    }
                }
            }
        }
    }

    /// Something came from Redis that is none of ours.
    pub(super) fn did_not_open(&self) {
        self.counters.unopened.add(1);
        self.warning.say(self.counters.unopened.get());
    }

    fn miss(&self, table: &mut Table, topic: &str) {
        let listeners = table
            .topics
            .get_mut(topic)
            .map(|known| &mut known.listeners);
        for listener in listeners.into_iter().flatten() {
            self.counters.missed.add(1);
            listener.miss();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of a topic at Redis, one for each key.
pub(super) fn channels_of(keyring: &Keyring, topic: &str) -> Vec<Channel> {
    let names = keyring
        .keys()
        .iter()
        .map(|key| key.name(&[b"bus", topic.as_bytes()]));
    names.map(|name| channel(&name)).collect()
}

/// The channel of a name.
pub(super) fn channel(name: &[u8]) -> Channel {
    format!("carrel:{}", to_hexadecimal(name)).into()
}

/// Measures how long a word was on its way. Where the publisher's clock is ahead of ours it came at once, as far as can be
/// known.
fn measure_lag(at_ms: i64) {
    let lag_ms = Clock::system().unix_ms().saturating_sub(at_ms).max(0);
    BUS_LAG.record(lag_ms as f64 / 1e3, [super::SYSTEM.into()]);
}

/// A subscription's place among the listeners of a topic.
#[derive(Debug)]
struct Held {
    topics: Weak<Topics>,
    topic: Arc<str>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(topics) = self.topics.upgrade() {
            topics.leave(&self.topic);
        }
    }
}
