//! Lists that come in pages (AIP-158).

use std::str::FromStr;

use carrel_platform::{
    log::{LogError, StreamQuery},
    refusal::{Refusal, page},
    telemetry::session_hash,
};
use carrel_proto::session::v1 as wire;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    audits, convert,
    domain::{
        audit::AuditEntry,
        people::{LibrarianActor, Role},
    },
    error::Error,
    history::read_for_staff,
    live_session::Parts,
    sessions::is_session_id,
    storage,
};

const DEFAULT_SIZE: i32 = 50;
const LARGEST_SIZE: i32 = 200;
/// How many sessions of a page are read at once: the log's readers serve others, too.
const AT_ONCE: usize = 2;

/// Returns the ended sessions of the librarian's library, the last first.
pub(super) async fn ended_sessions(
    parts: &Parts,
    librarian: &LibrarianActor,
    request: wire::ListEndedSessionsRequest,
) -> Result<wire::ListEndedSessionsResponse, Error> {
    let limit = page_size(request.page_size)?;
    let query = StreamQuery::Closed {
        category: storage::SESSION,
        owner: librarian.member.institution_id.clone(),
        before: read_ended_token(&request.page_token)?,
        limit: limit + 1,
    };
    let mut heads = parts.log.find(query).await?;
    let more = heads.len() > limit;
    heads.truncate(limit);
    let next_page_token = match heads.last() {
        Some(last) if more => {
            let closed_at_ms = last.standing.closed_at_ms.unwrap_or_default();
            format!("{closed_at_ms}.{}", last.stream.id)
        }
        _ => String::new(),
    };
    let reads = heads.into_iter().map(|head| async move {
        let id = head.stream.id;
        match read_for_staff(&*parts.log, &id).await {
            Ok(session) => Ok(session.map(|session| convert::session_to_wire(&id, &session))),
            // A session that can't be read must not hide all that ended before it.
            Err(LogError::Damaged(_)) => {
                let session = session_hash(&id);
                tracing::error!(session, "an ended session can't be read, and is on no page");
                Ok(None)
            }
            Err(error) => Err(Error::from(error)),
        }
    });
    let sessions: Vec<Option<wire::Session>> =
        stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let sessions = sessions.into_iter().flatten().collect();
    Ok(wire::ListEndedSessionsResponse {
        sessions,
        next_page_token,
    })
}

/// Returns the audit of the librarian's library, newest first. An ask administrator sees what they did themselves, and
/// nothing that reveals how much others did: one of their own sessions may be watched (S11).
pub(super) async fn audit_entries(
    parts: &Parts,
    librarian: &LibrarianActor,
    request: wire::ListAuditEntriesRequest,
) -> Result<wire::ListAuditEntriesResponse, Error> {
    let limit = page_size(request.page_size)? as u64;
    let LibrarianActor { member, role, .. } = librarian;
    let log = &*parts.log;
    let below = match request.page_token.as_str() {
        "" => None,
        number => Some(read_number(number)?),
    };
    let (entries, next_below) = if *role == Role::Administrator {
        let library = &member.institution_id;
        let read = audits::read_page(&parts.audits, log, library, below, limit).await?;
        let entries = read
            .entries
            .into_iter()
            .map(|entry| convert::audit_entry_to_wire(entry.version, entry.at_ms, entry.event));
        (entries.collect(), read.next_below)
    } else {
        let read = audits::read_own_page(log, member, below, limit).await?;
        let entries = read.entries.into_iter().map(|entry| {
            let chain_hash = String::new();
            let fact = entry.event;
            convert::audit_entry_to_wire(0, entry.at_ms, AuditEntry { fact, chain_hash })
        });
        (entries.collect(), read.next_below)
    };
    Ok(wire::ListAuditEntriesResponse {
        entries,
        next_page_token: next_below.map_or_else(String::new, |below| below.to_string()),
    })
}

fn page_size(asked: i32) -> Result<usize, Refusal> {
    let size = if asked == 0 {
        DEFAULT_SIZE
    } else {
        asked.min(LARGEST_SIZE)
    };
    usize::try_from(size).map_err(|_| page::bad_size())
}

fn read_ended_token(token: &str) -> Result<Option<(i64, String)>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    // Only an id that a session could have is looked up: PostgreSQL refuses a text with a NUL in it.
    let (closed_at_ms, id) = token
        .split_once('.')
        .filter(|(_, id)| is_session_id(id))
        .ok_or_else(page::bad_token)?;
    Ok(Some((read_number(closed_at_ms)?, id.to_owned())))
}

/// Reads a number of a page token. One that was never written like this is not ours.
fn read_number<N: FromStr + ToString>(written: &str) -> Result<N, Refusal> {
    let number = written.parse().ok();
    number
        .filter(|number: &N| number.to_string() == written)
        .ok_or_else(page::bad_token)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_a_token_that_could_have_been_given_is_looked_up() {
        assert_eq!(read_ended_token("").unwrap(), None);
        let good = read_ended_token("-7.5e55").unwrap();
        assert_eq!(good, Some((-7, "5e55".to_owned())));
        let long = format!("1.{}", "5".repeat(65));
        for bad in [
            "1",
            "x.5e55",
            ".5e55",
            "1.",
            "1.\0",
            "1.5e\u{e9}",
            "1.5.5",
            "+1.5e55",
            "01.5e55",
            &long,
        ] {
            let reason = read_ended_token(bad).unwrap_err().reason;
            assert_eq!(reason, "BAD_PAGE_TOKEN", "{bad:?}");
        }
    }
}
