//! What WatchDesk shows, and to whom.

use std::time::Duration;

use carrel_platform::auth::interceptor::Authenticator;
use carrel_proto::presence::v1::Status;

use crate::fixture::{Fixture, NOW, snapshot};

// D20
#[tokio::test]
async fn librarians_see_who_monitors_a_queue_together_with_them() {
    let (fixture, server) = Fixture::open().await;
    let mut map = fixture.watch(&server, "map@harbor").await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop", "maple"])
        .await;
    let mut oak = fixture
        .announce(&server, "oak@maple", "tab", &["maple"])
        .await;
    // Without a presence of their own, they see nobody.
    let mut here = fixture
        .announce(&server, "map@harbor", "tab", &["coop", "harbor"])
        .await;
    map.until(|screen| screen.names() == ["Mr Lee"]).await;
    let lee = &map.librarians["Mr Lee"];
    assert_eq!(lee.shared_queue_ids, ["coop"]);
    assert_eq!((lee.queue_count, lee.active_count), (2, 0));
    assert_eq!(lee.institution_name, "Maple County Library");
    assert_eq!(lee.primary_queue_name, "Maple");
    assert_eq!(lee.real_name, "");

    // Either side changes the set.
    oak.choose(Status::Unspecified, Some(&["coop"])).await;
    map.until(|screen| screen.names() == ["Mr Lee", "Ms Oak"])
        .await;
    here.choose(Status::Unspecified, Some(&["harbor"])).await;
    map.until(|screen| screen.names().is_empty()).await;
    here.choose(Status::Unspecified, Some(&["coop"])).await;
    map.until(|screen| screen.names() == ["Mr Lee", "Ms Oak"])
        .await;
    here.goodbye().await;
    map.until(|screen| screen.names().is_empty()).await;
}

// D39: staff of their own library, with the real name for administrators alone.
#[tokio::test]
async fn supervisors_see_their_own_librarys_staff_too() {
    let (fixture, server) = Fixture::open().await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["maple"])
        .await;
    let _oak = fixture.announce(&server, "oak@maple", "tab", &[]).await;
    let _map = fixture
        .announce(&server, "map@harbor", "tab", &["harbor"])
        .await;
    for (name, sees, real_name) in [
        ("boss@maple", &["Mr Lee", "Ms Oak"][..], "Real Mr Lee"),
        ("ask@maple", &["Mr Lee", "Ms Oak"], ""),
        ("boss@harbor", &["Ms Map"], ""),
        ("oak@maple", &[], ""),
    ] {
        let screen = fixture.watch(&server, name).await;
        assert_eq!(screen.order, sees, "{name}");
        if let Some(lee) = screen.librarians.get("Mr Lee") {
            assert_eq!(lee.real_name, real_name, "{name}");
            assert!(lee.shared_queue_ids.is_empty());
        }
    }
    // An administrator of another library who shares a queue with them learns no real name.
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let _quay = fixture
        .announce(&server, "boss@harbor", "tab", &["coop"])
        .await;
    let screen = fixture.watch(&server, "boss@harbor").await;
    assert_eq!(screen.librarians["Mr Lee"].real_name, "");
    assert_eq!(screen.librarians["Ms Map"].real_name, "Real Ms Map");
}

#[tokio::test]
async fn introductions_can_be_believed_and_are_replaced_in_time() {
    let (fixture, server) = Fixture::open().await;
    let auth = Authenticator::new(fixture.keys.clone(), fixture.clock.clone());
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["maple", "coop"])
        .await;
    let mut screen = fixture.watch(&server, "boss@maple").await;
    let first = screen.librarians["Mr Lee"].introduction.clone();
    let lee = auth.introduction(&first).unwrap();
    assert_eq!(lee.librarian_id, fixture.id("lee@maple"));
    assert_eq!(Vec::from_iter(lee.queues), ["coop", "maple"]);

    let half = Duration::from(fixture.config.introduction_lifetime) / 2;
    fixture
        .clock
        .advance_ms(half.as_millis().try_into().unwrap());
    screen
        .until(|screen| screen.librarians["Mr Lee"].introduction != first)
        .await;
    assert!(
        auth.introduction(&first).is_some(),
        "the old one is still good"
    );
    fixture
        .clock
        .advance_ms(half.as_millis().try_into().unwrap());
    fixture.clock.advance_ms(60_000);
    assert!(auth.introduction(&first).is_none());
    screen
        .until(|screen| {
            auth.introduction(&screen.librarians["Mr Lee"].introduction)
                .is_some()
        })
        .await;
}

// D19, D4
#[tokio::test]
async fn the_load_is_session_svcs_and_the_last_known_when_it_is_gone() {
    let fixture = Fixture::new().await;
    let lee = fixture.id("lee@maple").to_owned();
    fixture
        .load
        .begin_with(snapshot(&[("maple", 2)], &[(&lee, 3)]));
    let server = fixture.server().await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["maple"])
        .await;
    let mut screen = fixture.watch(&server, "boss@maple").await;
    screen
        .until(|screen| {
            let lee = screen.librarians.get("Mr Lee");
            lee.is_some_and(|lee| lee.active_count == 3) && screen.queues["maple"].waiting == 2
        })
        .await;
    assert!(screen.queues["maple"].oldest_time.is_some());

    // It goes away: its last load stays. It comes back with less: that counts.
    fixture.load.watched(1).await;
    fixture.load.begin_with(snapshot(&[], &[(&lee, 1)]));
    fixture.load.hang_up();
    fixture.load.watched(2).await;
    screen
        .until(|screen| {
            screen.librarians["Mr Lee"].active_count == 1 && screen.queues["maple"].waiting == 0
        })
        .await;
    assert_eq!(screen.queues["maple"].oldest_time, None);
    fixture.load.say(snapshot(&[("coop", 1)], &[]));
    screen
        .until(|screen| screen.queues["coop"].waiting == 1)
        .await;
}

// R19, D26, D33
#[tokio::test]
async fn a_queue_is_staffed_by_those_who_take_new_patrons_and_open_in_its_hours() {
    let (fixture, server) = Fixture::open().await;
    let mut screen = fixture.watch(&server, "lee@maple").await;
    let ids: Vec<_> = screen.queues.keys().map(String::as_str).collect();
    assert_eq!(
        ids,
        ["coop", "maple", "practice"],
        "those that they may monitor"
    );
    let maple = &screen.queues["maple"];
    assert_eq!(
        (maple.librarians, maple.staffed, maple.open),
        (0, false, false)
    );
    let opens = maple.next_change_time.as_ref().unwrap().seconds * 1000;
    assert_eq!(opens, NOW + 60_000);
    let coop = &screen.queues["coop"];
    assert!(coop.open && coop.next_change_time.is_none());

    let mut lee = fixture
        .announce(&server, "lee@maple", "tab", &["maple"])
        .await;
    for (status, staffed) in [
        (Status::Away, false),
        (Status::Busy, true),
        (Status::AcceptNoNew, false),
        (Status::Available, true),
    ] {
        lee.choose(status, None).await;
        screen
            .until(|screen| {
                let maple = &screen.queues["maple"];
                (maple.librarians, maple.staffed) == (1, staffed)
            })
            .await;
    }
    fixture.clock.advance_ms(60_000);
    screen.until(|screen| screen.queues["maple"].open).await;
    fixture.clock.advance_ms(12 * 3_600_000);
    screen.until(|screen| !screen.queues["maple"].open).await;
}
