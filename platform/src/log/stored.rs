//! The format of a service's events in the log: JSON, read and written in one way.
//!
//! JSON, because an event is read far less often than it is passed on, and an operator can read a log with the tools
//! at hand. An unknown kind of event is an error; it is never skipped.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{Command, EventLog, LogError, NewEvent, RecordedEvent, StreamName};

/// How many events one read of the log asks for.
const PAGE: usize = 512;

/// The initial capacity for an event's text, in bytes: most are shorter.
const USUAL_BYTES: usize = 512;

/// An event read from the log.
#[derive(Clone, Debug)]
pub struct Stored<E> {
    /// Its version in its stream.
    pub version: u64,
    /// When it happened, in Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub event: E,
    /// The command that caused it.
    pub command: Option<Command>,
}

/// Encodes an event for the log.
///
/// # Errors
/// [`LogError::Damaged`] if the event can't be written as JSON, which never happens to plain data.
pub fn encode<E: Serialize>(
    event: &E,
    at_ms: i64,
    command: Option<Command>,
) -> Result<NewEvent, LogError> {
    let mut payload = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut payload, event)
        .map_err(|error| LogError::Damaged(error.to_string()))?;
    Ok(NewEvent {
        at_ms,
        payload: Bytes::from(payload),
        command,
    })
}

/// Reads all events of a stream after a version, in order. The first ones may have been erased.
///
/// # Errors
/// As the log does, and [`LogError::Damaged`] if an event can't be read.
pub async fn read_after<E: DeserializeOwned>(
    log: &dyn EventLog,
    stream: &StreamName,
    after: u64,
) -> Result<Vec<Stored<E>>, LogError> {
    read_between(log, stream, after, u64::MAX).await
}

/// Reads the events of a stream after one version and up to another, in order. The first ones may have been erased.
///
/// # Errors
/// As [`read_after`].
pub async fn read_between<E: DeserializeOwned>(
    log: &dyn EventLog,
    stream: &StreamName,
    mut after: u64,
    up_to: u64,
) -> Result<Vec<Stored<E>>, LogError> {
    let mut events = Vec::new();
    loop {
        let limit = PAGE.min(usize::try_from(up_to.saturating_sub(after)).unwrap_or(PAGE));
        if limit == 0 {
            return Ok(events);
        }
        let page = log.read(stream, after, limit).await?;
        let full = page.len() == limit;
        for recorded in page {
            after = recorded.version;
            events.push(decode(stream, recorded)?);
        }
        if !full {
            return Ok(events);
        }
    }
}

/// Decodes an event as the log, or another server by the bus, returned it.
///
/// # Errors
/// [`LogError::Damaged`] if it can't be read.
pub fn decode<E: DeserializeOwned>(
    stream: &StreamName,
    recorded: RecordedEvent,
) -> Result<Stored<E>, LogError> {
    let RecordedEvent {
        version,
        at_ms,
        payload,
        command,
    } = recorded;
    match serde_json::from_slice(&payload) {
        Ok(event) => Ok(Stored {
            version,
            at_ms,
            event,
            command,
        }),
        // The cause is left out: it could quote what a person wrote.
        Err(error) => Err(LogError::Damaged(format!(
            "event {version} of {stream} can't be read ({:?} at column {}); was it written by a newer version of Carrel?",
            error.classify(),
            error.column(),
        ))),
    }
}
