//! Leases of one process, in memory.

use std::{
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
    /// When each lease runs out, with its space and key.
    ends: BTreeSet<(Instant, String, String)>,
}

#[derive(Debug)]
struct Entry {
    lease: Lease,
    until: Instant,
}

impl Table {
    /// Removes the leases that have run out.
    fn run_out(&mut self, now: Instant) {
        while self.ends.first().is_some_and(|(until, ..)| *until <= now)
            && let Some((_, space, key)) = self.ends.pop_first()
        {
            self.forget(&space, &key);
        }
    }

    fn incarnation(&self, space: &str, key: &str) -> Option<u64> {
        let leases = self.spaces.get(space)?;
        let place = place(leases, key).ok()?;
        Some(leases[place].lease.incarnation)
    }

    fn keep(&mut self, lease: Lease, until: Instant) {
        let end = (until, lease.space.clone(), lease.key.clone());
        self.ends.insert(end);
        let leases = self.spaces.entry(lease.space.clone()).or_default();
        match place(leases, &lease.key) {
            Ok(place) => {
                let before = mem::replace(&mut leases[place], Entry { lease, until });
                let Lease { space, key, .. } = before.lease;
                if before.until != until {
                    self.ends.remove(&(before.until, space, key));
                }
            }
            Err(place) => {
                if leases.is_empty() {
                    leases.reserve_exact(1);
                }
                leases.insert(place, Entry { lease, until });
            }
        }
    }

    fn remove(&mut self, space: &str, key: &str) {
        if let Some(entry) = self.forget(space, key) {
            let Lease { space, key, .. } = entry.lease;
            self.ends.remove(&(entry.until, space, key));
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

    fn hold_now(&self, lease: Lease, lasts: Duration) -> Held {
        let mut table = self.table();
        match table.incarnation(&lease.space, &lease.key) {
            Some(newer) if newer > lease.incarnation => Held::Superseded(newer),
            _ => {
                table.keep(lease, Instant::now() + lasts.min(FOR_EVER));
                Held::Yes
            }
        }
    }

    fn release_now(&self, space: &str, key: &str, incarnation: u64) {
        let mut table = self.table();
        if table
            .incarnation(space, key)
            .is_some_and(|held| held <= incarnation)
        {
            table.remove(space, key);
        }
    }

    fn active_now(&self, space: &str) -> Vec<Lease> {
        let table = self.table();
        let leases = table.spaces.get(space).into_iter().flatten();
        leases.map(|entry| entry.lease.clone()).collect()
    }
}

impl Leases for MemoryLeases {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        async move { Ok(self.hold_now(lease, lasts)) }.boxed()
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        async move {
            self.release_now(space, key, incarnation);
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
