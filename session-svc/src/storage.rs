//! How sessions lie in the log: three kinds of streams, their events as JSON.
//!
//! - `session/<session id>`: what happened in the session. Every event of it is for staff at least.
//! - `conference/<session id>`: who entered it silently and left it. For nobody in the session.
//! - `audit/<institution id>`: the library's audit.
//!
//! JSON, since an event is read far less often than it is passed on, and so that an operator can read a log with the
//! tools at hand. A kind of event that is not known is an error and not a hole.

use bytes::Bytes;
use carrel_platform::log::{Command, EventLog, LogError, NewEvent, RecordedEvent, StreamName};
use serde::{Serialize, de::DeserializeOwned};

/// The category of session streams.
pub(crate) const SESSION: &str = "session";
/// The category of conference streams.
pub(crate) const CONFERENCE: &str = "conference";
/// The category of audit streams.
pub(crate) const AUDIT: &str = "audit";

/// How many events one read of the log asks for.
const PAGE: usize = 512;

/// An event out of the log.
#[derive(Clone, Debug)]
pub struct Stored<E> {
    /// Its number in its stream.
    pub version: u64,
    /// When it happened, in Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub event: E,
    /// The command that brought it about.
    pub command: Option<Command>,
}

/// Makes an event ready for the log.
///
/// # Errors
/// Never for the events of this crate; the type says so nevertheless rather than a panic.
pub(crate) fn encode<E: Serialize>(
    event: &E,
    at_ms: i64,
    command: Option<Command>,
) -> Result<NewEvent, LogError> {
    let payload =
        serde_json::to_vec(event).map_err(|error| LogError::Damaged(error.to_string()))?;
    Ok(NewEvent {
        at_ms,
        payload: Bytes::from(payload),
        command,
    })
}

/// Reads all events of a stream after a version, in order.
///
/// # Errors
/// As the log does, and [`LogError::Damaged`] when an event can't be read.
pub(crate) async fn read_after<E: DeserializeOwned>(
    log: &dyn EventLog,
    stream: &StreamName,
    after: u64,
) -> Result<Vec<Stored<E>>, LogError> {
    read_between(log, stream, after, u64::MAX).await
}

/// Reads the events of a stream after one version and up to another, in order.
///
/// # Errors
/// As [`read_after`].
pub(crate) async fn read_between<E: DeserializeOwned>(
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

fn decode<E: DeserializeOwned>(
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
        // The cause is left out: it could quote what somebody wrote.
        Err(error) => Err(LogError::Damaged(format!(
            "event {version} of {stream} can't be read ({:?} at column {}); was it written by a newer version of Carrel?",
            error.classify(),
            error.column(),
        ))),
    }
}
