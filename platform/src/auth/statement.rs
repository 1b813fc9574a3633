//! Statements that Carrel's services sign for each other: who a librarian is, which descriptive codes a library has,
//! and that a caller is a service.
//!
//! They are signed like tokens, with the same keys, but each kind has an audience of its own: no kind can be taken for
//! another, nor for a person's token.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    keys::KeyRing,
    token::{
        ISSUER, MAX_LENGTH, TokenError, is_from_the_future, leeway_ms, seconds_after, sign,
        signed_payload,
    },
};

mod code_list;

pub use code_list::{CodeList, sign_code_list, verify_code_list};

/// The audience of an introduction.
const INTRODUCTION: &str = "carrel-introduction";
/// The audience of a service's token.
const SERVICE: &str = "carrel-service";

/// Who a librarian is, as presence-svc tells other services by way of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// The librarian's id.
    pub librarian_id: String,
    /// The name that others see.
    pub screen_name: String,
    /// The librarian's library.
    pub institution_id: String,
    /// The name of the library.
    pub institution_name: String,
    /// The queues that the librarian monitored when the introduction was written.
    pub queues: BTreeSet<String>,
}

/// One of Carrel's services, identified by a token of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, for example `presence-svc`.
    pub name: String,
    /// When the token expires, in Unix milliseconds. A stream must not outlive it.
    pub expires_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct Statement<T> {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    content: T,
}

/// Introduces a librarian. The introduction is valid for `lasts`.
///
/// # Errors
/// [`TokenError::NoKey`] if there is no key to sign with; [`TokenError::TooLong`] if the librarian has so many queues
/// that no service would read the introduction.
pub fn introduce(
    keys: &KeyRing,
    introduction: &Introduction,
    now_ms: i64,
    lasts: Duration,
) -> Result<String, TokenError> {
    state(keys, INTRODUCTION, introduction, now_ms, lasts)
}

/// Checks an introduction and returns its content.
///
/// # Errors
/// [`TokenError::Bad`] or [`TokenError::Expired`].
pub fn verify_introduction(
    keys: &KeyRing,
    introduction: &str,
    now_ms: i64,
) -> Result<Introduction, TokenError> {
    believe(keys, INTRODUCTION, introduction, now_ms).map(|(introduction, _)| introduction)
}

/// Returns the content of an introduction even if it has expired. Only for telling whether two requests are the same.
///
/// # Errors
/// [`TokenError::Bad`].
pub fn read_introduction(
    keys: &KeyRing,
    introduction: &str,
    now_ms: i64,
) -> Result<Introduction, TokenError> {
    read(keys, INTRODUCTION, introduction, now_ms).map(|(introduction, _)| introduction)
}

/// Issues a token with which a service calls others.
///
/// # Errors
/// [`TokenError::NoKey`] if there is no key to sign with.
pub fn issue_service(
    keys: &KeyRing,
    name: &str,
    now_ms: i64,
    lasts: Duration,
) -> Result<String, TokenError> {
    state(keys, SERVICE, &name, now_ms, lasts)
}

/// Checks a service's token.
///
/// # Errors
/// [`TokenError::Bad`] or [`TokenError::Expired`].
pub fn verify_service(keys: &KeyRing, token: &str, now_ms: i64) -> Result<Service, TokenError> {
    let (name, expires_at_ms) = believe(keys, SERVICE, token, now_ms)?;
    Ok(Service {
        name,
        expires_at_ms,
    })
}

fn state<T: Serialize>(
    keys: &KeyRing,
    audience: &str,
    content: &T,
    now_ms: i64,
    lasts: Duration,
) -> Result<String, TokenError> {
    let keys = keys.keys();
    let key = keys.signing(now_ms).ok_or(TokenError::NoKey)?;
    let statement = Statement {
        iss: ISSUER.to_owned(),
        aud: audience.to_owned(),
        iat: now_ms.div_euclid(1000),
        exp: seconds_after(now_ms, lasts),
        content,
    };
    let payload = serde_json::to_vec(&statement).map_err(|_| TokenError::NoKey)?;
    let signed = sign(key, &payload)?;
    if signed.len() > MAX_LENGTH {
        return Err(TokenError::TooLong);
    }
    Ok(signed)
}

/// Returns the content of a statement that we made and that has not expired, and when it expires.
fn believe<T: DeserializeOwned>(
    keys: &KeyRing,
    audience: &str,
    token: &str,
    now_ms: i64,
) -> Result<(T, i64), TokenError> {
    let (content, expires_at_ms) = read(keys, audience, token, now_ms)?;
    if now_ms >= expires_at_ms.saturating_add(leeway_ms()) {
        return Err(TokenError::Expired);
    }
    Ok((content, expires_at_ms))
}

/// Returns the content of a statement that we made, and when it expires or expired.
fn read<T: DeserializeOwned>(
    keys: &KeyRing,
    audience: &str,
    token: &str,
    now_ms: i64,
) -> Result<(T, i64), TokenError> {
    let payload = signed_payload(keys, token, now_ms)?;
    let statement: Statement<T> = serde_json::from_slice(&payload).map_err(|_| TokenError::Bad)?;
    let Statement {
        iss,
        aud,
        iat,
        exp,
        content,
    } = statement;
    if iss != ISSUER || aud != audience || is_from_the_future(iat, now_ms) {
        return Err(TokenError::Bad);
    }
    Ok((content, exp.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::auth::token;

    const NOW: i64 = 1_800_000_000_000;
    const MINUTE: Duration = Duration::from_secs(60);

    fn ms_map() -> Introduction {
        Introduction {
            librarian_id: "l-1".into(),
            screen_name: "Ms Map".into(),
            institution_id: "harbor".into(),
            institution_name: "Harbor City Library".into(),
            queues: BTreeSet::from(["coop".into()]),
        }
    }

    #[test]
    fn an_introduction_says_whom_it_is_of_until_it_is_too_old() {
        let keys = KeyRing::generate().unwrap();
        let introduction = introduce(&keys, &ms_map(), NOW, MINUTE).unwrap();
        assert_eq!(
            verify_introduction(&keys, &introduction, NOW).unwrap(),
            ms_map()
        );
        let too_late = NOW + 60_000 + leeway_ms();
        assert_eq!(
            verify_introduction(&keys, &introduction, too_late),
            Err(TokenError::Expired)
        );
        assert_eq!(
            read_introduction(&keys, &introduction, too_late),
            Ok(ms_map())
        );
    }

    #[test]
    fn an_introduction_that_nobody_would_read_is_not_written() {
        let keys = KeyRing::generate().unwrap();
        let with_queues = |count: usize| {
            let introduction = Introduction {
                queues: (0..count).map(|n| format!("queue-{n:04}")).collect(),
                ..ms_map()
            };
            let written = introduce(&keys, &introduction, NOW, MINUTE)?;
            verify_introduction(&keys, &written, NOW)
        };
        assert_eq!(with_queues(400).unwrap().queues.len(), 400);
        assert_eq!(with_queues(1_000), Err(TokenError::TooLong));
    }

    #[test]
    fn a_statement_from_the_future_is_not_believed() {
        let keys = KeyRing::generate().unwrap();
        let service = issue_service(&keys, "presence-svc", NOW, MINUTE).unwrap();
        let before = |ms| verify_service(&keys, &service, NOW - ms);
        assert!(before(leeway_ms()).is_ok());
        assert_eq!(before(leeway_ms() + 1), Err(TokenError::Bad));
    }

    #[test]
    fn no_statement_is_taken_for_another_nor_for_a_token() {
        let keys = KeyRing::generate().unwrap();
        let introduction = introduce(&keys, &ms_map(), NOW, MINUTE).unwrap();
        let service = issue_service(&keys, "presence-svc", NOW, MINUTE).unwrap();
        let codes = CodeList::new("harbor", &["Maps".to_owned()]);
        let codes = sign_code_list(&keys, &codes, NOW, MINUTE).unwrap();
        assert_eq!(
            verify_service(&keys, &service, NOW).unwrap().name,
            "presence-svc"
        );
        assert_eq!(
            verify_introduction(&keys, &service, NOW),
            Err(TokenError::Bad)
        );
        assert_eq!(
            verify_service(&keys, &introduction, NOW),
            Err(TokenError::Bad)
        );
        for other in [&introduction, &service] {
            let taken = verify_code_list(&keys, other, NOW);
            assert_eq!(taken, Err(TokenError::Bad));
        }
        assert_eq!(
            verify_introduction(&keys, &codes, NOW),
            Err(TokenError::Bad)
        );
        for statement in [&introduction, &service, &codes] {
            assert_eq!(token::verify(&keys, statement, NOW), Err(TokenError::Bad));
            let other_keys = KeyRing::generate().unwrap();
            assert_eq!(
                verify_service(&other_keys, statement, NOW),
                Err(TokenError::Bad)
            );
        }
    }
}
