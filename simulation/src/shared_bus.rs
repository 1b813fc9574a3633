//! The one bus of the simulated world. It loses, repeats, reorders and delays words, falls silent, and may not tell of
//! it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use carrel_platform::{
    bus::{Bus, Notice, Origin, Subscription},
    queue::{self, queue},
};

use crate::{dice::Dice, time};

/// How many notices may wait for one subscriber.
const BACKLOG: usize = 256;

/// How the bus treats what is published.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// How many words in a thousand are lost.
    pub(crate) loses: u64,
    /// How many words in a thousand arrive twice.
    pub(crate) repeats: u64,
    /// The longest delay in milliseconds. Words overtake each other.
    pub(crate) slowest_ms: u64,
    /// Whether subscribers are told about losses.
    pub(crate) honest: bool,
}

/// The bus. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SharedBus(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    dice: Dice,
    manners: Manners,
    silent_until_ms: u64,
    listeners: BTreeMap<u64, Listener>,
    next_listener: u64,
    /// Notices under way, by when they arrive and the order in which they left.
    on_the_way: BTreeMap<(u64, u64), (u64, Notice)>,
    sent: u64,
    spoilt: u64,
}

#[derive(Debug)]
struct Listener {
    topic: String,
    origin: Origin,
    notices: queue::Sender<Notice>,
}

impl SharedBus {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            dice: Dice::of(seed, "bus"),
            manners: Manners::default(),
            silent_until_ms: 0,
            listeners: BTreeMap::new(),
            next_listener: 0,
            on_the_way: BTreeMap::new(),
            sent: 0,
            spoilt: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how the bus behaves from now on.
    pub(crate) fn set_manners(&self, manners: Manners) {
        self.state().manners = manners;
    }

    /// Loses everything that is published until `until_ms`.
    pub(crate) fn silence(&self, until_ms: u64) {
        self.state().silent_until_ms = until_ms;
    }

    /// Delivers what has arrived by now. Must be called at each step of the simulation.
    pub(crate) fn deliver(&self, now_ms: u64) {
        let mut state = self.state();
        while let Some(entry) = state.on_the_way.first_entry()
            && entry.key().0 <= now_ms
        {
            let (listener, notice) = entry.remove();
            if let Some(listener) = state.listeners.get(&listener) {
                // A subscriber that is so far behind misses it, like any lost word.
                let _ = listener.notices.send(notice);
            }
        }
    }

    /// Returns how many words were lost or repeated.
    pub(crate) fn spoilt(&self) -> u64 {
        self.state().spoilt
    }
}

impl State {
    fn send(&mut self, listener: u64, payload: &Bytes) {
        let Manners {
            loses,
            repeats,
            honest,
            ..
        } = self.manners;
        let silent = time::now_ms() < self.silent_until_ms;
        if self.dice.happens(loses) || silent {
            self.spoilt += 1;
            if honest {
                self.put_on_the_way(listener, Notice::Missed);
            }
            return;
        }
        self.put_on_the_way(listener, Notice::Payload(payload.clone()));
        if self.dice.happens(repeats) {
            self.spoilt += 1;
            self.put_on_the_way(listener, Notice::Payload(payload.clone()));
        }
    }

    fn put_on_the_way(&mut self, listener: u64, notice: Notice) {
        let slowest = self.manners.slowest_ms;
        let arrives = time::now_ms() + self.dice.between(1, slowest.max(1));
        self.sent += 1;
        self.on_the_way
            .insert((arrives, self.sent), (listener, notice));
    }
}

impl Bus for SharedBus {
    fn publish(&self, origin: Origin, topic: &str, payload: Bytes) {
        let mut state = self.state();
        let reached: Vec<_> = state
            .listeners
            .iter()
            .filter(|(_, listener)| listener.topic == topic && listener.origin != origin)
            .map(|(id, _)| *id)
            .collect();
        for listener in reached {
            state.send(listener, &payload);
        }
    }

    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription {
        let (sender, notices) = queue(BACKLOG);
        let mut state = self.state();
        let id = state.next_listener;
        state.next_listener += 1;
        let listener = Listener {
            topic: topic.to_owned(),
            origin,
            notices: sender,
        };
        state.listeners.insert(id, listener);
        let place = Place {
            bus: Arc::downgrade(&self.0),
            id,
        };
        Subscription::new(notices, place)
    }

    fn system(&self) -> &'static str {
        "memory"
    }
}

/// A subscription's place on the bus.
#[derive(Debug)]
struct Place {
    bus: Weak<Mutex<State>>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(bus) = self.bus.upgrade() {
            let mut state = bus.lock().unwrap_or_else(PoisonError::into_inner);
            state.listeners.remove(&self.id);
        }
    }
}
