//! Requests with several wrong fields: all are named at once (R23).

use carrel_platform::{auth::Role, refusal::Refusal};
use carrel_proto::session::v1::{self as wire, EndedSessionFilter};
use pbjson_types::Timestamp;
use tonic::Status;

use crate::desk::Desk;
use crate::person::reason;

fn named<T: std::fmt::Debug>(answer: Result<T, Status>) -> (String, Vec<String>) {
    let status = answer.unwrap_err();
    let violations = Refusal::from(&status).field_violations;
    let fields = violations.into_iter().map(|(field, _)| field);
    (reason(&status), fields.collect())
}

fn are(reason: &str, fields: &[&str]) -> (String, Vec<String>) {
    let fields = fields.iter().map(|&field| field.to_owned());
    (reason.to_owned(), fields.collect())
}

/// A patron corrects the form once, and not field by field.
#[tokio::test]
async fn all_of_a_patrons_question_are_named() {
    let desk = Desk::open().await;
    let mut ricky = desk.patron("f1e1d5");
    let open = |question: &str, patron_name: &str, patron_email: &str| wire::OpenSessionRequest {
        command_id: desk.command_id(),
        question: question.into(),
        patron_name: patron_name.into(),
        patron_email: patron_email.into(),
        language: String::new(),
    };
    for (message, wanted) in [
        (
            open("hello?", "Ric\nky", "ricky"),
            are("CONTROL_CHARACTER", &["patron_name", "patron_email"]),
        ),
        (
            open(" ", &"x".repeat(101), "@"),
            are("EMPTY", &["question", "patron_name", "patron_email"]),
        ),
        (open("hello?", "", "@"), are("BAD_EMAIL", &["patron_email"])),
    ] {
        let request = ricky.ask(message);
        assert_eq!(named(ricky.client.open_session(request).await), wanted);
    }
    ricky.open(desk.command_id(), "hello?").await.unwrap();
}

#[tokio::test]
async fn all_of_a_search_are_named() {
    let desk = Desk::open().await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let never = Some(Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    });
    let request = admin.ask(wire::ListEndedSessionsRequest {
        page_size: -1,
        page_token: "x".into(),
        filter: Some(EndedSessionFilter {
            resolution: Some(77),
            end_time_from: never,
            end_time_before: never,
            text: "x".repeat(201),
            descriptive_code: Some("x".repeat(61)),
        }),
    });
    let wanted = [
        "page_size",
        "page_token",
        "filter.resolution",
        "filter.end_time_from",
        "filter.end_time_before",
        "filter.text",
        "filter.descriptive_code",
    ];
    let answer = admin.client.list_ended_sessions(request).await;
    assert_eq!(named(answer), are("BAD_PAGE_SIZE", &wanted));
    let request = admin.ask(wire::ListAuditEntriesRequest {
        page_size: -1,
        page_token: "x".into(),
    });
    let answer = admin.client.list_audit_entries(request).await;
    assert_eq!(named(answer), are("BAD_PAGE_SIZE", &wanted[..2]));
}

/// An offer without an addressee is refused before the session is looked at, and its remark with it.
#[tokio::test]
async fn both_of_an_offer_are_named() {
    let desk = Desk::open().await;
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    for (message, wanted) in [
        ("You know maps".to_owned(), &["to"][..]),
        ("x".repeat(1_001), &["to", "message"]),
    ] {
        let request = map.ask(wire::OfferTransferRequest {
            command_id: desk.command_id(),
            session_id: "f1e1d5".into(),
            message,
            to: None,
        });
        let answer = map.transfers.offer_transfer(request).await;
        assert_eq!(named(answer), are("EMPTY", wanted));
    }
}
