//! What waits for being sent.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use indexmap::IndexSet;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use tracing::Span;

use super::{SYSTEM, figures::Counters, word::Word};
use crate::{
    bus::{Origin, measure_publication},
    clock::Clock,
    telemetry::messaging,
};

/// How many payloads may wait.
const WAITING: usize = 4_096;
/// How many bytes may wait in them.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How many topics are remembered on which a loss is still to be said.
const OWED: usize = 16_384;
/// How many of them are said in one round where nothing else is to be said. All have had their turn within a second.
const OWED_AT_ONCE: usize = 1_024;
/// How long a payload may wait. Whoever would hear it later has better news from the log.
pub(super) const BUDGET: Duration = Duration::from_millis(250);
/// How soon after a failure it is tried again to say that something was lost.
const SAY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A word and its topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Letter {
    pub(super) topic: Arc<str>,
    pub(super) word: Word,
    /// When it was published.
    began: std::time::Instant,
    /// The span of whoever publishes it, if somebody traces it. It lasts as long as the letter is on its way.
    span: Option<Span>,
}

impl Letter {
    fn new(topic: Arc<str>, word: Word) -> Self {
        let span = match word {
            Word::Said { .. } => messaging::on_its_way(),
            Word::Lost => None,
        };
        Self {
            topic,
            word,
            began: std::time::Instant::now(),
            span,
        }
    }

    /// Measures what became of a payload, and says so on its span.
    pub(super) fn measure(&self, outcome: &'static str) {
        if matches!(self.word, Word::Said { .. }) {
            measure_publication(SYSTEM, self.began, outcome);
            messaging::arrived(self.span.as_ref(), outcome);
        }
    }
}

/// A bounded queue of payloads that remembers on which topics some were dropped, so that the listeners there hear of it
/// where it happened.
#[derive(Debug)]
pub(super) struct Outbox {
    inner: Mutex<Inner>,
    filled: Notify,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Inner {
    /// Payloads, with the moment they came, and at most as many words of loss.
    queue: VecDeque<(Letter, Instant)>,
    /// How many of the queue are payloads, and their bytes.
    waiting: usize,
    bytes: usize,
    /// Topics whose last letter in the queue is a word of loss.
    ends_in_loss: HashSet<Arc<str>>,
    /// Topics on which a loss before all that is queued is to be said, those that have waited longest about first.
    owed: IndexSet<Arc<str>>,
    /// When it is tried to say so where nothing else is to be said.
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

    /// Puts a payload at the end, or, when there is no room, the word that it was lost.
    pub(super) fn put(&self, topic: &str, origin: Origin, payload: Bytes) {
        self.counters.published.add(1);
        let word = Word::Said {
            origin,
            at_ms: Clock::system().unix_ms(),
            payload,
        };
        let letter = Letter::new(topic.into(), word);
        if !self.lock().put(letter) {
            self.counters.dropped.add(1);
        }
        self.filled.notify_one();
    }

    /// Remembers that something on a topic was lost that was taken from here.
    pub(super) fn owe(&self, letter: &Letter) {
        if matches!(letter.word, Word::Said { .. }) {
            self.counters.dropped.add(1);
            letter.measure("failed");
        }
        let mut inner = self.lock();
        // What is owed already is not put off by what is lost meanwhile.
        if inner.owed.is_empty() {
            inner.due = Instant::now() + SAY_AGAIN_AFTER;
        }
        inner.owe(&letter.topic);
        drop(inner);
        self.filled.notify_one();
    }

    /// Waits until there is something to say, and takes at most about `most` letters, and losses besides. Cancel-safe.
    pub(super) async fn take(&self, most: usize) -> Vec<Letter> {
        loop {
            let due = {
                let mut inner = self.lock();
                let (letters, late) = inner.take(most, Instant::now());
                self.counters.dropped.add(late);
                if !letters.is_empty() {
                    return letters;
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
    /// Says whether there was room.
    fn put(&mut self, letter: Letter) -> bool {
        let bytes = letter.word.payload().map_or(0, Bytes::len);
        if self.waiting >= WAITING || self.bytes + bytes > WAITING_BYTES {
            letter.measure("dropped");
            self.lose(letter.topic);
            return false;
        }
        self.waiting += 1;
        self.bytes += bytes;
        self.ends_in_loss.remove(&letter.topic);
        self.queue.push_back((letter, Instant::now()));
        true
    }

    /// Puts a word of loss at the end of the queue, where the payload would have been.
    fn lose(&mut self, topic: Arc<str>) {
        if self.ends_in_loss.contains(&topic) {
            return;
        }
        if self.queue.len() - self.waiting >= WAITING {
            self.owe(&topic);
            return;
        }
        self.ends_in_loss.insert(Arc::clone(&topic));
        let letter = Letter::new(topic, Word::Lost);
        self.queue.push_back((letter, Instant::now()));
    }

    fn owe(&mut self, topic: &Arc<str>) {
        if self.owed.len() < OWED {
            self.owed.insert(Arc::clone(topic));
        }
    }

    /// The next letters, and how many payloads before them were too late.
    fn take(&mut self, most: usize, now: Instant) -> (Vec<Letter>, u64) {
        let mut letters = Vec::new();
        let mut late = 0;
        while letters.len() < most
            && let Some((letter, since)) = self.queue.pop_front()
        {
            match &letter.word {
                Word::Lost => {
                    self.ends_in_loss.remove(&letter.topic);
                }
                Word::Said { payload, .. } => {
                    self.waiting -= 1;
                    self.bytes -= payload.len();
                    if now > since + BUDGET {
                        late += 1;
                        letter.measure("dropped");
                        self.owe(&letter.topic);
                        self.due = now;
                        continue;
                    }
                }
            }
            // A loss is said before all that comes after it. Nobody else's turn comes later for that: the last moves up.
            if let Some(topic) = self.owed.swap_take(&letter.topic)
                && letter.word != Word::Lost
            {
                letters.push(Letter::new(topic, Word::Lost));
            }
            letters.push(letter);
        }
        if self.due <= now {
            let round = self.owed.len().min(OWED_AT_ONCE);
            let owed = self.owed.drain(..round);
            letters.extend(owed.map(|topic| Letter::new(topic, Word::Lost)));
            // Whoever is left waits, too. While nothing can be sent all of them come back, and would keep the sender busy.
            self.due = now + SAY_AGAIN_AFTER;
        }
        (letters, late)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(Arc::default())
    }

    /// A word that says this.
    fn said(payload: &'static [u8]) -> Option<Bytes> {
        Some(Bytes::from_static(payload))
    }

    /// A word of loss.
    const LOST: Option<Bytes> = None;

    fn put(outbox: &Outbox, topic: &str, payload: &'static [u8]) {
        outbox.put(topic, Origin(1), Bytes::from_static(payload));
    }

    /// The payloads that are said on a topic, and the words of loss between them.
    async fn words(outbox: &Outbox, topic: &str) -> Vec<Option<Bytes>> {
        let letters = outbox.take(usize::MAX).await;
        let here = letters.iter().filter(|letter| &*letter.topic == topic);
        here.map(|letter| letter.word.payload().cloned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn letters_are_taken_in_order() {
        let outbox = outbox();
        put(&outbox, "t", b"1");
        put(&outbox, "t", b"2");
        assert_eq!(words(&outbox, "t").await, [said(b"1"), said(b"2")]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_room_is_said_to_be_lost_in_its_place_and_once() {
        let outbox = outbox();
        for _ in 0..WAITING {
            put(&outbox, "t", b"x");
        }
        for _ in 0..WAITING {
            put(&outbox, "t", b"lost");
        }
        let first = outbox.take(2).await;
        assert_eq!(first.len(), 2);
        put(&outbox, "t", b"after");
        put(&outbox, "t", b"after");
        put(&outbox, "t", b"lost");
        let words = words(&outbox, "t").await;
        assert_eq!(words.len(), WAITING + 2);
        let end = &words[WAITING - 2..];
        assert_eq!(end, [LOST, said(b"after"), said(b"after"), LOST]);
        assert_eq!(outbox.counters.figures().dropped, WAITING as u64 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_bounded_too() {
        let outbox = outbox();
        let large = Bytes::from(vec![0; WAITING_BYTES / 2]);
        for _ in 0..3 {
            outbox.put("t", Origin(1), large.clone());
        }
        let letters = outbox.take(usize::MAX).await;
        assert_eq!(letters.len(), 3);
        assert_eq!(letters[2].word, Word::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_too_long_is_said_to_be_lost() {
        let outbox = outbox();
        put(&outbox, "t", b"old");
        tokio::time::advance(BUDGET + Duration::from_millis(1)).await;
        put(&outbox, "t", b"new");
        put(&outbox, "other", b"new");
        assert_eq!(words(&outbox, "t").await, [LOST, said(b"new")]);
        put(&outbox, "t", b"old");
        tokio::time::advance(BUDGET + Duration::from_millis(1)).await;
        assert_eq!(words(&outbox, "t").await, [LOST]);
        assert_eq!(outbox.counters.figures().dropped, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_said_soon_also_while_others_go_on_being_lost() {
        let outbox = outbox();
        put(&outbox, "t", b"1");
        for letter in outbox.take(usize::MAX).await {
            outbox.owe(&letter);
        }
        let mut said = Vec::new();
        for _ in 0..10 {
            put(&outbox, "away", b"x");
            let letters = outbox.take(usize::MAX).await;
            said.extend(letters.iter().map(|letter| letter.topic.to_string()));
            let away = letters.iter().filter(|letter| &*letter.topic == "away");
            away.for_each(|letter| outbox.owe(letter));
            tokio::time::advance(SAY_AGAIN_AFTER / 4).await;
        }
        assert_eq!(said.iter().filter(|topic| *topic == "t").count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_said_again_until_it_was_sent_and_before_what_follows() {
        let outbox = outbox();
        put(&outbox, "t", b"1");
        for letter in outbox.take(usize::MAX).await {
            outbox.owe(&letter);
        }
        put(&outbox, "t", b"2");
        let taken = outbox.take(usize::MAX).await;
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].word, Word::Lost);
        outbox.owe(&taken[0]);
        // Nothing else is to be said: the time comes by itself.
        assert_eq!(words(&outbox, "t").await, [LOST]);
        assert_eq!(outbox.counters.figures().dropped, 1);
    }

    /// Puts a word on each of so many topics, of which none is sent.
    async fn lose_on_topics(outbox: &Outbox, topics: usize) {
        for topic in 0..topics {
            put(outbox, &topic.to_string(), b"x");
        }
        for letter in outbox.take(usize::MAX).await {
            outbox.owe(&letter);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn losses_that_can_t_be_said_are_not_tried_again_at_once() {
        let outbox = outbox();
        lose_on_topics(&outbox, OWED_AT_ONCE + 300).await;
        for _ in 0..3 {
            tokio::time::advance(SAY_AGAIN_AFTER).await;
            for letter in outbox.take(256).await {
                outbox.owe(&letter);
            }
            assert!(outbox.take(256).now_or_never().is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_topic_has_its_turn_while_losses_can_t_be_said() {
        let outbox = outbox();
        let topics = 3 * OWED_AT_ONCE;
        lose_on_topics(&outbox, topics).await;
        let mut said = HashSet::new();
        for _ in 0..3 {
            tokio::time::advance(SAY_AGAIN_AFTER).await;
            for letter in outbox.take(256).await {
                outbox.owe(&letter);
                said.insert(letter.topic);
            }
        }
        assert_eq!(said.len(), topics);
    }
}
