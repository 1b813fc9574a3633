//! What a patron adds to their question while they wait (D30).

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{SessionList, session_event::Payload};

use crate::desk::Desk;

const SESSION: &str = "add5";

#[tokio::test]
async fn staff_read_it_in_the_new_list_and_whoever_picks_up_has_all_of_it() {
    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut lists = map.watch(&["maple"], false).await.unwrap();
    ricky.open(desk.command_id(), "a question").await.unwrap();
    let mut waiting = ricky.attend(SESSION, None).await.unwrap();
    let long = "x".repeat(2_000);
    for (text, shown) in [
        ("more", "more".to_owned()),
        (&*long, format!("more\n{}", "x".repeat(995))),
    ] {
        ricky.post(desk.command_id(), SESSION, text).await.unwrap();
        lists
            .until(|rows| {
                rows.iter().any(|row| {
                    row.list() == SessionList::New
                        && row.question == "a question"
                        && row.added == shown
                })
            })
            .await;
    }
    assert_eq!(waiting.events_to(3).await.len(), 3);

    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    lists
        .until(|rows| {
            rows.iter()
                .any(|row| row.list() == SessionList::MyActive && row.added.is_empty())
        })
        .await;
    let mut maps = map.attend(SESSION, None).await.unwrap();
    let written: Vec<_> = maps
        .events_to(4)
        .await
        .into_iter()
        .filter_map(|event| match event.payload {
            Some(Payload::Message(message)) => Some(message.text),
            _ => None,
        })
        .collect();
    assert_eq!(written, ["more", &long]);
}
