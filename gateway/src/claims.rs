//! The claims that the gateway reads from a token that a service has just accepted.
//!
//! The gateway has no keys and trusts no token: it reads the payload only after a service answered a call that was
//! made with it, and only to know when the socket must end and which session a patron's token is for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The two claims that the gateway needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    /// A patron's session, or a librarian's id.
    pub(crate) subject: String,
    /// When the token expires, in Unix milliseconds.
    pub(crate) expires_at_ms: i64,
}

impl Claims {
    /// Reads the payload of a JSON Web Token without verifying it.
    pub(crate) fn of_accepted(token: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Payload {
            sub: String,
            exp: i64,
        }
        let payload = token.split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let payload: Payload = serde_json::from_slice(&payload).ok()?;
        Some(Self {
            subject: payload.sub,
            expires_at_ms: payload.exp.saturating_mul(1000),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use carrel_platform::auth::{
        Patron, StaffNaming, Who,
        keys::KeyRing,
        token::{Lifetimes, issue},
    };

    use super::*;

    #[test]
    fn what_the_directory_issues_can_be_read() {
        let who = Who::Patron(Patron {
            session_id: "a".repeat(32),
            institution_id: "maple".into(),
            institution_name: "Maple County Library".into(),
            queue_id: "maple".into(),
            staff_naming: StaffNaming::ScreenName,
            practice: false,
            route: Vec::new(),
        });
        let lifetimes = Lifetimes {
            access: Duration::from_secs(600),
            renewal: Duration::from_secs(3600),
        };
        let keys = KeyRing::generate().unwrap();
        let issued = issue(&keys, &who, 1_800_000_000_000, lifetimes).unwrap();
        assert_eq!(
            Claims::of_accepted(&issued.access_token),
            Some(Claims {
                subject: "a".repeat(32),
                expires_at_ms: 1_800_000_600_000,
            })
        );
    }

    #[test]
    fn what_is_no_token_has_no_claims() {
        for text in ["", ".", "a.b.c", "e30.e30.e30", "..", "é.é.é"] {
            assert_eq!(Claims::of_accepted(text), None, "{text}");
        }
    }
}
