//! A bus that loses all, for tests of how its users find what they were not told.

use bytes::Bytes;
use carrel_platform::bus::{Bus, Origin, Subscription, local::LocalBus};

/// A bus on which nobody hears anybody, and nobody knows it.
#[derive(Debug, Default)]
pub struct DeafBus(LocalBus);

impl Bus for DeafBus {
    fn publish(&self, _: Origin, _: &str, _: Bytes) {}

    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription {
        self.0.subscribe(origin, topic)
    }

    fn system(&self) -> &'static str {
        self.0.system()
    }
}
