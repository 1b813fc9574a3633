//! Short helpers for writing to a log and asking it.

use bytes::Bytes;
use carrel_platform::log::{
    Batch, EventLog, IndexEntry, LogError, NewEvent, StreamHead, StreamName, StreamQuery, Write,
};

pub(crate) fn stream(id: &str) -> StreamName {
    StreamName::new("session", id)
}

pub(crate) fn event(payload: impl Into<Bytes>) -> NewEvent {
    NewEvent {
        at_ms: 1_790_000_000_000,
        payload: payload.into(),
        command: None,
    }
}

pub(crate) fn write<const N: usize>(id: &str, expected: u64, payloads: [&'static str; N]) -> Write {
    Write {
        stream: stream(id),
        expected,
        events: payloads.map(event).to_vec(),
        index_entry: None,
    }
}

pub(crate) fn batch<const N: usize>(writes: [Write; N]) -> Batch {
    Batch {
        writes: writes.to_vec(),
    }
}

/// Returns all payloads of a stream.
pub(crate) async fn payloads(log: &impl EventLog, id: &str) -> Vec<Bytes> {
    let events = log.read(&stream(id), 0, usize::MAX).await.unwrap();
    events.into_iter().map(|event| event.payload).collect()
}

/// Returns the error for a stream that is not at the version its writer expected.
pub(crate) fn conflict(id: &str, expected: u64, actual: u64) -> LogError {
    LogError::Conflict {
        stream: stream(id),
        expected,
        actual,
    }
}

pub(crate) fn index_entry(owner: &str, closed_at_ms: Option<i64>) -> IndexEntry {
    IndexEntry {
        owner: owner.to_owned(),
        closed_at_ms,
    }
}

/// Appends one event with an index entry.
pub(crate) async fn append_indexed(
    log: &impl EventLog,
    id: &str,
    version: u64,
    index_entry: Option<IndexEntry>,
) {
    let write = Write {
        index_entry,
        ..write(id, version, ["e"])
    };
    log.append(batch([write])).await.unwrap();
}

/// Returns the ids of open streams, after one of them.
pub(crate) async fn open(log: &impl EventLog, after: Option<&str>, limit: usize) -> Vec<String> {
    let query = StreamQuery::Open {
        category: "session",
        after: after.map(str::to_owned),
        limit,
    };
    let heads = log.find(query).await.unwrap();
    heads.into_iter().map(|head| head.stream.id).collect()
}

/// Returns the closed streams of an owner, before one of them.
pub(crate) async fn closed(
    log: &impl EventLog,
    owner: &str,
    before: Option<(i64, &str)>,
    limit: usize,
) -> Vec<StreamHead> {
    let query = StreamQuery::Closed {
        category: "session",
        owner: owner.to_owned(),
        before: before.map(|(at, id)| (at, id.to_owned())),
        limit,
    };
    log.find(query).await.unwrap()
}

/// Checks that a log of an older version is whole, and that it goes on: of stream `a`, the first of three events was
/// erased, and the second one wrote the index last; stream `b` was closed with its only event. Adds an event to `a`.
pub(crate) async fn goes_on(log: &impl EventLog) {
    assert!(log.epoch().starts_with("e90c"), "{}", log.epoch());
    assert_eq!(payloads(log, "a").await, ["a2", "a3"]);
    assert_eq!(payloads(log, "b").await, ["b1"]);
    let query = StreamQuery::Open {
        category: "session",
        after: None,
        limit: 9,
    };
    let head = |id, version, index_version, closed_at_ms| StreamHead {
        stream: stream(id),
        version,
        index_entry: index_entry("maple", closed_at_ms),
        index_version,
    };
    let heads = log.find(query).await.unwrap();
    assert_eq!(heads, [head("a", 3, 2, None)]);
    assert_eq!(
        closed(log, "maple", None, 9).await,
        [head("b", 1, 1, Some(17))]
    );
    let write = Write {
        index_entry: Some(index_entry("maple", Some(18))),
        ..write("a", 3, ["a4"])
    };
    log.append(batch([write])).await.unwrap();
    let heads = closed(log, "maple", None, 9).await;
    assert_eq!(
        heads,
        [head("a", 4, 4, Some(18)), head("b", 1, 1, Some(17))]
    );
}
