//! The queue of what is to be sent.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use indexmap::IndexSet;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use tracing::Span;

use super::{SYSTEM, figures::Counters, message::Message};
use crate::{
    bus::{Origin, measure_publication},
    clock::Clock,
    telemetry::messaging,
};

/// How many payloads may wait.
const WAITING: usize = 4_096;
/// How many bytes of payload may wait.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How many topics with an unannounced loss are remembered.
const OWED: usize = 16_384;
/// How many of these losses are announced in one round if nothing else is to be sent. All of them have had their turn
/// within a second.
const OWED_AT_ONCE: usize = 1_024;
/// How long a payload may wait. By then a subscriber gets better news from the log.
pub(super) const BUDGET: Duration = Duration::from_millis(250);
/// The pause after a failure before losses are announced again.
const SAY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A message and its topic. It is sent once for each key, and counted once.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) topic: Arc<str>,
    pub(super) message: Message,
    /// When it was published.
    began: std::time::Instant,
    /// The span of the publisher, if it is traced. It lasts as long as the publication is on its way.
    span: Option<Span>,
    /// How many of its copies are not known to have been sent.
    unsent: AtomicUsize,
    /// Whether it has been counted as lost.
    is_lost: AtomicBool,
}

impl Publication {
    fn new(topic: Arc<str>, message: Message) -> Self {
        let span = match message {
            Message::Published { .. } => messaging::on_its_way(),
            Message::Lost => None,
        };
        Self {
            topic,
            message,
            began: std::time::Instant::now(),
            span,
            unsent: AtomicUsize::new(1),
            is_lost: AtomicBool::new(false),
        }
    }

    /// Sets how many copies are sent, one for each key: the publication has been sent only when all of them have.
    pub(super) fn is_sent_in(&self, copies: usize) {
        self.unsent.store(copies, Ordering::Relaxed);
    }

    /// Notes that one copy was sent. Returns whether all have been.
    pub(super) fn sent(&self) -> bool {
        let all = self.unsent.fetch_sub(1, Ordering::Relaxed) == 1;
        if all {
            self.measure("sent");
        }
        all
    }

    /// Notes that one copy was not sent, or may not have been. Returns whether a payload is newly lost by that.
    fn lose(&self, outcome: &'static str) -> bool {
        let is_first = !self.is_lost.swap(true, Ordering::Relaxed);
        let loses = is_first && matches!(self.message, Message::Published { .. });
        if loses {
            self.measure(outcome);
        }
        loses
    }

    /// Records what became of a payload, also on its span.
    fn measure(&self, outcome: &'static str) {
        if matches!(self.message, Message::Published { .. }) {
            measure_publication(SYSTEM, self.began, outcome);
            messaging::arrived(self.span.as_ref(), outcome);
        }
    }
}

/// A bounded queue of payloads. It remembers on which topics some were dropped, so that their subscribers hear of the
/// loss where it happened.
#[derive(Debug)]
pub(super) struct Outbox {
    inner: Mutex<Inner>,
    filled: Notify,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Inner {
    /// Payloads with the moment they arrived, and at most as many [`Message::Lost`].
    queue: VecDeque<(Publication, Instant)>,
    /// How many of these are payloads, and their total bytes.
    waiting: usize,
    bytes: usize,
    /// Topics whose last publication in the queue is [`Message::Lost`].
    ends_in_loss: HashSet<Arc<str>>,
    /// Topics with a loss before everything queued that is still to be announced, roughly in the order in which they
    /// came.
    owed: IndexSet<Arc<str>>,
    /// When losses are next announced even if nothing else is to be sent.
    due: Instant,
}

impl Outbox {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                queue: VecDeque::new(),
                waiting: 0,
                bytes: 0,
                ends_in_loss: HashSet::new(),
                owed: IndexSet::new(),
                due: Instant::now(),
            }),
            filled: Notify::new(),
            counters,
        }
    }

    /// Queues a payload, or [`Message::Lost`] if there is no room.
    pub(super) fn put(&self, topic: &str, origin: Origin, payload: Bytes) {
        self.counters.published.add(1);
        let message = Message::Published {
            origin,
            at_ms: Clock::system().unix_ms(),
            payload,
        };
        let publication = Publication::new(topic.into(), message);
        if !self.lock().put(publication) {
            self.counters.dropped.add(1);
        }
        self.filled.notify_one();
    }

    /// Remembers the loss of a publication that was taken from here: sending it failed (`failed`) or was not tried
    /// (`dropped`).
    pub(super) fn owe(&self, publication: &Publication, outcome: &'static str) {
        if publication.lose(outcome) {
            self.counters.dropped.add(1);
        }
        let mut inner = self.lock();
        // Later losses must not put off those that are already owed.
        if inner.owed.is_empty() {
            inner.due = Instant::now() + SAY_AGAIN_AFTER;
        }
        inner.owe(&publication.topic);
        drop(inner);
        self.filled.notify_one();
    }

    /// Waits until there is something to send, and takes about `most` publications, plus announcements of losses.
    /// Cancel-safe.
    pub(super) async fn take(&self, most: usize) -> Vec<Arc<Publication>> {
        loop {
            let due = {
                let mut inner = self.lock();
                let (publications, late) = inner.take(most, Instant::now());
                self.counters.dropped.add(late);
                if !publications.is_empty() {
                    return publications;
                }
                (!inner.owed.is_empty()).then_some(inner.due)
            };
            match due {
                None => self.filled.notified().await,
                Some(due) => tokio::select! {
                    () = self.filled.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Queues a publication. Returns whether there was room.
    fn put(&mut self, publication: Publication) -> bool {
        let bytes = publication.message.payload().map_or(0, Bytes::len);
        if self.waiting >= WAITING || self.bytes + bytes > WAITING_BYTES {
            publication.measure("dropped");
            self.lose(publication.topic);
            return false;
        }
        self.waiting += 1;
        self.bytes += bytes;
        self.ends_in_loss.remove(&publication.topic);
        self.queue.push_back((publication, Instant::now()));
        true
    }

    /// Puts [`Message::Lost`] at the end of the queue, where the payload would have been.
    fn lose(&mut self, topic: Arc<str>) {
        if self.ends_in_loss.contains(&topic) {
            return;
        }
        if self.queue.len() - self.waiting >= WAITING {
            self.owe(&topic);
            return;
        }
        self.ends_in_loss.insert(Arc::clone(&topic));
        let publication = Publication::new(topic, Message::Lost);
        self.queue.push_back((publication, Instant::now()));
    }

    fn owe(&mut self, topic: &Arc<str>) {
        if self.owed.len() < OWED {
            self.owed.insert(Arc::clone(topic));
        }
    }

    /// Takes the next publications, and counts the payloads before them that were too late.
    fn take(&mut self, most: usize, now: Instant) -> (Vec<Arc<Publication>>, u64) {
        let mut publications = Vec::new();
        let mut late = 0;
        while publications.len() < most
            && let Some((publication, since)) = self.queue.pop_front()
        {
            match &publication.message {
                Message::Lost => {
                    self.ends_in_loss.remove(&publication.topic);
                }
                Message::Published { payload, .. } => {
                    self.waiting -= 1;
                    self.bytes -= payload.len();
                    if now > since + BUDGET {
                        late += 1;
                        publication.measure("dropped");
                        self.owe(&publication.topic);
                        self.due = now;
                        continue;
                    }
                }
            }
            // A loss is announced before everything that follows it on its topic. `swap_take` moves the last topic up,
            // so no other topic has to wait longer.
            if let Some(topic) = self.owed.swap_take(&publication.topic)
                && publication.message != Message::Lost
            {
                publications.push(Arc::new(Publication::new(topic, Message::Lost)));
            }
            publications.push(Arc::new(publication));
        }
        if self.due <= now {
            let round = self.owed.len().min(OWED_AT_ONCE);
            let owed = self.owed.drain(..round);
            publications.extend(owed.map(|topic| Arc::new(Publication::new(topic, Message::Lost))));
            // The rest waits as well. While nothing can be sent, all of them come back and would keep the sender busy.
            self.due = now + SAY_AGAIN_AFTER;
        }
        (publications, late)
    }
}
