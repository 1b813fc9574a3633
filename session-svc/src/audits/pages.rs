//! Reading libraries' audits, a page at a time.

use carrel_platform::log::{EventLog, LogError, StreamName};
use serde::de::DeserializeOwned;

use super::{Audits, end_of, own_stream};
use crate::{
    domain::{
        audit::{AuditEntry, AuditFact},
        people::StaffMember,
    },
    storage::{self, Stored},
};

/// A page of an audit.
#[derive(Debug)]
pub(crate) struct AuditPage<E> {
    /// The entries, newest first.
    pub entries: Vec<Stored<E>>,
    /// The number below which the next page starts, if there is one.
    pub next_below: Option<u64>,
}

/// Reads up to `limit` entries of a library's audit, newest first, below a number or from the end.
///
/// # Errors
/// Those of the log.
pub(crate) async fn read_page(
    audits: &Audits,
    log: &dyn EventLog,
    institution_id: &str,
    below: Option<u64>,
    limit: u64,
) -> Result<AuditPage<AuditEntry>, LogError> {
    let audit = audits.of(institution_id);
    let head = {
        let mut tail = audit.tail.lock().await;
        audit.catch_up(log, &mut tail).await?;
        tail.version
    };
    page_of(log, &audit.stream, head, below, limit).await
}

/// Reads up to `limit` entries of what a librarian did themselves, newest first, below a number of their own or from
/// the end. Nothing about it, not even how long it takes, depends on what others did (S11).
///
/// # Errors
/// Those of the log.
pub(crate) async fn read_own_page(
    log: &dyn EventLog,
    member: &StaffMember,
    below: Option<u64>,
    limit: u64,
) -> Result<AuditPage<AuditFact>, LogError> {
    let stream = own_stream(&member.institution_id, &member.librarian_id);
    let head = end_of(log, &stream, 0).await?;
    page_of(log, &stream, head, below, limit).await
}

async fn page_of<E: DeserializeOwned>(
    log: &dyn EventLog,
    stream: &StreamName,
    head: u64,
    below: Option<u64>,
    limit: u64,
) -> Result<AuditPage<E>, LogError> {
    let up_to = below.map_or(head, |below| head.min(below.saturating_sub(1)));
    let from = up_to.saturating_sub(limit);
    let mut entries = storage::read_between(log, stream, from, up_to).await?;
    entries.reverse();
    Ok(AuditPage {
        entries,
        next_below: (from > 0).then_some(from + 1),
    })
}
