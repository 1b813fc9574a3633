//! A bounded multi-producer, single-consumer queue that takes only as much memory as the items waiting in it.
//!
//! Each socket and each stream has several, and nearly all of them are empty. A tokio channel reserves room for 32
//! items from the start, which is five kilobytes for one browser's items; this queue allocates nothing until an item
//! waits, and frees the memory after a rush.

use std::{
    collections::VecDeque,
    future::poll_fn,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures::Stream;
use tokio::task::coop::cooperative;

/// The number of items that an empty queue keeps room for.
const FEW: usize = 4;

/// Returns both ends of an empty queue that holds at most `limit` items.
#[must_use]
pub fn queue<T>(limit: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        limit,
        state: Mutex::new(State {
            waiting: VecDeque::new(),
            reader: None,
            senders: 1,
            is_read: true,
        }),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// The sending end. The queue ends when all senders are dropped.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// The receiving end. Items come out in the order in which they were put in.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Shared<T>>);

/// Why an item was not sent, with the item.
#[derive(Debug, PartialEq, Eq)]
pub enum NotSent<T> {
    /// The queue is at its limit.
    Full(T),
    /// The receiver was dropped.
    Closed(T),
}

#[derive(Debug)]
struct Shared<T> {
    limit: usize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    /// The waker of a receiver that waits for an item.
    reader: Option<Waker>,
    senders: usize,
    is_read: bool,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next item out, or registers the reader to be woken when there is one.
    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        let mut state = self.state();
        if let Some(item) = state.waiting.pop_front() {
            return Poll::Ready(Some(item));
        }
        if state.senders == 0 {
            return Poll::Ready(None);
        }
        if state.waiting.capacity() > FEW {
            state.waiting = VecDeque::new();
        }
        match &mut state.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl<T> Sender<T> {
    /// Puts an item in, without waiting.
    ///
    /// # Errors
    /// If the queue is full, or its receiver was dropped.
    pub fn send(&self, item: T) -> Result<(), NotSent<T>> {
        let mut state = self.0.state();
        if !state.is_read {
            return Err(NotSent::Closed(item));
        }
        if state.waiting.len() >= self.0.limit {
            return Err(NotSent::Full(item));
        }
        if state.waiting.capacity() == 0 {
            // In a quiet queue, one item waits at a time.
            state.waiting.reserve_exact(1);
        }
        state.waiting.push_back(item);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(())
    }

    /// Returns whether the receiver was dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.0.state().is_read
    }

    /// Returns how many more items fit. Other senders may fill it at any moment.
    #[must_use]
    pub fn room(&self) -> usize {
        self.0.limit - self.0.state().waiting.len()
    }

    /// Returns whether no item waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.state().waiting.is_empty()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.state().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.senders -= 1;
        let reader = match state.senders {
            0 => state.reader.take(),
            _ => None,
        };
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// Waits for the next item and takes it out. Returns `None` when the queue has ended and is empty.
    ///
    /// Cancel-safe: no item is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<T> {
        let next = poll_fn(|cx| self.0.poll_next(cx));
        // A reader that always finds an item must let other tasks run now and then.
        cooperative(next).await
    }

    /// Takes out the next item, if there is one.
    pub fn try_next(&mut self) -> Option<T> {
        self.0.state().waiting.pop_front()
    }

    /// Returns how many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.state().waiting.len()
    }

    /// Returns whether no item waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next(cx)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_read = false;
        state.reader = None;
        let never_read = mem::take(&mut state.waiting);
        // Dropping an item may run any code, so it happens outside the lock.
        drop(state);
        drop(never_read);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Weak;

    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn items_come_out_in_order_and_then_the_end() {
        let (sender, mut receiver) = queue(3);
        let other = sender.clone();
        sender.send(1).unwrap();
        other.send(2).unwrap();
        sender.send(3).unwrap();
        assert_eq!(sender.send(4), Err(NotSent::Full(4)));
        assert_eq!(receiver.next().await, Some(1));
        other.send(5).unwrap();
        drop((sender, other));
        assert_eq!(receiver.len(), 3);
        for item in [2, 3, 5] {
            assert_eq!(receiver.next().await, Some(item));
        }
        assert_eq!(receiver.next().await, None);
        assert_eq!(receiver.try_next(), None);
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_an_item_and_by_the_end() {
        let (sender, mut receiver) = queue(1);
        assert!(receiver.next().now_or_never().is_none());
        let reading = tokio::spawn(async move { (receiver.next().await, receiver.next().await) });
        tokio::task::yield_now().await;
        sender.send("item").unwrap();
        tokio::task::yield_now().await;
        let other = sender.clone();
        drop(sender);
        drop(other);
        assert_eq!(reading.await.unwrap(), (Some("item"), None));
    }

    #[test]
    fn nothing_is_kept_that_nobody_will_take_out() {
        let (sender, receiver) = queue(10);
        let item = Arc::new(());
        let kept: Weak<()> = Arc::downgrade(&item);
        sender.send(item).unwrap();
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
        assert!(kept.upgrade().is_none());
        assert!(matches!(sender.send(Arc::new(())), Err(NotSent::Closed(_))));
    }

    #[tokio::test]
    async fn room_is_given_back_when_a_rush_is_over() {
        let (sender, mut receiver) = queue(1_000);
        let room = |receiver: &Receiver<u64>| receiver.0.state().waiting.capacity();
        assert_eq!(room(&receiver), 0);
        for item in 0..100 {
            sender.send(item).unwrap();
        }
        assert!(room(&receiver) >= 100);
        while receiver.next().now_or_never().is_some() {}
        assert_eq!(room(&receiver), 0);
        for item in 0..100 {
            sender.send(item).unwrap();
            assert_eq!(receiver.next().await, Some(item));
        }
        assert!(room(&receiver) <= FEW);
    }

    #[tokio::test]
    async fn who_always_finds_something_lets_others_run() {
        let (sender, mut receiver) = queue(100_000);
        for item in 0..100_000 {
            sender.send(item).unwrap();
        }
        let other = tokio::spawn(async {});
        while !other.is_finished() {
            assert!(receiver.next().await.is_some());
        }
        assert!(receiver.next().await.is_some());
    }
}
