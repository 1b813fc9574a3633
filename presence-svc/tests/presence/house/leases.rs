//! Leases that fail when they are told to.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use carrel_platform::lease::{Held, Lease, LeaseError, Leases, Reading, memory::MemoryLeases};
use futures::{FutureExt as _, future::BoxFuture};

/// Leases in memory that can be made to fail.
#[derive(Clone, Default)]
pub(crate) struct FailingLeases {
    memory: Arc<Mutex<MemoryLeases>>,
    broken: Arc<AtomicBool>,
    new: Arc<AtomicBool>,
    life: Arc<AtomicU64>,
}

impl FailingLeases {
    pub(crate) fn break_down(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Makes it a store that was emptied a moment ago: it knows only of those who have been held again since.
    pub(crate) fn make_new(&self, new: bool) {
        self.new.store(new, Ordering::SeqCst);
    }

    /// Empties it: it is new, and holds nothing.
    pub(crate) fn empty(&self) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        *memory = MemoryLeases::default();
        self.life.fetch_add(1, Ordering::SeqCst);
        self.make_new(true);
    }

    /// The keys of the leases that it holds, new or not.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let leases = self.memory().active("presence").await.unwrap();
        leases.into_iter().map(|lease| lease.key).collect()
    }

    fn memory(&self) -> MemoryLeases {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.clone()
    }

    fn check(&self) -> Result<MemoryLeases, LeaseError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(LeaseError("out of order".into()));
        }
        Ok(self.memory())
    }
}

impl Leases for FailingLeases {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        async move { self.check()?.hold(lease, lasts).await }.boxed()
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        async move { self.check()?.release(space, key, incarnation).await }.boxed()
    }

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        async move {
            let reading = self.read(space).await?;
            reading.doubt.map_or(Ok(reading.leases), Err)
        }
        .boxed()
    }

    fn read<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Reading, LeaseError>> {
        async move {
            let memory = self.check()?;
            let new = self.new.load(Ordering::SeqCst);
            Ok(Reading {
                leases: memory.active(space).await?,
                life: self.life.load(Ordering::SeqCst),
                doubt: new.then(|| LeaseError("it is new".into())),
            })
        }
        .boxed()
    }
}
