//! Counts of what a bus has done.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the bus was made. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Payloads that were given to the bus.
    pub published: u64,
    /// Payloads that were not sent in time, or are not known to have been sent.
    pub dropped: u64,
    /// Payloads and [`Message::Lost`](super::message::Message::Lost) that came from Redis and were opened.
    pub received: u64,
    /// Messages from Redis that did not open: forged, damaged, moved, or sealed with a key that is not ours.
    pub unopened: u64,
    /// How often a subscription connection was replaced.
    pub reconnects: u64,
    /// How often subscribers were told that they may have missed something, counted for each subscriber.
    pub missed: u64,
}

/// The running counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) published: Counter,
    pub(super) dropped: Counter,
    pub(super) received: Counter,
    pub(super) unopened: Counter,
    pub(super) reconnects: Counter,
    pub(super) missed: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn figures(&self) -> Figures {
        Figures {
            published: self.published.get(),
            dropped: self.dropped.get(),
            received: self.received.get(),
            unopened: self.unopened.get(),
            reconnects: self.reconnects.get(),
            missed: self.missed.get(),
        }
    }
}
