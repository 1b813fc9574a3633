//! Leases: what is true for as long as somebody keeps saying so.
//!
//! A lease says that something is there: an open monitor, a participant's stream. Whoever holds it says so again and
//! again; when they stop, whatever the reason, it runs out by itself and is gone for everyone.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};

pub mod memory;
pub mod redis;

/// Keeps leases for all servers of one desk.
///
/// # What every implementation promises
///
/// **Runs out.** A lease that is not held again is gone when its time is over, measured by a clock that no operator
/// sets back, and no earlier. It is not seen after that by anyone.
///
/// **Newest wins.** A lease is held under an incarnation. Whoever holds the same key under a higher one takes it over;
/// a lower one changes nothing from then on, and is told so, until the lease has run out or was released.
///
/// **Whole.** A reader sees a lease's value as one holder wrote it.
///
/// **Read your writes.** After [`Leases::hold`] or [`Leases::release`] returned `Ok`, every read through the same store
/// shows it.
///
/// **Nothing kept.** What has run out or was released takes no room for long, whether somebody asks for its space again
/// or not.
///
/// **Cancel-safe.** Dropping a future neither breaks the store nor decides the outcome: what was asked may have been
/// done or not, as with [`LeaseError`].
pub trait Leases: Send + Sync + 'static {
    /// Holds a lease from now on for as long as `lasts`.
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>>;

    /// Lets go of a lease, unless it is held under a higher incarnation. Letting go of what is not there is no error.
    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>>;

    /// All leases of a space that stand now, ordered by the bytes of their keys.
    fn standing<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>>;

    /// Leases of a space that stand now, and whether these are all: also when [`Leases::standing`] can't say, because
    /// the store was emptied and not everybody has held again what they hold.
    fn read<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Reading, LeaseError>> {
        async move {
            Ok(Reading {
                leases: self.standing(space).await?,
                life: 0,
                doubt: None,
            })
        }
        .boxed()
    }
}

/// What was read of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Leases that stand, ordered by the bytes of their keys.
    pub leases: Vec<Lease>,
    /// Which life of the store this is. It has begun another one when this number is another: it was emptied, or away
    /// for so long that leases ran out because nobody could hold them.
    pub life: u64,
    /// Why these may not be all of them. Who is among them is there; who is not may be there as well, unless they were
    /// read before in the same life.
    pub doubt: Option<LeaseError>,
}

/// Something that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What kind of thing it is, or what it belongs to. Leases are read a space at a time.
    pub space: String,
    /// Which one, unique in its space.
    pub key: String,
    /// Which life of it this is: higher than any before.
    pub incarnation: u64,
    /// What there is to know of it.
    pub value: Bytes,
}

/// What became of holding a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is held.
    Yes,
    /// Somebody holds it under this higher incarnation.
    Superseded(u64),
}

/// Why the store did not confirm what it was asked. It may have been done or not: say it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of leases is unavailable: {0}")]
pub struct LeaseError(pub String);
