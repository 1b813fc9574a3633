//! Leases of one process, in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt, ready};
use tokio::time::Instant;

use super::{Held, Lease, LeaseError, Leases};

/// Leases in memory. Clones share them; they end with the last clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryLeases {
    spaces: Arc<Mutex<HashMap<String, Space>>>,
}

type Space = BTreeMap<String, Standing>;

#[derive(Debug)]
struct Standing {
    lease: Lease,
    until: Instant,
}

impl MemoryLeases {
    fn spaces(&self) -> MutexGuard<'_, HashMap<String, Space>> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold_now(&self, lease: Lease, lasts: Duration) -> Held {
        let now = Instant::now();
        let mut spaces = self.spaces();
        let space = spaces.entry(lease.space.clone()).or_default();
        space.retain(|_, standing| standing.until > now);
        if let Some(standing) = space.get(&lease.key)
            && standing.lease.incarnation > lease.incarnation
        {
            return Held::Superseded(standing.lease.incarnation);
        }
        let until = now + lasts;
        space.insert(lease.key.clone(), Standing { lease, until });
        Held::Yes
    }

    fn release_now(&self, space: &str, key: &str, incarnation: u64) {
        let mut spaces = self.spaces();
        let Some(leases) = spaces.get_mut(space) else {
            return;
        };
        if leases
            .get(key)
            .is_some_and(|standing| standing.lease.incarnation <= incarnation)
        {
            leases.remove(key);
        }
        if leases.is_empty() {
            spaces.remove(space);
        }
    }

    fn standing_now(&self, space: &str) -> Vec<Lease> {
        let now = Instant::now();
        let mut spaces = self.spaces();
        let Some(leases) = spaces.get_mut(space) else {
            return Vec::new();
        };
        leases.retain(|_, standing| standing.until > now);
        let standing = leases.values().map(|standing| standing.lease.clone());
        let standing = standing.collect();
        if leases.is_empty() {
            spaces.remove(space);
        }
        standing
    }
}

impl Leases for MemoryLeases {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        ready(Ok(self.hold_now(lease, lasts))).boxed()
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        self.release_now(space, key, incarnation);
        ready(Ok(())).boxed()
    }

    fn standing<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        ready(Ok(self.standing_now(space))).boxed()
    }
}
