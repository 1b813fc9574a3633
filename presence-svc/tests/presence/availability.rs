//! Whether patrons can be answered.

use std::time::Duration;

use carrel_proto::presence::v1::{self as wire, Availability, Status};
use tonic::Code;

use crate::fixture::{Fixture, NOW, TestServer, in_time, reason, snapshot};

async fn availability(server: &TestServer, library: &str) -> wire::GetAvailabilityResponse {
    let request = wire::GetAvailabilityRequest {
        institution_id: library.into(),
    };
    server
        .client
        .clone()
        .get_availability(request)
        .await
        .unwrap()
        .into_inner()
}

/// Asks until this is the answer.
async fn becomes(
    server: &TestServer,
    library: &str,
    wanted: Availability,
) -> wire::GetAvailabilityResponse {
    in_time(async {
        loop {
            let answer = availability(server, library).await;
            if answer.availability() == wanted {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

// D33, D34
#[tokio::test]
async fn a_library_can_be_asked_when_any_queue_that_its_patrons_reach_is_open_and_staffed() {
    let mut fixture = Fixture::new().await;
    fixture
        .load
        .begin_with(snapshot(&[("maple", 2), ("coop", 5)], &[]));
    // It has just started, and may not have heard of everyone yet. That it is out of hours is known all the same.
    fixture.config.settle = Duration::from_secs(3600).into();
    let server = fixture.server().await;
    let harbor = availability(&server, "harbor").await;
    assert_eq!(harbor.availability(), Availability::Closed);
    assert_eq!(harbor.next_open_time.unwrap().seconds * 1000, NOW + 60_000);
    assert_eq!(
        availability(&server, "maple").await.availability(),
        Availability::Unknown
    );
    let lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    let maple = availability(&server, "maple").await;
    assert_eq!(maple.availability(), Availability::Open);
    lee.goodbye().await;

    fixture.config.settle = Duration::from_millis(300).into();
    let server = fixture.server().await;
    // Maple's own queue is out of hours, but a wait there goes on to the cooperative's, which has no hours.
    let maple = becomes(&server, "maple", Availability::Unstaffed).await;
    assert_eq!(maple.question_form_address, "https://maple.example/ask");
    assert_eq!(maple.next_open_time, None);
    fixture.config.settle = Duration::from_secs(3600).into();

    fixture.clock.advance_ms(60_000);
    becomes(&server, "harbor", Availability::Unstaffed).await;
    fixture.clock.advance_ms(12 * 3_600_000);
    becomes(&server, "harbor", Availability::Closed).await;
    in_time(async {
        while availability(&server, "maple").await.waiting != 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

// R19, D26
#[tokio::test]
async fn whoever_takes_nobody_new_does_not_keep_a_library_open() {
    let (fixture, server) = Fixture::open().await;
    let mut lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    becomes(&server, "maple", Availability::Open).await;
    lee.choose(Status::AcceptNoNew, None).await;
    becomes(&server, "maple", Availability::Unknown).await;
    // A queue that Maple's patrons do not reach does not help them, however well it is staffed.
    let _map = fixture
        .announce(&server, "map@harbor", "tab", &["harbor"])
        .await;
    fixture.clock.advance_ms(60_000);
    becomes(&server, "harbor", Availability::Open).await;
    assert_eq!(
        availability(&server, "maple").await.availability(),
        Availability::Unknown
    );
}

#[tokio::test]
async fn an_unknown_library_is_not_found() {
    let (_fixture, server) = Fixture::open().await;
    for library in ["", "nowhere", "MAPLE"] {
        let request = wire::GetAvailabilityRequest {
            institution_id: library.into(),
        };
        let refused = server
            .client
            .clone()
            .get_availability(request)
            .await
            .unwrap_err();
        assert_eq!(reason(&refused), (Code::NotFound, "NOT_FOUND".into()));
    }
}

// F2
#[tokio::test]
async fn nobody_is_told_that_a_desk_is_empty_when_that_can_not_be_read() {
    let (fixture, server) = Fixture::open().await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["coop"])
        .await;
    becomes(&server, "maple", Availability::Open).await;
    fixture.leases.break_down(true);
    becomes(&server, "maple", Availability::Unknown).await;
    assert_eq!(
        availability(&server, "harbor").await.availability(),
        Availability::Closed
    );
    fixture.leases.break_down(false);
    becomes(&server, "maple", Availability::Open).await;
}
