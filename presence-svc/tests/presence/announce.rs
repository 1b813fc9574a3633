//! What Announce promises.

use carrel_proto::presence::v1::{self as wire, Status, announce_request::Request};
use futures::{FutureExt as _, StreamExt as _, future::join_all, stream::FuturesUnordered};
use tonic::Code;

use crate::fixture::{Fixture, choice, in_time};

/// Numbers that no status has, or had when this was written.
const UNKNOWN_STATUSES: [i32; 3] = [-1, 99, i32::MAX];

fn own(status: Status, queues: &[&str], monitors: u32) -> wire::OwnPresence {
    wire::OwnPresence {
        status: status.into(),
        queue_ids: queues.iter().map(|queue| (*queue).into()).collect(),
        monitors,
    }
}

// R19, D27
#[tokio::test]
async fn at_first_a_librarian_is_available_and_monitors_nothing() {
    let (fixture, server) = Fixture::open().await;
    let token = fixture.token("lee@maple").await;
    let first = choice("tab", Status::Unspecified, None);
    let mut tab = fixture.announce_with(&server, &token, first).await.unwrap();
    assert_eq!(tab.own_presence().await, own(Status::Available, &[], 1));

    tab.choose(Status::AcceptNoNew, Some(&["maple", "coop"]))
        .await;
    assert_eq!(
        tab.own_presence().await,
        own(Status::AcceptNoNew, &["coop", "maple"], 1)
    );
    tab.choose(Status::Busy, None).await;
    assert_eq!(
        tab.own_presence().await,
        own(Status::Busy, &["coop", "maple"], 1)
    );
    tab.choose(Status::Unspecified, Some(&[])).await;
    assert_eq!(tab.own_presence().await, own(Status::Busy, &[], 1));
}

// R18, D24
#[tokio::test]
async fn several_monitors_are_one_presence_on_whichever_servers_they_are() {
    let (fixture, server) = Fixture::open().await;
    let other_server = fixture.server().await;
    let mut watcher = fixture.watch(&server, "boss@maple").await;

    let mut tab = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let mut phone = fixture
        .announce(&other_server, "lee@maple", "phone", &["maple"])
        .await;
    assert_eq!(
        tab.own_presence().await,
        own(Status::Available, &["maple"], 2)
    );
    tab.choose(Status::Away, None).await;
    assert_eq!(tab.own_presence().await, own(Status::Away, &["maple"], 2));
    assert_eq!(phone.own_presence().await, own(Status::Away, &["maple"], 2));

    // The choice made on the tab stays when the tab is closed, and so does the librarian.
    tab.goodbye().await;
    assert_eq!(phone.own_presence().await, own(Status::Away, &["maple"], 1));
    let row = |screen: &crate::fixture::Screen| screen.librarians.get("Mr Lee").cloned();
    watcher
        .until(|screen| row(screen).is_some_and(|row| row.status() == Status::Away))
        .await;
    phone.goodbye().await;
    watcher.until(|screen| row(screen).is_none()).await;
}

// R18: one of the other monitors may be on its way back when the one with the newest choice is closed.
#[tokio::test]
async fn what_was_chosen_on_a_monitor_that_was_closed_waits_for_one_that_comes_back() {
    let (fixture, server) = Fixture::open().await;
    let other_server = fixture.server().await;
    let phone = fixture
        .announce(&other_server, "lee@maple", "phone", &["maple"])
        .await;
    drop(phone);
    let mut tab = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    tab.choose(Status::Away, None).await;
    tab.goodbye().await;
    let token = fixture.token("lee@maple").await;
    let as_it_is = choice("phone", Status::Unspecified, None);
    let mut phone = fixture
        .announce_with(&other_server, &token, as_it_is)
        .await
        .unwrap();
    assert_eq!(phone.own_presence().await, own(Status::Away, &["coop"], 1));

    // A librarian who comes back after all of them were closed starts afresh.
    phone.goodbye().await;
    let first = choice("other", Status::Unspecified, None);
    let mut other = fixture.announce_with(&server, &token, first).await.unwrap();
    assert_eq!(other.own_presence().await, own(Status::Available, &[], 1));
}

// D25, I15
#[tokio::test]
async fn whoever_comes_back_in_time_was_never_gone() {
    let (fixture, server) = Fixture::open().await;
    let other_server = fixture.server().await;
    let tab = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let mut watcher = fixture.watch(&server, "boss@maple").await;
    drop(tab);
    let as_it_is = choice("tab", Status::Unspecified, None);
    let token = fixture.token("lee@maple").await;
    let mut tab = fixture
        .announce_with(&other_server, &token, as_it_is)
        .await
        .unwrap();
    assert_eq!(
        tab.own_presence().await,
        own(Status::Available, &["coop"], 1)
    );
    // The next change that the watcher hears of is this one.
    tab.choose(Status::Busy, None).await;
    watcher
        .until(|screen| {
            let row = screen
                .librarians
                .get("Mr Lee")
                .expect("they did not flicker");
            row.status() == Status::Busy
        })
        .await;
}

// D25
#[tokio::test]
async fn whoever_gives_no_sign_of_life_is_gone() {
    let mut fixture = Fixture::new().await;
    fixture.config.lease = std::time::Duration::from_millis(400).into();
    let server = fixture.server().await;
    let mut watcher = fixture.watch(&server, "boss@maple").await;
    let mut tab = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    assert_eq!(tab.end().await, (Code::DeadlineExceeded, "SILENT".into()));
    watcher
        .until(|screen| screen.librarians.contains_key("Mr Lee"))
        .await;
    watcher.until(|screen| screen.librarians.is_empty()).await;

    // A librarian whose stream was cut is gone as well.
    drop(
        fixture
            .announce(&server, "lee@maple", "tab", &["coop"])
            .await,
    );
    watcher
        .until(|screen| screen.librarians.contains_key("Mr Lee"))
        .await;
    watcher.until(|screen| screen.librarians.is_empty()).await;
}

// I15
#[tokio::test]
async fn the_newest_stream_of_a_monitor_is_the_monitor() {
    let (fixture, server) = Fixture::open().await;
    let other_server = fixture.server().await;
    for newer_server in [&server, &other_server] {
        let mut older = fixture
            .announce(&server, "lee@maple", "tab", &["coop"])
            .await;
        let mut newer = fixture
            .announce(newer_server, "lee@maple", "tab", &["maple"])
            .await;
        assert_eq!(older.end().await, (Code::Aborted, "SUPERSEDED".into()));
        newer.choose(Status::Away, None).await;
        assert_eq!(newer.own_presence().await, own(Status::Away, &["maple"], 1));
        newer.goodbye().await;
    }
}

// I16, D27
#[tokio::test]
async fn a_choice_that_can_not_be_taken_leaves_what_was_chosen_before() {
    let (fixture, server) = Fixture::open().await;
    let mut tab = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let not_found = i32::from(Code::NotFound);
    let invalid = i32::from(Code::InvalidArgument);
    for (queues, code, reason) in [
        (&["harbor"][..], not_found, "NOT_FOUND"),
        (&["coop", "nowhere"], not_found, "NOT_FOUND"),
        (&["coop", "practice"], invalid, "PRACTICE_MIXED"),
    ] {
        tab.choose(Status::Away, Some(queues)).await;
        assert_eq!(tab.refused().await, (code, reason.into()), "{queues:?}");
    }
    // A status that only a newer client knows is not taken for another, or for none.
    for status in UNKNOWN_STATUSES {
        let mut later = choice("ignored", Status::Unspecified, Some(&["maple"]));
        later.status = status;
        tab.say(Request::Announcement(later)).await;
        assert_eq!(tab.refused().await, (invalid, "UNKNOWN_VALUE".into()));
    }
    tab.choose(Status::Busy, None).await;
    assert_eq!(tab.own_presence().await, own(Status::Busy, &["coop"], 1));
    tab.choose(Status::Busy, Some(&["practice"])).await;
    assert_eq!(
        tab.own_presence().await,
        own(Status::Busy, &["practice"], 1)
    );

    // As the first announcement, it ends the stream.
    let token = fixture.token("lee@maple").await;
    for (monitor, queue, code, reason) in [
        ("other", "harbor", Code::NotFound, "NOT_FOUND"),
        ("a\nb", "coop", Code::InvalidArgument, "BAD_MONITOR_ID"),
    ] {
        let first = choice(monitor, Status::Unspecified, Some(&[queue]));
        let mut refused = fixture.announce_with(&server, &token, first).await.unwrap();
        assert_eq!(refused.end().await, (code, reason.into()), "{monitor:?}");
    }
    for status in UNKNOWN_STATUSES {
        let mut first = choice("other", Status::Unspecified, Some(&["coop"]));
        first.status = status;
        let mut refused = fixture.announce_with(&server, &token, first).await.unwrap();
        let unknown = (Code::InvalidArgument, "UNKNOWN_VALUE".into());
        assert_eq!(refused.end().await, unknown, "{status}");
    }
    // An announcement that was refused makes nobody present.
    tab.goodbye().await;
    let first = choice("tab", Status::Unspecified, None);
    let mut tab = fixture.announce_with(&server, &token, first).await.unwrap();
    assert_eq!(tab.own_presence().await, own(Status::Available, &[], 1));
}

#[tokio::test]
async fn a_monitor_is_named_by_visible_ascii_characters() {
    let (fixture, server) = Fixture::open().await;
    let token = fixture.token("lee@maple").await;
    let longest: String = ('!'..='~').take(64).collect();
    for good in ["x", "~", &longest] {
        let first = choice(good, Status::Unspecified, Some(&["coop"]));
        let mut tab = fixture.announce_with(&server, &token, first).await.unwrap();
        let there = own(Status::Available, &["coop"], 1);
        assert_eq!(tab.own_presence().await, there, "{good}");
        tab.goodbye().await;
    }
    let too_long = format!("{longest}x");
    for bad in [
        "",
        " ",
        "two words",
        "a\tb",
        "\0",
        "\u{7f}",
        "caf\u{e9}",
        "\u{1f4da}",
        "\u{a0}",
        &too_long,
    ] {
        let first = choice(bad, Status::Unspecified, Some(&["coop"]));
        let mut refused = fixture.announce_with(&server, &token, first).await.unwrap();
        let bad_id = (Code::InvalidArgument, "BAD_MONITOR_ID".into());
        assert_eq!(refused.end().await, bad_id, "{bad:?}");
    }
}

#[tokio::test]
async fn no_librarian_fills_the_desk_with_monitors() {
    let (fixture, server) = Fixture::open().await;
    let mut open = Vec::new();
    for number in 0..32 {
        open.push(
            fixture
                .announce(&server, "lee@maple", &number.to_string(), &[])
                .await,
        );
    }
    let token = fixture.token("lee@maple").await;
    let one_more = choice("more", Status::Unspecified, None);
    let mut refused = fixture
        .announce_with(&server, &token, one_more)
        .await
        .unwrap();
    assert_eq!(
        refused.end().await,
        (Code::ResourceExhausted, "TOO_MANY_MONITORS".into())
    );
    // A monitor that comes back does not count as another.
    fixture.announce(&server, "lee@maple", "7", &[]).await;
}

/// A browser that reopens all its windows at once.
#[tokio::test]
async fn of_monitors_that_are_opened_at_once_no_more_stay_than_may() {
    let fixture = Fixture::new().await;
    let servers = [fixture.server().await, fixture.server().await];
    let token = fixture.token("lee@maple").await;
    let opening = (0..40).map(|number| {
        let first = choice(&number.to_string(), Status::Unspecified, Some(&[]));
        fixture.announce_with(&servers[number % 2], &token, first)
    });
    let monitors = join_all(opening).await;
    let mut ends: FuturesUnordered<_> = monitors
        .into_iter()
        .map(|monitor| async move {
            let mut monitor = monitor.unwrap();
            monitor.end().await
        })
        .collect();
    for _ in 0..8 {
        let refused = in_time(ends.next()).await;
        let too_many = (Code::ResourceExhausted, "TOO_MANY_MONITORS".into());
        assert_eq!(refused, Some(too_many));
    }
    assert_eq!(fixture.leases.keys().await.len(), 32);
    assert!(ends.next().now_or_never().is_none(), "all others stay");
}
