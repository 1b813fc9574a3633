//! How much there is to do: what waits in each queue, and what each librarian has in hand.

use std::collections::BTreeMap;

use carrel_proto::session::v1 as wire;
use wire::watch_load_response::Change;

use super::row::Entry;
use crate::{convert, domain::session::Phase};

/// How much there is to do, as a count over all live sessions. Supervisors inside in conference mode are not counted
/// (I18), nor is a patron who waits and is lost (R8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    queues: BTreeMap<String, Waiting>,
    librarians: BTreeMap<String, u32>,
}

/// What waits in one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    count: u32,
    oldest_ms: i64,
}

impl Load {
    /// Counts what these sessions amount to.
    pub(crate) fn count<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut load = Self::default();
        for entry in entries {
            let session = &entry.session;
            match (session.phase(), &session.owner) {
                (Phase::Waiting, _) if entry.is_waited_for() => {
                    for queue_id in &session.queues {
                        load.add_waiting(queue_id, session.waiting_since_ms);
                    }
                }
                (Phase::Active, Some(owner)) => {
                    let id = owner.member.librarian_id.clone();
                    *load.librarians.entry(id).or_default() += 1;
                }
                _ => {}
            }
        }
        load
    }

    fn add_waiting(&mut self, queue_id: &str, since_ms: i64) {
        self.queues
            .entry(queue_id.to_owned())
            .and_modify(|waiting| {
                waiting.count += 1;
                waiting.oldest_ms = waiting.oldest_ms.min(since_ms);
            })
            .or_insert(Waiting {
                count: 1,
                oldest_ms: since_ms,
            });
    }

    /// Returns the whole load.
    pub(crate) fn snapshot(&self) -> wire::LoadSnapshot {
        wire::LoadSnapshot {
            queues: self
                .queues
                .iter()
                .map(|(id, waiting)| queue_load(id, Some(waiting)))
                .collect(),
            librarians: self
                .librarians
                .iter()
                .map(|(id, active)| librarian_load(id, *active))
                .collect(),
        }
    }

    /// Returns what differs from before, including queues and librarians that have nothing left.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<Change> {
        let queues = all_keys(&before.queues, &self.queues)
            .filter(|id| before.queues.get(*id) != self.queues.get(*id))
            .map(|id| Change::Queue(queue_load(id, self.queues.get(id))));
        let librarians = all_keys(&before.librarians, &self.librarians)
            .filter(|id| before.librarians.get(*id) != self.librarians.get(*id))
            .map(|id| {
                let active = self.librarians.get(id).copied().unwrap_or(0);
                Change::Librarian(librarian_load(id, active))
            });
        queues.chain(librarians).collect()
    }
}

fn all_keys<'a, V>(
    before: &'a BTreeMap<String, V>,
    now: &'a BTreeMap<String, V>,
) -> impl Iterator<Item = &'a String> {
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    now.keys().chain(gone)
}

fn queue_load(queue_id: &str, waiting: Option<&Waiting>) -> wire::QueueLoad {
    wire::QueueLoad {
        queue_id: queue_id.to_owned(),
        waiting: waiting.map_or(0, |waiting| waiting.count),
        oldest_time: waiting.map(|waiting| convert::timestamp(waiting.oldest_ms)),
    }
}

fn librarian_load(librarian_id: &str, active: u32) -> wire::LibrarianLoad {
    wire::LibrarianLoad {
        librarian_id: librarian_id.to_owned(),
        active,
    }
}
