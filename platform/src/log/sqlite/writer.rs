//! The one thread that writes, and its group commit.

mod erase;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, config::DbConfig, params};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::SYSTEM;
use crate::log::{
    Batch, LogError, StreamName, Write,
    figures::Counters,
    group::{
        Request, Work, answer, broken, commit_span, count, gather, measure_commit, record_commit,
    },
    pace::Pace,
};
use crate::telemetry::NotedSpan;

/// Owns the connection that writes.
pub(super) struct Writer {
    connection: Connection,
    busy_timeout: Duration,
    broken: CancellationToken,
    counters: Arc<Counters>,
}

/// How a group came out.
enum Outcome {
    /// Committed; one answer for each request.
    Committed(Vec<Result<(), LogError>>),
    /// Rolled back; nothing of the group was written.
    RolledBack(LogError),
    /// Nobody knows, and the connection must not be used again.
    Broken(LogError),
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        busy_timeout: Duration,
        broken: CancellationToken,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            connection,
            busy_timeout,
            broken,
            counters,
        }
    }

    /// Commits what arrives, until every sender is gone or the engine breaks.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        let mut pace = Pace::new();
        while let Some(first) = requests.blocking_recv() {
            pace.wait(|| requests.len());
            let began = Instant::now();
            gather(first, &mut requests, &mut group);
            if group.is_empty() {
                continue;
            }
            let outcome = self.commit(&group);
            pace.committed(group.len(), began.elapsed());
            match outcome {
                Outcome::Committed(results) => self.answer_committed(group.drain(..).zip(results)),
                Outcome::RolledBack(error) => {
                    tracing::error!(%error, requests = group.len(), "log: a group was rolled back");
                    answer(group.drain(..).map(|request| (request, Err(error.clone()))));
                }
                Outcome::Broken(error) => {
                    tracing::error!(%error, requests = group.len(), "log: the engine broke; the process must restart");
                    self.retire();
                    answer(group.drain(..).map(|request| (request, Err(error.clone()))));
                    return refuse_all(&mut requests);
                }
            }
        }
    }

    fn commit(&mut self, group: &[Request]) -> Outcome {
        let mut span = commit_span(SYSTEM, group);
        span.scope().run(|| self.commit_within(&mut span, group))
    }

    fn commit_within(&mut self, span: &mut NotedSpan, group: &[Request]) -> Outcome {
        let started = Instant::now();
        let changes = self.connection.total_changes();
        let results = match self.write_all(group) {
            Ok(results) => results,
            Err(error) => return self.roll_back(&error),
        };
        let written = Instant::now();
        if let Err(error) = self.execute("COMMIT") {
            // A full disk stops the commit before its last page is whole, so nobody will ever read it, and SQLite
            // has rolled it back. After any other failure, a failed sync above all, what is on the disk is unknown.
            if error.sqlite_error_code() == Some(ErrorCode::DiskFull)
                && self.connection.is_autocommit()
            {
                return Outcome::RolledBack(unwritten(&error));
            }
            return Outcome::Broken(LogError::Unknown(format!("the commit failed: {error}")));
        }
        let synced = written.elapsed();
        let figures = count(group, &results);
        self.counters.count_group(figures);
        // A transaction that changed nothing costs no sync.
        if self.connection.total_changes() > changes {
            let took = started.elapsed();
            self.counters.count_commit(took);
            measure_commit(SYSTEM, figures, took);
        }
        record_commit(span, figures, written - started, synced);
        Outcome::Committed(results)
    }

    /// Carries out one of the two statements that every transaction has: SQLite reads their text once.
    fn execute(&self, statement: &'static str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(statement)?
            .execute([])
            .map(|_| ())
    }

    /// Does all work that can be done in one transaction, which it leaves open.
    fn write_all(&self, group: &[Request]) -> rusqlite::Result<Vec<Result<(), LogError>>> {
        self.execute("BEGIN IMMEDIATE")?;
        group
            .iter()
            .map(|request| match &request.work {
                Work::Append(batch) => self.write_batch(batch),
                Work::Erase { stream, up_to } => self.erase(stream, *up_to),
            })
            .collect()
    }

    fn write_batch(&self, batch: &Batch) -> rusqlite::Result<Result<(), LogError>> {
        let mut known = Vec::with_capacity(batch.writes.len());
        for write in &batch.writes {
            let found = self.find(&write.stream)?;
            let actual = found.map_or(0, |(_, version)| version);
            if u64::try_from(actual) != Ok(write.expected) {
                return Ok(Err(LogError::Conflict {
                    stream: write.stream.clone(),
                    expected: write.expected,
                    actual: actual.unsigned_abs(),
                }));
            }
            known.push(found);
        }
        for (write, found) in batch.writes.iter().zip(known) {
            self.write(write, found)?;
        }
        Ok(Ok(()))
    }

    /// The stream's number and version.
    fn find(&self, stream: &StreamName) -> rusqlite::Result<Option<(i64, i64)>> {
        self.connection
            .prepare_cached(
                "SELECT stream_id, version FROM stream WHERE category = ?1 AND id = ?2",
            )?
            .query_row(params![stream.category, stream.id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
    }

    fn write(&self, write: &Write, found: Option<(i64, i64)>) -> rusqlite::Result<()> {
        if write.events.is_empty() {
            return Ok(());
        }
        let (stream_id, mut version) = match found {
            Some(known) => known,
            None => {
                self.connection
                    .prepare_cached(
                        "INSERT INTO stream (category, id, version) VALUES (?1, ?2, 0)",
                    )?
                    .execute(params![write.stream.category, write.stream.id])?;
                (self.connection.last_insert_rowid(), 0)
            }
        };
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO event (stream_id, version, at_ms, payload, command_key, command_fingerprint)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for event in &write.events {
            version += 1;
            let command = event.command.as_ref();
            insert.execute(params![
                stream_id,
                version,
                event.at_ms,
                &event.payload[..],
                command.map(|command| &command.key),
                command.map(|command| command.fingerprint.to_be_bytes()),
            ])?;
        }
        match &write.standing {
            None => self
                .connection
                .prepare_cached("UPDATE stream SET version = ?2 WHERE stream_id = ?1")?
                .execute(params![stream_id, version])?,
            Some(standing) => self
                .connection
                .prepare_cached(
                    "UPDATE stream SET version = ?2, owner = ?3, closed_at_ms = ?4, standing_version = ?2
                     WHERE stream_id = ?1",
                )?
                .execute(params![stream_id, version, standing.owner, standing.closed_at_ms])?,
        };
        Ok(())
    }

    fn roll_back(&self, cause: &rusqlite::Error) -> Outcome {
        // Some failures have rolled back already.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            return Outcome::Broken(LogError::Unavailable(format!(
                "{cause}; and the roll-back failed: {error}"
            )));
        }
        Outcome::RolledBack(unwritten(cause))
    }

    /// Gives the connection up for good. Closing it must not sync or move what the failed commit left behind.
    fn retire(self) {
        self.broken.cancel();
        if let Err(error) = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::error!(%error, "log: the broken connection could not be told to leave the file alone");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.broken.cancel();
        }
    }
}

/// Answers what still waits, of which nothing was written.
fn refuse_all(requests: &mut mpsc::Receiver<Request>) {
    requests.close();
    while let Some(request) = requests.blocking_recv() {
        answer(std::iter::once((request, Err(broken()))));
    }
}

/// Names a failure after which nothing was written.
fn unwritten(error: &rusqlite::Error) -> LogError {
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return LogError::Damaged(error.to_string());
        }
        Some(ErrorCode::DiskFull) => "the disk is full; make room",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process holds the write lock for too long"
        }
        _ => "nothing was written",
    };
    LogError::Unavailable(format!("{error}: {hint}"))
}
