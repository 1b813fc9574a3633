//! A bus that loses everything, for tests of how its users find what it did not tell them.

use bytes::Bytes;
use carrel_platform::bus::{Bus, Origin, Subscription, local::LocalBus};

/// A bus that drops everything that is published, without telling subscribers that something is missing.
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
