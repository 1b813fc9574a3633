//! The lists that a librarian watches on one socket: a WatchSessions stream, read by a task of its own.

use std::mem;

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::server_frame::Frame,
    session::v1::{
        SessionRow, SessionRows, WatchSessionsRequest, WatchSessionsResponse,
        watch_sessions_response::Change,
    },
};
use prost::Message;
use tokio::{
    select,
    task::{JoinHandle, coop::consume_budget},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use crate::{
    frame::{FRAME_LIMIT, refused},
    outbox::Outbox,
    upstream::{Caller, Upstream, late, refusal},
};

/// How many bytes of rows go into one frame: JSON is longer than protobuf, by less than twice.
const ROWS_LIMIT: usize = FRAME_LIMIT / 2;

/// Lists that are watched. Dropping it ends nothing; [`Watching::stop`] does.
#[derive(Debug)]
pub(crate) struct Watching {
    request: WatchSessionsRequest,
    stop: CancellationToken,
    reader: JoinHandle<()>,
}

impl Watching {
    /// Opens the stream and begins to read it.
    pub(crate) fn start(
        upstream: &Upstream,
        caller: &Caller,
        outbox: Outbox,
        request: WatchSessionsRequest,
    ) -> Self {
        let mut sessions = upstream.sessions.clone();
        let call = caller.request(request.clone());
        let deadline = upstream.deadline;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let reader = tokio::spawn(async move {
            let read = async {
                match timeout(deadline, sessions.watch_sessions(call)).await {
                    Ok(Ok(response)) => read(response.into_inner(), &outbox).await,
                    Ok(Err(status)) => refusal(&status),
                    Err(_) => late(),
                }
            };
            select! {
                biased;
                () = stopped.cancelled() => {}
                refusal = read => {
                    let refusal = refusal.with("request", "watch");
                    let frame = refused(String::new(), String::new(), refusal);
                    outbox.push(Frame::Refused(frame), None);
                }
            }
        });
        Self {
            request,
            stop,
            reader,
        }
    }

    /// Ends the stream. When this returns, nothing more of it reaches the outbox. Gives back what was watched, unless
    /// the stream had ended by itself.
    pub(crate) async fn stop(self) -> Option<WatchSessionsRequest> {
        let over = self.reader.is_finished();
        self.stop.cancel();
        if let Err(error) = self.reader.await {
            tracing::error!(%error, "the reader of watched lists failed");
        }
        (!over).then_some(self.request)
    }
}

/// Reads until the stream ends, and says why it did.
async fn read(mut stream: Streaming<WatchSessionsResponse>, outbox: &Outbox) -> Refusal {
    loop {
        match stream.message().await {
            Ok(Some(response)) => {
                for part in parts(response) {
                    outbox.push(Frame::Lists(part), None);
                }
                // A stream that always has more would keep this task from ever hearing that it is to stop.
                consume_budget().await;
            }
            Ok(None) => {
                return Refusal::unavailable(
                    "UNAVAILABLE",
                    "The service ended the stream. Watch again.",
                );
            }
            Err(status) => return refusal(&status),
        }
    }
}

/// A long snapshot as a shorter one and its further rows, one by one, so that no frame is too long.
fn parts(response: WatchSessionsResponse) -> Vec<WatchSessionsResponse> {
    let rows = match response.change {
        Some(Change::Snapshot(snapshot)) => snapshot.rows,
        change => return vec![WatchSessionsResponse { change }],
    };
    let mut snapshot = Vec::new();
    let mut further = Vec::new();
    let mut size = 0;
    for row in rows {
        size += row.encoded_len();
        if size <= ROWS_LIMIT || snapshot.is_empty() {
            snapshot.push(row);
        } else {
            further.push(row);
        }
    }
    let part = |change| WatchSessionsResponse {
        change: Some(change),
    };
    let first = part(Change::Snapshot(SessionRows {
        rows: mem::take(&mut snapshot),
    }));
    std::iter::once(first)
        .chain(
            further
                .into_iter()
                .map(|row: SessionRow| part(Change::Changed(row))),
        )
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    fn row(number: usize) -> SessionRow {
        SessionRow {
            session_id: number.to_string(),
            question: "ä".repeat(4_000),
            ..SessionRow::default()
        }
    }

    #[test]
    fn a_long_snapshot_comes_in_frames_that_are_short_enough_and_in_order() {
        let rows: Vec<_> = (0..50).map(row).collect();
        let parts = parts(WatchSessionsResponse {
            change: Some(Change::Snapshot(SessionRows { rows: rows.clone() })),
        });
        let mut received = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            assert!(part.encoded_len() <= FRAME_LIMIT);
            match &part.change {
                Some(Change::Snapshot(snapshot)) if index == 0 => {
                    received.extend(snapshot.rows.clone());
                }
                Some(Change::Changed(row)) if index > 0 => received.push(row.clone()),
                other => panic!("part {index} is {other:?}"),
            }
        }
        assert_eq!(received, rows);
    }

    #[test]
    fn an_empty_snapshot_is_still_told() {
        let empty = WatchSessionsResponse {
            change: Some(Change::Snapshot(SessionRows { rows: Vec::new() })),
        };
        assert_eq!(parts(empty.clone()), vec![empty]);
    }
}
