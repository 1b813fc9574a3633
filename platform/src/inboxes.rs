//! The ways to what a service holds in memory, one task for each: session-svc's sessions, im-svc's conversations.
//!
//! A task owns its entity and serves the requests in the entity's inbox. The entity is brought into memory by the first
//! request for it, and leaves memory when nobody needs it, by closing its inbox. A request that comes at that moment is
//! not lost: it brings the entity into memory again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The inboxes of a service's entities, by their ids, each with something that is known of its entity. Cheap to clone.
#[derive(Debug)]
pub struct Inboxes<R, K = ()> {
    ways: Arc<Mutex<BTreeMap<String, Way<R, K>>>>,
    room: usize,
}

#[derive(Debug)]
struct Way<R, K> {
    inbox: mpsc::Sender<R>,
    known: K,
}

/// The service is stopping: nothing is brought into memory any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping;

impl<R, K> Clone for Inboxes<R, K> {
    fn clone(&self) -> Self {
        Self {
            ways: Arc::clone(&self.ways),
            room: self.room,
        }
    }
}

impl<R, K: Clone + Default> Inboxes<R, K> {
    /// No inboxes yet. Each will have room for this many requests; beyond that, senders wait.
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Self {
            ways: Arc::default(),
            room,
        }
    }

    /// Returns the inbox of an entity. If the entity is not in memory, `bring` is called to begin to bring it there. It
    /// is given the receiving end, and what is known of the entity, which is nothing yet.
    pub fn of(&self, id: &str, bring: impl FnOnce(mpsc::Receiver<R>, K)) -> mpsc::Sender<R> {
        let mut ways = self.ways();
        if let Some(way) = ways.get(id).filter(|way| !way.inbox.is_closed()) {
            return way.inbox.clone();
        }
        let (inbox, receiver) = mpsc::channel(self.room);
        let known = K::default();
        let way = Way {
            inbox: inbox.clone(),
            known: known.clone(),
        };
        ways.insert(id.to_owned(), way);
        drop(ways);
        bring(receiver, known);
        inbox
    }

    /// Puts a request into the inbox of an entity, once there is room, and brings the entity into memory for that as in
    /// [`Inboxes::of`]. Requests of one sender arrive in their order, unless the entity leaves memory meanwhile.
    ///
    /// # Errors
    /// When `stop` was cancelled.
    pub async fn send(
        &self,
        id: &str,
        mut request: R,
        stop: &CancellationToken,
        bring: impl Fn(mpsc::Receiver<R>, K),
    ) -> Result<(), Stopping> {
        while !stop.is_cancelled() {
            match self.of(id, &bring).send(request).await {
                Ok(()) => return Ok(()),
                Err(mpsc::error::SendError(back)) => {
                    request = back;
                    tokio::task::yield_now().await;
                }
            }
        }
        Err(Stopping)
    }

    /// Puts a request into the inbox of an entity if it is in memory and there is room.
    pub fn send_if_live(&self, id: &str, request: R) {
        if let Some(way) = self.ways().get(id) {
            // What is not taken is dropped.
            let _ = way.inbox.try_send(request);
        }
    }

    /// Returns whether an entity is in memory and stays there for now.
    #[must_use]
    pub fn is_live(&self, id: &str) -> bool {
        let ways = self.ways();
        ways.get(id).is_some_and(|way| !way.inbox.is_closed())
    }

    /// Returns the ids of the entities in memory, in order, and what is known of each.
    #[must_use]
    pub fn known(&self) -> Vec<(String, K)> {
        let ways = self.ways();
        ways.iter()
            .map(|(id, way)| (id.clone(), way.known.clone()))
            .collect()
    }

    /// Forgets the way to an entity that has left memory, unless it is in memory again.
    pub fn forget_rested(&self, id: &str) {
        let mut ways = self.ways();
        if ways.get(id).is_some_and(|way| way.inbox.is_closed()) {
            ways.remove(id);
        }
    }

    fn ways(&self) -> MutexGuard<'_, BTreeMap<String, Way<R, K>>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::RefCell;

    use super::*;

    type Brought = RefCell<Vec<mpsc::Receiver<u32>>>;

    fn keep(brought: &Brought) -> impl Fn(mpsc::Receiver<u32>, ()) {
        |inbox, ()| brought.borrow_mut().push(inbox)
    }

    #[tokio::test]
    async fn a_request_for_what_is_just_leaving_memory_brings_it_there_again() {
        let inboxes: Inboxes<u32> = Inboxes::with_room(4);
        let stop = CancellationToken::new();
        let brought = Brought::default();
        inboxes.send("a", 1, &stop, keep(&brought)).await.unwrap();
        inboxes.send("a", 2, &stop, keep(&brought)).await.unwrap();
        assert_eq!(brought.borrow().len(), 1, "it is in memory already");
        brought.borrow_mut()[0].close();
        assert!(!inboxes.is_live("a"));
        inboxes.send("a", 3, &stop, keep(&brought)).await.unwrap();
        let mut brought = brought.into_inner();
        assert_eq!(brought[0].recv().await, Some(1), "it is still served");
        assert_eq!(brought[1].recv().await, Some(3));
        inboxes.forget_rested("a");
        assert!(inboxes.is_live("a"), "it is in memory again");
        drop(brought);
        inboxes.forget_rested("a");
        assert_eq!(inboxes.known(), []);
    }

    #[tokio::test]
    async fn nothing_is_brought_into_memory_by_a_service_that_stops() {
        let inboxes: Inboxes<u32> = Inboxes::with_room(1);
        let stop = CancellationToken::new();
        stop.cancel();
        let brought = Brought::default();
        let sent = inboxes.send("a", 1, &stop, keep(&brought)).await;
        assert_eq!((sent, brought.borrow().len()), (Err(Stopping), 0));
        inboxes.send_if_live("a", 1);
        assert_eq!(inboxes.known(), []);
    }
}
