//! Exporting a transcript (R21, I25).

use std::sync::Arc;

use carrel_platform::{auth::Role, log::EventLog};
use carrel_proto::session::v1 as wire;
use carrel_testbed::log::{Answer, FaultyLog};
use tonic::Code;

use crate::desk::Desk;
use crate::person::{Person, reason};

const SESSION: &str = "e4b0";

/// Returns Ricky and Ms Map, of another library, who has picked him up and written a note.
async fn talking(desk: &Desk) -> (Person, Person) {
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open("open".into(), "hello?").await.unwrap();
    map.pick_up("pick-up".into(), SESSION).await.unwrap();
    map.note("note".into(), SESSION, "a map?").await.unwrap();
    (ricky, map)
}

/// R21: the owner's export is in the audit as well as everyone else's, each with its view, and instead of a reading.
/// Reading what one was in, and what a patron keeps, is not.
#[tokio::test]
async fn each_export_by_staff_is_in_the_audit_of_the_patrons_library() {
    let desk = Desk::open().await;
    let (mut ricky, mut map) = talking(&desk).await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &[]);
    let (patrons, staffs) = (wire::Audience::Patron, wire::Audience::Staff);
    let widest = wire::Audience::Unspecified;

    map.transcript(SESSION, staffs).await.unwrap();
    let running = map.export(SESSION, widest).await.unwrap();
    assert_eq!((running.audience(), running.events.len()), (staffs, 3));
    ask.enter("enter".into(), SESSION).await.unwrap();
    ask.export(SESSION, patrons).await.unwrap();
    map.end("end".into(), SESSION).await.unwrap();
    ricky.transcript(SESSION, widest).await.unwrap();
    let over = admin.export(SESSION, staffs).await.unwrap();
    let read = map.transcript(SESSION, staffs).await.unwrap();
    assert_eq!((over.session, over.events), (read.session, read.events));

    let told = |entries: Vec<wire::AuditEntry>| -> Vec<_> {
        let about = |entry: &wire::AuditEntry| entry.session_id == SESSION;
        let entries = entries.into_iter().filter(about).rev();
        let told = entries.map(|entry| {
            let act = entry.act().as_str_name().trim_start_matches("AUDIT_ACT_");
            (entry.librarian_id.clone(), act.to_owned(), entry.detail)
        });
        told.collect()
    };
    let said =
        |who: &str, act: &str, detail: &str| (who.to_owned(), act.to_owned(), detail.to_owned());
    let expected = vec![
        said("map", "TRANSCRIPT_EXPORTED", "STAFF"),
        said("ask", "CONFERENCE_ENTERED", crate::desk::WARNING),
        said("ask", "TRANSCRIPT_EXPORTED", "PATRON"),
        said("ask", "CONFERENCE_LEFT", "SESSION_ENDED"),
        said("admin", "TRANSCRIPT_EXPORTED", "STAFF"),
    ];
    assert_eq!(told(admin.audit().await), expected);
    assert_eq!(told(ask.audit().await), expected[1..4]);
}

/// Who may not read the transcript may not export it, and a patron never exports; neither is in the audit.
#[tokio::test]
async fn nobody_exports_what_they_may_not_read() {
    let desk = Desk::open().await;
    let (mut ricky, mut map) = talking(&desk).await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let mut stranger = desk.librarian("lee", "cedar", Role::Administrator, &[]);
    let widest = wire::Audience::Unspecified;
    for (who, code, why) in [
        (&mut admin, Code::FailedPrecondition, "NOT_INSIDE"),
        (&mut stranger, Code::NotFound, "NOT_FOUND"),
        (&mut ricky, Code::PermissionDenied, "ROLE_NOT_ALLOWED"),
    ] {
        let refused = who.export(SESSION, widest).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (code, why));
    }
    // As for any session, so also for what can't be the id of one.
    let refused = ricky.export("no such", widest).await.unwrap_err();
    assert_eq!(reason(&refused), "ROLE_NOT_ALLOWED");
    let refused = map.export("no such", widest).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_FOUND");
    assert_eq!(admin.audit().await, []);
}

/// I25: nothing leaves before its entry is written, and nothing leaves if it can't be.
#[tokio::test]
async fn nothing_is_exported_before_the_audit_has_it() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let (_, mut map) = talking(&desk).await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let widest = wire::Audience::Unspecified;

    log.answer(Answer::Unavailable);
    let refused = map.export(SESSION, widest).await.unwrap_err();
    assert_eq!(reason(&refused), "LOG_UNAVAILABLE");
    log.answer(Answer::Truly);
    assert_eq!(admin.audit().await, []);

    log.hold();
    let mut export = {
        let mut map = map.clone();
        tokio::spawn(async move { map.export(SESSION, widest).await })
    };
    log.held().await;
    assert!(futures::poll!(&mut export).is_pending());
    log.allow(1);
    export.await.unwrap().unwrap();
    assert_eq!(admin.audit().await.len(), 1);
}
