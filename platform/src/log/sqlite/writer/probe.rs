//! Trying by itself whether the log can be written again.
//!
//! On a desk where nobody writes, nothing else would show that a full disk has room again. Only a commit shows it: a
//! transaction that is rolled back never gets to the disk.

use rusqlite::{Connection, params};

use super::{Outcome, Writer};
use crate::log::LogError;

/// The name of the row that a probe writes and removes. One that a crash leaves behind does no harm: the next probe
/// replaces it.
const ROW: &str = "room";

/// How many characters it writes: more than a desk usually writes at once, so that what comes next fits, too.
const SIZE: usize = 256 * 1024;

impl Writer {
    /// Writes something and removes it again.
    ///
    /// # Errors
    /// If that has broken the engine.
    pub(super) fn probe(&self) -> Result<(), LogError> {
        let write = |connection: &Connection| {
            let row = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
            connection.execute(row, params![ROW, "0".repeat(SIZE)])
        };
        let remove = |connection: &Connection| {
            connection.execute("DELETE FROM meta WHERE name = ?1", params![ROW])
        };
        let outcome = match self.commit_alone(write) {
            Outcome::Committed(_) => self.commit_alone(remove),
            failed => failed,
        };
        match outcome {
            Outcome::Committed(_) => self.writable.written(),
            // As it was: that was told and logged when it began.
            Outcome::RolledBack(_) => {}
            Outcome::Broken(error) => return Err(error),
        }
        Ok(())
    }

    fn commit_alone(&self, write: impl FnOnce(&Connection) -> rusqlite::Result<usize>) -> Outcome {
        let connection = &self.connection;
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        if let Err(error) = begun.and_then(|()| write(connection)) {
            return self.roll_back(&error);
        }
        match connection.execute_batch("COMMIT") {
            Ok(()) => Outcome::Committed(Vec::new()),
            Err(error) => self.not_committed(&error),
        }
    }
}
