//! Who has the desk open, as all servers know it.
//!
//! Every watch holds a lease that says whose it is and which staff conversations it shows. The lease is not released
//! when the watch ends: it runs out after the grace, so that a reload is no log-off.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use carrel_platform::{
    bus::Origin,
    lease::{Lease, LeaseError, Leases},
};
use serde::{Deserialize, Serialize};

use crate::domain::{event::Between, names};

/// The space of these leases.
const SPACE: &str = "im-watching";

/// What one watch shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watch {
    librarian_id: String,
    queues: BTreeSet<String>,
}

/// Says that a watch is open, for as long as `lasts`.
///
/// # Errors
/// When the store of leases can't be reached.
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

/// Whether anybody in a conversation has the desk open, or had it until a moment ago. A word that can't be read may
/// be anybody's.
///
/// # Errors
/// When the store of leases can't be reached.
pub(crate) async fn is_watched(leases: &dyn Leases, between: &Between) -> Result<bool, LeaseError> {
    let standing = leases.standing(SPACE).await?;
    Ok(standing.iter().any(|lease| {
        serde_json::from_slice::<Watch>(&lease.value).map_or(true, |watch| match between {
            Between::Librarians { .. } => between.other(&watch.librarian_id).is_some(),
            Between::Staff { queue_id } => watch.queues.contains(queue_id),
        })
    }))
}

/// The ids of the staff conversations of some queues, each with its queue.
pub(crate) fn rooms(queues: &BTreeSet<String>) -> impl Iterator<Item = (String, &String)> {
    queues.iter().map(|queue| (names::of_staff(queue), queue))
}
