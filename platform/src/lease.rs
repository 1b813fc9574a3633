//! Leases: facts that hold only while their holder keeps renewing them.
//!
//! A lease says that something is there: an open monitor, a participant's stream. Its holder renews it again and again;
//! when the holder stops, for whatever reason, the lease runs out and is gone for everyone.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};

pub mod memory;
pub mod redis;

/// Keeps leases for all servers of one desk.
///
/// # What every implementation promises
///
/// **Runs out.** A lease that is not renewed is gone when its time is over, and no earlier, measured by a clock that no
/// operator sets back. No reader sees it after that.
///
/// **Newest wins.** A lease is held under an incarnation. A holder of the same key with a higher one takes it over;
/// from then on a lower one changes nothing, and its holder is told so, until the lease has run out or was released.
///
/// **Whole.** A reader sees a lease's value as one holder wrote it.
///
/// **Read your writes.** After [`Leases::hold`] or [`Leases::release`] returned `Ok`, every read through the same store
/// shows it.
///
/// **Nothing kept.** A lease that has run out or was released soon takes no room, whether or not its space is used
/// again.
///
/// **Cancel-safe.** Dropping a future neither breaks the store nor decides the outcome: as with [`LeaseError`], the
/// operation may or may not have been done.
pub trait Leases: Send + Sync + 'static {
    /// Holds or renews a lease for `lasts` from now on.
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>>;

    /// Releases a lease, unless it is held under a higher incarnation. Releasing a lease that does not exist is no
    /// error.
    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>>;

    /// Returns all leases of a space that stand now, ordered by the bytes of their keys.
    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>>;

    /// Returns the leases of a space that stand now, and whether these are all. Works even when [`Leases::active`]
    /// fails because the store was emptied and not all holders have renewed their leases yet.
    fn read<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Reading, LeaseError>> {
        async move {
            Ok(Reading {
                leases: self.active(space).await?,
                life: 0,
                doubt: None,
            })
        }
        .boxed()
    }
}

/// The result of reading a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Leases that stand, ordered by the bytes of their keys.
    pub leases: Vec<Lease>,
    /// Identifies the current life of the store. A different number means a new life: the store was emptied, or away
    /// for so long that leases ran out because they could not be renewed.
    pub life: u64,
    /// Why these may not be all. What is listed is there; what is not listed may be there as well, unless it was read
    /// before in the same life.
    pub doubt: Option<LeaseError>,
}

/// A lease on something that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What kind of thing it is, or what it belongs to. Leases are read a space at a time.
    pub space: String,
    /// The key of the lease, unique in its space.
    pub key: String,
    /// The life of the thing that this is: higher than any before.
    pub incarnation: u64,
    /// What is known of the thing.
    pub value: Bytes,
}

/// The outcome of holding a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The lease is held.
    Yes,
    /// The lease is held under this higher incarnation.
    Superseded(u64),
}

/// The store did not confirm an operation, which may or may not have been done. Try it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of leases is unavailable: {0}")]
pub struct LeaseError(pub String);
