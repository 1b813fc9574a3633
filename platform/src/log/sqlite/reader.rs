//! The reading connections.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, Row, params};
use tokio::sync::Semaphore;

use super::open::Place;
use crate::log::{
    Command, IndexEntry, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
};

/// A few read-only connections, opened when they are first needed.
#[derive(Clone)]
pub(super) struct Readers {
    place: Place,
    busy_timeout: Duration,
    wait: Duration,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(place: Place, count: usize, busy_timeout: Duration, wait: Duration) -> Self {
        Self {
            place,
            busy_timeout,
            wait,
            permits: Arc::new(Semaphore::new(count.max(1))),
            idle: Arc::default(),
        }
    }

    /// Runs a query on a thread that may block. A caller that stops waiting leaves the pool intact.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(self.wait, permit).await else {
            return Err(LogError::Unavailable(format!(
                "too many reads: no turn within {:?}",
                self.wait
            )));
        };
        let readers = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let idle = readers.idle().pop();
            let connection = match idle {
                Some(connection) => connection,
                None => readers.place.reader(readers.busy_timeout).map_err(unread)?,
            };
            let result = query(&connection);
            readers.idle().push(connection);
            result
        });
        work.await
            .unwrap_or_else(|error| Err(LogError::Unavailable(format!("a read stopped: {error}"))))
    }

    /// Closes the idle connections.
    ///
    /// Must happen before the writer's is closed: only the last connection to close merges the write-ahead log into
    /// the file and removes it, and a read-only one does neither.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the events of one stream that are not erased, and checks that none is missing between them.
pub(super) fn read(
    connection: &Connection,
    stream: &StreamName,
    after: u64,
    limit: usize,
) -> Result<Vec<RecordedEvent>, LogError> {
    let Ok(from) = i64::try_from(after) else {
        return Ok(Vec::new());
    };
    let mut select = connection
        .prepare_cached(
            "SELECT event.version, at_ms, payload, command_key, command_fingerprint, max(?3, erased)
             FROM stream JOIN event USING (stream_id)
             WHERE category = ?1 AND id = ?2 AND event.version > max(?3, erased)
             ORDER BY event.version LIMIT ?4",
        )
        .map_err(unread)?;
    let events = select
        .query_map(
            params![stream.category, stream.id, from, sql_limit(limit)],
            |row| Ok((version(row, 5)?, recorded_event(row)?)),
        )
        .map_err(unread)?;
    let mut found: Vec<RecordedEvent> = Vec::new();
    for event in events {
        let (before, event) = event.map_err(unread)?;
        let due = found.last().map_or(before, |last| last.version) + 1;
        if event.version != due {
            return Err(LogError::Damaged(format!("{stream} lacks its event {due}")));
        }
        found.push(event);
    }
    Ok(found)
}

/// Returns the last version of each stream, 0 for one that does not exist.
pub(super) fn versions(
    connection: &Connection,
    streams: &[StreamName],
) -> Result<Vec<u64>, LogError> {
    let mut select = connection
        .prepare_cached("SELECT version FROM stream WHERE category = ?1 AND id = ?2")
        .map_err(unread)?;
    let last = |stream: &StreamName| {
        let found = select.query_row(params![stream.category, stream.id], |row| version(row, 0));
        found
            .optional()
            .map(Option::unwrap_or_default)
            .map_err(unread)
    };
    streams.iter().map(last).collect()
}

/// Finds streams. See [`StreamQuery`].
pub(super) fn find(
    connection: &Connection,
    query: StreamQuery,
) -> Result<Vec<StreamHead>, LogError> {
    match query {
        StreamQuery::Open {
            category,
            after,
            limit,
        } => {
            let limit = sql_limit(limit);
            match after {
                None => heads(connection, category, OPEN, params![category, limit]),
                Some(id) => heads(
                    connection,
                    category,
                    OPEN_AFTER,
                    params![category, limit, id],
                ),
            }
        }
        StreamQuery::Closed {
            category,
            owner,
            before,
            limit,
        } => {
            let limit = sql_limit(limit);
            match before {
                None => heads(
                    connection,
                    category,
                    CLOSED,
                    params![category, limit, owner],
                ),
                Some((closed_at_ms, id)) => heads(
                    connection,
                    category,
                    CLOSED_BEFORE,
                    params![category, limit, owner, closed_at_ms, id],
                ),
            }
        }
    }
    .map_err(unread)
}

// The first page and later pages are different statements, because `?3 IS NULL OR …` would keep SQLite from going
// straight to the place in the index.

const OPEN: &str =
    "SELECT id, version, owner, closed_at_ms, standing_version FROM stream INDEXED BY stream_open
    WHERE category = ?1 AND owner IS NOT NULL AND closed_at_ms IS NULL
    ORDER BY id LIMIT ?2";

const OPEN_AFTER: &str =
    "SELECT id, version, owner, closed_at_ms, standing_version FROM stream INDEXED BY stream_open
    WHERE category = ?1 AND owner IS NOT NULL AND closed_at_ms IS NULL AND id > ?3
    ORDER BY id LIMIT ?2";

const CLOSED: &str =
    "SELECT id, version, owner, closed_at_ms, standing_version FROM stream INDEXED BY stream_closed
    WHERE category = ?1 AND owner = ?3 AND closed_at_ms IS NOT NULL
    ORDER BY closed_at_ms DESC, id DESC LIMIT ?2";

const CLOSED_BEFORE: &str = "SELECT id, version, owner, closed_at_ms, standing_version FROM stream INDEXED BY stream_closed
    WHERE category = ?1 AND owner = ?3 AND closed_at_ms IS NOT NULL AND (closed_at_ms, id) < (?4, ?5)
    ORDER BY closed_at_ms DESC, id DESC LIMIT ?2";

fn heads(
    connection: &Connection,
    category: &'static str,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<Vec<StreamHead>> {
    connection
        .prepare_cached(sql)?
        .query_map(params, |row| {
            Ok(StreamHead {
                stream: StreamName::new(category, row.get::<_, String>(0)?),
                version: version(row, 1)?,
                index_entry: IndexEntry {
                    owner: row.get(2)?,
                    closed_at_ms: row.get(3)?,
                },
                index_version: version(row, 4)?,
            })
        })?
        .collect()
}

fn recorded_event(row: &Row<'_>) -> rusqlite::Result<RecordedEvent> {
    let key: Option<String> = row.get(3)?;
    let fingerprint: Option<[u8; 8]> = row.get(4)?;
    Ok(RecordedEvent {
        version: version(row, 0)?,
        at_ms: row.get(1)?,
        payload: Bytes::from(row.get::<_, Vec<u8>>(2)?),
        command: key.zip(fingerprint).map(|(key, fingerprint)| Command {
            key,
            fingerprint: u64::from_be_bytes(fingerprint),
        }),
    })
}

fn version(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let version: i64 = row.get(column)?;
    u64::try_from(version).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, version))
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn unread(error: rusqlite::Error) -> LogError {
    match error.sqlite_error_code() {
        None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            LogError::Damaged(error.to_string())
        }
        Some(_) => LogError::Unavailable(error.to_string()),
    }
}
