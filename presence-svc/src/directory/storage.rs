//! How the directory is stored in the log: one stream, `directory/all`, its events as JSON.
//!
//! The stream is also the operator's record of what changed and when. What of it a library's administrators may read is
//! written beside it (see `role_changes`).

use bytes::Bytes;
use carrel_platform::log::{Batch, EventLog, LogError, NewEvent, RecordedEvent, StreamName, Write};
use serde::{Deserialize, Serialize};

use super::role_changes;
use crate::domain::{
    directory::{Directory, Event},
    role_change::{Means, role_changes},
};

/// How many events one read of the log asks for.
const PAGE: usize = 512;

/// The version of the envelope that this program writes and reads.
const ENVELOPE: u32 = 1;

/// The directory as it was at one version of its stream.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The version: 0 before the first event.
    pub version: u64,
    /// The directory.
    pub directory: Directory,
}

/// Reads the directory from its first event on.
///
/// # Errors
/// As the log does, and [`LogError::Damaged`] when an event can't be read.
pub async fn read(log: &dyn EventLog) -> Result<Snapshot, LogError> {
    let mut snapshot = Snapshot::default();
    while let Some(newer) = read_newer(log, &snapshot).await? {
        snapshot = newer;
    }
    Ok(snapshot)
}

/// Reads on from a snapshot. `None` when there is nothing new.
///
/// # Errors
/// As [`read`].
pub async fn read_newer(
    log: &dyn EventLog,
    known: &Snapshot,
) -> Result<Option<Snapshot>, LogError> {
    let mut page = log.read(&stream(), known.version, PAGE).await?;
    if page.is_empty() {
        return Ok(None);
    }
    let mut snapshot = known.clone();
    loop {
        let last = page.len() < PAGE;
        for recorded in page {
            snapshot.version = recorded.version;
            snapshot.directory.apply(decode(&recorded)?);
        }
        if last {
            return Ok(Some(snapshot));
        }
        page = log.read(&stream(), snapshot.version, PAGE).await?;
    }
}

/// Writes events after a snapshot, and what they change in librarians' roles (R21), all or none.
///
/// # Errors
/// As the log does: [`LogError::Conflict`] when somebody else changed the directory since.
pub async fn append(
    log: &dyn EventLog,
    known: &Snapshot,
    events: &[Event],
    means: Means,
    now_ms: i64,
) -> Result<(), LogError> {
    let changes = role_changes(&known.directory, events, means);
    let mut writes = role_changes::writes(log, changes, now_ms).await?;
    let events = events
        .iter()
        .map(|event| encode(event, now_ms))
        .collect::<Result<_, _>>()?;
    writes.push(Write {
        stream: stream(),
        expected: known.version,
        events,
        index_entry: None,
    });
    log.append(Batch { writes }).await
}

#[derive(Serialize)]
struct Envelope<'a> {
    v: u32,
    event: &'a Event,
}

/// The envelope's version is read before the event, whose shape depends on it.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Deserialize)]
struct Content {
    event: Event,
}

fn stream() -> StreamName {
    StreamName::new("directory", "all")
}

fn encode(event: &Event, at_ms: i64) -> Result<NewEvent, LogError> {
    let payload = serde_json::to_vec(&Envelope { v: ENVELOPE, event })
        .map_err(|error| LogError::Damaged(error.to_string()))?;
    Ok(NewEvent {
        at_ms,
        payload: Bytes::from(payload),
        command: None,
    })
}

fn decode(recorded: &RecordedEvent) -> Result<Event, LogError> {
    let damaged = |what: String| {
        LogError::Damaged(format!(
            "event {} of {}: {what}",
            recorded.version,
            stream()
        ))
    };
    // The parser's own message is left out: it could quote what the event holds.
    let unreadable =
        |error: serde_json::Error| damaged(format!("unreadable at column {}", error.column()));
    let Version { v } = serde_json::from_slice(&recorded.payload).map_err(unreadable)?;
    if v != ENVELOPE {
        return Err(damaged(format!(
            "has version {v}; this Carrel reads version {ENVELOPE}, so a newer one wrote it"
        )));
    }
    let Content { event } = serde_json::from_slice(&recorded.payload).map_err(unreadable)?;
    Ok(event)
}
