//! Writing and reading libraries' audits.

mod pages;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use carrel_platform::{
    log::{Batch, EventLog, LogError, NewEvent, StreamName, Write},
    telemetry::{LazySpan, Scope, TraceIds},
};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::{
    domain::audit::{AuditEntry, AuditFact, CHAIN_START},
    storage,
};

pub(crate) use pages::{read_own_page, read_page};

/// How many audited writes share an append, at most.
const TOGETHER: usize = 64;

/// For how many librarians of a library the end of their own entries is remembered.
const OWN_ENDS: usize = 1_024;

/// The audits of all libraries, as far as this process writes to them.
#[derive(Debug, Default)]
pub(crate) struct Audits {
    libraries: Mutex<HashMap<String, Arc<Audit>>>,
}

/// One library's audit.
///
/// Entries are chained, so they can only be written one after the other. Sessions that write at the same time need not
/// wait for a commit each: the task that holds the end of the chain writes for all that wait for it. Another process
/// may write as well: then the log refuses the write, and the new end is looked up.
#[derive(Debug)]
struct Audit {
    stream: StreamName,
    waiting: Mutex<VecDeque<Waiting>>,
    tail: tokio::sync::Mutex<Tail>,
}

/// Writes that must be made together with entries in their library's audit, or not at all.
#[derive(Debug)]
pub(crate) struct Audited {
    /// The writes to other streams. No other write of this process to these streams is under way, but for
    /// the list of libraries: two that add the same one at the same time are written one after the other, and the
    /// second is refused with a conflict.
    pub writes: Vec<Write>,
    /// The facts that the audit must record.
    pub facts: Vec<AuditFact>,
    /// The current time, in Unix milliseconds.
    pub at_ms: i64,
}

/// An audited write that waits for the end of the chain to be free.
#[derive(Debug)]
struct Waiting {
    audited: Audited,
    /// The span of its append, which ends when the outcome is known.
    span: LazySpan,
    outcome: oneshot::Sender<Result<(), LogError>>,
}

/// The end of an audit as this process knows it.
#[derive(Debug, Default)]
struct Tail {
    version: u64,
    hash: String,
    /// The ends of librarians' own streams, as far as they are known.
    own: BTreeMap<String, u64>,
}

/// Entries that follow the end, and what the end will be when they are written.
#[derive(Debug, Default)]
struct Chained {
    writes: Vec<Write>,
    version: u64,
    hash: String,
    own: BTreeMap<String, u64>,
}

impl Audits {
    fn of(&self, institution_id: &str) -> Arc<Audit> {
        let mut libraries = self
            .libraries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(audit) = libraries.get(institution_id) {
            return Arc::clone(audit);
        }
        let audit = Arc::new(Audit {
            stream: audit_stream(institution_id),
            waiting: Mutex::default(),
            tail: tokio::sync::Mutex::default(),
        });
        libraries.insert(institution_id.to_owned(), Arc::clone(&audit));
        audit
    }

    /// Makes writes together with their entries in a library's audit, all or nothing. `span` is the span of doing so.
    ///
    /// # Errors
    /// Those of the log. A conflict may also be with the audit, to which another process has written: then the same
    /// write may be tried again.
    pub(crate) async fn append(
        &self,
        log: &dyn EventLog,
        institution_id: &str,
        audited: Audited,
        span: LazySpan,
    ) -> Result<(), LogError> {
        let audit = self.of(institution_id);
        let (outcome, mut settled) = oneshot::channel();
        audit.waiting().push_back(Waiting {
            audited,
            span,
            outcome,
        });
        loop {
            let mut tail = tokio::select! {
                biased;
                settled = &mut settled => return settled.unwrap_or_else(|_| Err(left())),
                tail = audit.tail.lock() => tail,
            };
            match settled.try_recv() {
                Ok(settled) => return settled,
                Err(TryRecvError::Closed) => return Err(left()),
                // Nobody has written it yet, so it is still waiting.
                Err(TryRecvError::Empty) => audit.write_waiting(log, &mut tail).await,
            }
        }
    }
}

/// Returns the error when the task that wrote for others was stopped before it knew the outcome.
fn left() -> LogError {
    LogError::Unknown("whoever wrote it stopped".to_owned())
}

impl Audit {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits, as much as shares an append, and tells each caller the outcome. Writes whose caller has gone
    /// are left out.
    async fn write_waiting(&self, log: &dyn EventLog, tail: &mut Tail) {
        let mut together: Vec<_> = {
            let mut waiting = self.waiting();
            waiting.retain(|one| !one.outcome.is_closed());
            let many = waiting.len().min(TOGETHER);
            waiting.drain(..many).collect()
        };
        let outcome = self.write(log, tail, &mut together).await;
        match outcome {
            // One of them is at fault, and must not make the others fail.
            Err(LogError::Conflict { .. } | LogError::Invalid(_)) if together.len() > 1 => {
                for mut one in together {
                    let outcome = self.write(log, tail, std::slice::from_mut(&mut one)).await;
                    drop(one.outcome.send(outcome));
                }
            }
            outcome => {
                for one in together {
                    drop(one.outcome.send(outcome.clone()));
                }
            }
        }
    }

    /// Writes these with one append, within the span of the first of them whose trace is kept.
    async fn write(
        &self,
        log: &dyn EventLog,
        tail: &mut Tail,
        together: &mut [Waiting],
    ) -> Result<(), LogError> {
        if tail.own.len() >= OWN_ENDS {
            tail.own.clear();
        }
        let knows_all = doers(together).all(|id| tail.own.contains_key(id));
        if tail.version == 0 || !knows_all {
            self.find_ends(log, tail, together).await?;
        }
        let chained = self.chain(tail, together)?;
        let writes = together.iter().flat_map(|one| &one.audited.writes);
        let writes = writes.cloned().chain(chained.writes).collect();
        let append = log.append(Batch { writes });
        let written = share(together).around(append).await;
        match written {
            Ok(()) => {
                tail.version = chained.version;
                tail.hash = chained.hash;
                tail.own.extend(chained.own);
            }
            Err(_) => {
                // If this fails as well, the next write is refused, and finds the ends then.
                drop(self.find_ends(log, tail, together).await);
            }
        }
        written
    }

    /// Chains the entries of all of these to the end, and adds each fact to the own stream of the librarian who did it.
    fn chain(&self, tail: &Tail, together: &[Waiting]) -> Result<Chained, LogError> {
        let mut hash = if tail.version == 0 {
            CHAIN_START
        } else {
            &tail.hash
        }
        .to_owned();
        let mut events = Vec::new();
        let mut own: BTreeMap<&str, Vec<NewEvent>> = BTreeMap::new();
        for Audited { facts, at_ms, .. } in together.iter().map(|one| &one.audited) {
            for fact in facts {
                if !fact.librarian_id.is_empty() {
                    let did = own.entry(&fact.librarian_id).or_default();
                    did.push(storage::encode(fact, *at_ms, None)?);
                }
                let entry = AuditEntry::chain(fact.clone(), *at_ms, &hash);
                events.push(storage::encode(&entry, *at_ms, None)?);
                hash = entry.chain_hash;
            }
        }
        let mut chained = Chained {
            version: tail.version + events.len() as u64,
            hash,
            ..Chained::default()
        };
        let mut write = |stream, expected, events| {
            chained.writes.push(Write {
                stream,
                expected,
                events,
                index_entry: None,
            });
        };
        write(self.stream.clone(), tail.version, events);
        for (librarian_id, did) in own {
            let known = tail.own.get(librarian_id).copied().unwrap_or_default();
            let end = known + did.len() as u64;
            chained.own.insert(librarian_id.to_owned(), end);
            write(own_stream(&self.stream.id, librarian_id), known, did);
        }
        Ok(chained)
    }

    /// Finds the end of the audit, and of the own streams of all librarians whose facts are to be written, also after
    /// another process has written to them. However long these are, that takes one look at their versions, and one at
    /// the last entry: the sessions of the library wait meanwhile.
    async fn find_ends(
        &self,
        log: &dyn EventLog,
        tail: &mut Tail,
        together: &[Waiting],
    ) -> Result<(), LogError> {
        let doers: BTreeSet<&str> = doers(together).collect();
        let own = doers.iter().map(|id| own_stream(&self.stream.id, id));
        let streams: Vec<_> = [self.stream.clone()].into_iter().chain(own).collect();
        let versions = log.versions(&streams).await?;
        let Some((&end, own_ends)) = versions.split_first() else {
            return Ok(());
        };
        if end > tail.version {
            let last = storage::read_between::<AuditEntry>(log, &self.stream, end - 1, end);
            if let Some(last) = last.await?.pop() {
                tail.version = last.version;
                tail.hash = last.event.chain_hash;
            }
            // Whoever wrote to the audit may have written to any of these as well.
            tail.own.clear();
        }
        let own_ends = doers.into_iter().map(str::to_owned).zip(own_ends.to_vec());
        tail.own.extend(own_ends);
        Ok(())
    }
}

/// Returns the librarians whose facts are to be written, some of them more than once. What time alone has brought is
/// among nobody's own.
fn doers(together: &[Waiting]) -> impl Iterator<Item = &str> {
    let facts = together.iter().flat_map(|one| &one.audited.facts);
    facts
        .map(|fact| fact.librarian_id.as_str())
        .filter(|id| !id.is_empty())
}

/// Returns the name of the stream of a library's audit.
fn audit_stream(institution_id: &str) -> StreamName {
    StreamName::new(storage::AUDIT, institution_id)
}

/// Returns the name of a librarian's own stream: the part of their library's audit that they did themselves.
fn own_stream(institution_id: &str, librarian_id: &str) -> StreamName {
    StreamName::new(
        storage::OWN_AUDIT,
        format!("{institution_id}/{librarian_id}"),
    )
}

/// Returns the last version of a stream.
async fn end_of(log: &dyn EventLog, stream: &StreamName) -> Result<u64, LogError> {
    let versions = log.versions(std::slice::from_ref(stream)).await?;
    Ok(versions.first().copied().unwrap_or_default())
}

/// Links the first of these spans whose trace is kept with the others, and returns the scope for what they share:
/// within that span, or nowhere if no trace is kept.
fn share(together: &mut [Waiting]) -> Scope {
    let spans = together.iter_mut().map(|one| &mut one.span);
    let mut kept = spans.filter(|span| span.ids().is_some_and(TraceIds::is_sampled));
    let Some(first) = kept.next() else {
        return Scope::of(None);
    };
    for other in kept.filter_map(|span| span.ids()) {
        first.link(other);
    }
    first.scope()
}
