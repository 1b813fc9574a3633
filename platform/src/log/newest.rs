//! Streams that are shown as lists, newest entry first, a page at a time (AIP-158).

use serde::de::DeserializeOwned;

use super::{
    EventLog, LogError, StreamName,
    stored::{Stored, read_between},
};
use crate::refusal::{Refusal, page};

/// A page of such a list.
#[derive(Debug)]
pub struct Newest<E> {
    /// The entries, newest first.
    pub entries: Vec<Stored<E>>,
    /// The version below which the next page starts, if there is one.
    pub next_below: Option<u64>,
}

impl<E> Newest<E> {
    /// Returns the token that asks for the next page; empty if this is the last one.
    #[must_use]
    pub fn next_page_token(&self) -> String {
        self.next_below
            .map_or_else(String::new, |below| below.to_string())
    }
}

/// Returns the version below which the page with this token starts; `None` for the first page.
///
/// # Errors
/// INVALID_ARGUMENT for what was never given as a token.
pub fn below(page_token: &str) -> Result<Option<u64>, Refusal> {
    if page_token.is_empty() {
        return Ok(None);
    }
    let number = page_token.parse().ok();
    // A number that was never written like this is not ours.
    let number = number.filter(|number: &u64| number.to_string() == page_token);
    number.map(Some).ok_or_else(page::bad_token)
}

/// Reads up to `limit` events of a stream whose last version is `end`, newest first, below a version or from the end.
///
/// # Errors
/// As the log does, and [`LogError::Damaged`] if an event can't be read.
pub async fn read<E: DeserializeOwned>(
    log: &dyn EventLog,
    stream: &StreamName,
    end: u64,
    below: Option<u64>,
    limit: u64,
) -> Result<Newest<E>, LogError> {
    let up_to = below.map_or(end, |below| end.min(below.saturating_sub(1)));
    let from = up_to.saturating_sub(limit);
    let mut entries = read_between(log, stream, from, up_to).await?;
    entries.reverse();
    Ok(Newest {
        entries,
        next_below: (from > 0).then_some(from + 1),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_a_token_that_could_have_been_given_is_one() {
        assert_eq!(below("").unwrap(), None);
        assert_eq!(below("7").unwrap(), Some(7));
        for bad in ["x", "-1", "+1", "01", "1.0", "1 ", "\u{e9}"] {
            assert_eq!(below(bad).unwrap_err().reason, "BAD_PAGE_TOKEN", "{bad:?}");
        }
    }
}
