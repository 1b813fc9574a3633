//! From a call's metadata to its [`Principal`].
//!
//! Each service holds an [`Authenticator`] and calls it at the head of every method. This is deliberately not a hidden
//! layer: a method that forgot the check would be open, and this way a reader can see whether it is there.

use tonic::{Code, metadata::MetadataMap};

use super::{
    Principal,
    keys::KeyRing,
    statement::{self, CodeList, Introduction, Service},
    token,
};
use crate::{clock::Clock, refusal::Refusal};

/// Identifies callers by their token alone. Cheap to clone.
///
/// Metadata that claims an identity in any other way (such as `x-user-id`) is ignored.
#[derive(Clone, Debug)]
pub struct Authenticator {
    keys: KeyRing,
    clock: Clock,
}

impl Authenticator {
    /// An authenticator that accepts the tokens of a key ring.
    #[must_use]
    pub fn new(keys: KeyRing, clock: Clock) -> Self {
        Self { keys, clock }
    }

    /// Identifies the caller from the `authorization` entry of the call's metadata.
    ///
    /// # Errors
    /// UNAUTHENTICATED with the reason NO_TOKEN if there is none, BAD_TOKEN if it is not one of ours or there is more
    /// than one, TOKEN_EXPIRED if it has expired.
    pub fn authenticate(&self, metadata: &MetadataMap) -> Result<Principal, Refusal> {
        self.verify(bearer(metadata)?)
    }

    /// Identifies which of Carrel's own services calls.
    ///
    /// # Errors
    /// Those of [`Authenticator::authenticate`], and PERMISSION_DENIED (reason ROLE_NOT_ALLOWED) for a
    /// person's valid token.
    pub fn authenticate_service(&self, metadata: &MetadataMap) -> Result<Service, Refusal> {
        let token = bearer(metadata)?;
        match statement::verify_service(&self.keys, token, self.clock.unix_ms()) {
            Ok(service) => Ok(service),
            Err(error) => Err(match self.verify(token) {
                Ok(_) => Refusal::new(
                    Code::PermissionDenied,
                    "ROLE_NOT_ALLOWED",
                    "This is for Carrel's own services.",
                ),
                Err(_) => error.into(),
            }),
        }
    }

    /// Returns what an introduction says, if it is one of ours and still valid.
    pub fn introduction(&self, introduction: &str) -> Option<Introduction> {
        statement::verify_introduction(&self.keys, introduction, self.clock.unix_ms()).ok()
    }

    /// Returns what an introduction of ours said, however old it is. Only for telling whether two requests are the
    /// same.
    pub fn old_introduction(&self, introduction: &str) -> Option<Introduction> {
        statement::read_introduction(&self.keys, introduction, self.clock.unix_ms()).ok()
    }

    /// Returns a library's list of descriptive codes, if it is one of ours and still valid.
    pub fn code_list(&self, list: &str) -> Option<CodeList> {
        statement::verify_code_list(&self.keys, list, self.clock.unix_ms()).ok()
    }

    /// Verifies a token that did not come in metadata, such as one sent on a running stream.
    ///
    /// # Errors
    /// UNAUTHENTICATED with the reason BAD_TOKEN or TOKEN_EXPIRED, as for [`Authenticator::authenticate`].
    pub fn verify(&self, token: &str) -> Result<Principal, Refusal> {
        Ok(token::verify(&self.keys, token, self.clock.unix_ms())?)
    }
}

/// The one token in a call's metadata.
fn bearer(metadata: &MetadataMap) -> Result<&str, Refusal> {
    let mut entries = metadata.get_all("authorization").iter();
    let Some(entry) = entries.next() else {
        return Err(Refusal::new(
            Code::Unauthenticated,
            "NO_TOKEN",
            "This call needs a token. Send it as \"authorization: Bearer …\".",
        ));
    };
    if entries.next().is_some() {
        return Err(badly_sent());
    }
    entry
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token)
        .ok_or_else(badly_sent)
}

/// The refusal of a token that may well be good, but was not sent as it has to be.
fn badly_sent() -> Refusal {
    Refusal::new(
        Code::Unauthenticated,
        "BAD_TOKEN",
        "Send the token once, as \"authorization: Bearer …\".",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::auth::{Patron, StaffNaming, Who, token::Lifetimes};

    const NOW: i64 = 1_800_000_000_000;

    const MINUTE: Duration = Duration::from_secs(60);

    fn with_token() -> (Authenticator, Clock, String) {
        let keys = KeyRing::generate().unwrap();
        let clock = Clock::manual(NOW);
        let who = Who::Patron(Patron {
            session_id: "0".repeat(32),
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
        let issued = token::issue(&keys, &who, NOW, lifetimes).unwrap();
        (
            Authenticator::new(keys, clock.clone()),
            clock,
            issued.access_token,
        )
    }

    fn metadata(entries: &[(&'static str, &str)]) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for (key, value) in entries {
            metadata.append(*key, value.parse().unwrap());
        }
        metadata
    }

    #[test]
    fn the_bearer_of_a_good_token_is_known() {
        let (authenticator, _, token) = with_token();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let metadata = metadata(&[("authorization", &format!("{scheme} {token}"))]);
            let principal = authenticator.authenticate(&metadata).unwrap();
            assert_eq!(principal.expires_at_ms, NOW + 600_000);
        }
    }

    #[test]
    fn each_failure_has_its_reason() {
        let (authenticator, clock, token) = with_token();
        let good = format!("Bearer {token}");
        let reason = |entries: &[(&'static str, &str)]| {
            let refusal = authenticator.authenticate(&metadata(entries)).unwrap_err();
            assert_eq!(refusal.code, Code::Unauthenticated);
            refusal.reason
        };
        assert_eq!(reason(&[]), "NO_TOKEN");
        // Identity claims beside the token are ignored.
        assert_eq!(reason(&[("x-user-id", "admin@maple")]), "NO_TOKEN");
        assert_eq!(reason(&[("authorization", &token)]), "BAD_TOKEN");
        assert_eq!(reason(&[("authorization", "Bearer")]), "BAD_TOKEN");
        assert_eq!(reason(&[("authorization", "Bearer ")]), "BAD_TOKEN");
        assert_eq!(
            reason(&[("authorization", &format!("Basic {token}"))]),
            "BAD_TOKEN"
        );
        assert_eq!(
            reason(&[("authorization", &format!("Bearer  {token}"))]),
            "BAD_TOKEN"
        );
        assert_eq!(
            reason(&[("authorization", &good), ("authorization", &good)]),
            "BAD_TOKEN"
        );
        clock.advance_ms(600_000 + 60_000);
        assert_eq!(reason(&[("authorization", &good)]), "TOKEN_EXPIRED");
    }
    #[test]
    fn only_a_service_is_taken_for_one() {
        let (authenticator, clock, patrons) = with_token();
        let keys = &authenticator.keys;
        let services = statement::issue_service(keys, "presence-svc", NOW, MINUTE).unwrap();
        let ms_map = Introduction {
            librarian_id: "l-1".into(),
            screen_name: "Ms Map".into(),
            institution_id: "harbor".into(),
            institution_name: "Harbor City Library".into(),
            queues: ["coop".into()].into(),
        };
        let introduction = statement::introduce(keys, &ms_map, NOW, MINUTE).unwrap();
        let ask = |token: &str| {
            let metadata = metadata(&[("authorization", &format!("Bearer {token}"))]);
            let answer = authenticator.authenticate_service(&metadata);
            answer.map_err(|refusal| (refusal.code, refusal.reason))
        };
        let service = Service {
            name: "presence-svc".into(),
            expires_at_ms: NOW + 60_000,
        };
        assert_eq!(ask(&services), Ok(service));
        let not_a_service = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into());
        assert_eq!(ask(&patrons), Err(not_a_service));
        let bad = (Code::Unauthenticated, "BAD_TOKEN".into());
        assert_eq!(ask(&introduction), Err(bad.clone()));
        assert_eq!(ask("x.y.z"), Err(bad));
        let none = authenticator.authenticate_service(&MetadataMap::new());
        let none = none.unwrap_err();
        assert_eq!(none.code, Code::Unauthenticated);
        assert_eq!(none.reason, "NO_TOKEN");

        // And a service may not do what people do.
        let as_person = authenticator.verify(&services).unwrap_err();
        assert_eq!(as_person.reason, "BAD_TOKEN");
        assert!(authenticator.introduction(&services).is_none());
        assert_eq!(authenticator.introduction(&introduction), Some(ms_map));

        clock.advance_ms(60_000 + 60_000);
        let expired = (Code::Unauthenticated, "TOKEN_EXPIRED".into());
        assert_eq!(ask(&services), Err(expired));
        assert!(authenticator.introduction(&introduction).is_none());
        assert!(authenticator.old_introduction(&introduction).is_some());
        assert!(authenticator.old_introduction(&services).is_none());
    }
}
