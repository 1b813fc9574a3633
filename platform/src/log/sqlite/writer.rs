//! The writing thread and its group commit.

mod append;
mod erase;
mod idle;
mod probe;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, config::DbConfig};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::{
    append::Appends,
    idle::{Next, next_within},
};
use super::{SYSTEM, writable::Writable};
use crate::log::{
    LogError,
    figures::Counters,
    group::{
        Request, Work, answer, broken, commit_span, count, gather, measure_commit, record_commit,
    },
    pace::Pace,
};
use crate::telemetry::LazySpan;

/// The owner of the writing connection.
pub(super) struct Writer {
    connection: Connection,
    busy_timeout: Duration,
    probe_after: Duration,
    broken: CancellationToken,
    counters: Arc<Counters>,
    writable: Writable,
}

/// The outcome of a group.
enum Outcome {
    /// Committed; one answer for each request.
    Committed(Vec<Result<(), LogError>>),
    /// Rolled back; nothing of the group was written.
    RolledBack(LogError),
    /// The outcome is unknown, and the connection must not be used again.
    Broken(LogError),
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        [busy_timeout, probe_after]: [Duration; 2],
        broken: CancellationToken,
        counters: Arc<Counters>,
        writable: Writable,
    ) -> Self {
        Self {
            connection,
            busy_timeout,
            probe_after,
            broken,
            counters,
            writable,
        }
    }

    /// Commits requests as they arrive, until every sender is gone or the engine breaks.
    pub(super) fn run(self, mut requests: mpsc::Receiver<Request>) {
        let Err((error, group)) = self.commit_all(&mut requests) else {
            return;
        };
        tracing::error!(%error, requests = group.len(), "log: the engine broke; the process must restart");
        self.retire();
        answer(
            group
                .into_iter()
                .map(|request| (request, Err(error.clone()))),
        );
        refuse_all(&mut requests);
    }

    /// Commits requests as they arrive. On error returns how the engine broke, and the unanswered requests.
    fn commit_all(
        &self,
        requests: &mut mpsc::Receiver<Request>,
    ) -> Result<(), (LogError, Vec<Request>)> {
        let mut group = Vec::new();
        let mut pace = Pace::new();
        let mut appends = loop {
            let error = match Appends::on(&self.connection) {
                Ok(appends) => break appends,
                Err(error) => unwritten(&error),
            };
            // The engine is not broken: the next request makes it try again.
            let Some(first) = requests.blocking_recv() else {
                return Ok(());
            };
            gather(first, requests, &mut group);
            self.writable.refused(&error);
            answer(group.drain(..).map(|request| (request, Err(error.clone()))));
        };
        while let Some(first) = self.next(requests).map_err(|error| (error, Vec::new()))? {
            pace.wait(|| requests.len());
            let began = Instant::now();
            gather(first, requests, &mut group);
            if group.is_empty() {
                continue;
            }
            let outcome = self.commit(&mut appends, &group);
            pace.committed(group.len(), began.elapsed());
            match outcome {
                Outcome::Committed(results) => self.answer_committed(group.drain(..).zip(results)),
                Outcome::RolledBack(error) => {
                    self.writable.refused(&error);
                    answer(group.drain(..).map(|request| (request, Err(error.clone()))));
                }
                Outcome::Broken(error) => return Err((error, group)),
            }
        }
        Ok(())
    }

    /// Waits for the next request. Meanwhile, tries now and then whether it can write again, if it could not; on error
    /// returns how that broke the engine.
    fn next(&self, requests: &mut mpsc::Receiver<Request>) -> Result<Option<Request>, LogError> {
        while self.writable.is_refused() {
            match next_within(requests, self.probe_after) {
                Next::Came(request) => return Ok(Some(request)),
                Next::Never => return Ok(None),
                Next::NotYet => self.probe()?,
            }
        }
        Ok(requests.blocking_recv())
    }

    fn commit(&self, appends: &mut Appends<'_>, group: &[Request]) -> Outcome {
        let mut span = commit_span(SYSTEM, group);
        let outcome = span
            .scope()
            .run(|| self.commit_within(&mut span, appends, group));
        if !matches!(outcome, Outcome::Committed(_)) {
            appends.forget();
        }
        outcome
    }

    fn commit_within(
        &self,
        span: &mut LazySpan,
        appends: &mut Appends<'_>,
        group: &[Request],
    ) -> Outcome {
        let started = Instant::now();
        let changes = self.connection.total_changes();
        let results = match self.write_all(appends, group) {
            Ok(results) => results,
            Err(error) => return self.roll_back(&error),
        };
        let written = Instant::now();
        if let Err(error) = appends.commit() {
            return self.not_committed(&error);
        }
        let synced = written.elapsed();
        let figures = count(group, &results);
        self.counters.count_group(figures);
        // A transaction that changed nothing costs no sync.
        if self.connection.total_changes() > changes {
            let took = started.elapsed();
            self.counters.count_commit(took);
            measure_commit(SYSTEM, figures, took);
            self.writable.written();
        }
        record_commit(span, figures, written - started, synced);
        Outcome::Committed(results)
    }

    /// Does everything that can be done in one transaction, and leaves the transaction open.
    fn write_all(
        &self,
        appends: &mut Appends<'_>,
        group: &[Request],
    ) -> rusqlite::Result<Vec<Result<(), LogError>>> {
        appends.begin()?;
        group
            .iter()
            .map(|request| match &request.work {
                Work::Append(batch) => appends.append(batch),
                Work::Erase { stream, up_to } => {
                    let head = appends.find(stream)?;
                    self.erase(stream, head, *up_to)
                }
            })
            .collect()
    }

    /// Returns the outcome of a transaction whose commit failed.
    fn not_committed(&self, error: &rusqlite::Error) -> Outcome {
        // A full disk stops the commit before its last page is complete, so no reader will ever see it, and SQLite has
        // rolled it back. After any other failure, above all a failed sync, what is on the disk is unknown.
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) && self.connection.is_autocommit()
        {
            return Outcome::RolledBack(unwritten(error));
        }
        Outcome::Broken(LogError::Unknown(format!("the commit failed: {error}")))
    }

    fn roll_back(&self, cause: &rusqlite::Error) -> Outcome {
        // Some failures have rolled the transaction back already.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            return Outcome::Broken(LogError::Unavailable(format!(
                "{cause}; and the roll-back failed: {error}"
            )));
        }
        Outcome::RolledBack(unwritten(cause))
    }

    /// Retires the connection. Closing it must not sync or move what the failed commit left behind.
    fn retire(self) {
        self.writable.broken();
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
            self.writable.broken();
            self.broken.cancel();
        }
    }
}

/// Refuses everything that still waits; none of it was written.
fn refuse_all(requests: &mut mpsc::Receiver<Request>) {
    requests.close();
    while let Some(request) = requests.blocking_recv() {
        answer(std::iter::once((request, Err(broken()))));
    }
}

/// Returns the error for a failure after which nothing was written.
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
