//! What one watcher holds: the snapshot and all changes since.

use std::collections::BTreeMap;

use carrel_proto::presence::v1 as wire;
use tokio_stream::StreamExt as _;
use tonic::{Code, Streaming};
use wire::watch_desk_response::Change;

use super::{Desk, bearing, in_time, reason};

/// What a watcher holds.
pub(crate) struct Screen {
    responses: Streaming<wire::WatchDeskResponse>,
    pub(crate) librarians: BTreeMap<String, wire::LibrarianRow>,
    pub(crate) queues: BTreeMap<String, wire::QueueState>,
    /// The order in which the snapshot had the librarians.
    pub(crate) order: Vec<String>,
}

impl Screen {
    pub(crate) async fn watch(desk: &Desk, token: &str) -> Self {
        let request = bearing(token, wire::WatchDeskRequest {});
        let mut responses = desk
            .client
            .clone()
            .watch_desk(request)
            .await
            .unwrap()
            .into_inner();
        let first = in_time(responses.next()).await.unwrap().unwrap();
        let Some(Change::Snapshot(snapshot)) = first.change else {
            panic!("no snapshot first: {first:?}");
        };
        let wire::DeskSnapshot { librarians, queues } = snapshot;
        Self {
            responses,
            order: librarians
                .iter()
                .map(|row| row.screen_name.clone())
                .collect(),
            librarians: librarians
                .into_iter()
                .map(|row| (row.screen_name.clone(), row))
                .collect(),
            queues: queues
                .into_iter()
                .map(|queue| (queue.queue_id.clone(), queue))
                .collect(),
        }
    }

    /// Reads changes until something holds.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let change = in_time(self.responses.next())
                .await
                .unwrap()
                .unwrap()
                .change
                .unwrap();
            self.apply(change);
        }
    }

    /// Reads changes until the watch ends, and returns why.
    pub(crate) async fn end(&mut self) -> (Code, String) {
        loop {
            match in_time(self.responses.next()).await.unwrap() {
                Ok(_) => {}
                Err(status) => return reason(&status),
            }
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Snapshot(_) => panic!("another snapshot"),
            Change::Librarian(row) => {
                self.librarians.insert(row.screen_name.clone(), row);
            }
            Change::LibrarianGone(gone) => {
                let before = self.librarians.len();
                self.librarians
                    .retain(|_, row| row.librarian_id != gone.librarian_id);
                assert_ne!(self.librarians.len(), before, "nobody was there to go");
            }
            Change::Queue(queue) => {
                self.queues.insert(queue.queue_id.clone(), queue);
            }
            Change::Heartbeat(_) => {}
        }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.librarians.keys().map(String::as_str).collect()
    }
}
