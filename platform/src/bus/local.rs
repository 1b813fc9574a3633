//! The bus of one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use bytes::Bytes;

use super::{Bus, Origin, Subscription, listener::Listener, measure_publication};
use crate::telemetry::metric::BUS_LAG;

/// The name of this bus in spans and metrics.
pub const SYSTEM: &str = "memory";

/// A bus within one process, cheap to clone. It is shut down when its last clone is dropped.
#[derive(Clone, Debug, Default)]
pub struct LocalBus {
    topics: Arc<Topics>,
}

#[derive(Debug, Default)]
struct Topics(Mutex<HashMap<String, Vec<Listener>>>);

impl Topics {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Listener>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for LocalBus {
    fn publish(&self, origin: Origin, topic: &str, payload: Bytes) {
        let began = Instant::now();
        let mut topics = self.topics.lock();
        let listeners = topics.get_mut(topic).into_iter().flatten();
        let mut lost = false;
        for listener in listeners {
            lost |= listener.tell(origin, &payload);
        }
        drop(topics);
        // A payload is received as soon as it is published.
        BUS_LAG.record(began.elapsed().as_secs_f64(), [SYSTEM.into()]);
        measure_publication(SYSTEM, began, if lost { "dropped" } else { "sent" });
    }

    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription {
        let (listener, notices) = Listener::new(SYSTEM, origin);
        let mut topics = self.topics.lock();
        topics.entry(topic.to_owned()).or_default().push(listener);
        let place = Place {
            topics: Arc::downgrade(&self.topics),
            topic: topic.to_owned(),
        };
        Subscription::new(notices, place)
    }

    fn reaches(&self, origin: Origin, topic: &str) -> bool {
        let topics = self.topics.lock();
        let mut listeners = topics.get(topic).into_iter().flatten();
        listeners.any(|listener| !listener.is_of(origin))
    }

    fn system(&self) -> &'static str {
        SYSTEM
    }

    /// Every loss here is told to the subscriber.
    fn lossy(&self) -> bool {
        false
    }
}

/// A subscription's place among the listeners of a topic.
#[derive(Debug)]
struct Place {
    topics: Weak<Topics>,
    topic: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(topics) = self.topics.upgrade() else {
            return;
        };
        let mut topics = topics.lock();
        if let Some(listeners) = topics.get_mut(&self.topic) {
            listeners.retain(|listener| !listener.is_gone());
            if listeners.is_empty() {
                topics.remove(&self.topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::listener::BACKLOG, *};

    #[test]
    fn nothing_is_kept_for_subscribers_that_are_gone() {
        let bus = LocalBus::default();
        let one = bus.subscribe(Origin(1), "session/1");
        let other = bus.subscribe(Origin(1), "session/1");
        drop(one);
        assert_eq!(bus.topics.lock()["session/1"].len(), 1);
        drop(other);
        assert!(bus.topics.lock().is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let bus = LocalBus::default();
        let subscription = bus.subscribe(Origin(1), "session/1");
        for _ in 0..10 * BACKLOG {
            bus.publish(Origin(2), "session/1", Bytes::new());
        }
        assert_eq!(subscription.notices.len(), BACKLOG + 1);
    }
}
