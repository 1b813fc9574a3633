//! Whether patrons can be answered.

use std::time::Duration;

use carrel_proto::presence::v1::{self as wire, Availability, Status};
use tonic::Code;

use crate::house::{Desk, House, NOW, in_time, reason, snapshot};

async fn availability(desk: &Desk, library: &str) -> wire::GetAvailabilityResponse {
    let request = wire::GetAvailabilityRequest {
        institution_id: library.into(),
    };
    desk.client
        .clone()
        .get_availability(request)
        .await
        .unwrap()
        .into_inner()
}

/// Asks until this is the answer.
async fn becomes(
    desk: &Desk,
    library: &str,
    wanted: Availability,
) -> wire::GetAvailabilityResponse {
    in_time(async {
        loop {
            let answer = availability(desk, library).await;
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
    let mut house = House::new().await;
    house
        .load
        .begin_with(snapshot(&[("maple", 2), ("coop", 5)], &[]));
    // It has just started, and may not have heard of everyone yet. That it is out of hours is known all the same.
    house.config.lease = Duration::from_secs(3600).into();
    let desk = house.server().await;
    let harbor = availability(&desk, "harbor").await;
    assert_eq!(harbor.availability(), Availability::Closed);
    assert_eq!(harbor.next_open_time.unwrap().seconds * 1000, NOW + 60_000);
    assert_eq!(
        availability(&desk, "maple").await.availability(),
        Availability::Unknown
    );
    let lee = house.announce(&desk, "lee@maple", "tab", &["coop"]).await;
    let maple = availability(&desk, "maple").await;
    assert_eq!(maple.availability(), Availability::Open);
    lee.goodbye().await;

    house.config.lease = Duration::from_millis(300).into();
    let desk = house.server().await;
    // Maple's own queue is out of hours, but a wait there goes on to the cooperative's, which has no hours.
    let maple = becomes(&desk, "maple", Availability::Unstaffed).await;
    assert_eq!(maple.question_form_address, "https://maple.example/ask");
    assert_eq!(maple.next_open_time, None);
    house.config.lease = Duration::from_secs(3600).into();

    house.clock.advance_ms(60_000);
    becomes(&desk, "harbor", Availability::Unstaffed).await;
    house.clock.advance_ms(12 * 3_600_000);
    becomes(&desk, "harbor", Availability::Closed).await;
    in_time(async {
        while availability(&desk, "maple").await.waiting != 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

// R19, D26
#[tokio::test]
async fn whoever_takes_nobody_new_does_not_keep_a_library_open() {
    let (house, desk) = House::open().await;
    let mut lee = house.announce(&desk, "lee@maple", "tab", &["coop"]).await;
    becomes(&desk, "maple", Availability::Open).await;
    lee.choose(Status::AcceptNoNew, None).await;
    becomes(&desk, "maple", Availability::Unknown).await;
    // A queue that Maple's patrons do not reach does not help them, however well it is staffed.
    let _map = house
        .announce(&desk, "map@harbor", "tab", &["harbor"])
        .await;
    house.clock.advance_ms(60_000);
    becomes(&desk, "harbor", Availability::Open).await;
    assert_eq!(
        availability(&desk, "maple").await.availability(),
        Availability::Unknown
    );
}

#[tokio::test]
async fn an_unknown_library_is_not_found() {
    let (_house, desk) = House::open().await;
    for library in ["", "nowhere", "MAPLE"] {
        let request = wire::GetAvailabilityRequest {
            institution_id: library.into(),
        };
        let refused = desk
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
    let (house, desk) = House::open().await;
    let _lee = house.announce(&desk, "lee@maple", "tab", &["coop"]).await;
    becomes(&desk, "maple", Availability::Open).await;
    house.leases.break_down(true);
    becomes(&desk, "maple", Availability::Unknown).await;
    assert_eq!(
        availability(&desk, "harbor").await.availability(),
        Availability::Closed
    );
    house.leases.break_down(false);
    becomes(&desk, "maple", Availability::Open).await;
}
