//! Leases of one process, in memory.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

use super::{Held, Lease, LeaseError, Leases};

/// The longest time that a lease lasts here: thirty years. Longer requests are shortened to it.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Leases in memory. Clones share them; they end with the last clone.
///
/// Leases that have run out are removed at the next call for any space, so a space that is no longer used takes no
/// memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryLeases {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    /// By space, ordered by key. No space is empty; most have one lease, and room for no more.
    spaces: HashMap<String, Vec<Entry>>,
    /// When each lease runs out.
    ends: BTreeSet<(Instant, Named)>,
}

/// Whoever holds the lease may have it, too: one that is renewed as it is takes no more memory for that.
#[derive(Debug)]
struct Entry {
    lease: Arc<Lease>,
    until: Instant,
}

/// A lease, known by its space and key.
#[derive(Clone, Debug)]
struct Named(Arc<Lease>);

impl Named {
    fn name(&self) -> (&str, &str) {
        (&self.0.space, &self.0.key)
    }
}

impl Ord for Named {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(&other.name())
    }
}

impl PartialOrd for Named {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Named {}

impl Table {
    /// Removes the leases that have run out.
    fn run_out(&mut self, now: Instant) {
        while self.ends.first().is_some_and(|(until, _)| *until <= now)
            && let Some((_, Named(lease))) = self.ends.pop_first()
        {
            self.forget(&lease.space, &lease.key);
        }
    }

    fn hold(&mut self, lease: Arc<Lease>, until: Instant) -> Held {
        let Some(leases) = self.spaces.get_mut(&lease.space) else {
            let space = lease.space.clone();
            self.ends.insert((until, Named(Arc::clone(&lease))));
            // Room for one.
            self.spaces.insert(space, vec![Entry { lease, until }]);
            return Held::Yes;
        };
        let entry = Entry { lease, until };
        let end = (until, Named(Arc::clone(&entry.lease)));
        match place(leases, &entry.lease.key) {
            Ok(place) => {
                let held = leases[place].lease.incarnation;
                if held > entry.lease.incarnation {
                    return Held::Superseded(held);
                }
                let before = mem::replace(&mut leases[place], entry);
                self.ends.remove(&(before.until, Named(before.lease)));
            }
            Err(place) => leases.insert(place, entry),
        }
        self.ends.insert(end);
        Held::Yes
    }

    fn release(&mut self, space: &str, key: &str, incarnation: u64) {
        let is_held = |leases: &Vec<Entry>| {
            place(leases, key).is_ok_and(|place| leases[place].lease.incarnation <= incarnation)
        };
        if self.spaces.get(space).is_some_and(is_held)
            && let Some(Entry { lease, until }) = self.forget(space, key)
        {
            self.ends.remove(&(until, Named(lease)));
        }
    }

    /// Removes a lease from its space, and does nothing else.
    fn forget(&mut self, space: &str, key: &str) -> Option<Entry> {
        let leases = self.spaces.get_mut(space)?;
        let entry = leases.remove(place(leases, key).ok()?);
        if leases.is_empty() {
            self.spaces.remove(space);
        }
        Some(entry)
    }
}

/// Returns where a lease of this key is among those of its space, or where it would be inserted.
fn place(leases: &[Entry], key: &str) -> Result<usize, usize> {
    leases.binary_search_by(|entry| entry.lease.key.as_str().cmp(key))
}

impl MemoryLeases {
    /// Locks the table and removes what has run out.
    fn table(&self) -> MutexGuard<'_, Table> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.run_out(Instant::now());
        table
    }

    fn active_now(&self, space: &str) -> Vec<Lease> {
        let table = self.table();
        let leases = table.spaces.get(space).into_iter().flatten();
        leases.map(|entry| Lease::clone(&entry.lease)).collect()
    }
}

/// Returns the end of a lease that begins now.
fn until(lasts: Duration) -> Instant {
    Instant::now() + lasts.min(FOR_EVER)
}

impl Leases for MemoryLeases {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        async move { Ok(self.table().hold(Arc::new(lease), until(lasts))) }.boxed()
    }

    fn hold_all<'a>(
        &'a self,
        leases: &'a [Arc<Lease>],
        lasts: Duration,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        async move {
            let mut table = self.table();
            let until = until(lasts);
            for lease in leases {
                table.hold(Arc::clone(lease), until);
            }
            Ok(())
        }
        .boxed()
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        async move {
            self.table().release(space, key, incarnation);
            Ok(())
        }
        .boxed()
    }

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        async move { Ok(self.active_now(space)) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;

    use super::*;

    fn lease(space: &str, key: &str) -> Lease {
        Lease {
            space: space.to_owned(),
            key: key.to_owned(),
            incarnation: 1,
            value: Bytes::new(),
        }
    }

    fn sizes(leases: &MemoryLeases) -> (usize, usize) {
        let table = leases.table.lock().unwrap();
        (table.spaces.len(), table.ends.len())
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_what_nobody_asks_for_again() {
        let leases = MemoryLeases::default();
        let second = Duration::from_secs(1);
        for n in 0..100 {
            let space = format!("session/{n}");
            leases.hold(lease(&space, "k"), second).await.unwrap();
        }
        assert_eq!(sizes(&leases), (100, 100));
        tokio::time::advance(second).await;
        leases
            .hold(lease("session/other", "k"), second)
            .await
            .unwrap();
        assert_eq!(sizes(&leases), (1, 1));
        for _ in 0..100 {
            leases
                .hold(lease("session/other", "k"), second)
                .await
                .unwrap();
        }
        assert_eq!(sizes(&leases), (1, 1));
        leases.release("session/other", "k", 1).await.unwrap();
        assert_eq!(sizes(&leases), (0, 0));
    }

    #[tokio::test]
    async fn a_lease_may_last_for_ever() {
        let leases = MemoryLeases::default();
        let held = leases.hold(lease("s", "k"), Duration::MAX).await;
        assert_eq!(held, Ok(Held::Yes));
        assert_eq!(leases.active("s").await.unwrap(), [lease("s", "k")]);
    }
}
