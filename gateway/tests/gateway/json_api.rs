//! The JSON endpoints.

use std::net::IpAddr;

use carrel_gateway::Config;
use serde_json::{Value, json};

use crate::{
    doors::{exchange, get},
    fixture::{Fixture, NOW_S},
    services::token,
};

/// Posts a body and returns the whole answer.
async fn post(fixture: &Fixture, path: &str, headers: &str, body: &str) -> String {
    let (address, length) = (fixture.address, body.len());
    exchange(
        fixture,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ),
    )
    .await
}

const IS_JSON: &str = "content-type: application/json\r\n";

fn status(answer: &str) -> u16 {
    answer[9..12].parse().unwrap()
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

#[tokio::test]
async fn log_in_gives_a_token() {
    let fixture = Fixture::open().await;
    let request = json!({ "logInName": "map@harbor", "password": "demo" }).to_string();
    let answer = post(&fixture, "/v1/log-in", IS_JSON, &request).await;
    assert_eq!(status(&answer), 200);
    assert!(body(&answer)["token"]["accessToken"].is_string());
    assert_eq!(*fixture.directory.addresses.lock().unwrap(), ["127.0.0.1"]);
}

#[tokio::test]
async fn a_refusal_is_told_as_a_status_and_in_json() {
    let fixture = Fixture::open().await;
    let request = json!({ "logInName": "map@harbor", "password": "wrong" }).to_string();
    let answer = post(&fixture, "/v1/log-in", IS_JSON, &request).await;
    assert_eq!(status(&answer), 429);
    assert!(answer.contains("retry-after: 2\r\n"));
    let refusal = body(&answer);
    assert_eq!(refusal["reason"], "TOO_MANY_ATTEMPTS");
    assert_eq!(refusal["retryAfterMs"], 1500);
    for (path, expected) in [("/v1/libraries/atlantis", 404), ("/v1/profile", 401)] {
        let answer = get(&fixture, path, "").await;
        assert_eq!(status(&answer), expected);
        assert!(body(&answer)["reason"].is_string());
    }
}

#[tokio::test]
async fn a_bad_body_is_told_what_is_wrong() {
    let fixture = Fixture::open().await;
    let not_json = post(&fixture, "/v1/log-in", "content-type: text/plain\r\n", "{}").await;
    assert_eq!(status(&not_json), 415);
    let unknown = post(&fixture, "/v1/log-in", IS_JSON, r#"{"passwort": "demo"}"#).await;
    assert_eq!(status(&unknown), 400);
    assert_eq!(body(&unknown)["reason"], "BAD_JSON");
    assert!(
        body(&unknown)["message"]
            .as_str()
            .unwrap()
            .contains("passwort")
    );
    let long = format!(r#"{{"password": "{}"}}"#, "x".repeat(65_536));
    let long = post(&fixture, "/v1/log-in", IS_JSON, &long).await;
    assert_eq!(status(&long), 413);
    assert_eq!(body(&long)["metadata"]["limit"], "65536");
    for (path, expected) in [
        ("/v1/log-in", 405),
        ("/v1/nothing", 404),
        ("/v1/libraries/%ff", 400),
    ] {
        let answer = get(&fixture, path, "").await;
        assert_eq!(status(&answer), expected, "{path}");
    }
    assert_eq!(
        body(&get(&fixture, "/v1/log-in", "").await)["reason"],
        "WRONG_METHOD"
    );
}

#[tokio::test]
async fn a_bad_query_is_told_which_parameter_is_wrong() {
    let fixture = Fixture::open().await;
    let whole_number = "write a whole number up to 2147483647, such as 50";
    let pages = "this endpoint has no such parameter; it has page_size and page_token";
    let libraries = "/v1/libraries";
    let transcript = "/v1/sessions/s/transcript";
    for (path, query, parameter, what) in [
        (libraries, "page_size=many", "page_size", whole_number),
        (libraries, "page_size=", "page_size", whole_number),
        (libraries, "page_size=2147483648", "page_size", whole_number),
        (libraries, "pagesize=1", "pagesize", pages),
        ("/v1/role-changes", "size=1", "size", pages),
        (
            libraries,
            "page_token=a&page_size=1&page_token=b",
            "page_token",
            "give it once",
        ),
        (
            transcript,
            "audience=all",
            "audience",
            "write patron or staff",
        ),
        (
            transcript,
            "audience=staff&view=all",
            "view",
            "this endpoint has no such parameter; it has audience",
        ),
    ] {
        let answer = get(&fixture, &format!("{path}?{query}"), "").await;
        assert_eq!(status(&answer), 400, "{query}");
        let refusal = body(&answer);
        assert_eq!(refusal["reason"], "BAD_QUERY", "{query}");
        assert_eq!(refusal["message"], format!("{parameter}: {what}"));
    }
    let long = get(&fixture, &format!("/v1/audit?{}", "x".repeat(500)), "").await;
    let message = body(&long)["message"].as_str().unwrap().len();
    assert!(message < 150, "a refusal is short");
}

#[tokio::test]
async fn queries_and_tokens_reach_the_service() {
    let fixture = Fixture::open().await;
    let libraries = get(&fixture, "/v1/libraries?page_size=-1&page_token=p", "").await;
    assert_eq!(body(&libraries)["nextPageToken"], "-1:p");
    let library = get(&fixture, "/v1/libraries/maple", "").await;
    assert_eq!(body(&library)["library"]["name"], "Maple County Library");
    let bearer = format!("authorization: Bearer {}\r\n", token("map", NOW_S + 600));
    let profile = get(&fixture, "/v1/profile", &bearer).await;
    assert_eq!(body(&profile)["profile"]["librarianId"], "map");
    for (query, audience) in [
        ("", Value::Null),
        ("?audience=patron", "AUDIENCE_PATRON".into()),
        ("?audience=staff", "AUDIENCE_STAFF".into()),
    ] {
        let path = format!("/v1/sessions/s/transcript{query}");
        let transcript = get(&fixture, &path, &bearer).await;
        assert_eq!(status(&transcript), 200);
        assert_eq!(body(&transcript)["audience"], audience);
        assert_eq!(status(&get(&fixture, &path, "").await), 401);
    }
    let roles = get(
        &fixture,
        "/v1/role-changes?page_size=3&page_token=p",
        &bearer,
    )
    .await;
    assert_eq!(body(&roles)["nextPageToken"], "3:p");
    for path in ["/v1/audit?page_token=t", "/v1/role-changes"] {
        assert_eq!(status(&get(&fixture, path, &bearer).await), 200);
        assert_eq!(status(&get(&fixture, path, "").await), 401);
    }
    let search = json!({
        "pageSize": 5,
        "filter": { "resolution": "RESOLUTION_UNSPECIFIED", "endTimeBefore": "2026-11-28T00:00:00Z", "text": "Ricky" },
    });
    for (headers, expected) in [
        (format!("{IS_JSON}{bearer}"), 200),
        (IS_JSON.to_owned(), 401),
    ] {
        let found = post(
            &fixture,
            "/v1/ended-sessions",
            &headers,
            &search.to_string(),
        )
        .await;
        assert_eq!(status(&found), expected);
    }
    assert_eq!(fixture.seen.count("ended Some(0) 1795824000 Ricky"), 1);
    // The session is the one in the path, whatever the body says.
    let erase = json!({ "commandId": "c", "sessionId": "another" }).to_string();
    for (headers, expected) in [
        (format!("{IS_JSON}{bearer}"), 200),
        (IS_JSON.to_owned(), 401),
    ] {
        let erased = post(&fixture, "/v1/sessions/s/erase", &headers, &erase).await;
        assert_eq!(status(&erased), expected);
    }
    assert_eq!(fixture.seen.count("erase s c"), 1);
    let export = json!({ "audience": "AUDIENCE_STAFF", "sessionId": "another" }).to_string();
    let headers = format!("{IS_JSON}{bearer}");
    let exported = post(&fixture, "/v1/sessions/s/export", &headers, &export).await;
    assert_eq!(status(&exported), 200);
    assert_eq!(body(&exported)["audience"], "AUDIENCE_STAFF");
    let nobodys = post(&fixture, "/v1/sessions/s/export", IS_JSON, &export).await;
    assert_eq!(status(&nobodys), 401);
    // Somebody else's page can't make a browser export: reading the address is not enough.
    let read = get(&fixture, "/v1/sessions/s/export", &bearer).await;
    assert_eq!(body(&read)["reason"], "WRONG_METHOD");
    assert_eq!(fixture.seen.count("export s"), 1);
    let renew = json!({ "accessToken": token("map", NOW_S) }).to_string();
    let renewed = post(&fixture, "/v1/renew", IS_JSON, &renew).await;
    assert!(body(&renewed)["token"]["expireTime"].is_string());
}

#[tokio::test]
async fn anyone_may_ask_whether_a_library_answers() {
    let fixture = Fixture::open().await;
    let bearer = format!("authorization: Bearer {}\r\n", token("map", NOW_S + 600));
    for headers in ["", &bearer] {
        let answer = get(&fixture, "/v1/libraries/maple/availability", headers).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(
            body(&answer),
            json!({
                "availability": "AVAILABILITY_CLOSED",
                "waiting": 2,
                "questionFormAddress": "https://maple.example/ask",
            })
        );
    }
    let unknown = get(&fixture, "/v1/libraries/atlantis/availability", "").await;
    assert_eq!(status(&unknown), 404);
    assert_eq!(body(&unknown)["reason"], "NOT_FOUND");
}

#[tokio::test]
async fn practice_is_asked_for_at_the_entry() {
    let fixture = Fixture::open().await;
    for (practice, expected) in [(false, 200), (true, 404)] {
        let request = json!({ "institutionId": "maple", "practice": practice }).to_string();
        let answer = post(&fixture, "/v1/admit", IS_JSON, &request).await;
        assert_eq!(status(&answer), expected);
    }
}

// I27
#[tokio::test]
async fn a_service_that_fails_is_told_as_one_that_is_away() {
    let fixture = Fixture::open().await;
    let answer = post(
        &fixture,
        "/v1/admit",
        IS_JSON,
        r#"{"institutionId": "atlantis"}"#,
    )
    .await;
    assert_eq!(status(&answer), 503);
    assert!(!answer.contains("on purpose"));
}

#[tokio::test]
async fn a_trusted_proxy_says_who_the_browser_is_and_nobody_else_does() {
    let forwarded = "x-forwarded-for: 203.0.113.9, 198.51.100.7\r\n";
    let request = json!({ "logInName": "map", "password": "demo" }).to_string();
    for (trusted_proxies, seen) in [
        (vec![], "127.0.0.1"),
        (vec![IpAddr::from([127, 0, 0, 1]).into()], "198.51.100.7"),
        (
            vec![
                "127.0.0.0/8".parse().unwrap(),
                IpAddr::from([198, 51, 100, 7]).into(),
            ],
            "203.0.113.9",
        ),
    ] {
        let fixture = Fixture::with(Config {
            trusted_proxies,
            ..Config::default()
        })
        .await;
        let headers = format!("{IS_JSON}{forwarded}");
        post(&fixture, "/v1/log-in", &headers, &request).await;
        assert_eq!(*fixture.directory.addresses.lock().unwrap(), [seen]);
    }
}
