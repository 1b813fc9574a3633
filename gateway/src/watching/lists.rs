//! The lists of sessions.

use carrel_proto::{
    gateway::v1::server_frame::Frame,
    session::v1::{
        SessionRows, WatchSessionsRequest, WatchSessionsResponse, watch_sessions_response::Change,
    },
};
use tonic::{Request, Response, Status, Streaming};

use super::{Room, Watched};
use crate::upstream::Upstream;

impl Watched for WatchSessionsRequest {
    type Change = WatchSessionsResponse;

    const NAME: &'static str = "watch";
    const METHOD: &'static str = "carrel.session.v1.SessionService/WatchSessions";

    async fn open(
        upstream: Upstream,
        request: Request<Self>,
    ) -> Result<Response<Streaming<WatchSessionsResponse>>, Status> {
        upstream.sessions.clone().watch_sessions(request).await
    }

    fn is_snapshot(response: &WatchSessionsResponse) -> bool {
        matches!(
            response.change,
            Some(Change::Snapshot(_) | Change::Further(_))
        )
    }

    /// Splits a long snapshot into a shorter one and the remaining rows, one by one.
    fn frames(response: WatchSessionsResponse) -> Vec<Frame> {
        let frame = |change| Frame::Lists(WatchSessionsResponse { change });
        let rows = match response.change {
            Some(Change::Snapshot(snapshot)) => snapshot.rows,
            Some(Change::Further(further)) => {
                let rows = further.rows.into_iter();
                return rows.map(|row| frame(Some(Change::Changed(row)))).collect();
            }
            change => return vec![frame(change)],
        };
        let (rows, further) = Room::of_a_frame().fill(rows);
        std::iter::once(Change::Snapshot(SessionRows { rows }))
            .chain(further.into_iter().map(Change::Changed))
            .map(|change| frame(Some(change)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use carrel_proto::session::v1::SessionRow;

    use super::*;
    use crate::frame::{FRAME_LIMIT, json_length};

    fn snapshot(rows: Vec<SessionRow>) -> WatchSessionsResponse {
        WatchSessionsResponse {
            change: Some(Change::Snapshot(SessionRows { rows })),
        }
    }

    #[test]
    fn a_long_snapshot_comes_in_frames_that_are_short_enough_and_in_order() {
        let row = |number: usize| SessionRow {
            session_id: number.to_string(),
            question: "ä\"".repeat(2_000),
            ..SessionRow::default()
        };
        let rows: Vec<_> = (0..50).map(row).collect();
        let mut received = Vec::new();
        for (index, frame) in WatchSessionsRequest::frames(snapshot(rows.clone()))
            .into_iter()
            .enumerate()
        {
            let Frame::Lists(part) = frame else {
                panic!("{frame:?}");
            };
            assert!(json_length(&part) < FRAME_LIMIT);
            match part.change {
                Some(Change::Snapshot(snapshot)) if index == 0 => received.extend(snapshot.rows),
                Some(Change::Changed(row)) if index > 0 => received.push(row),
                other => panic!("part {index} is {other:?}"),
            }
        }
        assert_eq!(received, rows);
    }

    #[test]
    fn further_rows_of_a_snapshot_are_rows_that_are_new() {
        let rows = ["a", "b"].map(|session_id| SessionRow {
            session_id: session_id.to_owned(),
            ..SessionRow::default()
        });
        let response = |change| WatchSessionsResponse {
            change: Some(change),
        };
        let further = response(Change::Further(SessionRows {
            rows: rows.to_vec(),
        }));
        assert!(WatchSessionsRequest::is_snapshot(&further));
        assert_eq!(
            WatchSessionsRequest::frames(further),
            rows.map(|row| Frame::Lists(response(Change::Changed(row))))
        );
    }

    #[test]
    fn an_empty_snapshot_is_still_told() {
        let empty = snapshot(Vec::new());
        assert_eq!(
            WatchSessionsRequest::frames(empty.clone()),
            [Frame::Lists(empty)]
        );
    }
}
