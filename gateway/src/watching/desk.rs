//! The desk: the librarians and the queues.

use carrel_proto::{
    gateway::v1::server_frame::Frame,
    presence::v1::{
        DeskSnapshot, WatchDeskRequest, WatchDeskResponse, watch_desk_response::Change,
    },
};
use tonic::{Request, Response, Status, Streaming};

use super::{Room, Watched};
use crate::upstream::Upstream;

impl Watched for WatchDeskRequest {
    type Change = WatchDeskResponse;

    const NAME: &'static str = "watch_desk";
    const METHOD: &'static str = "carrel.presence.v1.PresenceService/WatchDesk";

    async fn open(
        upstream: Upstream,
        request: Request<Self>,
    ) -> Result<Response<Streaming<WatchDeskResponse>>, Status> {
        upstream.presence.clone().watch_desk(request).await
    }

    fn is_snapshot(response: &WatchDeskResponse) -> bool {
        matches!(response.change, Some(Change::Snapshot(_)))
    }

    /// Splits a long snapshot into a shorter one and the remaining librarians and queues, one by one.
    fn frames(response: WatchDeskResponse) -> Vec<Frame> {
        let frame = |change| Frame::Desk(WatchDeskResponse { change });
        let DeskSnapshot { librarians, queues } = match response.change {
            Some(Change::Snapshot(snapshot)) => snapshot,
            change => return vec![frame(change)],
        };
        let mut room = Room::of_a_frame();
        let (librarians, further_librarians) = room.fill(librarians);
        let (queues, further_queues) = room.fill(queues);
        std::iter::once(Change::Snapshot(DeskSnapshot { librarians, queues }))
            .chain(further_librarians.into_iter().map(Change::Librarian))
            .chain(further_queues.into_iter().map(Change::Queue))
            .map(|change| frame(Some(change)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use carrel_proto::presence::v1::{LibrarianRow, QueueState};

    use super::*;
    use crate::frame::{FRAME_LIMIT, json_length};

    #[test]
    fn a_long_snapshot_comes_in_frames_that_are_short_enough_and_in_order() {
        let librarian = |number: usize| LibrarianRow {
            librarian_id: number.to_string(),
            introduction: "x".repeat(500),
            ..LibrarianRow::default()
        };
        // Many short rows: most of their JSON is field names.
        let queue = |number: usize| QueueState {
            queue_id: number.to_string(),
            waiting: 1,
            librarians: 1,
            staffed: true,
            open: true,
            ..QueueState::default()
        };
        for count in [20, 300] {
            let snapshot = DeskSnapshot {
                librarians: (0..count).map(librarian).collect(),
                queues: (0..1_000).map(queue).collect(),
            };
            let mut received = DeskSnapshot::default();
            let frames = WatchDeskRequest::frames(WatchDeskResponse {
                change: Some(Change::Snapshot(snapshot.clone())),
            });
            for (index, frame) in frames.into_iter().enumerate() {
                let Frame::Desk(part) = frame else {
                    panic!("{frame:?}");
                };
                assert!(json_length(&part) < FRAME_LIMIT);
                match part.change {
                    Some(Change::Snapshot(snapshot)) if index == 0 => received = snapshot,
                    Some(Change::Librarian(row)) if index > 0 => received.librarians.push(row),
                    Some(Change::Queue(queue)) if index > 0 => received.queues.push(queue),
                    other => panic!("part {index} is {other:?}"),
                }
            }
            assert_eq!(received, snapshot);
        }
    }
}
