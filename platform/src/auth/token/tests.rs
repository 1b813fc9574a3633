#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use crate::auth::{Librarian, Patron, Role, StaffNaming};

const NOW: i64 = 1_800_000_000_123;

const LIFETIMES: Lifetimes = Lifetimes {
    access: Duration::from_secs(600),
    renewal: Duration::from_secs(12 * 3600),
};

static KEYS: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::generate().unwrap());
static GOOD: LazyLock<String> = LazyLock::new(|| {
    issue(&KEYS, &librarian(), NOW, LIFETIMES)
        .unwrap()
        .access_token
});

fn librarian() -> Who {
    Who::Librarian(Librarian {
        librarian_id: "admin@maple".into(),
        screen_name: "Maple Admin".into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        role: Role::Administrator,
        queues: BTreeSet::from(["maple".into(), "harbor".into()]),
        practice_queues: BTreeSet::new(),
        warning_version: "0123456789abcdef".into(),
    })
}

fn patron() -> Who {
    Who::Patron(Patron {
        session_id: "4f".repeat(16),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming: StaffNaming::ScreenNameAndLibrary,
        practice: false,
        route: Vec::new(),
    })
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn good_claims() -> Value {
    json!({
        "iss": "carrel", "aud": "carrel", "sub": "admin@maple",
        "iat": NOW / 1000, "exp": NOW / 1000 + 600, "renew_until": NOW / 1000 + 3600,
        "who": serde_json::to_value(librarian()).unwrap(),
    })
}

/// A token with these claims, signed with our own key.
fn signed(claims: &Value) -> String {
    sign(
        KEYS.keys().signing(NOW).unwrap(),
        &serde_json::to_vec(claims).unwrap(),
    )
    .unwrap()
}

/// A token with this header, signed with our own key: no forger can make it, so only the header is tested.
fn signed_under(header: &Value) -> String {
    let payload = serde_json::to_vec(&good_claims()).unwrap();
    let input = format!("{}.{}", b64(header.to_string()), b64(payload));
    let signature = KEYS
        .keys()
        .signing(NOW)
        .unwrap()
        .sign(input.as_bytes())
        .unwrap();
    format!("{input}.{}", b64(signature))
}

#[test]
fn a_token_says_who_was_given_it() {
    for who in [librarian(), patron()] {
        let issued = issue(&KEYS, &who, NOW, LIFETIMES).unwrap();
        // Whole seconds, rounded up: no token is shorter than promised.
        assert_eq!(issued.expires_at_ms, 1_800_000_601_000);
        let principal = verify(&KEYS, &issued.access_token, NOW).unwrap();
        assert_eq!(principal.who, who);
        assert_eq!(principal.expires_at_ms, issued.expires_at_ms);
        let (principal, renew_until_ms) =
            verify_renewable(&KEYS, &issued.access_token, NOW).unwrap();
        assert_eq!(principal.who, who);
        assert_eq!(renew_until_ms, issued.renew_until_ms);
    }
}

#[test]
fn a_token_ends_when_it_says() {
    let issued = issue(&KEYS, &patron(), NOW, LIFETIMES).unwrap();
    let token = &issued.access_token;
    let end = issued.expires_at_ms + leeway_ms();
    assert!(verify(&KEYS, token, end - 1).is_ok());
    assert_eq!(verify(&KEYS, token, end), Err(TokenError::Expired));
    assert!(verify_renewable(&KEYS, token, issued.renew_until_ms - 1).is_ok());
    assert_eq!(
        verify_renewable(&KEYS, token, issued.renew_until_ms),
        Err(TokenError::RenewalOver)
    );
}

#[test]
fn a_token_never_outlives_its_renewal() {
    let lifetimes = Lifetimes {
        access: Duration::from_secs(600),
        renewal: Duration::from_secs(30),
    };
    let issued = issue(&KEYS, &patron(), NOW, lifetimes).unwrap();
    assert_eq!(issued.expires_at_ms, issued.renew_until_ms);
}

#[test]
fn a_token_too_long_to_send_is_not_issued() {
    let Who::Librarian(mut librarian) = librarian() else {
        panic!("a librarian");
    };
    librarian.queues = (0..1000).map(|n| format!("queue-{n}")).collect();
    assert_eq!(
        issue(&KEYS, &Who::Librarian(librarian), NOW, LIFETIMES),
        Err(TokenError::TooLong)
    );
}

#[test]
fn what_a_secret_is_not_shown() {
    let issued = issue(&KEYS, &patron(), NOW, LIFETIMES).unwrap();
    assert!(!format!("{issued:?}").contains(&issued.access_token));
}

// T3
#[test]
fn forged_tokens_all_get_the_same_answer() {
    let keys = KEYS.keys();
    let own = keys.signing(NOW).unwrap();
    let kid = own.id.clone();
    let claims = b64(good_claims().to_string());
    let parts: Vec<&str> = GOOD.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("three segments");
    };
    let hs256 = |secret: &[u8]| {
        let head = b64(json!({"alg": "HS256", "typ": "JWT", "kid": kid}).to_string());
        let input = format!("{head}.{claims}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
        format!("{input}.{}", b64(tag))
    };
    let with_header = |header: Value| format!("{}.{claims}.{signature}", b64(header.to_string()));
    let with_claim = |name: &str, value: Value| {
        let mut claims = good_claims();
        claims[name] = value;
        signed(&claims)
    };
    let without_claim = |name: &str| {
        let mut claims = good_claims();
        claims.as_object_mut().unwrap().remove(name);
        signed(&claims)
    };
    let stranger = KeyRing::generate().unwrap();
    let by_stranger = issue(&stranger, &librarian(), NOW, LIFETIMES).unwrap();
    let strangers_signature = {
        let input = format!("{header}.{payload}");
        b64(stranger
            .keys()
            .signing(NOW)
            .unwrap()
            .sign(input.as_bytes())
            .unwrap())
    };
    // S + L instead of S: the malleable form that RFC 8032 forbids.
    let malleable = {
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut carry = 0u16;
        for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        format!("{header}.{payload}.{}", b64(bytes))
    };
    let altered_payload = {
        let mut claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        claims["who"]["institution_id"] = json!("harbor");
        format!("{header}.{}.{signature}", b64(claims.to_string()))
    };

    let forged: Vec<(&str, String)> = vec![
        ("empty", String::new()),
        ("blank", " ".into()),
        ("dots", "..".into()),
        ("one segment", header.into()),
        ("two segments", format!("{header}.{payload}")),
        ("no signature", format!("{header}.{payload}.")),
        ("no payload", format!("{header}..{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("extra segment", format!("{}.{signature}", *GOOD)),
        ("extra empty segment", format!("{}.", *GOOD)),
        ("leading dot", format!(".{}", *GOOD)),
        ("five segments as in JWE", "e30.e30.e30.e30.e30".into()),
        ("truncated", GOOD[..GOOD.len() - 1].into()),
        ("cut in half", GOOD[..GOOD.len() / 2].into()),
        ("padded", format!("{}=", *GOOD)),
        ("padded twice", format!("{}==", *GOOD)),
        ("space before", format!(" {}", *GOOD)),
        ("space after", format!("{} ", *GOOD)),
        ("line feed after", format!("{}\n", *GOOD)),
        ("nul after", format!("{}\0", *GOOD)),
        ("huge", "e".repeat(10_000_000)),
        (
            "huge payload",
            format!("{header}.{}.{signature}", "e".repeat(1_000_000)),
        ),
        ("long tail", format!("{}{}", *GOOD, "A".repeat(MAX_LENGTH))),
        ("not ASCII", format!("{header}.ä.{signature}")),
        (
            "alg none, no signature",
            format!("{}.{claims}.", b64(r#"{"alg":"none","typ":"JWT"}"#)),
        ),
        (
            "alg none, signature kept",
            with_header(json!({"alg": "none", "kid": kid})),
        ),
        (
            "alg None",
            with_header(json!({"alg": "None", "typ": "JWT", "kid": kid})),
        ),
        (
            "alg NONE, well signed",
            signed_under(&json!({"alg": "NONE", "typ": "JWT", "kid": kid})),
        ),
        ("HS256 with the public key", hs256(own.public())),
        ("HS256 with the key id", hs256(kid.as_bytes())),
        ("HS256 with an empty key", hs256(b"")),
        (
            "alg RS256, well signed",
            signed_under(&json!({"alg": "RS256", "typ": "JWT", "kid": kid})),
        ),
        (
            "alg ES256, well signed",
            signed_under(&json!({"alg": "ES256", "typ": "JWT", "kid": kid})),
        ),
        (
            "alg in lower case",
            signed_under(&json!({"alg": "eddsa", "typ": "JWT", "kid": kid})),
        ),
        (
            "alg a list",
            signed_under(&json!({"alg": ["EdDSA"], "typ": "JWT", "kid": kid})),
        ),
        ("no alg", signed_under(&json!({"typ": "JWT", "kid": kid}))),
        (
            "no kid",
            signed_under(&json!({"alg": "EdDSA", "typ": "JWT"})),
        ),
        (
            "kid unknown",
            signed_under(&json!({"alg": "EdDSA", "typ": "JWT", "kid": "other"})),
        ),
        (
            "kid a path",
            signed_under(&json!({"alg": "EdDSA", "typ": "JWT", "kid": "../../dev/null"})),
        ),
        (
            "kid SQL",
            signed_under(&json!({"alg": "EdDSA", "typ": "JWT", "kid": "' or 1=1 --"})),
        ),
        (
            "kid a number",
            signed_under(&json!({"alg": "EdDSA", "typ": "JWT", "kid": 0})),
        ),
        ("no typ", signed_under(&json!({"alg": "EdDSA", "kid": kid}))),
        (
            "typ wrong",
            signed_under(&json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid})),
        ),
        (
            "cty",
            signed_under(&json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "cty": "JWT"})),
        ),
        (
            "jku",
            signed_under(
                &json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "jku": "https://evil.example/keys"}),
            ),
        ),
        (
            "x5u",
            signed_under(
                &json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "x5u": "https://evil.example/c"}),
            ),
        ),
        (
            "jwk",
            signed_under(
                &json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "jwk": {"kty": "OKP", "crv": "Ed25519"}}),
            ),
        ),
        (
            "crit",
            signed_under(
                &json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "crit": ["b64"], "b64": false}),
            ),
        ),
        ("header empty object", signed_under(&json!({}))),
        ("header a list", signed_under(&json!([]))),
        ("stranger's key", by_stranger.access_token),
        (
            "stranger's signature under our kid",
            format!("{header}.{payload}.{strangers_signature}"),
        ),
        (
            "signature all zero",
            format!("{header}.{payload}.{}", b64([0u8; 64])),
        ),
        (
            "signature too short",
            format!("{header}.{payload}.{}", b64([0u8; 63])),
        ),
        (
            "signature too long",
            format!("{header}.{payload}.{}", b64([0u8; 65])),
        ),
        ("signature malleable", malleable),
        ("payload altered", altered_payload),
        (
            "header and payload swapped",
            format!("{payload}.{header}.{signature}"),
        ),
        ("aud wrong", with_claim("aud", json!("other"))),
        ("aud a list", with_claim("aud", json!(["carrel"]))),
        ("aud missing", without_claim("aud")),
        (
            "iss wrong",
            with_claim("iss", json!("https://evil.example")),
        ),
        ("iss in capitals", with_claim("iss", json!("Carrel"))),
        ("iss missing", without_claim("iss")),
        (
            "iat in the future",
            with_claim("iat", json!(NOW / 1000 + 120)),
        ),
        ("iat missing", without_claim("iat")),
        ("iat a text", with_claim("iat", json!("0"))),
        ("exp missing", without_claim("exp")),
        ("exp null", with_claim("exp", Value::Null)),
        ("exp a fraction", with_claim("exp", json!(1e300))),
        ("who missing", without_claim("who")),
        (
            "who of an unknown kind",
            with_claim("who", json!({"kind": "system"})),
        ),
        (
            "who with an unknown role",
            with_claim("who", {
                let mut who = serde_json::to_value(librarian()).unwrap();
                who["role"] = json!("owner");
                who
            }),
        ),
    ];
    assert!(forged.len() >= 40);
    for (name, token) in &forged {
        for refused in [
            verify(&KEYS, token, NOW).err(),
            verify_renewable(&KEYS, token, NOW).err(),
        ] {
            assert_eq!(refused, Some(TokenError::Bad), "{name}");
        }
    }
    assert!(verify(&KEYS, &GOOD, NOW).is_ok());
    assert!(verify(&KEYS, &signed(&good_claims()), NOW).is_ok());
}

#[test]
fn only_a_genuine_token_is_told_that_it_has_expired() {
    let mut claims = good_claims();
    claims["exp"] = json!(NOW / 1000 - 61);
    let expired = signed(&claims);
    assert_eq!(verify(&KEYS, &expired, NOW), Err(TokenError::Expired));
    let forged = format!("{}A", &expired[..expired.len() - 1]);
    let other = format!("{}w", &expired[..expired.len() - 1]);
    for token in [forged, other] {
        if token != expired {
            assert_eq!(verify(&KEYS, &token, NOW), Err(TokenError::Bad));
        }
    }
}

#[test]
fn times_at_the_ends_of_the_number_line_do_not_overflow() {
    for extreme in [i64::MIN, i64::MAX] {
        for name in ["iat", "exp", "renew_until"] {
            let mut claims = good_claims();
            claims[name] = json!(extreme);
            let token = signed(&claims);
            for now_ms in [i64::MIN, 0, NOW, i64::MAX] {
                let _ = verify(&KEYS, &token, now_ms);
                let _ = verify_renewable(&KEYS, &token, now_ms);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(token in any::<String>()) {
        prop_assert_eq!(verify(&KEYS, &token, NOW), Err(TokenError::Bad));
    }

    #[test]
    fn no_segments_make_it_panic(
        segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
    ) {
        let token = segments.iter().map(b64).collect::<Vec<_>>().join(".");
        prop_assert_eq!(verify(&KEYS, &token, NOW), Err(TokenError::Bad));
    }

    #[test]
    fn no_signed_bytes_make_it_panic(payload in prop::collection::vec(any::<u8>(), 0..400)) {
        let token = sign(KEYS.keys().signing(NOW).unwrap(), &payload).unwrap();
        prop_assert_eq!(verify(&KEYS, &token, NOW), Err(TokenError::Bad));
    }

    #[test]
    fn any_changed_character_is_refused(at in any::<prop::sample::Index>(), other in any::<char>()) {
        let mut characters: Vec<char> = GOOD.chars().collect();
        let at = at.index(characters.len());
        prop_assume!(characters[at] != other);
        characters[at] = other;
        let token: String = characters.into_iter().collect();
        prop_assert_eq!(verify(&KEYS, &token, NOW), Err(TokenError::Bad));
    }

    #[test]
    fn any_changed_base64_character_is_refused(at in any::<prop::sample::Index>(), other in "[A-Za-z0-9_.=-]") {
        let at = at.index(GOOD.len());
        prop_assume!(GOOD[at..=at] != *other);
        let token = format!("{}{other}{}", &GOOD[..at], &GOOD[at + 1..]);
        prop_assert_eq!(verify(&KEYS, &token, NOW), Err(TokenError::Bad));
    }

    #[test]
    fn whoever_is_put_in_comes_out(name in ".{0,80}", queues in prop::collection::btree_set("[a-z0-9-]{1,20}", 0..20)) {
        let Who::Librarian(mut librarian) = librarian() else { unreachable!() };
        librarian.screen_name = name;
        librarian.queues = queues;
        let who = Who::Librarian(librarian);
        let issued = issue(&KEYS, &who, NOW, LIFETIMES).unwrap();
        prop_assert_eq!(verify(&KEYS, &issued.access_token, NOW).unwrap().who, who);
    }
}
