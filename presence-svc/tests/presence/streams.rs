//! How streams begin and end: tokens, first words, and a server that stops.

use std::time::Duration;

use carrel_platform::{
    auth::{Role, Who},
    config::HumanDuration,
};
use carrel_proto::presence::v1::{self as wire, Status};
use tonic::Code;
use wire::announce_request::Request;

use crate::fixture::{Fixture, Monitor, Screen, choice, directory_file, in_time};

#[tokio::test]
async fn the_first_word_is_an_announcement() {
    let (fixture, server) = Fixture::open().await;
    let token = fixture.token("lee@maple").await;
    for first in [
        Request::Here(wire::Here {}),
        Request::Goodbye(wire::Goodbye {}),
    ] {
        let mut monitor = Monitor::connect(&server, &token).await.unwrap();
        monitor.say(first).await;
        assert_eq!(
            monitor.end().await,
            (Code::InvalidArgument, "NO_ANNOUNCEMENT".into())
        );
    }
}

// I23
#[tokio::test]
async fn no_stream_outlives_its_token() {
    let (fixture, server) = Fixture::open().await;
    let who = Who::Librarian(fixture.who("lee@maple").await);
    let token = fixture.issue(who, Duration::from_secs(1));
    let first = choice("tab", Status::Unspecified, None);
    let mut tab = fixture.announce_with(&server, &token, first).await.unwrap();
    let mut watcher = Screen::watch(&server, &token).await;
    fixture.clock.advance_ms(1_000);
    assert_eq!(
        tab.end().await,
        (Code::Unauthenticated, "TOKEN_EXPIRED".into())
    );
    assert_eq!(
        watcher.end().await,
        (Code::Unauthenticated, "TOKEN_EXPIRED".into())
    );
}

// I23
#[tokio::test]
async fn whoever_reads_nothing_is_sent_away_even_so() {
    let lease = HumanDuration::from_secs(60);
    for (token_lasts, lease, reason) in [
        (lease.get() / 2, lease, "TOKEN_EXPIRED"),
        (lease.get() * 2, lease, "SILENT"),
    ] {
        let mut fixture = Fixture::new().await;
        fixture.config.lease = lease;
        fixture.config.heartbeat = HumanDuration::from_secs(1);
        fixture.config.sweep = HumanDuration::from_secs(1);
        let server = fixture.server_in_process().await;
        let others = server.tasks.len();
        let who = Who::Librarian(fixture.who("lee@maple").await);
        let token = fixture.issue(who, token_lasts);
        let first = choice("tab", Status::Unspecified, None);
        let mut tab = fixture.announce_with(&server, &token, first).await.unwrap();
        tab.own_presence().await;
        tab.here().await;
        assert_eq!(server.tasks.len(), others + 1);

        tokio::time::pause();
        // More heartbeats than there is room for.
        tokio::time::sleep(lease.get() / 3).await;
        if reason == "TOKEN_EXPIRED" {
            let lasts = i64::try_from(token_lasts.as_millis()).unwrap();
            fixture.clock.advance_ms(lasts);
        }
        let ended = async {
            while server.tasks.len() > others {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let ended = tokio::time::timeout(lease.get() * 2, ended).await;
        ended.unwrap_or_else(|_| panic!("the stream ends: {reason}"));
        tokio::time::resume();
        assert_eq!(tab.end().await.1, reason);
    }
}

// I23
#[tokio::test]
async fn a_stream_goes_on_with_a_new_token_of_the_same_rights() {
    let (fixture, server) = Fixture::open().await;
    let lee = fixture.who("lee@maple").await;
    let short = fixture.issue(Who::Librarian(lee.clone()), Duration::from_secs(3));
    let first = choice("tab", Status::Unspecified, Some(&["coop"]));
    let mut tab = fixture.announce_with(&server, &short, first).await.unwrap();
    tab.own_presence().await;
    tab.renew(fixture.token("lee@maple").await).await;
    // Well after the first token's end it is still there.
    let mut other = fixture
        .announce_with(&server, &short, choice("other", Status::Unspecified, None))
        .await
        .unwrap();
    fixture.clock.advance_ms(3_000);
    assert_eq!(other.end().await.1, "TOKEN_EXPIRED");
    tab.here().await;
    tab.choose(Status::Away, None).await;
    while tab.own_presence().await.status() != Status::Away {}

    let mut promoted = lee.clone();
    promoted.role = Role::Administrator;
    let mut curtailed = lee;
    curtailed.queues.remove("coop");
    for other_rights in [promoted, curtailed] {
        let mut tab = fixture
            .announce(&server, "lee@maple", "tab", &["coop"])
            .await;
        tab.renew(fixture.issue(Who::Librarian(other_rights), Duration::from_secs(60)))
            .await;
        assert_eq!(
            tab.end().await,
            (Code::Unavailable, "RIGHTS_CHANGED".into())
        );
    }
    for not_theirs in [fixture.token("oak@maple").await, "nonsense".into()] {
        let mut tab = fixture
            .announce(&server, "lee@maple", "tab", &["coop"])
            .await;
        tab.renew(not_theirs).await;
        assert_eq!(tab.end().await, (Code::Unauthenticated, "BAD_TOKEN".into()));
    }
    let mut tab = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    tab.renew(fixture.patron()).await;
    assert_eq!(
        tab.end().await,
        (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into())
    );
}

// I16, I23
#[tokio::test]
async fn whoever_loses_the_right_to_a_queue_monitors_it_no_longer() {
    let (fixture, server) = Fixture::open().await;
    let mut lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop", "maple"])
        .await;
    let mut map = fixture.watch(&server, "map@harbor").await;
    let _map = fixture
        .announce(&server, "map@harbor", "tab", &["coop"])
        .await;
    map.until(|screen| screen.names() == ["Mr Lee"]).await;

    // The directory takes the queue away from their library, while their token still names it.
    let changed = directory_file(
        |_| true,
        |text| {
            text.replace(
                r#"staffed_by = ["maple", "harbor"]"#,
                r#"staffed_by = ["harbor"]"#,
            )
            .replace("practice_queue = \"practice\"\n", "")
        },
    );
    fixture.load_directory(&changed).await;
    assert_eq!(lee.own_presence().await.queue_ids, ["maple"]);
    map.until(|screen| screen.names().is_empty()).await;
    lee.choose(Status::Unspecified, Some(&["coop"])).await;
    assert_eq!(lee.refused().await.1, "NOT_FOUND");

    // A librarian whose account is gone is not here.
    let mut boss = fixture.watch(&server, "boss@maple").await;
    assert_eq!(boss.names(), ["Mr Lee"]);
    fixture
        .load_directory(&directory_file(|name| name != "lee@maple", |text| text))
        .await;
    boss.until(|screen| screen.names().is_empty()).await;
}

// I23: the token of an account that is gone may still be good for a while.
#[tokio::test]
async fn nobody_without_an_account_keeps_a_monitor_open() {
    let (fixture, server) = Fixture::open().await;
    let token = fixture.token("lee@maple").await;
    let mut open = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    fixture
        .load_directory(&directory_file(|name| name != "lee@maple", |text| text))
        .await;
    let gone = (Code::Unauthenticated, "ACCOUNT_REMOVED".to_owned());
    assert_eq!(open.end().await, gone);
    let first = choice("other", Status::Unspecified, Some(&["coop"]));
    let mut again = fixture.announce_with(&server, &token, first).await.unwrap();
    assert_eq!(again.end().await, gone);
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_leaves_nothing_behind() {
    let (fixture, server) = Fixture::open().await;
    let mut tab = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let mut watcher = fixture.watch(&server, "boss@maple").await;
    server.stop.cancel();
    assert_eq!(tab.end().await, (Code::Unavailable, "SHUTTING_DOWN".into()));
    assert_eq!(
        watcher.end().await,
        (Code::Unavailable, "SHUTTING_DOWN".into())
    );
    in_time(server.tasks.wait()).await;
    // Their monitor's lease stands: they connect to another server and were never gone.
    let other_server = fixture.server().await;
    assert_eq!(
        fixture.watch(&other_server, "boss@maple").await.names(),
        ["Mr Lee"]
    );
}
