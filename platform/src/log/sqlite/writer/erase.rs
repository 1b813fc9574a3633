//! Erasing events, from the tables and from the files.

use std::time::Duration;

use rusqlite::params;

use super::{Writer, append::Head};
use crate::log::{
    LogError, StreamName,
    group::{Request, Work, answer},
};

/// How long appends may have to wait for readers that still see what was erased.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(1);

impl Writer {
    /// Overwrites the events of a stream with the given head, up to a version, and records that they are gone.
    pub(super) fn erase(
        &self,
        stream: &StreamName,
        head: Option<Head>,
        up_to: u64,
    ) -> rusqlite::Result<Result<(), LogError>> {
        let last = head.map_or(0, |head| head.version);
        let Some(up_to) = i64::try_from(up_to).ok().filter(|up_to| *up_to <= last) else {
            return Ok(Err(LogError::Invalid(format!(
                "{stream} is at version {last} and can't be erased up to {up_to}"
            ))));
        };
        let Some(Head { stream_id, .. }) = head else {
            return Ok(Ok(()));
        };
        // Every column keeps its width, so SQLite overwrites the row in place. For `at_ms` this holds from 1970 to
        // 6429.
        self.connection
            .prepare_cached(
                "UPDATE event SET
                     at_ms = 1 << 46,
                     payload = zeroblob(length(payload)),
                     command_key = iif(command_key IS NULL, NULL, format('%*s', octet_length(command_key), '')),
                     command_fingerprint = iif(command_fingerprint IS NULL, NULL, zeroblob(8))
                 WHERE stream_id = ?1 AND version <= ?2
                     AND version > (SELECT erased FROM stream WHERE stream_id = ?1)",
            )?
            .execute(params![stream_id, up_to])?;
        self.connection
            .prepare_cached("UPDATE stream SET erased = ?2 WHERE stream_id = ?1 AND erased < ?2")?
            .execute(params![stream_id, up_to])?;
        Ok(Ok(()))
    }

    /// Answers a committed group: appends at once, and erasures when the files no longer hold what was erased.
    pub(super) fn answer_committed(
        &self,
        answers: impl Iterator<Item = (Request, Result<(), LogError>)>,
    ) {
        let (erasures, appends): (Vec<_>, Vec<_>) =
            answers.partition(|(request, _)| matches!(request.work, Work::Erase { .. }));
        answer(appends);
        if erasures.is_empty() {
            return;
        }
        let cleared = self.clear_write_ahead_log().map_err(|error| {
            tracing::warn!(%error, erasures = erasures.len(), "log: what was erased is still in its files");
            LogError::Unknown(format!(
                "what was erased is still in the log's files: {error}"
            ))
        });
        answer(
            erasures
                .into_iter()
                .map(|(request, result)| (request, result.and(cleared.clone()))),
        );
    }

    /// Moves the content of the write-ahead log into the file, and truncates it to nothing.
    ///
    /// Done even if this erasure changed nothing: the one before may have failed at this step.
    fn clear_write_ahead_log(&self) -> rusqlite::Result<()> {
        let patience = CHECKPOINT_PATIENCE.min(self.busy_timeout);
        self.connection.busy_timeout(patience)?;
        let cleared = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, bool>(0)
            });
        self.connection.busy_timeout(self.busy_timeout)?;
        match cleared {
            Ok(false) => Ok(()),
            Ok(true) => Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                Some("somebody reads an older state of it".to_owned()),
            )),
            Err(error) => Err(error),
        }
    }
}
