//! Who is there: what monitors announce, and each librarian's presence that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Whether a librarian takes patrons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Takes new patrons.
    Available,
    /// At the desk and busy; may take new patrons.
    Busy,
    /// Takes no new patrons and keeps those in hand.
    AcceptNoNew,
    /// Not at the desk for the moment.
    Away,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 4] = [Self::Available, Self::Busy, Self::AcceptNoNew, Self::Away];

    /// The word for it in leases and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Busy => "busy",
            Self::AcceptNoNew => "accept_no_new",
            Self::Away => "away",
        }
    }

    /// Whether a librarian with this status staffs the queues that they monitor.
    #[must_use]
    pub fn takes_new(self) -> bool {
        matches!(self, Self::Available | Self::Busy)
    }
}

/// What one open monitor announces of its librarian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The librarian's status.
    pub status: Status,
    /// The queues that they monitor.
    pub queues: BTreeSet<String>,
    /// Which of the librarian's choices this is.
    pub revision: Revision,
}

/// Identifies one of a librarian's choices of status and queues: the greatest is the newest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// One more than that of the newest choice that was known when this one was made.
    pub number: u64,
    /// The monitor on which it was made, which distinguishes two that were made at once.
    pub monitor_id: String,
}

/// A librarian's presence, over all their monitors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The newest choice of status and queues.
    pub announced: Announced,
    /// How many monitors are open.
    pub monitors: u32,
}

/// Returns each librarian's presence. A monitor is given by its librarian's id, what it announces and whether it is
/// open. The newest choice among a librarian's monitors counts for all of them, even if its monitor was closed since;
/// but a librarian without an open monitor is not there.
#[must_use]
pub fn presences<'a>(
    monitors: impl IntoIterator<Item = (&'a str, Announced, bool)>,
) -> BTreeMap<&'a str, Presence> {
    let mut presences: BTreeMap<&str, Presence> = BTreeMap::new();
    for (librarian_id, announced, open) in monitors {
        let open = u32::from(open);
        presences
            .entry(librarian_id)
            .and_modify(|presence| {
                presence.monitors += open;
                if announced.revision > presence.announced.revision {
                    presence.announced = announced.clone();
                }
            })
            .or_insert(Presence {
                announced,
                monitors: open,
            });
    }
    presences.retain(|_, presence| presence.monitors > 0);
    presences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(number: u64, monitor_id: &str, status: Status) -> Announced {
        Announced {
            status,
            queues: BTreeSet::new(),
            revision: Revision {
                number,
                monitor_id: monitor_id.into(),
            },
        }
    }

    // R18
    #[test]
    fn the_newest_choice_counts_for_all_monitors_in_whichever_order_they_are_read() {
        let mut monitors = vec![
            ("map", announced(1, "tab", Status::Available), true),
            ("map", announced(2, "phone", Status::Away), false),
            ("map", announced(2, "desk", Status::Busy), true),
            ("oz", announced(7, "tab", Status::AcceptNoNew), true),
            ("ask", announced(1, "tab", Status::Available), false),
        ];
        let forward = presences(monitors.clone());
        monitors.reverse();
        assert_eq!(forward, presences(monitors));
        assert_eq!(forward["map"].monitors, 2);
        assert_eq!(forward["map"].announced.status, Status::Away);
        assert_eq!(forward["oz"].monitors, 1);
        assert!(!forward.contains_key("ask"));
    }
}
