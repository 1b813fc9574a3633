//! The bus of one process.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Bus, Notice, Origin, Subscription};

/// How many payloads may wait for one subscriber before it is told that it missed some.
const BACKLOG: usize = 256;

/// A bus within one process, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct LocalBus {
    topics: Arc<Mutex<HashMap<String, Vec<Listener>>>>,
}

#[derive(Debug)]
struct Listener {
    origin: Origin,
    notices: mpsc::Sender<Notice>,
    missed: Arc<AtomicBool>,
}

impl Bus for LocalBus {
    fn publish(&self, origin: Origin, topic: &str, payload: Bytes) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(listeners) = topics.get_mut(topic) else {
            return;
        };
        listeners.retain(|listener| {
            if listener.origin == origin {
                return !listener.notices.is_closed();
            }
            match listener.notices.try_send(Notice::Payload(payload.clone())) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    listener.missed.store(true, Ordering::Release);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
        if listeners.is_empty() {
            topics.remove(topic);
        }
    }

    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription {
        let (sender, notices) = mpsc::channel(BACKLOG);
        let missed = Arc::new(AtomicBool::new(false));
        let listener = Listener {
            origin,
            notices: sender,
            missed: Arc::clone(&missed),
        };
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let listeners = topics.entry(topic.to_owned()).or_default();
        listeners.retain(|listener| !listener.notices.is_closed());
        listeners.push(listener);
        Subscription { notices, missed }
    }
}
