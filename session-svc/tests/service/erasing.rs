//! R20: what was said in an ended session can be erased, by an administrator and when its time is over.

use std::{sync::Arc, time::Duration};

use carrel_platform::{
    auth::{Patron, Role, StaffNaming, Who},
    log::EventLog,
};
use carrel_proto::session::v1::{self as wire, attend_response::Response, session_event::Payload};
use carrel_session::{Config, EraseAfter, LibraryRetention};
use carrel_testbed::log::FaultyLog;
use tonic::Code;

use crate::{
    desk::{Desk, NOON_MS, patron},
    person::{Person, told},
};

const SESSION: &str = "e7a5ed";
pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// What must be nowhere after the erasure.
const SAID: [&str; 6] = [
    "Ricky",
    "ricky@example.org",
    "a question",
    "an answer",
    "a note",
    "Name of map",
];

pub fn admin(desk: &Desk) -> Person {
    desk.librarian("admin", "maple", Role::Administrator, &["maple"])
}

/// One session from the question to the end: six events for staff, five for the patron. Each takes a second.
pub async fn ended(desk: &Desk, session_id: &str) {
    let mut ricky = desk.patron(session_id);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let id = || {
        desk.clock.advance_ms(1_000);
        desk.command_id()
    };
    ricky.open(id(), "a question").await.unwrap();
    map.pick_up(id(), session_id).await.unwrap();
    map.note(id(), session_id, "a note").await.unwrap();
    map.post(id(), session_id, "an answer").await.unwrap();
    ricky.post(id(), session_id, "a question").await.unwrap();
    map.end(id(), session_id).await.unwrap();
}

pub fn after(attending: &wire::Joined, number: u64) -> wire::Position {
    let epoch = attending.head.clone().unwrap().epoch;
    wire::Position { epoch, number }
}

/// Waits until what is asked for is so.
pub async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
    waited.unwrap_or_else(|_| panic!("{what}"));
}

pub async fn is_gone(desk: &Desk, session_id: &str) -> bool {
    let (_, texts) = desk.written(session_id).await;
    SAID.iter().all(|said| !texts.contains(said))
}

/// A desk that looks all the time for sessions that are to be erased, and keeps names as long as these.
pub fn sweeping(erase_after: &str) -> Config {
    Config {
        erase_after: erase_after.parse().unwrap(),
        erase_identity_after: EraseAfter::Never,
        erase_sweep: Duration::from_millis(20).into(),
        ..Config::default()
    }
}

#[tokio::test]
async fn an_erased_session_is_a_line_of_statistics() {
    let desk = Desk::open().await;
    ended(&desk, SESSION).await;
    let mut admin = admin(&desk);
    let (before, head) = {
        let transcript = admin.transcript(SESSION, wire::Audience::Staff).await;
        (transcript.unwrap().session.unwrap(), 6)
    };
    let command = desk.command_id();
    let erased = admin.erase(command.clone(), SESSION).await.unwrap();
    assert!(!erased.replayed);
    // The log has one event, and the name of who erased it.
    let (versions, texts) = desk.written(SESSION).await;
    assert_eq!(versions, [head + 1]);
    for said in SAID {
        assert!(!texts.contains(said), "{said}: {texts}");
    }
    let after = erased.session.unwrap();
    let expected = wire::Session {
        patron_name: String::new(),
        patron_email: String::new(),
        question: String::new(),
        language: String::new(),
        owner: Some(wire::Person {
            name: String::new(),
            librarian_id: String::new(),
            ..before.owner.clone().unwrap()
        }),
        erase_time: after.erase_time,
        erased_by: Some(wire::Person {
            part: wire::Part::Colleague.into(),
            name: "Name of admin".into(),
            institution_name: "Library maple".into(),
            librarian_id: "admin".into(),
        }),
        ..before
    };
    assert!(after.erase_time.is_some());
    assert_eq!(after, expected);
    assert_eq!(after.ended_by(), wire::Part::Owner);

    // The same again, and another one, change nothing.
    for command in [command, desk.command_id()] {
        let again = admin.erase(command, SESSION).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.session.as_ref(), Some(&after));
    }
    assert_eq!(desk.written(SESSION).await.0, [head + 1]);

    // The transcript says so in both views, and the library's list.
    for (audience, position, by) in [
        (wire::Audience::Staff, 7, Some("Name of admin")),
        (wire::Audience::Patron, 6, None),
    ] {
        let transcript = admin.transcript(SESSION, audience).await.unwrap();
        let [event] = &*transcript.events else {
            panic!("one event: {:?}", transcript.events)
        };
        assert_eq!(event.position, position);
        assert!(matches!(event.payload, Some(Payload::Erased(_))));
        let author = event.author.as_ref().map(|author| &*author.name);
        assert_eq!(author, by);
        let session = transcript.session.unwrap();
        assert_eq!(session.erase_time, after.erase_time);
        assert_eq!(session.erased_by.is_some(), by.is_some());
    }
    assert_eq!(admin.look(SESSION).await.unwrap(), (after.clone(), 7));
    let page = admin.ask(wire::ListEndedSessionsRequest::default());
    let page = admin.client.list_ended_sessions(page).await.unwrap();
    assert_eq!(page.into_inner().sessions, [after]);

    // Nothing is added to it.
    let note = admin.note(desk.command_id(), SESSION, "late").await;
    assert_eq!(told(note), (Code::FailedPrecondition, "ERASED".into()));
}

/// R21: the audit says who erased what, without a word of it, with the erasure or not at all.
#[tokio::test]
async fn the_audit_says_who_erased_it() {
    let desk = Desk::open().await;
    ended(&desk, SESSION).await;
    let mut admin = admin(&desk);
    admin.erase(desk.command_id(), SESSION).await.unwrap();
    admin.erase(desk.command_id(), SESSION).await.unwrap();
    let audit = admin.audit().await;
    let [entry] = &*audit else {
        panic!("one entry: {audit:?}")
    };
    assert_eq!(entry.act(), wire::AuditAct::SessionErased);
    assert_eq!(
        (&*entry.librarian_id, &*entry.detail),
        ("admin", "REQUESTED")
    );
    assert_eq!(entry.session_id, SESSION);
    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &["maple"]);
    assert_eq!(ask.audit().await, [], "it is none of theirs");
}

#[tokio::test]
async fn only_what_has_ended_is_erased_and_only_by_its_librarys_administrators() {
    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "a question").await.unwrap();
    let mut map = desk.librarian("map", "harbor", Role::Administrator, &["maple"]);
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let running = admin(&desk).erase(desk.command_id(), SESSION).await;
    assert_eq!(
        told(running),
        (Code::FailedPrecondition, "NOT_ENDED".into())
    );
    map.end(desk.command_id(), SESSION).await.unwrap();

    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &["maple"]);
    let mut lee = desk.librarian("lee", "maple", Role::Librarian, &["maple"]);
    for person in [&mut ricky, &mut ask, &mut lee] {
        let refused = person.erase(desk.command_id(), SESSION).await;
        let expected = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into());
        assert_eq!(told(refused), expected);
    }
    // The owner is an administrator, of another library; and the answer is as for what never was.
    let foreign = map.erase(desk.command_id(), SESSION).await.unwrap_err();
    let nowhere = map.erase(desk.command_id(), "40w4e7e").await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
    assert_eq!(foreign.message(), nowhere.message());
    assert_eq!(foreign.details(), nowhere.details());
    assert!(desk.written(SESSION).await.1.contains("a question"));
}

/// Whoever attends is told; whoever comes back with any position is told what there is, and numbers go on.
#[tokio::test]
async fn who_comes_back_to_an_erased_session_learns_what_there_is() {
    let desk = Desk::open().await;
    ended(&desk, SESSION).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    rickys.events_to(5).await;
    maps.events_to(6).await;
    admin(&desk)
        .erase(desk.command_id(), SESSION)
        .await
        .unwrap();
    let event = rickys.event().await;
    assert_eq!((event.position, &event.author), (6, &None));
    assert!(matches!(event.payload, Some(Payload::Erased(_))));
    // The owner's name is gone, and with it what they were to the session.
    assert_eq!(maps.event().await.position, 7);
    let let_go = maps.next().await.unwrap_err();
    assert_eq!(let_go.code(), Code::NotFound);

    for (number, resync) in [
        (None, false),
        (Some(0), true),
        (Some(4), true),
        (Some(7), true),
    ] {
        let position = number.map(|number| after(&rickys.joined, number));
        let mut again = ricky.attend(SESSION, position).await.unwrap();
        let joined = &again.joined;
        assert_eq!(
            (joined.resync, joined.erased_up_to),
            (resync, 5),
            "{number:?}"
        );
        assert_eq!(joined.session.as_ref().unwrap().question, "");
        assert_eq!(again.event().await, event);
    }
    for (number, missed) in [(5, true), (6, false)] {
        let position = after(&rickys.joined, number);
        let mut again = ricky.attend(SESSION, Some(position)).await.unwrap();
        assert!(!again.joined.resync);
        match again.next_of_all().await.unwrap() {
            Some(Response::Event(told)) => assert!(missed && told == event),
            other => assert!(!missed, "{other:?}"),
        }
    }
    let said = ricky.post(desk.command_id(), SESSION, "still there?").await;
    assert_eq!(told(said), (Code::FailedPrecondition, "ENDED".into()));
}

/// I8: what one server erases is gone from the memory of others, with the bus and without.
#[tokio::test]
async fn what_was_erased_is_gone_on_every_server() {
    let config = Config {
        tail_repair: Duration::from_millis(50).into(),
        ..Config::default()
    };
    let desk = Desk::with(config).await;
    ended(&desk, SESSION).await;
    let replicas = [desk.replica().await, desk.deaf_replica().await];
    let mut attending = Vec::new();
    for replica in &replicas {
        let mut ricky = replica.patron(SESSION);
        let mut one = ricky.attend(SESSION, None).await.unwrap();
        one.events_to(5).await;
        attending.push(one);
    }
    admin(&desk)
        .erase(desk.command_id(), SESSION)
        .await
        .unwrap();
    for (replica, mut one) in replicas.iter().zip(attending) {
        assert_eq!(one.event().await.position, 6);
        let mut reader = admin(replica);
        let transcript = reader.transcript(SESSION, wire::Audience::Staff).await;
        assert_eq!(transcript.unwrap().events.len(), 1);
    }
    // Also on one that was away when a note came, and with it the erasure.
    let other = "07e7";
    ended(&desk, other).await;
    let late = desk.deaf_replica_with(Config::default(), Arc::clone(&desk.leases));
    let late = late.await;
    let mut rickys = late.patron(other).attend(other, None).await.unwrap();
    rickys.events_to(5).await;
    let mut admin_here = admin(&desk);
    admin_here
        .note(desk.command_id(), other, "a note")
        .await
        .unwrap();
    admin_here.erase(desk.command_id(), other).await.unwrap();
    let transcript = admin(&late).transcript(other, wire::Audience::Staff).await;
    let positions: Vec<_> = transcript
        .unwrap()
        .events
        .iter()
        .map(|e| e.position)
        .collect();
    assert_eq!(positions, [8]);
    assert_eq!(rickys.event().await.position, 6);
}

/// Two administrators at two servers, at the same time: one erasure, one entry.
#[tokio::test]
async fn of_two_who_erase_at_once_one_does() {
    let desk = Desk::open().await;
    let other = desk.deaf_replica().await;
    ended(&desk, SESSION).await;
    let (mut one, mut two) = (admin(&desk), admin(&other));
    let (one, two) = tokio::join!(
        one.erase("1".into(), SESSION),
        two.erase("2".into(), SESSION)
    );
    let replayed = [one.unwrap().replayed, two.unwrap().replayed];
    assert_eq!(replayed.iter().filter(|replayed| **replayed).count(), 1);
    assert_eq!(desk.written(SESSION).await.0, [7]);
    assert_eq!(admin(&desk).audit().await.len(), 1);
}

/// R20: sessions go by themselves when their time is over, on one server or another, and the audit says so.
#[tokio::test]
async fn a_session_is_erased_when_its_time_is_over() {
    let desk = Desk::with(sweeping("90d")).await;
    let replica = desk.replica().await;
    ended(&desk, SESSION).await;
    desk.clock.advance_ms(DAY_MS);
    ended(&desk, "a5ec0d").await;
    desk.clock.advance_ms(89 * DAY_MS);
    until("the first is erased", || is_gone(&desk, SESSION)).await;
    assert!(!is_gone(&desk, "a5ec0d").await, "it has a day left");
    let mut admin = admin(&replica);
    let audit = admin.audit().await;
    let erased: Vec<_> = audit
        .iter()
        .map(|entry| {
            (
                entry.act(),
                &*entry.session_id,
                &*entry.librarian_name,
                &*entry.detail,
            )
        })
        .collect();
    let expected = (wire::AuditAct::SessionErased, SESSION, "", "RETENTION");
    assert_eq!(erased, [expected]);
    let transcript = admin
        .transcript(SESSION, wire::Audience::Staff)
        .await
        .unwrap();
    assert_eq!(transcript.events.len(), 1);
    assert_eq!(transcript.events[0].author, None);
    let session = transcript.session.unwrap();
    assert!(session.erase_time.is_some() && session.erased_by.is_none());
    let ended_ms = session.end_time.unwrap().seconds * 1_000;
    assert_eq!(ended_ms, NOON_MS + 6_000);
    desk.clock.advance_ms(DAY_MS);
    until("the second is erased", || is_gone(&desk, "a5ec0d")).await;
    let audit = self::admin(&replica).audit().await;
    assert_eq!(audit.len(), 3, "two were erased, and one was read");
}

/// R20: what a library sets holds for its patrons' sessions and for nobody else's. A library that never erases keeps
/// nobody from it, and neither does one whose sessions come first in every order.
#[tokio::test]
async fn each_library_has_its_own_time() {
    let set = |erase_after: &str| LibraryRetention {
        erase_after: Some(erase_after.parse().unwrap()),
        ..LibraryRetention::default()
    };
    let retention = [("acorn", set("never")), ("maple", set("7d"))];
    let config = Config {
        retention: retention.map(|(id, set)| (id.to_owned(), set)).into(),
        ..sweeping("90d")
    };
    let desk = Desk::with(config).await;
    for (session_id, institution_id) in [("aaa", "acorn"), ("bbb", "maple"), ("ccc", "pine")] {
        let Who::Patron(patron) = patron(session_id, StaffNaming::ScreenName) else {
            panic!("it is a patron");
        };
        let institution_id = institution_id.to_owned();
        let mut ricky = desk.person(Who::Patron(Patron {
            institution_id,
            ..patron
        }));
        ricky.open(desk.command_id(), "a question").await.unwrap();
        ricky.end(desk.command_id(), session_id).await.unwrap();
    }
    desk.clock.advance_ms(7 * DAY_MS - 1);
    let opened = |session_id: &'static str| {
        let desk = &desk;
        async move { desk.written(session_id).await.1.contains("a question") }
    };
    let kept = async || {
        (
            opened("aaa").await,
            opened("bbb").await,
            opened("ccc").await,
        )
    };
    assert_eq!(kept().await, (true, true, true));
    desk.clock.advance_ms(1);
    until("Maple's is erased", async || !opened("bbb").await).await;
    assert_eq!(kept().await, (true, false, true));
    desk.clock.advance_ms(83 * DAY_MS);
    until("Pine's is erased", async || !opened("ccc").await).await;
    assert_eq!(kept().await, (true, false, false));
}

/// A running session has no end, however old it is; and a library may keep all.
#[tokio::test]
async fn what_runs_is_kept_and_so_is_everything_where_nothing_is_erased() {
    let desk = Desk::with(sweeping("0s")).await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "a question").await.unwrap();
    desk.clock.advance_ms(1_000 * DAY_MS);
    ended(&desk, "a5ec0d").await;
    until("what has ended is erased", || is_gone(&desk, "a5ec0d")).await;
    assert!(!is_gone(&desk, SESSION).await);

    // What is half erased elsewhere tells that the sweep has been there: the second time, that it was there wholly.
    let log = FaultyLog::in_memory().unwrap();
    let shared = Arc::clone(&log) as Arc<dyn EventLog>;
    let desk = Desk::on_with(shared, sweeping("never")).await;
    ended(&desk, SESSION).await;
    desk.clock.advance_ms(1_000 * DAY_MS);
    for other in ["a5ec0d", "7417d"] {
        ended(&desk, other).await;
        log.be_erasable(false);
        let unknown = admin(&desk).erase(desk.command_id(), other).await;
        assert_eq!(unknown.unwrap_err().code(), Code::Unavailable);
        log.be_erasable(true);
        until("the sweep has been there", || is_gone(&desk, other)).await;
    }
    assert!(!is_gone(&desk, SESSION).await);
}

/// What was begun is finished: by whoever asks again, and by the sweep also where nothing is erased by itself. Nobody
/// reads what is still in the log meanwhile.
#[tokio::test]
async fn an_erasing_that_stopped_in_between_is_finished() {
    let log = FaultyLog::in_memory().unwrap();
    let shared = || Arc::clone(&log) as Arc<dyn EventLog>;
    for asks_again in [true, false] {
        let session_id = if asks_again { "a5c5" } else { "1ea7e5" };
        let quiet = Config {
            erase_sweep: Duration::from_secs(3_600).into(),
            ..sweeping("never")
        };
        let desk = Desk::on_with(shared(), quiet).await;
        ended(&desk, session_id).await;
        log.be_erasable(false);
        let mut admin_here = admin(&desk);
        let command = desk.command_id();
        let unknown = admin_here.erase(command.clone(), session_id).await;
        assert_eq!(unknown.unwrap_err().code(), Code::Unavailable);
        assert!(!is_gone(&desk, session_id).await);
        let late = desk.replica().await;
        let mut reader = admin(&late);
        let transcript = reader.transcript(session_id, wire::Audience::Staff).await;
        assert_eq!(transcript.unwrap().events.len(), 1);
        log.be_erasable(true);
        if asks_again {
            let done = admin_here.erase(command, session_id).await.unwrap();
            assert!(done.replayed);
        } else {
            drop(desk);
            let swept = Desk::on_with(shared(), sweeping("never")).await;
            until("the sweep finishes it", || is_gone(&swept, session_id)).await;
        }
        assert_eq!(late.written(session_id).await.0, [7]);
    }
}
