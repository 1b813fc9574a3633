//! The subscriptions of this process.

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

use super::{figures::Counters, message::Message, warning::Warning};
use crate::{
    bus::{Origin, Subscription, listener::Listener},
    clock::Clock,
    seal::{Keyring, to_hexadecimal},
    telemetry::metric::BUS_LAG,
};

/// How many changes are remembered. A connection that missed more looks at everything.
const CHANGES: usize = 4_096;

/// The name of a topic in Redis.
pub(super) type Channel = Arc<str>;

/// One of the subscription connections, among all there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionId(u64);

/// The topics that this process listens to, and whether Redis sends us what is said on them.
///
/// Each topic has a channel for each key. The tasks that hold the connections to Redis see which channels are wanted
/// and subscribe to them; this type knows nothing of connections. So a subscription that is made while another one ends
/// can't be lost: what counts is what is wanted in the end.
#[derive(Debug)]
pub(super) struct Topics {
    keyring: Arc<Keyring>,
    counters: Arc<Counters>,
    warning: Warning,
    table: Mutex<Table>,
    /// How many times what is wanted has changed.
    changes: watch::Sender<u64>,
    /// How many connections there have been.
    connections: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    topics: HashMap<Arc<str>, Topic>,
    channels: HashMap<Channel, Place>,
    /// The channels that became wanted or unwanted most recently.
    changed: VecDeque<Channel>,
}

#[derive(Debug)]
struct Topic {
    /// Not empty.
    listeners: Vec<Listener>,
    channels: Vec<Channel>,
}

/// The meaning of a channel.
#[derive(Debug)]
struct Place {
    topic: Arc<str>,
    /// The index of the key with which its messages are sealed.
    key: usize,
    /// The connection on which Redis has confirmed the subscription.
    active: Option<ConnectionId>,
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

    /// Adds a listener. It hears `Notice::Missed` as soon as the subscription is active, which may be now, and
    /// nothing before that.
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

    /// Returns the number of changes so far, as it grows.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns the number of changes so far, and the channels that changed since there were `before`: `None` if these
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

    /// Returns all channels that are wanted.
    pub(super) fn wanted(&self) -> Vec<Channel> {
        self.lock().channels.keys().cloned().collect()
    }

    /// Returns whether a channel is wanted.
    pub(super) fn is_wanted(&self, channel: &str) -> bool {
        self.lock().channels.contains_key(channel)
    }

    /// Returns an identity for a new connection.
    pub(super) fn new_connection(&self) -> ConnectionId {
        ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed))
    }

    /// Marks a channel as subscribed on this connection. Its listeners may have missed what was said before.
    pub(super) fn activated(&self, channel: &str, connection: ConnectionId) {
        let mut table = self.lock();
        if let Some(place) = table.channels.get_mut(channel)
            && place.active != Some(connection)
        {
            place.active = Some(connection);
            let topic = Arc::clone(&place.topic);
            self.miss(&mut table, &topic);
        }
    }

    /// Marks a channel as no longer subscribed on this connection. Unless another connection already has it, its
    /// listeners may miss something.
    pub(super) fn deactivated(&self, channel: &str, connection: ConnectionId) {
        let mut table = self.lock();
        if let Some(place) = table.channels.get_mut(channel)
            && place.active == Some(connection)
        {
            place.active = None;
            let topic = Arc::clone(&place.topic);
            self.miss(&mut table, &topic);
            // Another connection may have been confirmed earlier and been overwritten by this one: it has to look
            // again.
            if let Some((channel, _)) = table.channels.get_key_value(channel) {
                let channel = Arc::clone(channel);
                self.changed(&mut table, &channel);
            }
        }
    }

    /// Returns whether a channel is wanted and subscribed on this connection.
    pub(super) fn is_active(&self, channel: &str, connection: ConnectionId) -> bool {
        let table = self.lock();
        table
            .channels
            .get(channel)
            .is_some_and(|place| place.active == Some(connection))
    }

    /// Handles a message from Redis on a channel.
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
        let Some(message) = key.and_then(|key| Message::open(key, &topic, sealed)) else {
            self.did_not_open();
            return;
        };
        self.counters.received.add(1);
        let mut table = self.lock();
        let place = table.channels.get(channel);
        if place.is_none_or(|place| place.active.is_none()) {
            // The message was on its way when the last listener left. Listeners added since hear of the loss when Redis
            // has confirmed.
            return;
        }
        match message {
            Message::Lost => self.miss(&mut table, &topic),
            Message::Published {
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

    /// Counts a message from Redis that was not sealed by us, and warns of it.
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

/// Returns the names of a topic in Redis, one for each key.
pub(super) fn channels_of(keyring: &Keyring, topic: &str) -> Vec<Channel> {
    let names = keyring
        .keys()
        .iter()
        .map(|key| key.name(&[b"bus", topic.as_bytes()]));
    names.map(|name| channel(&name)).collect()
}

/// Returns the channel with this name.
pub(super) fn channel(name: &[u8]) -> Channel {
    format!("carrel:{}", to_hexadecimal(name)).into()
}

/// Records how long a message was on its way. If the publisher's clock is ahead of ours, that counts as zero.
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
