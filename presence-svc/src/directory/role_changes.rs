//! How changes of roles are stored in the log: for each library one stream, `role_changes/<institution id>`.
//!
//! They are written in one batch with the events of the directory that they follow from. Whoever changes the directory
//! names the version of its stream that they saw, so no two can write to a library's stream at once.

use std::collections::BTreeMap;

use carrel_platform::{
    chain,
    log::{
        EventLog, LogError, StreamName, Write,
        newest::{self, Newest},
        stored,
    },
};

use crate::domain::role_change::{RoleChange, RoleEntry};

fn stream(institution_id: &str) -> StreamName {
    StreamName::new("role_changes", institution_id)
}

/// Returns the writes that add these changes to the end of each library's stream.
///
/// # Errors
/// As the log does, and [`LogError::Damaged`] when the last entry of a stream can't be read.
pub(super) async fn writes(
    log: &dyn EventLog,
    changes: BTreeMap<String, Vec<RoleChange>>,
    at_ms: i64,
) -> Result<Vec<Write>, LogError> {
    let streams: Vec<_> = changes.keys().map(|id| stream(id)).collect();
    let ends = log.versions(&streams).await?;
    let mut writes = Vec::new();
    for ((stream, end), changes) in streams.into_iter().zip(ends).zip(changes.into_values()) {
        let last = newest::read::<RoleEntry>(log, &stream, end, None, 1).await?;
        let last = last.entries.into_iter().next();
        let mut hash = last.map_or_else(|| chain::START.to_owned(), |last| last.event.chain_hash);
        let mut events = Vec::new();
        for change in changes {
            let entry = RoleEntry::chain(change, at_ms, &hash);
            events.push(stored::encode(&entry, at_ms, None)?);
            hash = entry.chain_hash;
        }
        writes.push(Write {
            stream,
            expected: end,
            events,
            index_entry: None,
        });
    }
    Ok(writes)
}

/// Reads up to `limit` changes in a library, newest first, below a number or from the end.
///
/// # Errors
/// As the log does, and [`LogError::Damaged`] when an entry can't be read.
pub(super) async fn read_page(
    log: &dyn EventLog,
    institution_id: &str,
    below: Option<u64>,
    limit: u64,
) -> Result<Newest<RoleEntry>, LogError> {
    let stream = stream(institution_id);
    let ends = log.versions(std::slice::from_ref(&stream)).await?;
    let end = ends.first().copied().unwrap_or_default();
    newest::read(log, &stream, end, below, limit).await
}
