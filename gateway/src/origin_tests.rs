#![allow(clippy::unwrap_used)]

use http::HeaderValue;

use super::*;

const LOOPBACK: &str = "127.0.0.1:8080";
const PUBLIC: &str = "192.0.2.1:443";

fn origins(local: &str, listed: &[&str]) -> Origins {
    let config = Config {
        origins: listed.iter().map(|&origin| origin.to_owned()).collect(),
        ..Config::default()
    };
    Origins::new(&config, local.parse().unwrap()).unwrap()
}

fn headers(entries: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in entries {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn check(origins: &Origins, host: &str, origin: &str) -> Result<(), Untrusted> {
    origins.check_origin(&headers(&[("host", host), ("origin", origin)]))
}

// T1
#[test]
fn only_a_page_of_the_same_host_opens_a_socket() {
    let origins = origins(LOOPBACK, &[]);
    let host = "localhost:8080";
    assert_eq!(check(&origins, host, "http://localhost:8080"), Ok(()));
    assert_eq!(check(&origins, host, "https://localhost:8080"), Ok(()));
    for stranger in [
        "null",
        "",
        "http://localhost",
        "http://localhost:8081",
        "http://localhost:80800",
        "http://localhost:8080.evil.example",
        "http://localhost:8080@evil.example",
        "http://evil-localhost:8080",
        "http://evil.localhost:8080",
        "http://LOCALHOST:8080",
        "HTTP://localhost:8080",
        "http://localhost.:8080",
        "http://localhost:8080/",
        "http://localhost:8080 ",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "file://localhost:8080",
        "localhost:8080",
        "http://localhost:8080, http://evil.example",
    ] {
        assert_eq!(
            check(&origins, host, stranger),
            Err(Untrusted::Origin),
            "{stranger:?}"
        );
    }
}

// T1
#[test]
fn a_listed_origin_is_compared_byte_for_byte() {
    let origins = origins(PUBLIC, &["https://ask.example.org"]);
    let host = "ask.example.org";
    assert_eq!(check(&origins, host, "https://ask.example.org"), Ok(()));
    for stranger in [
        "null",
        "https://ask.example.org:8443",
        "https://ask.example.org.",
        "https://ask.example.org.evil.example",
        "https://xask.example.org",
        "https://ASK.example.org",
        "https://example.org",
    ] {
        assert_eq!(
            check(&origins, host, stranger),
            Err(Untrusted::Origin),
            "{stranger}"
        );
    }
}

#[test]
fn two_origins_are_no_origin() {
    let origins = origins(LOOPBACK, &[]);
    let twice = headers(&[
        ("host", "localhost:8080"),
        ("origin", "http://localhost:8080"),
        ("origin", "http://localhost:8080"),
    ]);
    assert_eq!(origins.check_origin(&twice), Err(Untrusted::Origin));
}

#[test]
fn a_program_without_an_origin_is_let_in_on_loopback_only() {
    let host = |name: &str| headers(&[("host", name)]);
    assert_eq!(
        origins(LOOPBACK, &[]).check_origin(&host("localhost:8080")),
        Ok(())
    );
    assert_eq!(
        origins(PUBLIC, &[]).check_origin(&host("ask.example.org")),
        Err(Untrusted::Origin)
    );
    let config = Config {
        allow_missing_origin: Some(false),
        ..Config::default()
    };
    let strict = Origins::new(&config, LOOPBACK.parse().unwrap()).unwrap();
    assert_eq!(
        strict.check_origin(&host("localhost:8080")),
        Err(Untrusted::Origin)
    );
}

#[test]
fn a_rebound_name_is_not_answered() {
    let origins = origins(LOOPBACK, &[]);
    for host in [
        "localhost",
        "localhost:8080",
        "127.0.0.1:9000",
        "[::1]:8080",
    ] {
        assert!(
            origins.check_host(&headers(&[("host", host)])).is_ok(),
            "{host}"
        );
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost:",
        "localhost:80a",
        "",
    ] {
        assert_eq!(
            origins.check_host(&headers(&[("host", host)])),
            Err(Untrusted::Host),
            "{host:?}"
        );
    }
    assert_eq!(origins.check_host(&headers(&[])), Err(Untrusted::Host));
    assert_eq!(
        origins.check_host(&headers(&[("host", "localhost"), ("host", "localhost")])),
        Err(Untrusted::Host)
    );
}

#[test]
fn a_public_gateway_with_listed_origins_answers_under_no_other_name() {
    let origins = origins(PUBLIC, &["https://ask.example.org"]);
    assert!(
        origins
            .check_host(&headers(&[("host", "ask.example.org")]))
            .is_ok()
    );
    for host in ["192.0.2.1", "localhost", "evil.example"] {
        assert_eq!(
            origins.check_host(&headers(&[("host", host)])),
            Err(Untrusted::Host)
        );
    }
}

#[test]
fn an_origin_that_could_never_match_stops_the_start() {
    for origin in [
        "ask.example.org",
        "https://Ask.example.org",
        "https://ask.example.org/",
        "https://ask.example.org:443",
        "http://ask.example.org:80",
        "https://ask.example.org.",
        "https://*.example.org",
        "https://",
        "ftp://ask.example.org",
        "null",
    ] {
        let config = Config {
            origins: vec![origin.to_owned()],
            ..Config::default()
        };
        assert!(
            Origins::new(&config, LOOPBACK.parse().unwrap()).is_err(),
            "{origin}"
        );
    }
    for origin in [
        "https://ask.example.org",
        "http://ask.example.org:443",
        "http://[2001:db8::1]:8080",
        "http://[::1]",
    ] {
        let config = Config {
            origins: vec![origin.to_owned()],
            ..Config::default()
        };
        assert!(
            Origins::new(&config, LOOPBACK.parse().unwrap()).is_ok(),
            "{origin}"
        );
    }
}
