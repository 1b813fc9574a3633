//! What a bus has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Figures of a bus since it was made. Each only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Payloads that were given to the bus.
    pub published: u64,
    /// Payloads that it could not send in time, or does not know to have been sent.
    pub dropped: u64,
    /// Payloads and words of loss that came from Redis and were opened.
    pub received: u64,
    /// What came from Redis and did not open: forged, damaged, moved, or sealed with a key that is not ours.
    pub unopened: u64,
    /// How often a connection for subscriptions was made anew.
    pub reconnects: u64,
    /// How often subscribers were told that they may have missed something, each counted.
    pub missed: u64,
}

/// The figures as they grow.
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
