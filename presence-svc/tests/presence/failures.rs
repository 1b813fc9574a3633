//! What holds while the leases can't be read or written.

use carrel_proto::presence::v1::Status;
use tonic::Code;

use crate::house::{House, choice};

// F2
#[tokio::test]
async fn everybody_counts_as_last_known_while_the_leases_are_out_of_order() {
    let (house, desk) = House::open().await;
    let mut lee = house.announce(&desk, "lee@maple", "tab", &["coop"]).await;
    let mut oak = house.announce(&desk, "oak@maple", "tab", &["coop"]).await;
    let mut screen = house.watch(&desk, "boss@maple").await;
    assert_eq!(screen.names(), ["Mr Lee", "Ms Oak"]);

    house.leases.break_down(true);
    // A sign of life is no harm, and a new choice is refused for now.
    lee.here().await;
    lee.choose(Status::Away, None).await;
    assert_eq!(
        lee.refused().await,
        (i32::from(Code::Unavailable), "PRESENCE_UNAVAILABLE".into())
    );
    let token = house.token("map@harbor").await;
    let first = choice("tab", Status::Unspecified, None);
    let mut map = house.announce_with(&desk, &token, first).await.unwrap();
    assert_eq!(
        map.end().await,
        (Code::Unavailable, "PRESENCE_UNAVAILABLE".into())
    );
    assert_eq!(
        house.watch(&desk, "boss@maple").await.names(),
        ["Mr Lee", "Ms Oak"]
    );
    house.leases.break_down(false);

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
    let (house, desk) = House::open().await;
    let _lee = house.announce(&desk, "lee@maple", "tab", &["coop"]).await;
    let _map = house.announce(&desk, "map@harbor", "tab", &["coop"]).await;
    house.leases.make_new(true);
    let other = house.server().await;
    let map = house.watch(&other, "map@harbor").await;
    assert_eq!(map.names(), ["Mr Lee"]);
}
