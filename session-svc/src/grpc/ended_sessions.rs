//! The ended sessions of a library, page by page, and those among them that somebody is looking for.

use carrel_platform::{
    log::{LogError, StreamHead, StreamQuery},
    refusal::{Refusal, fields::Fields, page},
    telemetry::session_hash,
    text::check_line,
};
use carrel_proto::session::v1 as wire;
use futures::{StreamExt as _, stream};
use pbjson_types::Timestamp;

use super::pages::{page_size, read_number};
use crate::{
    convert::{self, resolution_from_wire},
    domain::{
        descriptive_codes::CODE_LIMIT,
        ended_filter::{EndedFilter, TEXT_LIMIT},
        people::LibrarianActor,
        session::Session,
    },
    error::Error,
    history::read_for_staff,
    live_session::Parts,
    sessions::is_session_id,
    storage,
};

/// How many sessions one request looks at for those that match: about half a second of reading the log.
const SEARCHED: usize = 500;
/// How many sessions are found in the log at once while searching.
const STRIDE: usize = 100;
/// How many sessions are read at once: the log's readers serve others, too.
pub(super) const AT_ONCE: usize = 2;

/// Where a list goes on: below this end, and below this id among the sessions that ended then.
type Position = (i64, String);

/// Returns the ended sessions of the librarian's library that match the request's filter, the last first. A librarian
/// who does not supervise there gets those that they owned last, which they may go on reading. The search passes
/// others, too: its position may be that of a colleague's session, of which it gives the id and the time of the end.
pub(super) async fn list(
    parts: &Parts,
    librarian: &LibrarianActor,
    request: wire::ListEndedSessionsRequest,
) -> Result<wire::ListEndedSessionsResponse, Error> {
    let mut fields = Fields::default();
    let limit = fields.take(page_size(request.page_size));
    let token = fields.take(read_token(&request.page_token));
    let mut filter = read_filter(request.filter.unwrap_or_default(), &mut fields);
    fields.check()?;
    let member = &librarian.member;
    if !librarian.supervises(&member.institution_id) {
        filter.owner_id = Some(member.librarian_id.clone());
    }
    let mut left = if filter.depends_on_content() {
        SEARCHED
    } else {
        limit
    };
    // Every id is above the empty one, so this is above all sessions that ended earlier and below the others.
    let newest = filter.before_ms.map(|before_ms| (before_ms, String::new()));
    let mut position = [token, newest].into_iter().flatten().min();
    let mut sessions = Vec::new();
    let mut more = true;
    while more && left > 0 && sessions.len() < limit {
        let stride = left.min(STRIDE.max(limit));
        left -= stride;
        let library = member.institution_id.clone();
        let before = position.clone();
        let heads;
        (heads, more) = find(parts, library, before, filter.from_ms, stride).await?;
        let count = heads.len();
        let mut reads = stream::iter(heads)
            .map(|head| async move {
                let session = read(parts, &head.stream.id).await?;
                Ok::<_, Error>((head, session))
            })
            .buffered(AT_ONCE)
            .enumerate();
        while let Some((n, result)) = reads.next().await {
            let (head, session) = result?;
            position = Some((ended_at(&head), head.stream.id.clone()));
            let matching = session.filter(|session| filter.matches(session));
            sessions.extend(
                matching.map(|session| convert::session_to_wire(&head.stream.id, &session)),
            );
            if sessions.len() == limit {
                more |= n + 1 < count;
                break;
            }
        }
    }
    let next = position.filter(|_| more);
    Ok(wire::ListEndedSessionsResponse {
        sessions,
        searched_to_time: (next.as_ref()).map(|(ended_at_ms, _)| convert::timestamp(*ended_at_ms)),
        next_page_token: next.map_or_else(String::new, |(ended_at_ms, id)| {
            format!("{ended_at_ms}.{id}")
        }),
    })
}

/// Finds up to `limit` ended sessions of a library, the last first, and returns whether there are more. Those that
/// ended before `from_ms` do not count.
async fn find(
    parts: &Parts,
    library: String,
    before: Option<Position>,
    from_ms: Option<i64>,
    limit: usize,
) -> Result<(Vec<StreamHead>, bool), Error> {
    let query = StreamQuery::Closed {
        category: storage::SESSION,
        owner: library,
        before,
        limit: limit + 1,
    };
    let mut heads = parts.log.find(query).await?;
    let is_too_old = |head: &StreamHead| from_ms.is_some_and(|from_ms| ended_at(head) < from_ms);
    let recent = heads.iter().position(is_too_old).unwrap_or(heads.len());
    heads.truncate(recent.min(limit));
    Ok((heads, recent > limit))
}

/// Reads a session as staff know it. `None` if there is nothing, or it can't be read: it must not hide the others of a
/// page.
pub(super) async fn read(parts: &Parts, session_id: &str) -> Result<Option<Session>, Error> {
    match read_for_staff(&*parts.log, session_id).await {
        Err(LogError::Damaged(_)) => {
            let session = session_hash(session_id);
            tracing::error!(
                session,
                "a session can't be read, and is left out of a list"
            );
            Ok(None)
        }
        read => Ok(read?),
    }
}

fn ended_at(head: &StreamHead) -> i64 {
    head.index_entry.closed_at_ms.unwrap_or_default()
}

fn read_filter(filter: wire::EndedSessionFilter, fields: &mut Fields) -> EndedFilter {
    let mut wanted = EndedFilter::default().with_text(&filter.text);
    wanted.resolution = fields.take(match filter.resolution {
        Some(0) => Ok(Some(None)),
        Some(number) => {
            resolution_from_wire("filter.resolution", number).map(|wanted| Some(Some(wanted)))
        }
        None => Ok(None),
    });
    wanted.from_ms = fields.take(read_time("filter.end_time_from", filter.end_time_from));
    wanted.before_ms = fields.take(read_time("filter.end_time_before", filter.end_time_before));
    let text = check_line(&filter.text, TEXT_LIMIT);
    fields.take(text.map_err(|error| error.refuse("filter.text")));
    if let Some(code) = filter.descriptive_code {
        let checked = check_line(&code, CODE_LIMIT);
        fields.take(checked.map_err(|error| error.refuse("filter.descriptive_code")));
        wanted = wanted.with_descriptive_code(&code);
    }
    wanted
}

/// Reads a time that may be absent, in Unix milliseconds.
fn read_time(field: &str, time: Option<Timestamp>) -> Result<Option<i64>, Refusal> {
    let Some(Timestamp { seconds, nanos }) = time else {
        return Ok(None);
    };
    // The first and the last second that a Timestamp can have: from the year 1 to the year 9999.
    let in_range = (-62_135_596_800..=253_402_300_799).contains(&seconds)
        && (0..=999_999_999).contains(&nanos);
    if !in_range {
        let wanted =
            "give a time from the year 1 to the year 9999, with nanos from 0 to 999,999,999";
        return Err(Refusal::invalid("BAD_TIME", field, wanted));
    }
    // Ends are known to the millisecond, so none lies between the time and the next one.
    Ok(Some(
        seconds * 1_000 + i64::from((nanos + 999_999) / 1_000_000),
    ))
}

fn read_token(token: &str) -> Result<Option<Position>, Refusal> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_a_token_that_could_have_been_given_is_looked_up() {
        assert_eq!(read_token("").unwrap(), None);
        let good = read_token("-7.5e55").unwrap();
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
            let reason = read_token(bad).unwrap_err().reason;
            assert_eq!(reason, "BAD_PAGE_TOKEN", "{bad:?}");
        }
    }

    #[test]
    fn a_time_is_read_to_the_millisecond_and_refused_out_of_range() {
        let time = |seconds, nanos| read_time("t", Some(Timestamp { seconds, nanos }));
        assert_eq!(read_time("t", None).unwrap(), None);
        assert_eq!(time(2, 3_000_000).unwrap(), Some(2_003));
        assert_eq!(time(2, 3_000_001).unwrap(), Some(2_004));
        assert_eq!(time(-1, 500_000_000).unwrap(), Some(-500));
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000)] {
            assert_eq!(time(seconds, nanos).unwrap_err().reason, "BAD_TIME");
        }
    }
}
