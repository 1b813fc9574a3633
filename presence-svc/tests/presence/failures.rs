//! What holds while the leases can't be read or written, and while the log hangs; and what keeps a server from
//! starting.

use std::time::Duration;

use carrel_platform::config::HumanDuration;
use carrel_presence::StartError;
use carrel_proto::presence::v1::Status;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::fixture::{Fixture, choice, in_time};

// R18
#[tokio::test]
async fn a_server_with_settings_under_which_nobody_is_seen_does_not_start() {
    let mut fixture = Fixture::new().await;
    fixture.config.lease = HumanDuration::from_secs(0);
    let refused = fixture.start(CancellationToken::new()).await.err();
    let Some(StartError::Config(problems)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        problems.to_string().contains("presence.lease"),
        "{problems}"
    );
}

// F2
#[tokio::test]
async fn everybody_counts_as_last_known_while_the_leases_are_out_of_order() {
    let (fixture, server) = Fixture::open().await;
    let mut lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let mut oak = fixture
        .announce(&server, "oak@maple", "tab", &["coop"])
        .await;
    let mut screen = fixture.watch(&server, "boss@maple").await;
    assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);

    fixture.leases.break_down(true);
    // A sign of life does no harm, and a new choice is refused for now.
    lee.here().await;
    lee.choose(Status::Away, None).await;
    assert_eq!(
        lee.refused().await,
        (i32::from(Code::Unavailable), "PRESENCE_UNAVAILABLE".into())
    );
    let token = fixture.token("map@harbor").await;
    let first = choice("tab", Status::Unspecified, None);
    let mut map = fixture.announce_with(&server, &token, first).await.unwrap();
    assert_eq!(
        map.end().await,
        (Code::Unavailable, "PRESENCE_UNAVAILABLE".into())
    );
    assert_eq!(
        fixture.watch(&server, "boss@maple").await.names(),
        ["Mr Lee", "Ms Oak"]
    );
    fixture.leases.break_down(false);

    oak.choose(Status::Busy, None).await;
    screen
        .until(|screen| {
            let oak = screen.librarians.get("Ms Oak").expect("nobody has gone");
            assert!(screen.librarians.contains_key("Mr Lee"), "nobody has gone");
            oak.status() == Status::Busy
        })
        .await;
    oak.own_presence().await;
    lee.choose(Status::Away, None).await;
    assert_eq!(lee.own_presence().await.status(), Status::Away);
}

/// I15: a server that starts just after the store was emptied shows those who have said again that they are there.
#[tokio::test]
async fn a_server_that_starts_beside_a_new_store_does_not_show_an_empty_desk() {
    let (fixture, server) = Fixture::open().await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let _map = fixture
        .announce(&server, "map@harbor", "tab", &["coop"])
        .await;
    fixture.leases.make_new(true);
    let other = fixture.server().await;
    let map = fixture.watch(&other, "map@harbor").await;
    assert_eq!(map.names(), ["Mr Lee"]);
}

/// I15: librarians who never left are not shown as gone because the store was emptied, however often: neither on a
/// server that had read it whole, nor on one that began while it was new and never has.
#[tokio::test]
async fn nobody_is_gone_because_the_store_was_emptied() {
    let (fixture, server) = Fixture::open().await;
    let mut lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let _oak = fixture
        .announce(&server, "oak@maple", "tab", &["coop"])
        .await;
    fixture.leases.make_new(true);
    let other = fixture.server().await;
    let mut screens = [
        fixture.watch(&server, "boss@maple").await,
        fixture.watch(&other, "boss@maple").await,
    ];
    for status in [Status::Busy, Status::Away, Status::Available] {
        fixture.leases.empty();
        // A later change must have come, or the check proves nothing.
        lee.choose(status, None).await;
        for screen in &mut screens {
            assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);
            screen
                .until(|screen| {
                    assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);
                    screen.librarians["Mr Lee"].status() == status
                })
                .await;
        }
    }
    fixture.leases.make_new(false);
    lee.choose(Status::Busy, None).await;
    for screen in &mut screens {
        screen
            .until(|screen| {
                assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);
                screen.librarians["Mr Lee"].status() == Status::Busy
            })
            .await;
    }
}

/// I15: a librarian who has a stream is held again in an emptied store at once, and not only with their next sign of
/// life. So a server that begins beside it finds them.
#[tokio::test]
async fn who_is_here_is_held_again_in_an_emptied_store_at_once() {
    let (fixture, server) = Fixture::open().await;
    let other = fixture.server().await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let _map = fixture
        .announce(&other, "map@harbor", "tab", &["coop"])
        .await;
    for _ in 0..3 {
        fixture.leases.empty();
        in_time(async {
            while fixture.leases.keys().await.len() < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let third = fixture.server().await;
        assert_eq!(
            fixture.watch(&third, "map@harbor").await.names(),
            ["Mr Lee"]
        );
    }
}

/// I15: a store that was emptied knows who has gone since they were held in it.
#[tokio::test]
async fn who_goes_while_the_store_is_new_is_gone() {
    let (fixture, server) = Fixture::open().await;
    let other = fixture.server().await;
    let lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let mut oak = fixture
        .announce(&server, "oak@maple", "tab", &["coop"])
        .await;
    let mut screens = [
        fixture.watch(&server, "boss@maple").await,
        fixture.watch(&other, "boss@maple").await,
    ];
    fixture.leases.empty();
    in_time(async {
        while fixture.leases.keys().await.len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // A screen that shows this has read the new store since both were held in it. A server that has not can't know of
    // either.
    oak.choose(Status::Away, None).await;
    for screen in &mut screens {
        screen
            .until(|screen| screen.librarians["Ms Oak"].status() == Status::Away)
            .await;
    }
    lee.goodbye().await;
    for screen in &mut screens {
        screen.until(|screen| screen.names() == ["Ms Oak"]).await;
    }
}

/// I15: a librarian who went while the store was away counts as here until it knows better, and no longer.
#[tokio::test]
async fn who_is_not_held_again_is_gone_when_the_store_has_settled() {
    let (fixture, server) = Fixture::open().await;
    let other = fixture.server().await;
    let lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let mut oak = fixture
        .announce(&server, "oak@maple", "tab", &["coop"])
        .await;
    let mut screen = fixture.watch(&other, "boss@maple").await;
    server.stop.cancel();
    server.tasks.close();
    in_time(server.tasks.wait()).await;
    drop(lee);
    oak.end().await;
    fixture.leases.empty();
    let mut oak = fixture
        .announce(&other, "oak@maple", "tab", &["coop"])
        .await;
    oak.choose(Status::Away, None).await;
    screen
        .until(|screen| {
            assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);
            screen.librarians["Ms Oak"].status() == Status::Away
        })
        .await;
    fixture.leases.make_new(false);
    screen.until(|screen| screen.names() == ["Ms Oak"]).await;
}

/// I15: presence needs only the directory from the log, which counts as last known while the log hangs.
#[tokio::test]
async fn nobody_is_gone_because_the_log_hangs_and_who_goes_is() {
    let (fixture, server) = Fixture::open().await;
    let mut lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let mut oak = fixture
        .announce(&server, "oak@maple", "tab", &["coop"])
        .await;
    let mut screen = fixture.watch(&server, "boss@maple").await;
    assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);
    fixture.log.hang(true);
    tokio::time::pause();
    for status in [Status::Away, Status::Busy, Status::Available] {
        lee.choose(status, None).await;
        // Longer than a lease.
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_secs(3)).await;
            lee.here().await;
            oak.here().await;
        }
        screen
            .until(|screen| {
                assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);
                screen.librarians["Mr Lee"].status() == status
            })
            .await;
    }
    oak.goodbye().await;
    screen.until(|screen| screen.names() == ["Mr Lee"]).await;
}
