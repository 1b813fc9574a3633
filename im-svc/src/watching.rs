//! Who has the desk open, as all servers know it.
//!
//! Every watch holds a lease that says whose it is and which staff conversations it shows. The lease is not released
//! when the watch ends: it runs out after the grace period, so that a reload is not a log-off.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use carrel_platform::{
    bus::Origin,
    lease::{Lease, LeaseError, Leases},
};
use serde::{Deserialize, Serialize};

use crate::domain::{event::Participants, names};

/// The lease space of watches.
const SPACE: &str = "im-watching";

/// The value of a watch's lease.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watch {
    librarian_id: String,
    queues: BTreeSet<String>,
}

/// Declares a watch open for as long as `lasts`.
///
/// # Errors
/// When the lease store can't be reached.
pub(crate) async fn hold(
    leases: &dyn Leases,
    origin: Origin,
    librarian_id: &str,
    queues: &BTreeSet<String>,
    lasts: Duration,
) -> Result<(), LeaseError> {
    let watch = Watch {
        librarian_id: librarian_id.to_owned(),
        queues: queues.clone(),
    };
    let value = serde_json::to_vec(&watch).map_err(|error| LeaseError(error.to_string()))?;
    let lease = Lease {
        space: SPACE.to_owned(),
        key: format!("{:016x}", origin.0),
        incarnation: 1,
        value: Bytes::from(value),
    };
    leases.hold(lease, lasts).await.map(|_| ())
}

/// Who has the desk open, or had it until a moment ago.
#[derive(Debug, Default)]
pub(crate) struct AtDesk {
    librarians: BTreeSet<String>,
    queues: BTreeSet<String>,
    /// Whether there is a lease that can't be read and may be anybody's.
    unread: bool,
}

impl AtDesk {
    /// Reads who has the desk open from the leases.
    ///
    /// # Errors
    /// When the lease store can't be reached.
    pub(crate) async fn read(leases: &dyn Leases) -> Result<Self, LeaseError> {
        let mut at_desk = Self::default();
        for lease in leases.active(SPACE).await? {
            match serde_json::from_slice::<Watch>(&lease.value) {
                Ok(watch) => {
                    at_desk.librarians.insert(watch.librarian_id);
                    at_desk.queues.extend(watch.queues);
                }
                Err(_) => at_desk.unread = true,
            }
        }
        Ok(at_desk)
    }

    /// Whether any member of a conversation is among them.
    pub(crate) fn watches(&self, between: &Participants) -> bool {
        self.unread
            || match between {
                Participants::Librarians { members } => members
                    .iter()
                    .any(|member| self.librarians.contains(&member.librarian_id)),
                Participants::Staff { queue_id } => self.queues.contains(queue_id),
            }
    }
}

/// Returns the ids of the staff conversations of some queues, each with its queue.
pub(crate) fn rooms(queues: &BTreeSet<String>) -> impl Iterator<Item = (String, &String)> {
    queues.iter().map(|queue| (names::of_staff(queue), queue))
}
