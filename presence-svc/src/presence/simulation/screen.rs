//! What one watcher holds: the snapshot and all changes since.

use std::collections::BTreeMap;

use carrel_proto::presence::v1 as wire;
use wire::watch_desk_response::Change;

use crate::{
    domain::{presence::Status, roster::Watcher},
    presence::{
        convert,
        desk::{Desk, Watched},
    },
};

pub(super) struct Screen {
    watched: Watched,
    held: Held,
}

#[derive(Clone, Debug, PartialEq)]
struct Held {
    librarians: BTreeMap<String, wire::LibrarianRow>,
    queues: BTreeMap<String, wire::QueueState>,
}

/// What a screen shows of one librarian.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) status: Status,
    pub(super) queue_count: usize,
    pub(super) active: u32,
    pub(super) shared: Vec<String>,
}

impl Screen {
    pub(super) fn watch(desk: &Desk, watcher: Watcher) -> Self {
        let mut watched = desk.watch(watcher);
        let wire::DeskSnapshot { librarians, queues } = std::mem::take(&mut watched.snapshot);
        let librarians = librarians
            .into_iter()
            .map(|row| (row.librarian_id.clone(), row));
        let queues = queues
            .into_iter()
            .map(|queue| (queue.queue_id.clone(), queue));
        Self {
            watched,
            held: Held {
                librarians: librarians.collect(),
                queues: queues.collect(),
            },
        }
    }

    /// Applies the changes that have come, and returns who disappeared.
    pub(super) fn refresh(&mut self) -> Vec<String> {
        let mut gone = Vec::new();
        while let Ok(changes) = self.watched.changes.try_recv() {
            for change in changes {
                if let Change::LibrarianGone(wire::LibrarianGone { librarian_id }) = &change {
                    gone.push(librarian_id.clone());
                }
                let before = self.held.clone_if_small();
                self.held.apply(change.clone());
                assert_ne!(
                    before.as_ref(),
                    Some(&self.held),
                    "{change:?} changed nothing"
                );
                let once = self.held.clone_if_small();
                self.held.apply(change);
                assert!(
                    once.is_none_or(|once| once == self.held),
                    "twice is not as once"
                );
            }
        }
        assert_eq!(self.watched.ending.get().map(ToString::to_string), None);
        gone
    }

    pub(super) fn librarian(&self, librarian_id: &str) -> Option<Shown> {
        let row = self.held.librarians.get(librarian_id)?;
        Some(Shown {
            status: convert::status_from_wire(row.status).unwrap().unwrap(),
            queue_count: row.queue_count as usize,
            active: row.active_count,
            shared: row.shared_queue_ids.clone(),
        })
    }

    pub(super) fn rows(&self) -> &BTreeMap<String, wire::LibrarianRow> {
        &self.held.librarians
    }

    pub(super) fn queues(&self) -> impl Iterator<Item = &wire::QueueState> {
        self.held.queues.values()
    }
}

impl Held {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Librarian(row) => {
                self.librarians.insert(row.librarian_id.clone(), row);
            }
            Change::LibrarianGone(gone) => {
                self.librarians.remove(&gone.librarian_id);
            }
            Change::Queue(queue) => {
                self.queues.insert(queue.queue_id.clone(), queue);
            }
            Change::Snapshot(_) | Change::Heartbeat(_) => panic!("not in the middle of a watch"),
        }
    }

    /// Returns a copy to compare with. Large ones are not copied: there are thousands of changes.
    fn clone_if_small(&self) -> Option<Self> {
        (self.librarians.len() < 12).then(|| self.clone())
    }
}
