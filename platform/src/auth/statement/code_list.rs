//! Which descriptive codes a library has (D65), as presence-svc tells session-svc by way of a client.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;
use serde::{Deserialize, Serialize};

use super::{believe, state};
use crate::auth::{keys::KeyRing, token::TokenError};

/// The audience of a list of codes.
const CODE_LIST: &str = "carrel-code-list";

/// How many bytes of a code's hash are in a list: nobody can find a code that is not in it but has the hash of one.
const HASH: usize = 16;

/// The descriptive codes of a library. It holds their hashes, so that the longest list is short enough to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeList {
    institution_id: String,
    hashes: BTreeSet<String>,
}

impl CodeList {
    /// The list of a library's codes.
    #[must_use]
    pub fn new(institution_id: &str, codes: &[String]) -> Self {
        Self {
            institution_id: institution_id.to_owned(),
            hashes: codes.iter().map(|code| hash(code)).collect(),
        }
    }

    /// Returns whether this is the list of a library.
    #[must_use]
    pub fn is_of(&self, institution_id: &str) -> bool {
        self.institution_id == institution_id
    }

    /// Returns whether a code is in the list, letter by letter.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.hashes.contains(&hash(code))
    }
}

/// Signs a library's list. It is valid for `lasts`.
///
/// # Errors
/// [`TokenError::NoKey`] if there is no key to sign with; [`TokenError::TooLong`] if there are hundreds of codes.
pub fn sign_code_list(
    keys: &KeyRing,
    list: &CodeList,
    now_ms: i64,
    lasts: Duration,
) -> Result<String, TokenError> {
    state(keys, CODE_LIST, list, now_ms, lasts)
}

/// Checks a signed list and returns it.
///
/// # Errors
/// [`TokenError::Bad`] or [`TokenError::Expired`].
pub fn verify_code_list(keys: &KeyRing, list: &str, now_ms: i64) -> Result<CodeList, TokenError> {
    believe(keys, CODE_LIST, list, now_ms).map(|(list, _)| list)
}

fn hash(code: &str) -> String {
    let whole = digest::digest(&digest::SHA256, code.as_bytes());
    URL_SAFE_NO_PAD.encode(&whole.as_ref()[..HASH])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::auth::token::leeway_ms;

    const NOW: i64 = 1_800_000_000_000;
    const HOUR: Duration = Duration::from_secs(3_600);

    /// D41, D65: a list is of one library, and says what is in it until it is too old.
    #[test]
    fn a_list_says_which_codes_a_library_has_until_it_is_too_old() {
        let keys = KeyRing::generate().unwrap();
        let codes = ["Opening hours".to_owned(), "Häufiges".to_owned()];
        let signed = sign_code_list(&keys, &CodeList::new("maple", &codes), NOW, HOUR).unwrap();
        let list = verify_code_list(&keys, &signed, NOW).unwrap();
        assert!(list.is_of("maple") && !list.is_of("harbor"));
        assert!(codes.iter().all(|code| list.has(code)));
        assert!(!list.has("opening hours") && !list.has(""));
        let too_late = NOW + 3_600_000 + leeway_ms();
        let refused = verify_code_list(&keys, &signed, too_late);
        assert_eq!(refused, Err(TokenError::Expired));
        let others = KeyRing::generate().unwrap();
        let refused = verify_code_list(&others, &signed, NOW);
        assert_eq!(refused, Err(TokenError::Bad));
    }

    #[test]
    fn the_longest_list_that_a_library_may_have_can_be_signed() {
        let keys = KeyRing::generate().unwrap();
        let codes: Vec<_> = (0..50).map(|n| format!("{n:🦉>60}")).collect();
        let list = CodeList::new(&"m".repeat(63), &codes);
        let signed = sign_code_list(&keys, &list, NOW, HOUR).unwrap();
        assert_eq!(verify_code_list(&keys, &signed, NOW), Ok(list));
    }
}
