//! Reading libraries' audits, a page at a time.

use carrel_platform::log::{
    EventLog, LogError,
    newest::{self, Newest},
};

use super::{audit_stream, end_of, own_stream};
use crate::domain::{
    audit::{AuditEntry, AuditFact},
    people::StaffMember,
};

/// Reads up to `limit` entries of a library's audit, newest first, below a number or from the end. Nobody who writes to
/// it waits for that, nor does it wait for them.
///
/// # Errors
/// Those of the log.
pub(crate) async fn read_page(
    log: &dyn EventLog,
    institution_id: &str,
    below: Option<u64>,
    limit: u64,
) -> Result<Newest<AuditEntry>, LogError> {
    let stream = audit_stream(institution_id);
    let head = end_of(log, &stream).await?;
    newest::read(log, &stream, head, below, limit).await
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
) -> Result<Newest<AuditFact>, LogError> {
    let stream = own_stream(&member.institution_id, &member.librarian_id);
    let head = end_of(log, &stream).await?;
    newest::read(log, &stream, head, below, limit).await
}
