//! Bad input in calls: the exact code, reason and field, and nothing written (F25, F26, I3, I27).

use carrel_platform::refusal::ERROR_DOMAIN;
use carrel_proto::{directory::v1 as directory, session::v1 as wire};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::{
    access::{command_id, on_behalf},
    answer::ObservedRefusals,
    case::random_id,
    fixture::Fixture,
    grpc::ask,
    table::{Column, Stage},
};

/// Returns the code, the reason and the first wrong field of a status.
pub(crate) fn told(status: &Status) -> (Code, String, String) {
    let details = status.get_error_details();
    let info = details.error_info().expect("every error has an ErrorInfo");
    assert_eq!(info.domain, ERROR_DOMAIN);
    let field = details
        .bad_request()
        .and_then(|bad| bad.field_violations.first())
        .map(|violation| {
            assert!(!violation.description.is_empty());
            violation.field.clone()
        });
    (
        status.code(),
        info.reason.clone(),
        field.unwrap_or_default(),
    )
}

pub(crate) fn assert_invalid<T: std::fmt::Debug>(
    answer: Result<Response<T>, Status>,
    reason: &str,
    field: &str,
) {
    let status = answer.unwrap_err();
    let expected = (Code::InvalidArgument, reason.to_owned(), field.to_owned());
    assert_eq!(told(&status), expected, "{status:?}");
}

/// Returns texts that are never allowed, each with the reason of the refusal.
fn bad_texts(limit: usize) -> Vec<(String, &'static str)> {
    vec![
        ("x".repeat(limit + 1), "TOO_LONG"),
        ("\u{1f5fa}".repeat(limit + 1), "TOO_LONG"),
        ("NUL \0".to_owned(), "CONTROL_CHARACTER"),
        ("escape \u{1b}[31m".to_owned(), "CONTROL_CHARACTER"),
        ("next line \u{85}".to_owned(), "CONTROL_CHARACTER"),
    ]
}

/// R23: questions, names, addresses of patrons.
#[tokio::test]
async fn a_question_that_is_not_as_it_must_be_opens_nothing() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Unopened).await;
    let good = wire::OpenSessionRequest {
        command_id: command_id(),
        question: "Where are the maps?".to_owned(),
        patron_name: "Ricky".to_owned(),
        patron_email: "ricky@example.org".to_owned(),
        language: "fr".to_owned(),
    };
    let mut wrong = Vec::new();
    for empty in ["", " ", "\n\t\u{3000}"] {
        let question = empty.to_owned();
        wrong.push((
            wire::OpenSessionRequest {
                question,
                ..good.clone()
            },
            "EMPTY",
            "question",
        ));
    }
    for (question, reason) in bad_texts(4_000) {
        wrong.push((
            wire::OpenSessionRequest {
                question,
                ..good.clone()
            },
            reason,
            "question",
        ));
    }
    let mut names = bad_texts(100);
    names.push(("two\nlines".to_owned(), "CONTROL_CHARACTER"));
    for (patron_name, reason) in names {
        wrong.push((
            wire::OpenSessionRequest {
                patron_name,
                ..good.clone()
            },
            reason,
            "patron_name",
        ));
    }
    let long = format!("{}@example.org", "r".repeat(254));
    for (email, reason) in [
        (long.as_str(), "TOO_LONG"),
        (
            "ricky@example.org\r\nBcc: all@example.org",
            "CONTROL_CHARACTER",
        ),
        ("ricky", "BAD_EMAIL"),
        ("@", "BAD_EMAIL"),
        ("a@b@c", "BAD_EMAIL"),
        ("ri cky@example.org", "BAD_EMAIL"),
    ] {
        let patron_email = email.to_owned();
        wrong.push((
            wire::OpenSessionRequest {
                patron_email,
                ..good.clone()
            },
            reason,
            "patron_email",
        ));
    }
    for language in ["f", "fr_CA", "fr ", "fr\0", "<b>fr</b>", &"fr-".repeat(12)] {
        let language = language.to_owned();
        wrong.push((
            wire::OpenSessionRequest {
                language,
                ..good.clone()
            },
            "BAD_LANGUAGE",
            "language",
        ));
    }
    let mut sessions = fixture.access.sessions();
    for (request, reason, field) in wrong {
        let answer = sessions.open_session(ask(&case.patron, request)).await;
        assert_invalid(answer, reason, field);
    }
    assert!(fixture.recorded(&case.session_id).await.is_empty());
    // The command id of the refused questions can be used for the good one: nothing has happened under it.
    let opened = sessions
        .open_session(ask(&case.patron, good))
        .await
        .unwrap();
    assert!(!opened.into_inner().replayed);
    fixture.close().await;
}

#[tokio::test]
async fn texts_addresses_and_command_ids_are_checked() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await;
    let owner = fixture.token(Column::Lc);
    let mut sessions = fixture.access.sessions();
    let mut texts = bad_texts(4_000);
    texts.push((String::new(), "EMPTY"));
    texts.push((" \n ".to_owned(), "EMPTY"));
    for (text, reason) in texts {
        let post = wire::PostMessageRequest {
            command_id: command_id(),
            session_id: case.session_id.clone(),
            text: text.clone(),
        };
        assert_invalid(
            sessions.post_message(on_behalf(owner, post)).await,
            reason,
            "text",
        );
        let note = wire::WriteNoteRequest {
            command_id: command_id(),
            session_id: case.session_id.clone(),
            text,
        };
        assert_invalid(
            sessions.write_note(on_behalf(owner, note)).await,
            reason,
            "text",
        );
    }
    let long = format!("https://maps.example/{}", "x".repeat(2_048));
    for address in [
        "",
        "maps.example",
        "//maps.example/",
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,hello",
        "file:///etc/passwd",
        "https://",
        "https://library.example@evil.example/",
        "https://maps.example/\u{202e}gpj.exe",
        "https://maps.example/\0",
        &long,
    ] {
        let push = wire::PushPageRequest {
            command_id: command_id(),
            session_id: case.session_id.clone(),
            address: address.to_owned(),
        };
        let answer = sessions.push_page(on_behalf(owner, push)).await;
        assert_invalid(answer, "BAD_ADDRESS", "address");
    }
    for id in ["", "two words", "tab\t", "\u{e9}", "\0", &"x".repeat(65)] {
        let post = wire::PostMessageRequest {
            command_id: id.to_owned(),
            session_id: case.session_id.clone(),
            text: "Hello".to_owned(),
        };
        let answer = sessions.post_message(on_behalf(owner, post)).await;
        assert_invalid(answer, "BAD_COMMAND_ID", "command_id");
    }
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    // The longest text that is allowed: counted in characters, not in bytes.
    let post = wire::PostMessageRequest {
        command_id: "x".repeat(64),
        session_id: case.session_id.clone(),
        text: "\u{1f5fa}".repeat(4_000),
    };
    sessions.post_message(on_behalf(owner, post)).await.unwrap();
    fixture.close().await;
}

/// I2: a command id stands for one command.
#[tokio::test]
async fn a_command_id_is_good_for_one_command() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let owner = fixture.token(Column::Lc);
    let mut sessions = fixture.access.sessions();
    let post = |text: &str| wire::PostMessageRequest {
        command_id: "the-same".to_owned(),
        session_id: case.session_id.clone(),
        text: text.to_owned(),
    };
    let first = sessions.post_message(on_behalf(owner, post("Hello"))).await;
    let first = first.unwrap().into_inner();
    let before = fixture.recorded(&case.session_id).await;
    let again = sessions.post_message(on_behalf(owner, post("Hello"))).await;
    let again = again.unwrap().into_inner();
    assert_eq!((again.position, again.replayed), (first.position, true));
    let status = sessions.post_message(on_behalf(owner, post("hello"))).await;
    let status = status.unwrap_err();
    let expected = (
        Code::AlreadyExists,
        "COMMAND_ID_REUSED".to_owned(),
        String::new(),
    );
    assert_eq!(told(&status), expected);
    let end = wire::EndSessionRequest {
        command_id: "the-same".to_owned(),
        session_id: case.session_id.clone(),
    };
    let status = sessions.end_session(on_behalf(owner, end)).await;
    assert_eq!(status.unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}

#[tokio::test]
async fn pages_are_asked_for_as_they_were_given() {
    let fixture = Fixture::open().await;
    let admin = fixture.token(Column::Ao);
    let (mut sessions, mut directory) = (fixture.access.sessions(), fixture.access.directory());
    let huge = "9".repeat(100_000);
    for page_token in [
        "x",
        "-1",
        "1,2",
        "\u{0}",
        "%%%",
        "18446744073709551616",
        huge.as_str(),
    ] {
        let page_token = page_token.to_owned();
        let page_size = 0;
        let ended = wire::ListEndedSessionsRequest {
            page_size,
            page_token: page_token.clone(),
            filter: None,
        };
        let answer = sessions.list_ended_sessions(on_behalf(admin, ended)).await;
        assert_invalid(answer, "BAD_PAGE_TOKEN", "page_token");
        let audit = wire::ListAuditEntriesRequest {
            page_size,
            page_token: page_token.clone(),
        };
        let answer = sessions.list_audit_entries(on_behalf(admin, audit)).await;
        assert_invalid(answer, "BAD_PAGE_TOKEN", "page_token");
        let roles = directory::ListRoleChangesRequest {
            page_size,
            page_token: page_token.clone(),
        };
        let answer = directory.list_role_changes(on_behalf(admin, roles)).await;
        assert_invalid(answer, "BAD_PAGE_TOKEN", "page_token");
        let libraries = directory::ListLibrariesRequest {
            page_size,
            page_token,
        };
        let answer = directory.list_libraries(libraries).await;
        assert_invalid(answer, "BAD_PAGE_TOKEN", "page_token");
    }
    // No session can have these ids.
    for page_token in ["1.", "1.\u{0}", "1.not one"] {
        let ended = wire::ListEndedSessionsRequest {
            page_size: 0,
            page_token: page_token.to_owned(),
            filter: None,
        };
        let answer = sessions.list_ended_sessions(on_behalf(admin, ended)).await;
        assert_invalid(answer, "BAD_PAGE_TOKEN", "page_token");
    }
    for page_size in [-1, i32::MIN] {
        let page_token = String::new();
        let ended = wire::ListEndedSessionsRequest {
            page_size,
            page_token: page_token.clone(),
            filter: None,
        };
        let answer = sessions.list_ended_sessions(on_behalf(admin, ended)).await;
        assert_invalid(answer, "BAD_PAGE_SIZE", "page_size");
        let audit = wire::ListAuditEntriesRequest {
            page_size,
            page_token: page_token.clone(),
        };
        let answer = sessions.list_audit_entries(on_behalf(admin, audit)).await;
        assert_invalid(answer, "BAD_PAGE_SIZE", "page_size");
        let roles = directory::ListRoleChangesRequest {
            page_size,
            page_token: page_token.clone(),
        };
        let answer = directory.list_role_changes(on_behalf(admin, roles)).await;
        assert_invalid(answer, "BAD_PAGE_SIZE", "page_size");
        let libraries = directory::ListLibrariesRequest {
            page_size,
            page_token,
        };
        assert_invalid(
            directory.list_libraries(libraries).await,
            "BAD_PAGE_SIZE",
            "page_size",
        );
    }
    let any = wire::EndedSessionFilter::default;
    let time = |seconds| Some(pbjson_types::Timestamp { seconds, nanos: 0 });
    for (filter, reason, field) in [
        (
            wire::EndedSessionFilter {
                resolution: Some(77),
                ..any()
            },
            "UNKNOWN_VALUE",
            "filter.resolution",
        ),
        (
            wire::EndedSessionFilter {
                end_time_from: time(i64::MAX),
                ..any()
            },
            "BAD_TIME",
            "filter.end_time_from",
        ),
        (
            wire::EndedSessionFilter {
                end_time_before: time(i64::MIN),
                ..any()
            },
            "BAD_TIME",
            "filter.end_time_before",
        ),
        (
            wire::EndedSessionFilter {
                text: "x".repeat(201),
                ..any()
            },
            "TOO_LONG",
            "filter.text",
        ),
        (
            wire::EndedSessionFilter {
                text: "a\u{0}".to_owned(),
                ..any()
            },
            "CONTROL_CHARACTER",
            "filter.text",
        ),
    ] {
        let ended = wire::ListEndedSessionsRequest {
            filter: Some(filter),
            ..wire::ListEndedSessionsRequest::default()
        };
        let answer = sessions.list_ended_sessions(on_behalf(admin, ended)).await;
        assert_invalid(answer, reason, field);
    }
    // Well-formed tokens of pages that never existed give an empty page, or the rest of the list.
    for page_token in ["0.x", "9223372036854775807.x", "-9223372036854775808.x"] {
        let page_token = page_token.to_owned();
        let ended = wire::ListEndedSessionsRequest {
            page_size: i32::MAX,
            page_token,
            filter: None,
        };
        sessions
            .list_ended_sessions(on_behalf(admin, ended))
            .await
            .unwrap();
    }
    for page_token in ["0", "1", "18446744073709551615"] {
        let page_token = page_token.to_owned();
        let audit = wire::ListAuditEntriesRequest {
            page_size: i32::MAX,
            page_token,
        };
        sessions
            .list_audit_entries(on_behalf(admin, audit))
            .await
            .unwrap();
    }
    fixture.close().await;
}

/// I24: an impossible id, an unknown id, and a queue of others all get the same answer.
#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let fixture = Fixture::open().await;
    let owner = fixture.token(Column::Lc);
    let mut sessions = fixture.access.sessions();
    let long = "5e".repeat(50_000);
    let mut refusals = ObservedRefusals::default();
    for id in [
        "",
        "../audit/maple",
        "maple",
        "\0",
        "' OR 1=1 --",
        &long,
        &random_id(),
    ] {
        let message = wire::GetSessionRequest {
            session_id: id.to_owned(),
        };
        let status = sessions.get_session(on_behalf(owner, message)).await;
        let status = status.unwrap_err();
        refusals.add(&status);
    }
    refusals.assert_one_not_found();
    let mut refusals = ObservedRefusals::default();
    for queues in [
        vec!["cedar"],
        vec!["nowhere"],
        vec![""],
        vec!["maple", "cedar"],
    ] {
        let queue_ids = queues.into_iter().map(str::to_owned).collect();
        let watch = wire::WatchSessionsRequest {
            queue_ids,
            all: false,
        };
        let status = sessions.watch_sessions(on_behalf(owner, watch)).await;
        let status = status.unwrap_err();
        refusals.add(&status);
    }
    refusals.assert_one_not_found();
    fixture.close().await;
}

/// An audience that this server does not know is refused, for every caller: taken for UNSPECIFIED, it would give the
/// widest audience to a caller who asked for a narrower one.
#[tokio::test]
async fn an_unknown_audience_is_refused() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let mut sessions = fixture.access.sessions();
    for audience in [-1, 3, i32::MAX] {
        for token in [case.patron.as_str(), fixture.token(Column::Lc)] {
            let message = wire::GetTranscriptRequest {
                session_id: case.session_id.clone(),
                audience,
            };
            let answer = sessions.get_transcript(on_behalf(token, message)).await;
            assert_invalid(answer, "UNKNOWN_VALUE", "audience");
        }
    }
    fixture.close().await;
}
