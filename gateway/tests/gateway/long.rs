//! Data longer than a frame, and longer than everything that may wait for a browser.

use carrel_proto::{
    directory::v1::{GetProfileResponse, LibraryPolicy, Script},
    gateway::v1::{client_frame::Frame, server_frame::Frame as Received},
    session::v1::{
        SessionRow, SessionRows, WatchSessionsRequest, WatchSessionsResponse,
        watch_sessions_response::Change,
    },
};

use crate::{
    browser::{Browser, JSON, PROTO},
    doors::get,
    fixture::{Fixture, NOW_S},
    services::token,
};

/// Policies with all that the rules let one library write down, and some of other libraries.
fn policies() -> Vec<LibraryPolicy> {
    let scripts = |count: usize| {
        let script = |number: usize| Script {
            name: number.to_string(),
            text: "x".repeat(4_000),
        };
        (0..count).map(script).collect()
    };
    let policy = |institution_id: &str, count| LibraryPolicy {
        institution_id: institution_id.into(),
        text: "x".repeat(4_000),
        scripts: scripts(count),
        ..LibraryPolicy::default()
    };
    vec![
        policy("maple", 100),
        policy("harbor", 100),
        policy("birch", 100),
    ]
}

fn row(number: usize) -> SessionRow {
    SessionRow {
        session_id: number.to_string(),
        question: "x".repeat(4_000),
        ..SessionRow::default()
    }
}

fn watch() -> Frame {
    Frame::Watch(WatchSessionsRequest::default())
}

// D37, D38
#[tokio::test]
async fn a_librarian_is_welcome_however_much_their_libraries_have_written_down() {
    let fixture = Fixture::open().await;
    *fixture.directory.policies.lock().unwrap() = policies();
    for protocol in [JSON, PROTO] {
        let (_, welcome) = Browser::hello(&fixture, protocol, "map").await;
        let profile = welcome.profile.unwrap();
        assert_eq!(profile.screen_name, "Ms Map");
        assert!(profile.policies.is_empty());
    }
    let authorization = format!("authorization: Bearer {}\r\n", token("map", NOW_S + 600));
    let answer = get(&fixture, "/v1/profile", &authorization).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = &body[body.find('{').unwrap()..=body.rfind('}').unwrap()];
    let read: GetProfileResponse = serde_json::from_str(body).unwrap();
    assert_eq!(read.profile.unwrap().policies, policies());
}

#[tokio::test]
async fn a_frame_as_long_as_all_that_may_wait_reaches_the_browser() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.send(watch()).await;
    assert!(matches!(browser.next().await, Received::Lists(_)));
    fixture.seen.wait_for("watch ", 1).await;
    let long = SessionRow {
        question: "x".repeat(1_000_000),
        ..row(1)
    };
    fixture.sessions.change(Change::Changed(long.clone())).await;
    let Received::Lists(lists) = browser.next().await else {
        panic!("no lists");
    };
    assert_eq!(lists.change, Some(Change::Changed(long)));
}

// I26
#[tokio::test]
async fn a_list_that_is_longer_than_what_may_wait_is_handed_out_in_order() {
    let fixture = Fixture::open().await;
    let rows: Vec<_> = (0..1_000).map(row).collect();
    let further: Vec<_> = (1_000..2_000).map(row).collect();
    *fixture.sessions.rows.lock().unwrap() = rows.clone();
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.send(watch()).await;
    fixture.seen.wait_for("watch ", 1).await;
    let rest = SessionRows {
        rows: further.clone(),
    };
    fixture.sessions.change(Change::Further(rest)).await;
    fixture.sessions.change(Change::Changed(row(7))).await;
    let mut received = Vec::new();
    while received.len() <= 2_000 {
        let Received::Lists(WatchSessionsResponse { change }) = browser.next().await else {
            panic!("no lists");
        };
        match change {
            Some(Change::Snapshot(first)) if received.is_empty() => received = first.rows,
            Some(Change::Changed(row)) => received.push(row),
            other => panic!("{other:?}"),
        }
    }
    let expected = rows.into_iter().chain(further).chain([row(7)]);
    assert!(received.into_iter().eq(expected));
}

#[tokio::test]
async fn who_waits_for_a_long_list_may_watch_another_and_is_closed_at_a_stop() {
    let fixture = Fixture::open().await;
    // More than the buffers on the way hold.
    let long: Vec<_> = (0..5_000).map(row).collect();
    *fixture.sessions.rows.lock().unwrap() = long.clone();
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.send(watch()).await;
    let Received::Lists(first) = browser.next().await else {
        panic!("no lists");
    };
    let Some(Change::Snapshot(first)) = first.change else {
        panic!("{first:?}");
    };
    assert!(first.rows.len() < long.len());

    // The rest of it does not keep the socket from the next watch, which replaces it.
    fixture.sessions.rows.lock().unwrap().clear();
    browser.send(watch()).await;
    fixture.seen.wait_for("watch ", 2).await;
    let mut rows = first.rows.len();
    loop {
        let Received::Lists(lists) = browser.next().await else {
            panic!("no lists");
        };
        match lists.change {
            Some(Change::Changed(_)) => rows += 1,
            Some(Change::Snapshot(snapshot)) => break assert!(snapshot.rows.is_empty()),
            other => panic!("{other:?}"),
        }
    }
    assert!(rows < long.len(), "{rows}");

    *fixture.sessions.rows.lock().unwrap() = long;
    browser.send(watch()).await;
    assert!(matches!(browser.next().await, Received::Lists(_)));
    fixture.shutdown.cancel();
    assert_eq!(browser.closed().await.0, 1012);
}
