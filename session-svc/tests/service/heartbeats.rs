//! What heartbeats say, and to whom.

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{Join, attend_response::Response};

use crate::{desk::Desk, person::Attending};

const SESSION: &str = "quiet";
const HEARTBEAT: Duration = Duration::from_millis(20);

async fn desk() -> Desk {
    let config = carrel_session::Config {
        heartbeat: HEARTBEAT.into(),
        ..carrel_session::Config::default()
    };
    Desk::with(config).await
}

fn only_new_heads() -> Join {
    Join {
        session_id: SESSION.into(),
        only_new_heads: true,
        ..Join::default()
    }
}

/// What comes next: an event's position, or a heartbeat's head.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Event(u64),
    Head(u64),
}

async fn hear(attending: &mut Attending) -> Next {
    loop {
        match attending.next_of_all().await.unwrap().unwrap() {
            Response::Event(event) => return Next::Event(event.position),
            Response::Heartbeat(heartbeat) => return Next::Head(heartbeat.head),
            _ => {}
        }
    }
}

async fn hear_some(attending: &mut Attending, how_many: usize) -> Vec<Next> {
    let mut heard = Vec::new();
    while heard.len() < how_many {
        heard.push(hear(attending).await);
    }
    heard
}

/// I8, I17: the heartbeats of a caller who asks for only new heads depend on nothing but what that caller was sent.
/// Notes cause no heartbeat for the patron, however many there are and however long it takes.
#[tokio::test]
async fn a_head_is_said_once_after_what_was_sent_and_never_for_what_was_not() {
    let desk = desk().await;
    let mut patron = desk.patron(SESSION);
    let mut owner = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    patron.open("open".into(), "Where?").await.unwrap();
    owner.pick_up("pick-up".into(), SESSION).await.unwrap();
    let mut patrons = patron.attend_as(only_new_heads()).await.unwrap();
    let mut owners = owner.attend_as(only_new_heads()).await.unwrap();
    let begin = [Next::Event(1), Next::Event(2), Next::Head(2)];
    assert_eq!(hear_some(&mut patrons, 3).await, begin);
    assert_eq!(hear_some(&mut owners, 3).await, begin);
    for note in 3..8 {
        let id = format!("note-{note}");
        owner.note(id, SESSION, "Only for us").await.unwrap();
        let heard = hear_some(&mut owners, 2).await;
        assert_eq!(heard, [Next::Event(note), Next::Head(note)]);
    }
    owner.post("here".into(), SESSION, "Here").await.unwrap();
    let heard = hear_some(&mut patrons, 2).await;
    assert_eq!(heard, [Next::Event(3), Next::Head(3)]);
}

/// A caller who does not ask for less keeps being told that the other side is there.
#[tokio::test]
async fn a_caller_that_does_not_say_otherwise_has_a_heartbeat_at_each_tick() {
    let desk = desk().await;
    let mut patron = desk.patron(SESSION);
    patron.open("open".into(), "Where?").await.unwrap();
    let mut attending = patron.attend(SESSION, None).await.unwrap();
    let heard = hear_some(&mut attending, 4).await;
    let again = || Next::Head(1);
    assert_eq!(heard, [Next::Event(1), again(), again(), again()]);
}
