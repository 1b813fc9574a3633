//! Lists that come in pages (AIP-158).

use std::str::FromStr;

use carrel_platform::{
    log::newest,
    refusal::{Refusal, fields::Fields, page},
};
use carrel_proto::session::v1 as wire;

use super::audited_sessions;
use crate::{
    audits, convert,
    domain::{
        audit::AuditEntry,
        people::{LibrarianActor, Role},
    },
    error::Error,
    live_session::Parts,
};

const DEFAULT_SIZE: i32 = 50;
const LARGEST_SIZE: i32 = 200;

/// Returns the audit of the librarian's library, newest first. An ask administrator sees what they did themselves, and
/// nothing that reveals how much others did: one of their own sessions may be watched (S11).
pub(super) async fn audit_entries(
    parts: &Parts,
    librarian: &LibrarianActor,
    request: wire::ListAuditEntriesRequest,
) -> Result<wire::ListAuditEntriesResponse, Error> {
    let mut fields = Fields::default();
    let limit = fields.take(page_size(request.page_size)) as u64;
    let below = fields.take(newest::below(&request.page_token));
    fields.check()?;
    let LibrarianActor { member, role, .. } = librarian;
    let log = &*parts.log;
    let (entries, next_page_token): (Vec<_>, _) = if *role == Role::Administrator {
        let library = &member.institution_id;
        let read = audits::read_page(log, library, below, limit).await?;
        let next_page_token = read.next_page_token();
        let entries = read
            .entries
            .into_iter()
            .map(|entry| convert::audit_entry_to_wire(entry.version, entry.at_ms, entry.event));
        (entries.collect(), next_page_token)
    } else {
        let read = audits::read_own_page(log, member, below, limit).await?;
        let next_page_token = read.next_page_token();
        let entries = read.entries.into_iter().map(|entry| {
            let chain_hash = String::new();
            let fact = entry.event;
            convert::audit_entry_to_wire(0, entry.at_ms, AuditEntry { fact, chain_hash })
        });
        (entries.collect(), next_page_token)
    };
    Ok(wire::ListAuditEntriesResponse {
        sessions: audited_sessions::known_of(parts, librarian, &entries).await,
        entries,
        next_page_token,
    })
}

/// Returns how many entries a page has for the size that was asked for.
pub(super) fn page_size(asked: i32) -> Result<usize, Refusal> {
    let size = if asked == 0 {
        DEFAULT_SIZE
    } else {
        asked.min(LARGEST_SIZE)
    };
    usize::try_from(size).map_err(|_| page::bad_size())
}

/// Reads a number of a page token. One that was never written like this is not ours.
pub(super) fn read_number<N: FromStr + ToString>(written: &str) -> Result<N, Refusal> {
    let number = written.parse().ok();
    number
        .filter(|number: &N| number.to_string() == written)
        .ok_or_else(page::bad_token)
}
