//! The bus of one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Bus, Notice, Origin, Subscription};

/// How many payloads may wait for one subscriber before it is told that it missed some.
const BACKLOG: usize = 256;

/// A bus within one process, cheap to clone. It is shut down when its last clone is dropped.
#[derive(Clone, Debug, Default)]
pub struct LocalBus {
    topics: Arc<Topics>,
}

#[derive(Debug, Default)]
struct Topics(Mutex<HashMap<String, Vec<Listener>>>);

#[derive(Debug)]
struct Listener {
    origin: Origin,
    /// Has room for [`BACKLOG`] notices and one [`Notice::Missed`].
    notices: mpsc::Sender<Notice>,
    /// Whether the notice that was queued last is [`Notice::Missed`].
    told_of_loss: bool,
}

impl Listener {
    /// Queues a payload, or once, in its place, the word that payloads are missing from here on.
    ///
    /// The last place is kept for that word, so that it is always heard, and after all that was not lost before it.
    fn tell(&mut self, payload: Bytes) {
        let notice = match self.notices.capacity() {
            0 | 1 if self.told_of_loss => return,
            0 | 1 => Notice::Missed,
            _ => Notice::Payload(payload),
        };
        self.told_of_loss = notice == Notice::Missed;
        // It has room, and a subscriber that left needs no word.
        drop(self.notices.try_send(notice));
    }
}

impl Topics {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Listener>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for LocalBus {
    fn publish(&self, origin: Origin, topic: &str, payload: Bytes) {
        let mut topics = self.topics.lock();
        let listeners = topics.get_mut(topic).into_iter().flatten();
        for listener in listeners.filter(|listener| listener.origin != origin) {
            listener.tell(payload.clone());
        }
    }

    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription {
        let (sender, notices) = mpsc::channel(BACKLOG + 1);
        let listener = Listener {
            origin,
            notices: sender,
            told_of_loss: false,
        };
        let mut topics = self.topics.lock();
        topics.entry(topic.to_owned()).or_default().push(listener);
        Subscription {
            notices,
            _held: Box::new(Place {
                topics: Arc::downgrade(&self.topics),
                topic: topic.to_owned(),
            }),
        }
    }

    fn reaches(&self, origin: Origin, topic: &str) -> bool {
        let topics = self.topics.lock();
        let mut listeners = topics.get(topic).into_iter().flatten();
        listeners.any(|listener| listener.origin != origin)
    }

    /// What is lost here is always told.
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
            listeners.retain(|listener| !listener.notices.is_closed());
            if listeners.is_empty() {
                topics.remove(&self.topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
