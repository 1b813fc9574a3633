//! The libraries of whose patrons sessions have ended: the times of their sessions are looked after library by library.
//!
//! A library is listed once, together with the first of its sessions that ends.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use carrel_platform::log::{EventLog, IndexEntry, LogError, StreamName, StreamQuery, Write};
use serde::Serialize;

use crate::storage::{self, encode};

/// How many libraries one query returns.
const PAGE: usize = 256;

/// The libraries that are known here to be listed.
#[derive(Debug, Default)]
pub(crate) struct Libraries(Mutex<BTreeSet<String>>);

/// What a library's stream says.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Entry {
    Listed,
}

impl Libraries {
    /// Returns what to write for the library to be listed; nothing if it is. Should another server list it meanwhile,
    /// the log refuses the write.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn list(
        &self,
        log: &dyn EventLog,
        institution_id: &str,
        at_ms: i64,
    ) -> Result<Option<Write>, LogError> {
        if self.known().contains(institution_id) {
            return Ok(None);
        }
        let stream = StreamName::new(storage::LIBRARY, institution_id);
        let versions = log.versions(std::slice::from_ref(&stream)).await?;
        if versions.iter().any(|version| *version > 0) {
            self.note(institution_id);
            return Ok(None);
        }
        Ok(Some(Write {
            stream,
            expected: 0,
            events: vec![encode(&Entry::Listed, at_ms, None)?],
            index_entry: Some(IndexEntry {
                owner: institution_id.to_owned(),
                closed_at_ms: None,
            }),
        }))
    }

    /// Returns all listed libraries.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn all(log: &dyn EventLog) -> Result<Vec<String>, LogError> {
        let mut listed: Vec<String> = Vec::new();
        loop {
            let query = StreamQuery::Open {
                category: storage::LIBRARY,
                after: listed.last().cloned(),
                limit: PAGE,
            };
            let heads = log.find(query).await?;
            let full = heads.len() == PAGE;
            listed.extend(heads.into_iter().map(|head| head.stream.id));
            if !full {
                return Ok(listed);
            }
        }
    }

    fn note(&self, institution_id: &str) {
        self.known().insert(institution_id.to_owned());
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use carrel_platform::log::{Batch, sqlite::SqliteLog};

    use super::*;

    /// R20: each library is found, however many there are, and is listed once.
    #[tokio::test]
    async fn each_library_is_listed_once() {
        let log = SqliteLog::in_memory().unwrap();
        let ids: Vec<String> = (0..PAGE + 1).map(|id| format!("{id:04}")).collect();
        let (here, there) = (Libraries::default(), Libraries::default());
        for id in &ids {
            let write = here.list(&log, id, 1).await.unwrap().unwrap();
            let writes = vec![write.clone()];
            log.append(Batch { writes }).await.unwrap();
            let again = log
                .append(Batch {
                    writes: vec![write],
                })
                .await;
            assert!(matches!(again, Err(LogError::Conflict { .. })));
            for server in [&here, &here, &there] {
                assert!(server.list(&log, id, 2).await.unwrap().is_none());
            }
        }
        assert_eq!(Libraries::all(&log).await.unwrap(), ids);
    }
}
