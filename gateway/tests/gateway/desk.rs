//! Watching the desk and conversations.

use carrel_proto::{
    gateway::v1::{RenewToken, client_frame::Frame, server_frame::Frame as Received},
    im::v1::{
        ConversationGone, WatchConversationsRequest, watch_conversations_response as conversations,
    },
    presence::v1::{LibrarianGone, LibrarianRow, WatchDeskRequest, watch_desk_response as desk},
};
use futures::StreamExt;
use tokio_tungstenite::tungstenite::Message;
use tonic::Code;

use crate::{
    browser::{Browser, JSON, PROTO},
    fixture::Fixture,
};

const DESK: Frame = Frame::WatchDesk(WatchDeskRequest {});
const CONVERSATIONS: Frame = Frame::WatchConversations(WatchConversationsRequest { trace: false });

async fn desk_change(browser: &mut Browser) -> desk::Change {
    match browser.next().await {
        Received::Desk(desk) => desk.change.unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn conversations_change(browser: &mut Browser) -> conversations::Change {
    match browser.next().await {
        Received::Conversations(conversations) => conversations.change.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_desk_and_conversations_are_watched_side_by_side() {
    let fixture = Fixture::open().await;
    for protocol in [JSON, PROTO] {
        let (mut browser, _) = Browser::hello(&fixture, protocol, protocol).await;
        browser.send(DESK).await;
        let snapshot = desk_change(&mut browser).await;
        assert!(matches!(snapshot, desk::Change::Snapshot(_)));
        browser.send(CONVERSATIONS).await;
        let snapshot = conversations_change(&mut browser).await;
        assert!(matches!(snapshot, conversations::Change::Snapshot(_)));
        let line = format!("watch conversations {protocol}");
        fixture.seen.wait_for(&line, 1).await;

        let gone = desk::Change::LibrarianGone(LibrarianGone {
            librarian_id: "lee".into(),
        });
        fixture.presence.change(gone.clone()).await;
        assert_eq!(desk_change(&mut browser).await, gone);
        let gone = conversations::Change::Gone(ConversationGone {
            conversation_id: "c".into(),
        });
        fixture.im.change(gone.clone()).await;
        assert_eq!(conversations_change(&mut browser).await, gone);
    }
}

#[tokio::test]
async fn a_second_watch_takes_the_place_of_the_first_and_a_fresh_token_watches_anew() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    for _ in 0..2 {
        browser.send(DESK).await;
        desk_change(&mut browser).await;
        browser.send(CONVERSATIONS).await;
        conversations_change(&mut browser).await;
    }
    browser.send(Frame::RenewToken(RenewToken {})).await;
    assert!(matches!(browser.next().await, Received::Renewed(_)));
    let mut again = [browser.next().await, browser.next().await];
    again.sort_by_key(|frame| matches!(frame, Received::Conversations(_)));
    assert!(matches!(
        again,
        [Received::Desk(_), Received::Conversations(_)]
    ));
    fixture.seen.wait_for("watch desk map", 3).await;
    fixture.seen.wait_for("watch conversations map", 3).await;
    // Of three streams one is left, so each change is told once.
    for number in 0..2 {
        let gone = desk::Change::LibrarianGone(LibrarianGone {
            librarian_id: number.to_string(),
        });
        fixture.presence.change(gone.clone()).await;
        assert_eq!(desk_change(&mut browser).await, gone);
    }
}

#[tokio::test]
async fn a_patron_is_refused_by_the_service_and_an_end_is_told() {
    let mut fixture = Fixture::open().await;
    let (mut patron, _) = Browser::hello(&fixture, JSON, "patron-ricky").await;
    let (mut librarian, _) = Browser::hello(&fixture, JSON, "map").await;
    for (frame, name) in [(DESK, "watch_desk"), (CONVERSATIONS, "watch_conversations")] {
        patron.send(frame.clone()).await;
        let refusal = patron.refused().await.refusal.unwrap();
        assert_eq!(refusal.code, Code::PermissionDenied as i32);
        assert_eq!(refusal.metadata["request"], name);
        librarian.send(frame).await;
        librarian.next().await;
    }
    fixture.lose_services().await;
    let mut ended = Vec::new();
    for _ in 0..2 {
        let refusal = librarian.refused().await.refusal.unwrap();
        assert_eq!(refusal.code, Code::Unavailable as i32);
        ended.push(refusal.metadata["request"].clone());
    }
    ended.sort();
    assert_eq!(ended, ["watch_conversations", "watch_desk"]);
}

#[tokio::test]
async fn a_crowded_desk_comes_in_frames_that_are_short_enough() {
    let fixture = Fixture::open().await;
    let crowd: Vec<_> = (0..300)
        .map(|number| LibrarianRow {
            librarian_id: number.to_string(),
            introduction: "x".repeat(400),
            ..LibrarianRow::default()
        })
        .collect();
    fixture.presence.crowd.lock().unwrap().clone_from(&crowd);
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.send(DESK).await;
    let mut received = Vec::new();
    while received.len() < crowd.len() {
        let Message::Text(text) = browser.socket.next().await.unwrap().unwrap() else {
            continue;
        };
        assert!(text.len() <= 64 * 1024);
        let frame: carrel_proto::gateway::v1::ServerFrame = serde_json::from_str(&text).unwrap();
        let Some(Received::Desk(part)) = frame.frame else {
            panic!("{text}");
        };
        match part.change.unwrap() {
            desk::Change::Snapshot(snapshot) if received.is_empty() => {
                received = snapshot.librarians;
            }
            desk::Change::Librarian(row) => received.push(row),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received, crowd);
}
