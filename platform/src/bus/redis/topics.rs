//! Who listens to what in this process.

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use futures::FutureExt as _;

    use super::*;
    use crate::{bus::Notice, seal::Key};

    fn keyring() -> Keyring {
        let key = |byte: &str| Key::parse(&byte.repeat(32)).unwrap();
        Keyring::new(key("01"), vec![key("02")])
    }

    fn topics() -> Arc<Topics> {
        Arc::new(Topics::new(Arc::new(keyring()), Arc::default()))
    }

    fn now(subscription: &mut Subscription) -> Option<Notice> {
        subscription.next().now_or_never().flatten()
    }

    fn changed(topics: &Topics, before: u64) -> Vec<Channel> {
        topics.changed_since(before).1.unwrap()
    }

    #[test]
    fn a_topic_is_wanted_while_somebody_listens() {
        let topics = topics();
        let channels = channels_of(&keyring(), "t");
        let one = topics.subscribe(Origin(1), "t");
        assert_eq!(changed(&topics, 0), channels);
        let other = topics.subscribe(Origin(2), "t");
        drop(one);
        assert!(changed(&topics, 2).is_empty());
        assert!(topics.is_wanted(&channels[0]));
        drop(other);
        assert_eq!(changed(&topics, 2), channels);
        assert!(topics.wanted().is_empty());
        assert!(topics.lock().topics.is_empty());
    }

    #[test]
    fn more_changes_than_are_remembered_are_not_told() {
        let topics = topics();
        for n in 0..CHANGES {
            drop(topics.subscribe(Origin(1), &n.to_string()));
        }
        let (now, changed) = topics.changed_since(0);
        assert_eq!((now, changed), (4 * CHANGES as u64, None));
        assert!(topics.changed_since(now - CHANGES as u64).1.is_some());
    }

    #[test]
    fn a_subscription_hears_when_it_becomes_active_and_when_it_no_longer_is() {
        let topics = topics();
        let by = topics.somebody();
        let channels = channels_of(&keyring(), "t");
        let mut first = topics.subscribe(Origin(1), "t");
        assert_eq!(now(&mut first), None);
        topics.activated(&channels[0], by);
        assert_eq!(now(&mut first), Some(Notice::Missed));
        topics.activated(&channels[0], by);
        assert_eq!(now(&mut first), None);
        topics.activated(&channels[1], by);
        assert_eq!(now(&mut first), Some(Notice::Missed));
        let mut second = topics.subscribe(Origin(1), "t");
        assert_eq!(now(&mut second), Some(Notice::Missed));
        assert_eq!(now(&mut first), None);
        topics.deactivated(&channels[1], by);
        assert_eq!(now(&mut first), Some(Notice::Missed));
        assert_eq!(now(&mut second), Some(Notice::Missed));
    }

    #[test]
    fn who_tells_no_longer_does_not_speak_for_who_does() {
        let topics = topics();
        let (before, after) = (topics.somebody(), topics.somebody());
        let channel = &channels_of(&keyring(), "t")[0];
        let mut listener = topics.subscribe(Origin(1), "t");
        topics.activated(channel, before);
        topics.activated(channel, after);
        assert_eq!(now(&mut listener), Some(Notice::Missed));
        topics.deactivated(channel, before);
        assert_eq!(now(&mut listener), None);
        assert!(topics.is_active(channel, after) && !topics.is_active(channel, before));
    }

    /// A slot went to and fro, and the confirmation of a master that has lost it again came last.
    #[test]
    fn who_was_spoken_over_by_somebody_who_tells_no_longer_looks_again() {
        let topics = topics();
        let (stays, goes) = (topics.somebody(), topics.somebody());
        let channel = &channels_of(&keyring(), "t")[0];
        let _listener = topics.subscribe(Origin(1), "t");
        topics.activated(channel, stays);
        topics.activated(channel, goes);
        let (before, _) = topics.changed_since(0);
        topics.deactivated(channel, goes);
        assert_eq!(changed(&topics, before), [Arc::clone(channel)]);
    }

    /// Redis still tells us, since it has not heard yet that the one before has left.
    #[test]
    fn nothing_is_heard_before_the_word_that_some_may_be_missed() {
        let topics = topics();
        let by = topics.somebody();
        let channels = channels_of(&keyring(), "t");
        let word = Word::Said {
            origin: Origin(2),
            at_ms: 0,
            payload: Bytes::from_static(b"news"),
        };
        let sealed = word.seal(&keyring().keys()[0], "t").unwrap();
        let before = topics.subscribe(Origin(1), "t");
        topics.activated(&channels[0], by);
        drop(before);
        let mut first = topics.subscribe(Origin(1), "t");
        topics.heard(&channels[0], &sealed);
        assert_eq!(now(&mut first), None);
        topics.activated(&channels[0], by);
        // The other key's channel is not active yet, and this one is heard on already.
        let mut second = topics.subscribe(Origin(1), "t");
        topics.heard(&channels[0], &sealed);
        for listener in [&mut first, &mut second] {
            assert_eq!(now(listener), Some(Notice::Missed));
            assert!(matches!(now(listener), Some(Notice::Payload(_))));
        }
    }

    #[test]
    fn what_opens_is_heard_under_either_key_and_nothing_else_is() {
        let topics = topics();
        let keyring = keyring();
        let channels = channels_of(&keyring, "t");
        let mut listener = topics.subscribe(Origin(1), "t");
        let word = Word::Said {
            origin: Origin(2),
            at_ms: 0,
            payload: Bytes::from_static(b"news"),
        };
        let by = topics.somebody();
        for (key, channel) in keyring.keys().iter().zip(&channels) {
            topics.activated(channel, by);
            assert_eq!(now(&mut listener), Some(Notice::Missed));
            let sealed = word.seal(key, "t").unwrap();
            topics.heard(channel, &sealed);
            assert!(matches!(now(&mut listener), Some(Notice::Payload(_))));
            let moved = word.seal(key, "other").unwrap();
            for bad in [&moved[..], b"", &vec![1; 1024 * 1024]] {
                topics.heard(channel, bad);
            }
        }
        let other_key = word.seal(&keyring.keys()[1], "t").unwrap();
        topics.heard(&channels[0], &other_key);
        let own = Word::Said {
            origin: Origin(1),
            at_ms: 0,
            payload: Bytes::new(),
        };
        topics.heard(&channels[0], &own.seal(&keyring.keys()[0], "t").unwrap());
        assert_eq!(now(&mut listener), None);
        let figures = topics.counters.figures();
        assert_eq!((figures.received, figures.unopened), (3, 7));
        topics.heard(
            &channels[0],
            &Word::Lost.seal(&keyring.keys()[0], "t").unwrap(),
        );
        assert_eq!(now(&mut listener), Some(Notice::Missed));
    }
}
