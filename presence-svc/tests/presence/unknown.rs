//! What is answered while it is not known who is here.

use std::{sync::Arc, time::Duration};

use carrel_proto::presence::v1 as wire;
use carrel_testbed::bus::DeafBus;
use tonic::{Code, Status};

use crate::fixture::{Fixture, TestServer, bearing, choice, reason};

async fn own_queues(
    fixture: &Fixture,
    server: &TestServer,
    name: &str,
) -> Result<Option<Vec<String>>, Status> {
    let token = fixture.token(name).await;
    let request = bearing(&token, wire::GetOwnPresenceRequest {});
    let answer = server.client.clone().get_own_presence(request).await?;
    let own = answer.into_inner().own_presence;
    Ok(own.map(|own| own.queue_ids))
}

async fn shared_queues(
    fixture: &Fixture,
    server: &TestServer,
    caller: &str,
    librarian_id: &str,
) -> Result<Vec<String>, Status> {
    let token = fixture.token(caller).await;
    let request = wire::GetLibrarianRequest {
        librarian_id: librarian_id.into(),
    };
    let request = bearing(&token, request);
    let answer = server.client.clone().get_librarian(request).await?;
    Ok(answer.into_inner().librarian.unwrap().shared_queue_ids)
}

fn unknown() -> (Code, String) {
    (Code::Unavailable, "PRESENCE_UNAVAILABLE".into())
}

// R13: whoever was here before a restart may be coming back, and a message to them must not be refused for good.
#[tokio::test]
async fn a_server_that_has_just_started_does_not_say_that_somebody_is_not_here() {
    let (fixture, server) = Fixture::open().await;
    let (lee, map) = (fixture.id("lee@maple"), fixture.id("map@harbor"));
    let own = own_queues(&fixture, &server, "map@harbor").await;
    assert_eq!(reason(&own.unwrap_err()), unknown());
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    // An administrator is shown their own staff, but what they share is not known before they are here themselves.
    let shared = shared_queues(&fixture, &server, "boss@maple", lee).await;
    assert_eq!(reason(&shared.unwrap_err()), unknown());
    let _oak = fixture
        .announce(&server, "oak@maple", "tab", &["maple"])
        .await;
    let _map = fixture
        .announce(&server, "map@harbor", "tab", &["coop"])
        .await;
    let own = own_queues(&fixture, &server, "map@harbor").await;
    assert_eq!(own.unwrap().unwrap(), ["coop"]);
    let shared = shared_queues(&fixture, &server, "map@harbor", lee).await;
    assert_eq!(shared.unwrap(), ["coop"]);
    // I18: one who is here and not shown can't be told from one who is not here.
    let nobody = shared_queues(&fixture, &server, "map@harbor", "nobody").await;
    let nobody = nobody.unwrap_err();
    assert_eq!(reason(&nobody), unknown());
    for hidden in [fixture.id("oak@maple"), fixture.id("boss@maple"), map] {
        let hidden = shared_queues(&fixture, &server, "map@harbor", hidden).await;
        let hidden = hidden.unwrap_err();
        assert_eq!(
            (hidden.code(), hidden.message(), hidden.details()),
            (nobody.code(), nobody.message(), nobody.details())
        );
    }
}

// F2, R13
#[tokio::test]
async fn a_server_that_has_never_read_who_is_here_says_so() {
    let (fixture, server) = Fixture::settled().await;
    let (lee, map) = (fixture.id("lee@maple"), fixture.id("map@harbor"));
    let _map = fixture
        .announce(&server, "map@harbor", "tab", &["coop"])
        .await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    fixture.leases.break_down(true);
    let other = fixture.server().await;
    let own = own_queues(&fixture, &other, "map@harbor").await;
    assert_eq!(reason(&own.unwrap_err()), unknown());
    let shared = shared_queues(&fixture, &other, "map@harbor", lee).await;
    assert_eq!(reason(&shared.unwrap_err()), unknown());
    // One that knew them counts them as last known.
    let own = own_queues(&fixture, &server, "map@harbor").await;
    assert_eq!(own.unwrap().unwrap(), ["coop"]);
    let shared = shared_queues(&fixture, &server, "lee@maple", map).await;
    assert_eq!(shared.unwrap(), ["coop"]);
    fixture.leases.break_down(false);
    let own = own_queues(&fixture, &other, "map@harbor").await;
    assert_eq!(own.unwrap().unwrap(), ["coop"]);
}

// R13, R18: im-svc may ask another server than the one on which the librarian has just announced themselves.
#[tokio::test]
async fn a_server_that_has_heard_nothing_looks_before_it_answers() {
    let mut fixture = Fixture::new().await;
    fixture.bus = Arc::new(DeafBus::default());
    fixture.config.settle = Duration::ZERO.into();
    fixture.config.sweep = Duration::from_secs(3_600).into();
    let (server, other) = (fixture.server().await, fixture.server().await);
    let lee = fixture.id("lee@maple");
    assert_eq!(
        own_queues(&fixture, &other, "map@harbor").await.unwrap(),
        None
    );
    let mut map = fixture
        .announce(&server, "map@harbor", "tab", &["harbor"])
        .await;
    let own = own_queues(&fixture, &other, "map@harbor").await;
    assert_eq!(own.unwrap().unwrap(), ["harbor"]);
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    map.choose(wire::Status::Unspecified, Some(&["coop"])).await;
    map.own_presence().await;
    let shared = shared_queues(&fixture, &other, "map@harbor", lee).await;
    assert_eq!(shared.unwrap(), ["coop"]);
    let own = own_queues(&fixture, &other, "map@harbor").await;
    assert_eq!(own.unwrap().unwrap(), ["coop"]);
}

// R8, R18: after a restart of the server, all monitors of a librarian come back at once.
#[tokio::test]
async fn a_monitor_that_comes_back_brings_what_was_chosen_unless_the_librarian_is_here() {
    let (fixture, server) = Fixture::open().await;
    let token = fixture.token("lee@maple").await;
    let back = |monitor, status, queues| wire::Announcement {
        returning: true,
        ..choice(monitor, status, Some(queues))
    };
    let announced = fixture.announce_with(
        &server,
        &token,
        back("tab", wire::Status::Busy, &["coop", "maple"]),
    );
    let mut tab = announced.await.unwrap();
    let own = tab.own_presence().await;
    assert_eq!(own.status(), wire::Status::Busy);
    assert_eq!(own.queue_ids, ["coop", "maple"]);
    // What was chosen on another monitor in the meantime stands.
    tab.choose(wire::Status::AcceptNoNew, Some(&["coop"])).await;
    tab.own_presence().await;
    let announced = fixture.announce_with(
        &server,
        &token,
        back("phone", wire::Status::Busy, &["coop", "maple"]),
    );
    let own = announced.await.unwrap().own_presence().await;
    assert_eq!(own.status(), wire::Status::AcceptNoNew);
    assert_eq!(own.queue_ids, ["coop"]);
    assert_eq!(own.monitors, 2);
}
