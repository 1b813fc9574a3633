//! Several people at once: supervisors together, patrons in a queue, slow readers, sessions that left memory.

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{self as wire, attend_response::Response, session_event::Payload};
use carrel_session::Config;

use crate::desk::Desk;
use crate::person::{Attending, reason};

const SESSION: &str = "5e55";

async fn next_wait(attending: &mut Attending) -> u32 {
    loop {
        if let Response::Waiting(status) = attending.next().await.unwrap().unwrap() {
            return status.ahead;
        }
    }
}

/// R5, D13, D9: several supervisors may be inside; each sees every note; only their own library's All list shows them.
#[tokio::test]
async fn supervisors_together() {
    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &["maple"]);
    let mut foreign = desk.librarian("foreign", "harbor", Role::Administrator, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();

    let mut admins_list = admin.watch(&["maple"], true).await.unwrap();
    assert_eq!(
        foreign.watch(&["maple"], true).await.unwrap().rows.len(),
        0,
        "S1: own patrons only"
    );
    ask.enter(desk.command_id(), SESSION).await.unwrap();
    admins_list
        .until(|rows| {
            rows[0]
                .inside
                .iter()
                .any(|person| person.librarian_id == "ask")
        })
        .await;
    assert!(!admins_list.rows[0].caller_inside);
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    admins_list.until(|rows| rows[0].caller_inside).await;

    let mut ask_attends = ask.attend(SESSION, None).await.unwrap();
    let mut admin_attends = admin.attend(SESSION, None).await.unwrap();
    assert!(
        admin_attends
            .joined
            .session
            .as_ref()
            .unwrap()
            .colleagues
            .is_empty(),
        "nobody has shown themselves"
    );
    ask.note(desk.command_id(), SESSION, "from the ask administrator")
        .await
        .unwrap();
    map.note(desk.command_id(), SESSION, "from Ms Map")
        .await
        .unwrap();
    for attends in [&mut ask_attends, &mut admin_attends] {
        let events = attends.events_to(4).await;
        let notes = events
            .iter()
            .filter(|event| matches!(event.payload, Some(Payload::Note(_))))
            .count();
        assert_eq!(notes, 2);
    }
    // R4: a supervisor who wrote a note is in the staff's list and in nobody else's; one who wrote nothing is in none.
    let maps = map
        .attend(SESSION, None)
        .await
        .unwrap()
        .joined
        .session
        .unwrap();
    let names: Vec<_> = maps
        .colleagues
        .iter()
        .map(|person| person.librarian_id.as_str())
        .collect();
    assert_eq!(names, ["ask"]);
    let rickys = ricky
        .attend(SESSION, None)
        .await
        .unwrap()
        .joined
        .session
        .unwrap();
    assert!(rickys.colleagues.is_empty());
    // From the first message the patron sees them, as the librarian does (D9).
    ask.post(desk.command_id(), SESSION, "Hello Ricky")
        .await
        .unwrap();
    let rickys = ricky
        .attend(SESSION, None)
        .await
        .unwrap()
        .joined
        .session
        .unwrap();
    assert_eq!(rickys.colleagues[0].name, "Name of ask");
    // I19: after leaving, entering is silent again.
    ask.leave(desk.command_id(), SESSION).await.unwrap();
    ask.enter(desk.command_id(), SESSION).await.unwrap();
    let maps = map
        .attend(SESSION, None)
        .await
        .unwrap()
        .joined
        .session
        .unwrap();
    assert!(maps.colleagues.is_empty());
    // This holds for the patron too, who remembers them and hears nothing of a note: their typing is shown from their
    // next message on.
    let after = ricky.attend(SESSION, None).await.unwrap().joined.head;
    let mut rickys = ricky.attend(SESSION, after).await.unwrap();
    let mut ask_attends = ask.attend(SESSION, None).await.unwrap();
    ask.note(desk.command_id(), SESSION, "I am back")
        .await
        .unwrap();
    for _ in 0..2 {
        desk.clock.advance_ms(1_000);
        ask_attends.types_in(wire::Audience::Patron).await;
        let message = wire::PostMessage {
            text: "Hello again".into(),
        };
        ask_attends
            .act(desk.command_id(), wire::act::Act::PostMessage(message))
            .await;
        while !matches!(
            ask_attends.next().await.unwrap().unwrap(),
            Response::ActAccepted(_)
        ) {}
    }
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(match rickys.next().await.unwrap().unwrap() {
            Response::Event(_) => "message",
            Response::Typing(_) => "typing",
            _ => "something else",
        });
    }
    assert_eq!(heard, ["message", "typing", "message"]);
}

/// D56: a waiting patron is told how many are ahead of them, and whenever that changes.
#[tokio::test]
async fn patrons_in_a_queue() {
    let desk = Desk::open().await;
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut attending = Vec::new();
    for number in 0..3 {
        let session_id = format!("{number:032x}");
        let mut patron = desk.patron(&session_id);
        patron.open("open".into(), "hello?").await.unwrap();
        desk.clock.advance_ms(1);
        attending.push(patron.attend(&session_id, None).await.unwrap());
    }
    let mut last = attending.pop().unwrap();
    assert_eq!(next_wait(&mut last).await, 2);
    map.pick_up("1".into(), &format!("{:032x}", 0))
        .await
        .unwrap();
    assert_eq!(next_wait(&mut last).await, 1);
    let mut second = desk.patron(&format!("{:032x}", 1));
    second
        .end("2".into(), &format!("{:032x}", 1))
        .await
        .unwrap();
    assert_eq!(next_wait(&mut last).await, 0);
}

/// I26, F23: a reader who does not read is let go and may come back; nobody else notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_let_go_and_resumes() {
    let config = carrel_session::Config {
        backlog: 8,
        ..carrel_session::Config::default()
    };
    let desk = Desk::with(config).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let mut slow = map.attend(SESSION, None).await.unwrap();
    let mut brisk = ricky.attend(SESSION, None).await.unwrap();
    // More than the windows of HTTP/2 hold, which takes messages and notes together.
    let messages = 1_300;
    let text = "é".repeat(2_000);
    for number in 0..messages {
        ricky
            .post(format!("m{number}"), SESSION, &text)
            .await
            .unwrap();
        map.note(format!("n{number}"), SESSION, &text)
            .await
            .unwrap();
        brisk.event().await;
    }
    let mut position = 0;
    let end = loop {
        match slow.next().await {
            Ok(Some(Response::Event(event))) => {
                assert_eq!(event.position, position + 1, "no gap before the end");
                position = event.position;
            }
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream says why it ends"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&end), "TOO_SLOW");
    let after = wire::Position {
        number: position,
        ..slow.joined.head.clone().unwrap()
    };
    let mut resumed = map.attend(SESSION, Some(after)).await.unwrap();
    assert!(!resumed.joined.resync);
    let rest = resumed.events_to(messages * 2 + 2).await;
    assert_eq!(rest[0].position, position + 1);
    assert_eq!(rest.len() as u64, messages * 2 + 2 - position);
}

/// A session that nobody needs leaves memory, and is the same when it comes back.
#[tokio::test]
async fn a_session_that_left_memory_is_the_same() {
    let config = carrel_session::Config {
        rest_after: Duration::from_millis(1).into(),
        ..carrel_session::Config::default()
    };
    let desk = Desk::with(config).await;
    let mut ricky = desk.patron(SESSION);
    ricky.open("open".into(), "hello?").await.unwrap();
    for number in 0..40_u64 {
        let first = ricky
            .post(format!("m{number}"), SESSION, "hm")
            .await
            .unwrap();
        assert_eq!((first.position, first.replayed), (number + 2, false));
        tokio::time::sleep(Duration::from_millis(number % 4)).await;
        let again = ricky
            .post(format!("m{number}"), SESSION, "hm")
            .await
            .unwrap();
        assert_eq!((again.position, again.replayed), (number + 2, true));
    }
}

/// A session takes in no more than a transcript can give out (S20, S22), and notes never use up the patron's room
/// (I17).
#[tokio::test]
async fn a_full_session_is_refused_for_each_audience_by_itself() {
    let desk = Desk::with(Config {
        // An owner who only writes notes is not known to be there, and filling a session takes long.
        owner_grace: Duration::from_secs(3_600).into(),
        ..Config::default()
    })
    .await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let text = "𝄞".repeat(4_000);
    let refused = loop {
        if let Err(refused) = map.note(desk.command_id(), SESSION, &text).await {
            break refused;
        }
    };
    assert_eq!(reason(&refused), "SESSION_FULL");
    let refused = loop {
        if let Err(refused) = ricky.post(desk.command_id(), SESSION, &text).await {
            break refused;
        }
    };
    assert_eq!(reason(&refused), "SESSION_FULL");
    map.end(desk.command_id(), SESSION).await.unwrap();
    map.client = map.client.max_decoding_message_size(16 * 1024 * 1024);
    let transcript = map
        .transcript(SESSION, wire::Audience::Staff)
        .await
        .unwrap();
    assert!(transcript.events.len() > 2 * 380);
}
