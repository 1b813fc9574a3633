//! Servers that can't reach the store of leases while others can.
//!
//! Each server tells the others by leases who attends sessions on it. If one of them alone is cut off from the store, its
//! leases run out there, and to the others everybody who attends on it would be gone: they would take the patrons away from
//! librarians who are there. So it says in the log that its leases tell nothing, and while any server says so, the others
//! count nobody as gone, as they do while they can't reach the store themselves. A server that can't reach the log either
//! can't say so, and can't serve anybody.
//!
//! Instead, it could end its streams, so that everybody attends elsewhere. But it can't tell whether any server reaches the
//! store: if none does, that would close the desk, which goes on without it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use carrel_platform::{
    lease::LeaseError,
    log::{Batch, EventLog, IndexEntry, LogError, StreamHead, StreamName, StreamQuery, Write},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::storage::{self, encode};

/// How many servers one query returns.
const PAGE: usize = 64;
/// For how long the word of a server that says nothing more counts, at least. After that it has died.
const COUNTS_FOR: Duration = Duration::from_secs(30);

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Word {
    /// Its leases tell nothing.
    CutOff,
    /// They can be relied on again.
    Back,
}

/// Whether this server or others are cut off from the store of leases.
pub(crate) struct CutOff {
    /// The stream in which this server says so.
    own: StreamName,
    /// How long a lease lasts here.
    leases_last: Duration,
    /// When one could last not be held.
    failed_at: Mutex<Option<Instant>>,
    /// Whether another server says that it is cut off.
    others: AtomicBool,
}

/// What a server has said and heard so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Whether it has said that it is cut off, and not yet that it is back.
    has_said: bool,
    /// Of each server that says so, the version of its last word, and since when this is the last.
    others: BTreeMap<String, (u64, Instant)>,
}

impl CutOff {
    /// Nothing has failed yet.
    pub(crate) fn new(replica: &str, leases_last: Duration) -> Self {
        Self {
            own: StreamName::new(storage::CUT_OFF, replica),
            leases_last,
            failed_at: Mutex::default(),
            others: AtomicBool::default(),
        }
    }

    /// Takes note that a lease could not be held.
    pub(crate) fn note_failure(&self) {
        *self.lock() = Some(Instant::now());
    }

    /// Checks that a list of leases tells who attends on other servers.
    ///
    /// # Errors
    /// If one of them is cut off.
    pub(crate) fn check(&self) -> Result<(), LeaseError> {
        match self.others.load(Ordering::Relaxed) {
            true => Err(LeaseError("another server can't reach it".to_owned())),
            false => Ok(()),
        }
    }

    /// Returns whether a lease may have run out that could not be renewed. After a failure, each is held again within half
    /// the time that it lasts.
    fn is_cut_off(&self) -> bool {
        self.lock()
            .is_some_and(|failed_at| failed_at.elapsed() <= self.leases_last)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether this server is cut off, and hears whether others are. To be repeated after each `every`.
    ///
    /// # Errors
    /// Those of the log.
    pub(crate) async fn say_and_hear(
        &self,
        log: &dyn EventLog,
        now_ms: i64,
        every: Duration,
        heard: &mut Heard,
    ) -> Result<(), LogError> {
        let said = self.say(log, now_ms, heard).await;
        self.hear(log, now_ms, every, heard).await?;
        said
    }

    async fn say(
        &self,
        log: &dyn EventLog,
        now_ms: i64,
        heard: &mut Heard,
    ) -> Result<(), LogError> {
        let is_cut_off = self.is_cut_off();
        if !is_cut_off && !heard.has_said {
            return Ok(());
        }
        let own = std::slice::from_ref(&self.own);
        let version = log.versions(own).await?.first().copied().unwrap_or(0);
        if is_cut_off {
            if !heard.has_said {
                tracing::warn!(
                    "this server can't tell the others who attends sessions on it: no server counts anybody as gone \
                     until it can"
                );
            }
            write(log, &self.own, version, Word::CutOff, now_ms).await?;
        } else {
            write(log, &self.own, version, Word::Back, now_ms).await?;
            log.erase(&self.own, version).await?;
        }
        heard.has_said = is_cut_off;
        Ok(())
    }

    async fn hear(
        &self,
        log: &dyn EventLog,
        now_ms: i64,
        every: Duration,
        heard: &mut Heard,
    ) -> Result<(), LogError> {
        let heads = said(log).await?;
        let heads = heads.iter().filter(|head| head.stream != self.own);
        let heads: Vec<_> = heads.collect();
        heard
            .others
            .retain(|id, _| heads.iter().any(|head| head.stream.id == *id));
        let mut is_any = false;
        for StreamHead {
            stream, version, ..
        } in heads
        {
            let now = (*version, Instant::now());
            let last = heard.others.entry(stream.id.clone()).or_insert(now);
            if last.0 != *version {
                *last = now;
            }
            if last.1.elapsed() <= COUNTS_FOR.max(every * 4) {
                is_any = true;
                continue;
            }
            match write(log, stream, *version, Word::Back, now_ms).await {
                // It lives after all, or another server did the same.
                Ok(()) | Err(LogError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if !self.others.swap(is_any, Ordering::Relaxed) && is_any {
            tracing::warn!(
                "another server can't reach the store of leases: nobody counts as gone until it can"
            );
        }
        Ok(())
    }
}

/// Returns the streams of all servers that say that they are cut off.
async fn said(log: &dyn EventLog) -> Result<Vec<StreamHead>, LogError> {
    let mut said: Vec<StreamHead> = Vec::new();
    loop {
        let query = StreamQuery::Open {
            category: storage::CUT_OFF,
            after: said.last().map(|head| head.stream.id.clone()),
            limit: PAGE,
        };
        let heads = log.find(query).await?;
        let full = heads.len() == PAGE;
        said.extend(heads);
        if !full {
            return Ok(said);
        }
    }
}

async fn write(
    log: &dyn EventLog,
    stream: &StreamName,
    version: u64,
    word: Word,
    now_ms: i64,
) -> Result<(), LogError> {
    let write = Write {
        stream: stream.clone(),
        expected: version,
        events: vec![encode(&word, now_ms, None)?],
        index_entry: Some(IndexEntry {
            owner: storage::CUT_OFF.to_owned(),
            closed_at_ms: (word == Word::Back).then_some(now_ms),
        }),
    };
    let writes = vec![write];
    log.append(Batch { writes }).await
}
