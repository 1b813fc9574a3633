//! The stream of a librarian who watches the lists of sessions.

use std::collections::BTreeSet;

use carrel_platform::{
    auth::Principal,
    refusal::{Refusal, stream::token_expired},
};
use carrel_proto::session::v1 as wire;
use prost::Message as _;
use tokio::time::Interval;
use wire::watch_sessions_response::Change;

use super::{
    Responses, SessionApi,
    response_stream::{Closed, Sender, response_stream},
};
use crate::{
    convert,
    domain::{
        people::{Actor, Role},
        refused::Refused,
    },
    error::Error,
    live_list::{Watched, row::Watcher},
};

/// How many bytes of rows one response of a snapshot carries. The whole snapshot may be longer than any response may
/// be.
const PART: usize = 1024 * 1024;

/// How many responses may wait in the stream itself; what waits beyond that waits in the watch.
const IN_FLIGHT: usize = 16;

/// Watches lists until the caller goes, the token expires, or the server stops.
pub(super) fn watch(
    api: &SessionApi,
    principal: Principal,
    request: wire::WatchSessionsRequest,
) -> Result<Responses<wire::WatchSessionsResponse>, Error> {
    let watcher = admit(convert::actor(principal.who), request)?;
    let parts = api.sessions.parts();
    let watched = parts.list.watch(watcher);
    let heartbeats = parts.heartbeats.of_new_stream();
    let expiry = api.clock.reached(principal.expires_at_ms);
    let stop = parts.stop.clone();
    Ok(Box::pin(response_stream(IN_FLIGHT, |sender| async move {
        let refusal = tokio::select! {
            biased;
            refusal = pass_on_until(expiry, watched, heartbeats, &sender) => refusal,
            () = stop.cancelled() => Some(Error::ShuttingDown.into()),
        };
        refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
    })))
}

/// Passes changes on until the token expires. The expiry comes first: a reader that stalled before it and reads on
/// after it is shown nothing of what was still waiting.
async fn pass_on_until(
    expiry: impl Future<Output = ()>,
    watched: Watched,
    heartbeats: Interval,
    sender: &Sender<wire::WatchSessionsResponse>,
) -> Option<Refusal> {
    tokio::select! {
        biased;
        () = expiry => Some(token_expired()),
        refusal = pass_on(watched, heartbeats, sender) => refusal,
    }
}

fn admit(actor: Actor, request: wire::WatchSessionsRequest) -> Result<Watcher, Error> {
    let Actor::Librarian(librarian) = actor else {
        return Err(Refused::NotAllowed.into());
    };
    if request.all && librarian.role < Role::AskAdministrator {
        return Err(Refused::NotAllowed.into());
    }
    let queues: BTreeSet<_> = request.queue_ids.into_iter().collect();
    if !queues.is_subset(&librarian.queues) {
        return Err(Refusal::not_found("queue").into());
    }
    Ok(Watcher {
        librarian,
        queues,
        all: request.all,
    })
}

async fn pass_on(
    mut watched: Watched,
    mut heartbeats: Interval,
    sender: &Sender<wire::WatchSessionsResponse>,
) -> Option<Refusal> {
    for part in parts(std::mem::take(&mut watched.snapshot)) {
        if send(sender, part).await.is_err() {
            return None;
        }
    }
    loop {
        let change = tokio::select! {
            biased;
            next = watched.changes.next() => match next {
                Some(next) => next,
                None => return watched.ending.get().cloned(),
            },
            _ = heartbeats.tick() => Change::Heartbeat(wire::WatchHeartbeat {}),
            () = sender.closed() => return None,
        };
        if send(sender, change).await.is_err() {
            return None;
        }
    }
}

async fn send(sender: &Sender<wire::WatchSessionsResponse>, change: Change) -> Result<(), Closed> {
    let response = wire::WatchSessionsResponse {
        change: Some(change),
    };
    sender.send(response).await
}

/// Splits a snapshot into parts, in order, each of which fits into a response. There is always a first one.
fn parts(snapshot: wire::SessionRows) -> impl Iterator<Item = Change> {
    let mut rows = snapshot.rows.into_iter().peekable();
    let mut is_first = true;
    std::iter::from_fn(move || {
        if !is_first && rows.peek().is_none() {
            return None;
        }
        let mut part = wire::SessionRows::default();
        let mut room = PART;
        while let Some(row) = rows.next_if(|row| part_has_room(&mut room, row)) {
            part.rows.push(row);
        }
        Some(match std::mem::take(&mut is_first) {
            true => Change::Snapshot(part),
            false => Change::Further(part),
        })
    })
}

/// Takes a row's length from the room that a part has left, and returns whether the row fits. A part has room for one
/// row in any case.
fn part_has_room(room: &mut usize, row: &wire::SessionRow) -> bool {
    let length = row.encoded_len();
    let fits = length <= *room || *room == PART;
    *room = room.saturating_sub(length);
    fits
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]

    use std::{sync::Arc, time::Duration};

    use carrel_platform::queue::queue;
    use futures::StreamExt as _;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// I23
    #[tokio::test]
    async fn who_stood_still_until_their_token_expired_is_shown_nothing_of_what_came_meanwhile() {
        let (told, changes) = queue(8);
        let watched = Watched {
            snapshot: wire::SessionRows::default(),
            changes,
            ending: Arc::default(),
        };
        let heartbeats = tokio::time::interval_at(
            tokio::time::Instant::now() + Duration::from_secs(3_600),
            Duration::from_secs(3_600),
        );
        let expired = CancellationToken::new();
        let expiry = expired.clone().cancelled_owned();
        let mut stream = response_stream(2, |sender| async move {
            let refusal = pass_on_until(expiry, watched, heartbeats, &sender).await;
            refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
        });
        let Change::Snapshot(_) = stream.next().await.unwrap().unwrap().change.unwrap() else {
            panic!("a watch begins with a snapshot")
        };
        told.send(Change::Changed(row(1, 10))).unwrap();
        expired.cancel();
        told.send(Change::Changed(row(2, 10))).unwrap();
        let end = stream.next().await.unwrap().unwrap_err();
        assert_eq!(end.code(), tonic::Code::Unauthenticated);
        assert!(stream.next().await.is_none());
    }

    fn row(number: usize, length: usize) -> wire::SessionRow {
        wire::SessionRow {
            session_id: number.to_string(),
            question: "x".repeat(length),
            ..wire::SessionRow::default()
        }
    }

    #[test]
    fn a_snapshot_longer_than_a_response_comes_in_parts_that_are_not() {
        for (rows, length) in [(0, 0), (1, 10), (5_000, 4_000), (3, 2 * PART)] {
            let rows: Vec<_> = (0..rows).map(|number| row(number, length)).collect();
            let mut received = Vec::new();
            let snapshot = wire::SessionRows { rows: rows.clone() };
            for (index, part) in parts(snapshot).enumerate() {
                let part = match part {
                    Change::Snapshot(part) if index == 0 => part,
                    Change::Further(part) if index > 0 => part,
                    other => panic!("part {index} is {other:?}"),
                };
                // Each row is preceded by a tag and its length.
                assert!(part.encoded_len() <= PART + PART / 10 || part.rows.len() == 1);
                assert!(index == 0 || !part.rows.is_empty());
                received.extend(part.rows);
            }
            assert_eq!(received, rows);
        }
    }
}
