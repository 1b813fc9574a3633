//! Leases that fail when they are told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use carrel_platform::lease::{Held, Lease, LeaseError, Leases, memory::MemoryLeases};
use futures::{FutureExt as _, future::BoxFuture};

/// Leases in memory that can be made to fail.
#[derive(Clone, Default)]
pub(crate) struct FailingLeases {
    memory: MemoryLeases,
    broken: Arc<AtomicBool>,
    new: Arc<AtomicBool>,
}

impl FailingLeases {
    pub(crate) fn break_down(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Makes it a store that was emptied a moment ago: it does not say who is there, but who has said so again.
    pub(crate) fn make_new(&self, new: bool) {
        self.new.store(new, Ordering::SeqCst);
    }

    fn unless_broken<'a, T: Send + 'a>(
        &self,
        settled: BoxFuture<'a, Result<T, LeaseError>>,
    ) -> BoxFuture<'a, Result<T, LeaseError>> {
        if self.broken.load(Ordering::SeqCst) {
            futures::future::ready(Err(LeaseError("out of order".into()))).boxed()
        } else {
            settled
        }
    }
}

impl Leases for FailingLeases {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        self.unless_broken(self.memory.hold(lease, lasts))
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        self.unless_broken(self.memory.release(space, key, incarnation))
    }

    fn standing<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        if self.new.load(Ordering::SeqCst) {
            return futures::future::ready(Err(LeaseError("it is new".into()))).boxed();
        }
        self.standing_so_far(space)
    }

    fn standing_so_far<'a>(
        &'a self,
        space: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        self.unless_broken(self.memory.standing(space))
    }
}
