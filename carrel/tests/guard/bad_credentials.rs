//! Bad tokens and bad log-ins: one answer each, whatever is wrong (T3, T14).

use carrel_proto::{directory::v1 as directory, session::v1 as wire};
use tonic::Code;

use crate::{
    access::{command_id, on_behalf},
    bad_calls::{assert_invalid, told},
    fixture::Fixture,
    table::{Column, Stage},
};

/// T3: all bad tokens get the same answer, whatever is wrong with them.
#[tokio::test]
async fn bad_tokens_all_get_the_same_answer() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await;
    let good = fixture.token(Column::Lc).to_owned();
    let parts: Vec<_> = good.split('.').collect();
    let other_fixture = Fixture::open().await;
    let foreign = other_fixture.token(Column::Lc).to_owned();
    let swapped: Vec<_> = foreign.split('.').collect();
    let (none, long) = ("eyJhbGciOiJub25lIn0", "x".repeat(12_000));
    let bad = [
        "x".to_owned(),
        "..".to_owned(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], swapped[1], parts[2]),
        format!("{good}x"),
        good.to_lowercase(),
        foreign,
        long,
    ];
    let mut sessions = fixture.access.sessions();
    let mut heard = Vec::new();
    for token in bad {
        let message = wire::EndSessionRequest {
            command_id: command_id(),
            session_id: case.session_id.clone(),
        };
        let status = sessions.end_session(on_behalf(&token, message)).await;
        let status = status.unwrap_err();
        let expected = (Code::Unauthenticated, "BAD_TOKEN".to_owned(), String::new());
        assert_eq!(told(&status), expected, "{token}");
        heard.push((status.message().to_owned(), status.details().to_vec()));
    }
    heard.dedup();
    assert_eq!(heard.len(), 1);
    let message = wire::EndSessionRequest {
        command_id: command_id(),
        session_id: case.session_id.clone(),
    };
    let expired = fixture.expired(&good);
    let status = sessions
        .end_session(on_behalf(&expired, message.clone()))
        .await;
    assert_eq!(told(&status.unwrap_err()).1, "TOKEN_EXPIRED");
    let status = sessions.end_session(message).await;
    assert_eq!(told(&status.unwrap_err()).1, "NO_TOKEN");
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    other_fixture.close().await;
    fixture.close().await;
}

#[tokio::test]
async fn a_log_in_says_nothing_but_that_it_failed() {
    let fixture = Fixture::open().await;
    let mut directory = fixture.access.directory();
    let log_in = |log_in_name: &str, password: &str| directory::LogInRequest {
        log_in_name: log_in_name.to_owned(),
        password: password.to_owned(),
    };
    let mut heard = Vec::new();
    for (name, password) in [
        ("lc@guard", "wrong"),
        ("nobody@guard", "demo"),
        ("lc@guard\0", "demo"),
        ("' OR 1=1 --", "demo"),
    ] {
        let status = directory.log_in(log_in(name, password)).await.unwrap_err();
        heard.push((told(&status), status.message().to_owned()));
    }
    heard.dedup();
    let [((code, reason, _), _)] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert_eq!(
        (*code, reason.as_str()),
        (Code::Unauthenticated, "WRONG_CREDENTIALS")
    );
    let long = "x".repeat(100_000);
    assert_invalid(
        directory.log_in(log_in("", "demo")).await,
        "EMPTY",
        "log_in_name",
    );
    assert_invalid(
        directory.log_in(log_in("lc@guard", "")).await,
        "EMPTY",
        "password",
    );
    assert_invalid(
        directory.log_in(log_in(&long, "demo")).await,
        "TOO_LONG",
        "log_in_name",
    );
    assert_invalid(
        directory.log_in(log_in("lc@guard", &long)).await,
        "TOO_LONG",
        "password",
    );
    fixture.close().await;
}
