//! The reading connections.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::try_join;
use tokio::{sync::Semaphore, time::timeout};
use tokio_postgres::{Row, Statement, error::Severity, types::ToSql};

use super::{
    connector::Connector,
    error::{message, unread},
    session::Session,
};
use crate::log::{
    Command, IndexEntry, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
};

const READ: &str =
    "SELECT event.version, at_ms, payload, command_key, command_fingerprint, greatest($3, erased)
    FROM stream JOIN event USING (id, category)
    WHERE id = $1 AND category = $2 AND event.version > greatest($3, erased)
    ORDER BY event.version LIMIT $4";

const VERSIONS: &str = "SELECT coalesce(stream.version, 0)
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS named (id, category, place)
    LEFT JOIN stream USING (id, category) ORDER BY place";

// The first page and later pages are different statements, because `$3 IS NULL OR …` would keep PostgreSQL from going
// straight to the place in the index.

const OPEN: &str = "SELECT id, version, owner, closed_at_ms, standing_version FROM stream
    WHERE category = $1 AND owner IS NOT NULL AND closed_at_ms IS NULL
    ORDER BY id LIMIT $2";

const OPEN_AFTER: &str = "SELECT id, version, owner, closed_at_ms, standing_version FROM stream
    WHERE category = $1 AND owner IS NOT NULL AND closed_at_ms IS NULL AND id > $3
    ORDER BY id LIMIT $2";

const CLOSED: &str = "SELECT id, version, owner, closed_at_ms, standing_version FROM stream
    WHERE category = $1 AND owner = $3 AND closed_at_ms IS NOT NULL
    ORDER BY closed_at_ms DESC, id DESC LIMIT $2";

const CLOSED_BEFORE: &str = "SELECT id, version, owner, closed_at_ms, standing_version FROM stream
    WHERE category = $1 AND owner = $3 AND closed_at_ms IS NOT NULL AND (closed_at_ms, id) < ($4, $5)
    ORDER BY closed_at_ms DESC, id DESC LIMIT $2";

/// A few connections, made when they are first needed.
pub(super) struct Readers {
    connector: Arc<Connector>,
    wait: Duration,
    answer_timeout: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<ReadingSession>>,
}

/// A connection that reads.
struct ReadingSession {
    session: Session,
    statements: Statements,
}

struct Statements {
    read: Statement,
    versions: Statement,
    open: Statement,
    open_after: Statement,
    closed: Statement,
    closed_before: Statement,
}

impl ReadingSession {
    async fn new(session: Session) -> Result<Self, tokio_postgres::Error> {
        let client = &session.client;
        let (read, versions, open, open_after, closed, closed_before) = try_join!(
            client.prepare(READ),
            client.prepare(VERSIONS),
            client.prepare(OPEN),
            client.prepare(OPEN_AFTER),
            client.prepare(CLOSED),
            client.prepare(CLOSED_BEFORE),
        )?;
        Ok(Self {
            session,
            statements: Statements {
                read,
                versions,
                open,
                open_after,
                closed,
                closed_before,
            },
        })
    }
}

impl Readers {
    pub(super) fn new(
        connector: Arc<Connector>,
        count: usize,
        wait: Duration,
        answer_timeout: Duration,
    ) -> Self {
        Self {
            connector,
            wait,
            answer_timeout,
            permits: Semaphore::new(count),
            idle: Mutex::default(),
        }
    }

    /// Reads the events of one stream that are not erased, and checks that none is missing between them.
    pub(super) async fn read(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let Ok(from) = i64::try_from(after) else {
            return Ok(Vec::new());
        };
        let rows = self
            .query(
                |statements| &statements.read,
                &[&stream.id, &stream.category, &from, &sql_limit(limit)],
            )
            .await?;
        let mut found: Vec<RecordedEvent> = Vec::with_capacity(rows.len());
        for row in &rows {
            let before = version(row, 5)?;
            let event = recorded_event(row)?;
            let due = found.last().map_or(before, |last| last.version) + 1;
            if event.version != due {
                return Err(LogError::Damaged(format!("{stream} lacks its event {due}")));
            }
            found.push(event);
        }
        Ok(found)
    }

    /// Returns the last version of each stream, 0 for one that does not exist.
    pub(super) async fn versions(&self, streams: &[StreamName]) -> Result<Vec<u64>, LogError> {
        let ids: Vec<&str> = streams.iter().map(|stream| stream.id.as_str()).collect();
        let categories: Vec<&str> = streams.iter().map(|stream| stream.category).collect();
        let rows = self
            .query(|statements| &statements.versions, &[&ids, &categories])
            .await?;
        rows.iter().map(|row| version(row, 0)).collect()
    }

    /// Finds streams. See [`StreamQuery`].
    pub(super) async fn find(&self, query: StreamQuery) -> Result<Vec<StreamHead>, LogError> {
        let (category, rows) = match query {
            StreamQuery::Open {
                category,
                after,
                limit,
            } => {
                let limit = sql_limit(limit);
                let rows = match after {
                    None => self.query(|s| &s.open, &[&category, &limit]).await,
                    Some(id) => {
                        self.query(|s| &s.open_after, &[&category, &limit, &id])
                            .await
                    }
                };
                (category, rows?)
            }
            StreamQuery::Closed {
                category,
                owner,
                before,
                limit,
            } => {
                let limit = sql_limit(limit);
                let rows = match before {
                    None => {
                        self.query(|s| &s.closed, &[&category, &limit, &owner])
                            .await
                    }
                    Some((closed_at_ms, id)) => {
                        self.query(
                            |s| &s.closed_before,
                            &[&category, &limit, &owner, &closed_at_ms, &id],
                        )
                        .await
                    }
                };
                (category, rows?)
            }
        };
        rows.iter().map(|row| head(category, row)).collect()
    }

    /// Runs a statement on a connection of its own. One that turns out to be dead is replaced once: reads can be
    /// repeated. If the caller stops waiting, the connection is dropped, so that no other caller gets the answer.
    async fn query(
        &self,
        statement: impl Fn(&Statements) -> &Statement + Send,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, LogError> {
        let Ok(Ok(_permit)) = timeout(self.wait, self.permits.acquire()).await else {
            return Err(LogError::Unavailable(format!(
                "too many reads: no turn within {:?}",
                self.wait
            )));
        };
        let mut idle = self.idle_one();
        loop {
            let used_before = idle.is_some();
            let reader = match idle.take() {
                Some(reader) => reader,
                None => self.connect().await?,
            };
            let query = reader
                .session
                .client
                .query(statement(&reader.statements), params);
            match timeout(self.answer_timeout, query).await {
                Ok(Ok(rows)) => {
                    self.put_back(reader);
                    return Ok(rows);
                }
                Ok(Err(error)) if used_before && is_about_the_connection(&error) => {}
                Ok(Err(error)) => {
                    if !is_about_the_connection(&error) {
                        self.put_back(reader);
                    }
                    return Err(unread(&error));
                }
                Err(_) => return Err(unanswered(self.answer_timeout)),
            }
        }
    }

    async fn connect(&self) -> Result<ReadingSession, LogError> {
        let connected = self.connector.connect().await;
        let session = connected.map_err(|error| LogError::Unavailable(error.to_string()))?;
        match timeout(self.answer_timeout, ReadingSession::new(session)).await {
            Ok(prepared) => prepared.map_err(|error| LogError::Unavailable(message(&error))),
            Err(_) => Err(unanswered(self.answer_timeout)),
        }
    }

    fn idle_one(&self) -> Option<ReadingSession> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|reader| !reader.session.is_closed());
        idle.pop()
    }

    fn put_back(&self, reader: ReadingSession) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(reader);
    }
}

fn unanswered(patience: Duration) -> LogError {
    LogError::Unavailable(format!("the database did not answer within {patience:?}"))
}

/// Returns whether the connection can't be used after this error.
fn is_about_the_connection(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(said) => said.parsed_severity() != Some(Severity::Error),
        None => true,
    }
}

fn recorded_event(row: &Row) -> Result<RecordedEvent, LogError> {
    let key: Option<String> = column(row, 3)?;
    let fingerprint: Option<i64> = column(row, 4)?;
    Ok(RecordedEvent {
        version: version(row, 0)?,
        at_ms: column(row, 1)?,
        payload: Bytes::from(column::<Vec<u8>>(row, 2)?),
        command: key.zip(fingerprint).map(|(key, fingerprint)| Command {
            key,
            fingerprint: fingerprint.cast_unsigned(),
        }),
    })
}

fn head(category: &'static str, row: &Row) -> Result<StreamHead, LogError> {
    Ok(StreamHead {
        stream: StreamName::new(category, column::<String>(row, 0)?),
        version: version(row, 1)?,
        index_entry: IndexEntry {
            owner: column(row, 2)?,
            closed_at_ms: column(row, 3)?,
        },
        index_version: version(row, 4)?,
    })
}

fn version(row: &Row, index: usize) -> Result<u64, LogError> {
    let version: i64 = column(row, index)?;
    u64::try_from(version).map_err(|_| LogError::Damaged(format!("{version} is no version")))
}

fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
    row: &'r Row,
    index: usize,
) -> Result<T, LogError> {
    row.try_get(index)
        .map_err(|error| LogError::Damaged(message(&error)))
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
