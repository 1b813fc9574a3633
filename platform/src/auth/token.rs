//! Tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), and nothing else.
//!
//! General-purpose libraries carry every algorithm that JWT knows: the pure-Rust backend of `jsonwebtoken` brings in
//! the `rsa` crate with an open advisory (RUSTSEC-2023-0071) for something we never do. One algorithm over `ring` is
//! a page of code, and an algorithm that is not there can't be confused with another.
//!
//! A token's header is not even parsed: it must be, byte for byte, the header that we write for one of our keys. So
//! `alg`, `jku`, `x5u`, a path in `kid` and whatever else a forger may put there is never looked at. The payload is
//! parsed only after its signature was verified. All forgeries get the same answer.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tonic::Code;

use super::{
    Principal, Who,
    keys::{Key, KeyRing},
};
use crate::refusal::Refusal;

/// The issuer of the tokens.
pub(super) const ISSUER: &str = "carrel";

/// The audience of the tokens.
const AUDIENCE: &str = "carrel";

/// How far the clocks of two machines may differ.
///
/// Calls are still accepted for this long after a token has expired. Streams are not: they end at
/// [`Principal::expires_at_ms`].
pub const LEEWAY: Duration = Duration::from_secs(60);

/// The longest token, in bytes: it must fit into a header list of 16 KiB with room for the rest.
pub const MAX_LENGTH: usize = 8 * 1024;

/// How long a token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// How long it is accepted.
    pub access: Duration,
    /// How long it, or a successor, may be exchanged for a fresh one.
    pub renewal: Duration,
}

/// An issued token.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token: a secret.
    pub access_token: String,
    /// When it expires, in Unix milliseconds: a whole second, rounded up.
    pub expires_at_ms: i64,
    /// Until when it, or a successor, may be renewed, in Unix milliseconds: a whole second, rounded up.
    pub renew_until_ms: i64,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued")
            .field("access_token", &"(hidden)")
            .field("expires_at_ms", &self.expires_at_ms)
            .field("renew_until_ms", &self.renew_until_ms)
            .finish()
    }
}

/// Why a token was not issued or not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not, or no longer, one of ours.
    #[error("This token is not valid here. Log in again.")]
    Bad,
    /// The token was valid and has expired.
    #[error("This token has expired. Renew it or log in again.")]
    Expired,
    /// The token was valid, but neither it nor a successor can be renewed any more.
    #[error("This token can't be renewed any more. Log in again.")]
    RenewalOver,
    /// The token would be longer than [`MAX_LENGTH`].
    #[error(
        "a token for this person would be longer than {MAX_LENGTH} bytes: fewer queues or shorter names are needed"
    )]
    TooLong,
    /// The key ring has no key to sign with, or its key does not sign.
    #[error("there is no key to sign a token with")]
    NoKey,
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let (code, reason) = match error {
            TokenError::Bad => (Code::Unauthenticated, "BAD_TOKEN"),
            TokenError::Expired => (Code::Unauthenticated, "TOKEN_EXPIRED"),
            TokenError::RenewalOver => (Code::Unauthenticated, "RENEWAL_OVER"),
            TokenError::TooLong | TokenError::NoKey => (Code::Internal, "NO_TOKEN_ISSUED"),
        };
        Self::new(code, reason, error.to_string())
    }
}

/// The content of a token. Times are whole seconds, as in RFC 7519.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    renew_until: i64,
    who: Who,
}

/// Issues a token, signed with the newest key.
///
/// For a successor that must not be renewable for longer than its predecessor, pass the time left until then as
/// `lifetimes.renewal`. A token never expires later than it may be renewed.
///
/// # Errors
/// [`TokenError::NoKey`] and [`TokenError::TooLong`].
pub fn issue(
    keys: &KeyRing,
    who: &Who,
    now_ms: i64,
    lifetimes: Lifetimes,
) -> Result<Issued, TokenError> {
    let keys = keys.keys();
    let key = keys.signing(now_ms).ok_or(TokenError::NoKey)?;
    let renew_until = seconds_after(now_ms, lifetimes.renewal);
    let exp = seconds_after(now_ms, lifetimes.access).min(renew_until);
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: match who {
            Who::Patron(patron) => patron.session_id.clone(),
            Who::Librarian(librarian) => librarian.librarian_id.clone(),
        },
        iat: now_ms.div_euclid(1000),
        exp,
        renew_until,
        who: who.clone(),
    };
    let payload = serde_json::to_vec(&claims).map_err(|_| TokenError::NoKey)?;
    let access_token = sign(key, &payload)?;
    if access_token.len() > MAX_LENGTH {
        return Err(TokenError::TooLong);
    }
    Ok(Issued {
        access_token,
        expires_at_ms: exp.saturating_mul(1000),
        renew_until_ms: renew_until.saturating_mul(1000),
    })
}

/// Checks a token and returns whose it is. `now_ms` is in Unix milliseconds.
///
/// # Errors
/// [`TokenError::Bad`] and [`TokenError::Expired`].
pub fn verify(keys: &KeyRing, token: &str, now_ms: i64) -> Result<Principal, TokenError> {
    let claims = authentic(keys, token, now_ms)?;
    let expires_at_ms = claims.exp.saturating_mul(1000);
    if now_ms >= expires_at_ms.saturating_add(leeway_ms()) {
        return Err(TokenError::Expired);
    }
    Ok(Principal {
        who: claims.who,
        expires_at_ms,
    })
}

/// Checks a token that is to be renewed: it may have expired, but must still be renewable.
///
/// Also returns until when it may be renewed, in Unix milliseconds, which limits its successors as well.
///
/// # Errors
/// [`TokenError::Bad`] and [`TokenError::RenewalOver`].
pub fn verify_renewable(
    keys: &KeyRing,
    token: &str,
    now_ms: i64,
) -> Result<(Principal, i64), TokenError> {
    let claims = authentic(keys, token, now_ms)?;
    let renew_until_ms = claims.renew_until.saturating_mul(1000);
    if now_ms >= renew_until_ms {
        return Err(TokenError::RenewalOver);
    }
    let principal = Principal {
        who: claims.who,
        expires_at_ms: claims.exp.saturating_mul(1000),
    };
    Ok((principal, renew_until_ms))
}

/// Returns the claims of a token that we issued, for our own audience, and not in the future.
fn authentic(keys: &KeyRing, token: &str, now_ms: i64) -> Result<Claims, TokenError> {
    let payload = signed_payload(keys, token, now_ms)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenError::Bad)?;
    if claims.iss != ISSUER || claims.aud != AUDIENCE || is_from_the_future(claims.iat, now_ms) {
        return Err(TokenError::Bad);
    }
    Ok(claims)
}

/// Returns whether something was issued later than any of our clocks could show now.
pub(super) fn is_from_the_future(iat: i64, now_ms: i64) -> bool {
    iat.saturating_mul(1000) > now_ms.saturating_add(leeway_ms())
}

/// Returns the payload of a token with a valid signature of one of our keys. Its content is not checked yet.
pub(super) fn signed_payload(
    keys: &KeyRing,
    token: &str,
    now_ms: i64,
) -> Result<Vec<u8>, TokenError> {
    if token.len() > MAX_LENGTH {
        return Err(TokenError::Bad);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Bad)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Bad)?;
    let keys = keys.keys();
    let key = keys
        .in_force(now_ms)
        .find(|key| header_of(key) == header)
        .ok_or(TokenError::Bad)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| TokenError::Bad)?;
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(TokenError::Bad);
    }
    URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Bad)
}

pub(super) fn sign(key: &Key, payload: &[u8]) -> Result<String, TokenError> {
    let mut token = header_of(key);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes()).ok_or(TokenError::NoKey)?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
    Ok(token)
}

/// Returns the only header that tokens of a key have. Key ids are base64url and need no escaping.
fn header_of(key: &Key) -> String {
    URL_SAFE_NO_PAD.encode(format!(
        r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#,
        key.id
    ))
}

pub(super) fn seconds_after(now_ms: i64, lifetime: Duration) -> i64 {
    let end = now_ms.saturating_add(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX));
    end.saturating_add(999).div_euclid(1000)
}

pub(super) fn leeway_ms() -> i64 {
    i64::try_from(LEEWAY.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
