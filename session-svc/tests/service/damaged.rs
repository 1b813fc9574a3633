//! Sessions that can't be read whole from the log, after a fault of the disk or because a newer version wrote them.

use std::sync::Arc;

use carrel_platform::{
    auth::Role,
    log::{Batch, EventLog, IndexEntry, NewEvent, StreamName, Write, sqlite::SqliteLog},
};
use carrel_proto::session::v1 as wire;

use crate::desk::Desk;

/// Adds a session of Maple's that can't be read.
async fn add_damaged(log: &SqliteLog, session_id: &str, closed_at_ms: Option<i64>) {
    let event = NewEvent {
        at_ms: 1,
        payload: br#"{"kind":"of a newer version"}"#.as_slice().into(),
        command: None,
    };
    let write = Write {
        stream: StreamName::new("session", session_id),
        expected: 0,
        events: vec![event],
        index_entry: Some(IndexEntry {
            owner: "maple".to_owned(),
            closed_at_ms,
        }),
    };
    let writes = vec![write];
    log.append(Batch { writes }).await.unwrap();
}

/// The desk opens without the damaged sessions, and shows all others.
#[tokio::test]
async fn what_can_not_be_read_keeps_nobody_from_the_rest() {
    let log = SqliteLog::in_memory().unwrap();
    add_damaged(&log, "0001", None).await;
    add_damaged(&log, "0002", Some(2)).await;
    let desk = Desk::on(Arc::new(log)).await;
    let (mut ricky, mut early) = (desk.patron("5e55"), desk.patron("ea11"));
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    early.open(desk.command_id(), "hello?").await.unwrap();
    early.end(desk.command_id(), "ea11").await.unwrap();

    let mut list = admin.watch(&["maple"], false).await.unwrap();
    list.until(|rows| matches!(rows, [row] if row.session_id == "5e55"))
        .await;
    let asked = admin.ask(wire::ListEndedSessionsRequest::default());
    let page = admin.client.list_ended_sessions(asked).await.unwrap();
    let ended = page.into_inner().sessions;
    let ids: Vec<_> = ended.iter().map(|session| &session.session_id).collect();
    assert_eq!(ids, ["ea11"]);
}
