//! Lists that come in pages (AIP-158).

use carrel_platform::{log::StreamQuery, refusal::Refusal};
use carrel_proto::session::v1 as wire;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    audits, convert,
    domain::people::{LibrarianActor, Role},
    error::Error,
    history::read_for_staff,
    live_session::Parts,
    storage,
};

const DEFAULT_SIZE: i32 = 50;
const LARGEST_SIZE: i32 = 200;
/// How many sessions of a page are read at once: the log has its readers for others, too.
const AT_ONCE: usize = 2;

/// The sessions of the librarian's library that ended, the last first.
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
        let session = read_for_staff(&*parts.log, &id).await?;
        Ok::<_, Error>(session.map(|session| convert::session_to_wire(&id, &session)))
    });
    let sessions: Vec<Option<wire::Session>> =
        stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let sessions = sessions.into_iter().flatten().collect();
    Ok(wire::ListEndedSessionsResponse {
        sessions,
        next_page_token,
    })
}

/// The audit of the librarian's library, newest first. An ask administrator sees what they did themselves.
pub(super) async fn audit_entries(
    parts: &Parts,
    librarian: &LibrarianActor,
    request: wire::ListAuditEntriesRequest,
) -> Result<wire::ListAuditEntriesResponse, Error> {
    let limit = page_size(request.page_size)?;
    let below = match request.page_token.as_str() {
        "" => None,
        token => Some(token.parse().map_err(|_| bad_token())?),
    };
    let LibrarianActor { member, role, .. } = librarian;
    let page = audits::read_page(
        &parts.audits,
        &*parts.log,
        &member.institution_id,
        below,
        limit,
        |entry| *role == Role::Administrator || entry.fact.librarian_id == member.librarian_id,
    )
    .await?;
    Ok(wire::ListAuditEntriesResponse {
        entries: page
            .entries
            .into_iter()
            .map(|entry| convert::audit_entry_to_wire(entry.version, entry.at_ms, entry.event))
            .collect(),
        next_page_token: page
            .next_below
            .map(|below| below.to_string())
            .unwrap_or_default(),
    })
}

fn page_size(asked: i32) -> Result<usize, Refusal> {
    let size = if asked == 0 {
        DEFAULT_SIZE
    } else {
        asked.min(LARGEST_SIZE)
    };
    usize::try_from(size).map_err(|_| {
        Refusal::invalid(
            "BAD_PAGE_SIZE",
            "page_size",
            "give 0 for the default, or a positive number",
        )
    })
}

fn read_ended_token(token: &str) -> Result<Option<(i64, String)>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let (closed_at_ms, id) = token.split_once('.').ok_or_else(bad_token)?;
    Ok(Some((
        closed_at_ms.parse().map_err(|_| bad_token())?,
        id.to_owned(),
    )))
}

fn bad_token() -> Refusal {
    Refusal::invalid(
        "BAD_PAGE_TOKEN",
        "page_token",
        "give the next_page_token of the page before, or leave it empty",
    )
}
