//! The story of Ms Map, Ricky and the administrator (S46), and what belongs to it.

use std::time::Duration;

use carrel_platform::auth::{Role, StaffNaming};
use carrel_proto::session::v1::{
    self as wire, act, attend_response::Response, session_event::Payload,
};
use tokio::time::Instant;
use tonic::Code;

use crate::desk::{Desk, WARNING, librarian, patron};
use crate::person::{Attending, Person, reason};

const SESSION: &str = "5e55";
/// Long enough that hardly any machine takes so long from one step to the next.
const GRACE: Duration = Duration::from_secs(2);

/// Returns Ricky, Ms Map who has picked him up, and the administrator of Ricky's library.
async fn picked_up(desk: &Desk) -> (Person, Person, Person) {
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    ricky
        .open(desk.command_id(), "Where are the maps?")
        .await
        .unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    (ricky, map, admin)
}

fn text_of(event: &wire::SessionEvent) -> &str {
    match event.payload.as_ref().unwrap() {
        Payload::Message(message) => &message.text,
        Payload::Note(note) => &note.text,
        Payload::Opened(opened) => &opened.question,
        _ => "",
    }
}

/// S1-S33, S46.
#[tokio::test]
async fn the_administrator_helps_ms_map_and_ricky_sees_nothing_of_it() {
    let desk = Desk::open().await;
    let (mut ricky, mut map, mut admin) = picked_up(&desk).await;
    let mut ricky_attends = ricky.attend(SESSION, None).await.unwrap();
    let mut map_attends = map.attend(SESSION, None).await.unwrap();
    ricky_attends.events_to(2).await;
    map_attends.events_to(2).await;

    // S4, S5: in All, though Ms Map works for another library.
    let lists = admin.watch(&[], true).await.unwrap();
    assert_eq!(lists.rows.len(), 1);
    assert_eq!(lists.rows[0].list(), wire::SessionList::All);
    assert_eq!(lists.rows[0].owner.as_ref().unwrap().name, "Name of map");

    // S9, S10, R1: not inside before the warning was accepted.
    let early = admin.attend(SESSION, None).await.err().unwrap();
    assert_eq!(
        (early.code(), reason(&early).as_str()),
        (Code::FailedPrecondition, "NOT_INSIDE")
    );
    let message = wire::EnterConferenceRequest {
        command_id: desk.command_id(),
        session_id: SESSION.into(),
        warning_version: "an older one".into(),
    };
    let request = admin.ask(message);
    let refused = admin.client.enter_conference(request).await.unwrap_err();
    assert_eq!(reason(&refused), "WARNING_NOT_ACCEPTED");
    let facts = carrel_platform::refusal::Refusal::from(&refused).metadata;
    assert_eq!(
        facts.get("warning_version").map(String::as_str),
        Some(WARNING)
    );
    admin.enter(desk.command_id(), SESSION).await.unwrap();

    // S12, R3: the whole history.
    let mut admin_attends = admin.attend(SESSION, None).await.unwrap();
    assert_eq!(admin_attends.joined.part(), wire::Part::Colleague);
    assert_eq!(
        text_of(&admin_attends.events_to(2).await[0]),
        "Where are the maps?"
    );

    // S24-S29: the note is the first sign of the administrator.
    admin
        .note(desk.command_id(), SESSION, "Try the atlas case")
        .await
        .unwrap();
    let note = map_attends.event().await;
    assert_eq!((note.position, text_of(&note)), (3, "Try the atlas case"));
    assert!(matches!(note.payload, Some(Payload::Note(_))));
    assert_eq!(note.author.as_ref().unwrap().name, "Name of admin");
    assert_eq!(note.author.as_ref().unwrap().part(), wire::Part::Colleague);

    // S31: answered in Notes; S33: and by mistake in the chat box. S21, S30: Ricky sees only the latter, without a gap.
    map.note(desk.command_id(), SESSION, "Thanks, will do")
        .await
        .unwrap();
    map.post(desk.command_id(), SESSION, "Which atlas case?")
        .await
        .unwrap();
    let seen = ricky_attends.event().await;
    assert_eq!((seen.position, text_of(&seen)), (3, "Which atlas case?"));
    assert_eq!(admin_attends.events_to(5).await.len(), 3);

    // S14-S16: leaving disconnects nobody; staff who knew of the administrator are told.
    admin.leave(desk.command_id(), SESSION).await.unwrap();
    let end = loop {
        match admin_attends.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream says why it ends"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&end), "NOT_INSIDE");
    let left = map_attends.events_to(6).await.pop().unwrap();
    assert!(matches!(left.payload, Some(Payload::ColleagueLeft(_))));
    ricky
        .post(desk.command_id(), SESSION, "The one by the door?")
        .await
        .unwrap();
    assert_eq!(text_of(&map_attends.event().await), "The one by the door?");
    assert_eq!(ricky_attends.event().await.position, 4);

    // S19-S23, D52: both transcripts after the end.
    map.end(desk.command_id(), SESSION).await.unwrap();
    let last = ricky_attends.event().await;
    assert_eq!(
        (last.position, last.author.unwrap().part()),
        (5, wire::Part::Owner)
    );
    let patrons = ricky
        .transcript(SESSION, wire::Audience::Patron)
        .await
        .unwrap();
    let texts: Vec<_> = patrons.events.iter().map(text_of).collect();
    assert_eq!(
        texts,
        [
            "Where are the maps?",
            "",
            "Which atlas case?",
            "The one by the door?",
            ""
        ]
    );
    assert!(patrons.session.unwrap().colleagues.is_empty());
    let staff = admin
        .transcript(SESSION, wire::Audience::Staff)
        .await
        .unwrap();
    let notes: Vec<_> = staff
        .events
        .iter()
        .filter(|event| matches!(event.payload, Some(Payload::Note(_))))
        .map(text_of)
        .collect();
    assert_eq!(notes, ["Try the atlas case", "Thanks, will do"]);

    // D12, I25: the audit has the entry, the exit and the reading, chained.
    let audit = admin.audit().await;
    let acts: Vec<_> = audit
        .iter()
        .map(|entry| (entry.number, entry.act(), entry.detail.as_str()))
        .collect();
    assert_eq!(
        acts,
        [
            (3, wire::AuditAct::TranscriptRead, "STAFF"),
            (2, wire::AuditAct::ConferenceLeft, "LEFT"),
            (1, wire::AuditAct::ConferenceEntered, WARNING),
        ]
    );
}

/// R7, D6: when the owner ends the session, supervisors are taken out, and the audit says so.
#[tokio::test]
async fn the_end_is_the_end_for_supervisors_too() {
    let desk = Desk::open().await;
    let (_ricky, mut map, mut admin) = picked_up(&desk).await;
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    let mut admin_attends = admin.attend(SESSION, None).await.unwrap();
    map.end(desk.command_id(), SESSION).await.unwrap();
    let last = admin_attends.events_to(3).await.pop().unwrap();
    assert!(matches!(last.payload, Some(Payload::Ended(_))));
    assert_eq!(reason(&admin_attends.next().await.unwrap_err()), "ENDED");
    loop {
        let audit = admin.audit().await;
        if let [left, _] = audit.as_slice() {
            assert_eq!(left.detail, "SESSION_ENDED");
            break;
        }
        tokio::task::yield_now().await;
    }
    // R11: a reviewer may still note.
    admin
        .note(desk.command_id(), SESSION, "Good answer")
        .await
        .unwrap();
    let refused = admin
        .post(desk.command_id(), SESSION, "hello")
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "ENDED");
}

/// R6, D5: a supervisor can't end the session.
#[tokio::test]
async fn a_supervisor_cannot_end_the_session() {
    let desk = Desk::open().await;
    let (_ricky, _map, mut admin) = picked_up(&desk).await;
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    assert_eq!(
        admin
            .end(desk.command_id(), SESSION)
            .await
            .unwrap_err()
            .code(),
        Code::PermissionDenied
    );
    let attends = admin.attend(SESSION, None).await.unwrap();
    let mut attends = attends;
    attends.events_to(2).await;
    attends
        .act(desk.command_id(), act::Act::EndSession(wire::EndSession {}))
        .await;
    match attends.next().await.unwrap().unwrap() {
        Response::ActRefused(refused) => {
            assert_eq!(refused.refusal.unwrap().reason, "ROLE_NOT_ALLOWED")
        }
        other => panic!("refused, not {other:?}"),
    }
}

/// I2: a command has one effect, however often it is sent; its id can't be used for another.
#[tokio::test]
async fn a_repeated_command_gets_its_first_answer() {
    let desk = Desk::open().await;
    let (mut ricky, mut map, _) = picked_up(&desk).await;
    map.note(desk.command_id(), SESSION, "hidden")
        .await
        .unwrap();
    let first = ricky.post("same".into(), SESSION, "hello").await.unwrap();
    let again = ricky.post("same".into(), SESSION, "hello").await.unwrap();
    assert_eq!((first.position, first.replayed), (3, false));
    assert_eq!((again.position, again.replayed), (3, true));
    let other = ricky
        .post("same".into(), SESSION, "goodbye")
        .await
        .unwrap_err();
    assert_eq!(
        (other.code(), reason(&other).as_str()),
        (Code::AlreadyExists, "COMMAND_ID_REUSED")
    );
    // The id is the sender's own: somebody else's same id is another command.
    let maps = map.post("same".into(), SESSION, "goodbye").await.unwrap();
    assert!(!maps.replayed);
}

/// I6: a stream resumes where it was left; a position that can't be continued is answered with a resync.
#[tokio::test]
async fn a_stream_resumes_without_gap_or_repeat() {
    let desk = Desk::open().await;
    let (mut ricky, mut map, _) = picked_up(&desk).await;
    for number in 0..20 {
        map.note(desk.command_id(), SESSION, &format!("note {number}"))
            .await
            .unwrap();
        map.post(desk.command_id(), SESSION, &format!("message {number}"))
            .await
            .unwrap();
    }
    let mut whole = ricky.attend(SESSION, None).await.unwrap();
    let head = whole.joined.head.clone().unwrap();
    assert_eq!(head.number, 22);
    let all = whole.events_to(22).await;
    for from in [0, 1, 7, 21] {
        let after = wire::Position {
            number: from,
            ..head.clone()
        };
        let mut resumed = ricky.attend(SESSION, Some(after)).await.unwrap();
        assert!(!resumed.joined.resync);
        let rest = resumed.events_to(22).await;
        assert_eq!(rest, all[usize::try_from(from).unwrap()..]);
    }
    for strange in [
        wire::Position {
            number: 23,
            ..head.clone()
        },
        wire::Position {
            epoch: "another".into(),
            number: 3,
        },
    ] {
        let mut again = ricky.attend(SESSION, Some(strange)).await.unwrap();
        assert!(again.joined.resync);
        assert_eq!(again.events_to(22).await, all);
    }
}

/// R12: the patron sees staff as their library names them.
#[tokio::test]
async fn staff_are_named_as_the_patrons_library_wants() {
    for (naming, name, library) in [
        (StaffNaming::ScreenName, "Name of map", ""),
        (StaffNaming::Librarian, "Librarian", ""),
        (
            StaffNaming::ScreenNameAndLibrary,
            "Name of map",
            "Library harbor",
        ),
    ] {
        let desk = Desk::open().await;
        let mut ricky = desk.person(patron(SESSION, naming));
        let mut map = desk.person(librarian("map", "harbor", Role::Librarian, &["maple"]));
        ricky.open(desk.command_id(), "hello?").await.unwrap();
        map.pick_up(desk.command_id(), SESSION).await.unwrap();
        let transcript = ricky
            .transcript(SESSION, wire::Audience::Patron)
            .await
            .unwrap();
        let owner = transcript.session.unwrap().owner.unwrap();
        let author = transcript.events[1].author.clone().unwrap();
        assert_eq!(owner, author);
        assert_eq!(
            (owner.name.as_str(), owner.institution_name.as_str()),
            (name, library)
        );
        assert_eq!(owner.librarian_id, "", "never to a patron");
    }
}

/// A supervisor whose connection is gone past the grace has left, and the audit says how.
#[tokio::test]
async fn a_lost_supervisor_is_taken_out() {
    let config = carrel_session::Config {
        conference_grace: Duration::from_millis(50).into(),
        ..carrel_session::Config::default()
    };
    let desk = Desk::with(config).await;
    let (_ricky, _map, mut admin) = picked_up(&desk).await;
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    let mut lists = admin.watch(&[], true).await.unwrap();
    lists.until(|rows| rows[0].inside.is_empty()).await;
    let audit = admin.audit().await;
    assert_eq!(audit[0].detail, "CONNECTION_LOST");
}

/// A desk where owners are soon lost.
async fn soon_lost() -> Desk {
    let config = carrel_session::Config {
        owner_grace: GRACE.into(),
        ..carrel_session::Config::default()
    };
    Desk::with(config).await
}

/// Sets up a supervisor who is inside and a patron who listens, before the owner, who does not attend, is lost; and an
/// earlier patron who waits in the same queue. On a machine that takes as long as the grace the owner is rightly lost
/// before that, and it tries again with others.
async fn supervised_before_the_loss() -> (Desk, Attending, Person, Person) {
    loop {
        let desk = soon_lost().await;
        desk.patron("ea11")
            .open(desk.command_id(), "hello?")
            .await
            .unwrap();
        desk.clock.advance_ms(1_000);
        let mut ricky = desk.patron(SESSION);
        let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
        let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
        ricky
            .open(desk.command_id(), "Where are the maps?")
            .await
            .unwrap();
        let rickys = ricky.attend(SESSION, None).await.unwrap();
        let began = Instant::now();
        map.pick_up(desk.command_id(), SESSION).await.unwrap();
        match admin.enter(desk.command_id(), SESSION).await {
            Ok(_) => return (desk, rickys, map, admin),
            Err(refused) => assert!(began.elapsed() >= GRACE, "{refused:?}"),
        }
    }
}

/// R7: when the owner is gone for too long, the patron waits again, first in line; a supervisor inside may take over.
#[tokio::test]
async fn a_lost_owners_patron_is_first_in_line() {
    let (desk, mut rickys, mut map, mut admin) = supervised_before_the_loss().await;
    let mut admins_list = admin.watch(&[], true).await.unwrap();

    let returned = rickys.events_to(3).await.pop().unwrap();
    assert!(matches!(returned.payload, Some(Payload::Returned(_))));
    let ahead = loop {
        if let Response::Waiting(status) = rickys.next().await.unwrap().unwrap() {
            break status.ahead;
        }
    };
    assert_eq!(ahead, 0, "before the patron who asked earlier");

    // I12: the former owner can no longer write.
    let late = map
        .post(desk.command_id(), SESSION, "I am back")
        .await
        .unwrap_err();
    assert_eq!(
        (late.code(), reason(&late).as_str()),
        (Code::FailedPrecondition, "NO_LONGER_OWNER")
    );
    // The supervisor still has the session in their list, and takes the patron over without monitoring a queue.
    admins_list
        .until(|rows| rows.iter().any(|row| row.returned && row.caller_inside))
        .await;
    let taken = admin
        .pick_up(desk.command_id(), SESSION)
        .await
        .unwrap()
        .session
        .unwrap();
    assert_eq!(taken.owner.unwrap().name, "Name of admin");
    admins_list
        .until(|rows| {
            rows.iter()
                .any(|row| row.list() == wire::SessionList::MyActive)
        })
        .await;
    let audit = admin.audit().await;
    assert_eq!(audit[0].detail, "BECAME_OWNER");
    assert!(map.attend(SESSION, None).await.is_err());
}

/// Returns Ricky, Ms Map, and the stream on which she attends as his owner. On a machine that takes as long as the
/// grace between the pick-up and that, she is rightly lost, and it tries again with others.
async fn attended_before_the_loss() -> (Desk, Person, Person, Attending) {
    loop {
        let desk = soon_lost().await;
        let began = Instant::now();
        let (ricky, mut map, _) = picked_up(&desk).await;
        match map.attend(SESSION, None).await {
            Ok(attends) if attends.joined.part() == wire::Part::Owner => {
                return (desk, ricky, map, attends);
            }
            other => assert!(began.elapsed() >= GRACE, "{:?}", other.err()),
        }
    }
}

/// R8: an owner who attends, or comes back within the grace, keeps the session.
#[tokio::test]
async fn an_owner_who_attends_keeps_the_session() {
    let (desk, mut ricky, mut map, attending) = attended_before_the_loss().await;
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    let beside = desk
        .librarian("lee", "maple", Role::Librarian, &["maple"])
        .watch(&["maple"], false)
        .await
        .unwrap();
    assert!(beside.rows.is_empty());
    tokio::time::sleep(GRACE * 2).await;
    map.post(desk.command_id(), SESSION, "Still here")
        .await
        .unwrap();
    assert_eq!(text_of(&rickys.events_to(3).await[2]), "Still here");
    drop(attending);
    let returned = rickys.event().await;
    assert!(
        matches!(returned.payload, Some(Payload::Returned(_))),
        "once the owner is gone"
    );
}
