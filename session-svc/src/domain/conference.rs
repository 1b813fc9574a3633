//! Conference mode: who is inside another librarian's session, whether anyone knows of it or not.
//!
//! It is kept in a stream of its own beside the session's. What happens here reaches nobody in the session.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::people::StaffMember;

/// Something that happened in a session's conference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConferenceEvent {
    /// A supervisor entered, after accepting the warning.
    Entered {
        /// The supervisor.
        by: StaffMember,
        /// The version of the warning that they accepted (R1).
        warning_version: String,
    },
    /// A supervisor is no longer inside.
    Left {
        /// The supervisor.
        by: StaffMember,
        /// How they left.
        how: Departure,
    },
}

/// How a supervisor left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Departure {
    /// They left.
    Left,
    /// The session ended (R7).
    SessionEnded,
    /// Their connection was gone for longer than the grace.
    ConnectionLost,
    /// They became the owner, by picking up a patron whose librarian was lost (R7) or by accepting a transfer (D7).
    BecameOwner,
}

impl Departure {
    /// The constant that the audit shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "LEFT",
            Self::SessionEnded => "SESSION_ENDED",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::BecameOwner => "BECAME_OWNER",
        }
    }
}

/// How often one librarian may enter one session. Each entry and exit is kept for as long as the session and its audit
/// are, so there must be an end to them (I26); nobody reads along so often.
pub const MOST_ENTRIES: u32 = 500;

/// The supervisors inside. Clones share their data until one of them changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conference {
    /// Sorted by id. There are none, or few.
    inside: Arc<Vec<StaffMember>>,
    /// How often each librarian has entered, by id.
    entries: Arc<BTreeMap<String, u32>>,
}

impl Conference {
    /// Applies the next event of the conference's stream. Whoever enters again is inside once, by their newest name.
    pub fn apply(&mut self, event: &ConferenceEvent) {
        if let ConferenceEvent::Entered { by, .. } = event {
            let entries = Arc::make_mut(&mut self.entries);
            *entries.entry(by.librarian_id.clone()).or_default() += 1;
        }
        let place = self.place(match event {
            ConferenceEvent::Entered { by, .. } | ConferenceEvent::Left { by, .. } => {
                &by.librarian_id
            }
        });
        let inside = Arc::make_mut(&mut self.inside);
        match (event, place) {
            (ConferenceEvent::Entered { by, .. }, Ok(place)) => inside[place] = by.clone(),
            (ConferenceEvent::Entered { by, .. }, Err(place)) => {
                inside.reserve_exact(1);
                inside.insert(place, by.clone());
            }
            (ConferenceEvent::Left { .. }, Ok(place)) => {
                inside.remove(place);
            }
            (ConferenceEvent::Left { .. }, Err(_)) => {}
        }
    }

    /// Returns the index of a librarian among those inside, or the index at which to insert them.
    fn place(&self, librarian_id: &str) -> Result<usize, usize> {
        let by_id = |member: &StaffMember| member.librarian_id.as_str().cmp(librarian_id);
        self.inside.binary_search_by(by_id)
    }

    /// Returns whether a librarian is inside.
    #[must_use]
    pub fn contains(&self, librarian_id: &str) -> bool {
        self.place(librarian_id).is_ok()
    }

    /// Returns whether a librarian has entered as often as they may. Others who did make no difference.
    #[must_use]
    pub fn entered_too_often(&self, librarian_id: &str) -> bool {
        let entries = self.entries.get(librarian_id);
        entries.is_some_and(|entries| *entries >= MOST_ENTRIES)
    }

    /// Returns the supervisors inside, sorted by id.
    pub fn members(&self) -> impl Iterator<Item = &StaffMember> {
        self.inside.iter()
    }

    /// Returns whether nobody is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inside.is_empty()
    }
}
