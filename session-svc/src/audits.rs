//! Writing and reading libraries' audits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use carrel_platform::log::{EventLog, LogError, StreamName, Write};
use tokio::sync::OwnedMutexGuard;

use crate::{
    domain::audit::{AuditEntry, AuditFact, CHAIN_START},
    storage::{self, Stored},
};

/// How many entries are read at once when looking back.
const CHUNK: u64 = 256;

/// The audits of all libraries, as far as this process writes to them.
#[derive(Debug, Default)]
pub(crate) struct Audits {
    tails: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Tail>>>>,
}

/// The end of one library's audit, held by whoever is about to write to it.
///
/// Entries are chained, so they can only be written one after the other. Another process may write as well: then the
/// log refuses the write, and [`AuditTail::catch_up`] finds the new end.
pub(crate) struct AuditTail {
    stream: StreamName,
    tail: OwnedMutexGuard<Tail>,
}

#[derive(Debug, Default)]
struct Tail {
    version: u64,
    hash: String,
}

impl Audits {
    /// Waits for the end of a library's audit.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn tail(
        &self,
        log: &dyn EventLog,
        institution_id: &str,
    ) -> Result<AuditTail, LogError> {
        let tail = {
            let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tails.entry(institution_id.to_owned()).or_default())
        };
        let stream = StreamName::new(storage::AUDIT, institution_id);
        let mut tail = AuditTail {
            stream,
            tail: tail.lock_owned().await,
        };
        if tail.tail.version == 0 {
            tail.catch_up(log).await?;
        }
        Ok(tail)
    }
}

impl AuditTail {
    /// Finds the end, also again after another process has written.
    ///
    /// Versions have no holes, so the end is found by leaps and then by halves, however long the audit is.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn catch_up(&mut self, log: &dyn EventLog) -> Result<(), LogError> {
        let known = self.tail.version;
        let (mut end, mut leap) = (known, 1);
        while self.reaches(log, end + leap).await? {
            end += leap;
            leap *= 2;
        }
        while leap > 1 {
            leap /= 2;
            if self.reaches(log, end + leap).await? {
                end += leap;
            }
        }
        if end > known {
            let before_last = end - 1;
            let last = storage::read_between::<AuditEntry>(log, &self.stream, before_last, end);
            if let Some(last) = last.await?.pop() {
                self.tail.version = last.version;
                self.tail.hash = last.event.chain_hash;
            }
        }
        Ok(())
    }

    async fn reaches(&self, log: &dyn EventLog, version: u64) -> Result<bool, LogError> {
        Ok(!log.read(&self.stream, version - 1, 1).await?.is_empty())
    }

    /// The write that adds these facts, and what the end will be when it is done.
    ///
    /// # Errors
    /// As [`storage::encode`].
    pub(crate) fn write(
        &self,
        facts: &[AuditFact],
        at_ms: i64,
    ) -> Result<(Write, AuditEnd), LogError> {
        let mut hash = if self.tail.version == 0 {
            CHAIN_START
        } else {
            &self.tail.hash
        }
        .to_owned();
        let mut events = Vec::with_capacity(facts.len());
        for fact in facts {
            let entry = AuditEntry::chain(fact.clone(), at_ms, &hash);
            hash.clone_from(&entry.chain_hash);
            events.push(storage::encode(&entry, at_ms, None)?);
        }
        let version = self.tail.version + events.len() as u64;
        let write = Write {
            stream: self.stream.clone(),
            expected: self.tail.version,
            events,
            standing: None,
        };
        Ok((write, AuditEnd(Tail { version, hash })))
    }

    /// Notes that the write was done.
    pub(crate) fn done(mut self, end: AuditEnd) {
        *self.tail = end.0;
    }
}

/// Where an audit ends once a write is done.
#[derive(Debug)]
pub(crate) struct AuditEnd(Tail);

/// A page of an audit.
#[derive(Debug, Default)]
pub(crate) struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<Stored<AuditEntry>>,
    /// Below which number the next page starts, if there may be one.
    pub next_below: Option<u64>,
}

/// Reads up to `limit` wanted entries of a library's audit, newest first, below a number or from the end.
///
/// # Errors
/// As the log does.
pub(crate) async fn read_page(
    audits: &Audits,
    log: &dyn EventLog,
    institution_id: &str,
    below: Option<u64>,
    limit: usize,
    wanted: impl Fn(&AuditEntry) -> bool,
) -> Result<AuditPage, LogError> {
    let mut tail = audits.tail(log, institution_id).await?;
    tail.catch_up(log).await?;
    let (stream, head) = (tail.stream.clone(), tail.tail.version);
    drop(tail);

    let mut page = AuditPage::default();
    let mut unread = below.map_or(head, |below| head.min(below.saturating_sub(1)));
    while unread > 0 {
        let from = unread.saturating_sub(CHUNK);
        let mut chunk = storage::read_between::<AuditEntry>(log, &stream, from, unread).await?;
        chunk.retain(|entry| wanted(&entry.event));
        while let Some(entry) = chunk.pop() {
            if page.entries.len() == limit {
                page.next_below = page.entries.last().map(|last| last.version);
                return Ok(page);
            }
            page.entries.push(entry);
        }
        unread = from;
    }
    Ok(page)
}
