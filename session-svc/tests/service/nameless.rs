//! R20: who the patron was is erased before what was said, when its time is over.

use std::{fs, sync::Arc, time::Duration};

use carrel_platform::log::{
    Batch, EventLog, IndexEntry, NewEvent, StreamName, Write,
    sqlite::{SqliteLog, SqliteOptions},
};
use carrel_proto::session::v1::{self as wire, session_event::Payload};
use carrel_session::{Config, EraseAfter};
use carrel_testbed::log::FaultyLog;
use tempfile::TempDir;

use crate::{
    desk::Desk,
    erasing::{DAY_MS, admin, after, ended, is_gone, sweeping, until},
};

const SESSION: &str = "4a3e1e55";
/// What says who the patron is, and must be nowhere afterwards.
const IDENTITY: [&str; 2] = ["Ricky", "ricky@example.org"];
/// What was said, and stays.
const TEXT: [&str; 3] = ["a question", "an answer", "a note"];

/// A desk's settings under which names go after 30 days, and it is looked for them all the time.
fn naming() -> Config {
    Config {
        erase_identity_after: "30d".parse().unwrap(),
        ..sweeping("90d")
    }
}

/// The same where nobody looks.
fn quiet() -> Config {
    Config {
        erase_sweep: Duration::from_secs(3_600).into(),
        ..naming()
    }
}

async fn is_nameless(desk: &Desk, session_id: &str) -> bool {
    let (_, texts) = desk.written(session_id).await;
    IDENTITY.iter().all(|identity| !texts.contains(identity))
}

/// Returns whether a file in the folder has this word in it.
fn holds(folder: &TempDir, word: &str) -> bool {
    let files = fs::read_dir(folder.path()).unwrap();
    files.into_iter().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let mut windows = bytes.windows(word.len());
        windows.any(|window| window == word.as_bytes())
    })
}

fn says_who(events: &[wire::SessionEvent]) -> bool {
    let told = format!("{events:?}");
    IDENTITY.iter().any(|identity| told.contains(identity))
}

/// PR6: the name is in no event and in no file; the text is. The audit says so, without the name.
#[tokio::test]
async fn a_name_is_erased_before_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(&folder.path().join("log"), SqliteOptions::default()).unwrap();
    let desk = Desk::on_with(Arc::new(log), naming()).await;
    ended(&desk, SESSION).await;
    let mut admin_here = admin(&desk);
    let (before, _) = admin_here.look(SESSION).await.unwrap();
    assert_eq!(before.patron_name, "Ricky");
    desk.clock.advance_ms(29 * DAY_MS);
    assert!(!is_nameless(&desk, SESSION).await);
    desk.clock.advance_ms(DAY_MS);
    until("the name is erased", || is_nameless(&desk, SESSION)).await;

    let (versions, texts) = desk.written(SESSION).await;
    assert_eq!(versions, [2, 3, 4, 5, 6, 7]);
    // The log says that an event is erased a little before no file has it any more.
    until("no file has the name", async || {
        IDENTITY.iter().all(|identity| !holds(&folder, identity))
    })
    .await;
    for text in TEXT {
        assert!(texts.contains(text) && holds(&folder, text), "{text}");
    }
    let mut admin_here = admin(&desk);
    let audit = admin_here.audit().await;
    let [entry] = &*audit else {
        panic!("one entry: {audit:?}")
    };
    assert_eq!(entry.act(), wire::AuditAct::IdentityErased);
    let (by, detail) = (&*entry.librarian_name, &*entry.detail);
    assert_eq!((&*entry.session_id, by, detail), (SESSION, "", "RETENTION"));

    // The rest is as it was, in both views and in the list, and goes on.
    let (after, head) = admin_here.look(SESSION).await.unwrap();
    assert!(after.identity_erase_time.is_some());
    let expected = wire::Session {
        patron_name: String::new(),
        patron_email: String::new(),
        language: String::new(),
        identity_erase_time: after.identity_erase_time,
        ..before
    };
    assert_eq!((&after, head), (&expected, 7));
    for (audience, head) in [(wire::Audience::Staff, 7), (wire::Audience::Patron, 6)] {
        let transcript = admin_here.transcript(SESSION, audience).await.unwrap();
        let positions = transcript.events.iter().map(|event| event.position);
        assert!(positions.eq(1..=head));
        assert!(!says_who(&transcript.events));
        let first = transcript.events[0].payload.as_ref();
        assert!(matches!(first, Some(Payload::Opened(opened)) if opened.question == "a question"));
        let last = transcript.events.last().unwrap();
        assert!(matches!(last.payload, Some(Payload::IdentityErased(_))));
        assert_eq!(last.author, None);
        let session = transcript.session.unwrap();
        assert_eq!((&*session.patron_name, &*session.patron_email), ("", ""));
    }
    let page = admin_here.ask(wire::ListEndedSessionsRequest::default());
    let page = admin_here.client.list_ended_sessions(page).await.unwrap();
    assert_eq!(page.into_inner().sessions, [after]);
    let note = admin_here.note(desk.command_id(), SESSION, "a note").await;
    assert_eq!(note.unwrap().position, 8);

    // Later the rest goes as well.
    desk.clock.advance_ms(60 * DAY_MS);
    until("the rest is erased", || is_gone(&desk, SESSION)).await;
    assert_eq!(desk.written(SESSION).await.0, [9]);
}

/// Whoever attends is told and forgets it; whoever comes back goes on where they were; on each server, with the bus and
/// without (I4, I8).
#[tokio::test]
async fn every_server_forgets_the_name() {
    let desk = Desk::with(Config {
        tail_repair: Duration::from_millis(50).into(),
        // No token expires meanwhile.
        erase_identity_after: "1m".parse().unwrap(),
        ..sweeping("90d")
    })
    .await;
    ended(&desk, SESSION).await;
    let others = [desk.replica().await, desk.deaf_replica().await];
    let mut attending = Vec::new();
    for other in &others {
        let mut rickys = other.patron(SESSION).attend(SESSION, None).await.unwrap();
        assert!(says_who(&rickys.events_to(5).await));
        attending.push(rickys);
    }
    desk.clock.advance_ms(60_000);
    until("the name is erased", || is_nameless(&desk, SESSION)).await;
    for (other, mut rickys) in others.iter().zip(attending) {
        let event = rickys.event().await;
        assert_eq!(event.position, 6);
        assert!(matches!(event.payload, Some(Payload::IdentityErased(_))));
        for (number, missed) in [(0, 6), (3, 3), (6, 0)] {
            let position = after(&rickys.joined, number);
            let mut ricky = other.patron(SESSION);
            let mut again = ricky.attend(SESSION, Some(position)).await.unwrap();
            let joined = &again.joined;
            assert!(!joined.resync && joined.erased_up_to == 0);
            assert_eq!(joined.session.as_ref().unwrap().patron_name, "");
            assert_eq!(joined.head.as_ref().unwrap().number, 6);
            if missed > 0 {
                let events = again.events_to(6).await;
                assert_eq!(events.len(), missed);
                assert!(!says_who(&events));
            }
        }
    }
    let desks = [&desk, &others[0], &others[1]];
    for audience in [wire::Audience::Staff, wire::Audience::Patron] {
        let mut told = Vec::new();
        for desk in desks {
            let transcript = admin(desk).transcript(SESSION, audience).await.unwrap();
            assert!(!says_who(&transcript.events));
            told.push((transcript.session, transcript.events));
        }
        told.dedup();
        assert_eq!(told.len(), 1, "all servers say the same");
    }
}

/// What was begun is finished, and nobody reads the name meanwhile; also where names are kept by now. An administrator
/// who erases the whole session in between has it erased.
#[tokio::test]
async fn an_erasing_of_a_name_that_stopped_in_between_is_finished() {
    let log = FaultyLog::in_memory().unwrap();
    let shared = || Arc::clone(&log) as Arc<dyn EventLog>;
    for erased_wholly in [false, true] {
        let session_id = if erased_wholly { "a11" } else { "4a3e" };
        let desk = Desk::on_with(shared(), quiet()).await;
        ended(&desk, session_id).await;
        log.be_erasable(false);
        let stopped = Desk::on_with(shared(), naming()).await;
        stopped.clock.advance_ms(31 * DAY_MS);
        until("it was begun", async || {
            desk.written(session_id).await.0.len() == 7
        })
        .await;
        drop(stopped);
        assert!(!is_nameless(&desk, session_id).await);
        for server in [&desk, &desk.replica().await] {
            let mut reader = admin(server);
            let transcript = reader.transcript(session_id, wire::Audience::Staff).await;
            let transcript = transcript.unwrap();
            assert!(transcript.events.len() == 7 && !says_who(&transcript.events));
        }
        log.be_erasable(true);
        if erased_wholly {
            let erased = admin(&desk).erase(desk.command_id(), session_id).await;
            assert!(!erased.unwrap().replayed);
            assert_eq!(desk.written(session_id).await.0, [8]);
        } else {
            let keeping = Config {
                erase_identity_after: EraseAfter::Never,
                ..sweeping("never")
            };
            let _swept = Desk::on_with(shared(), keeping).await;
            until("the sweep finishes it", || is_nameless(&desk, session_id)).await;
            assert_eq!(desk.written(session_id).await.0, [2, 3, 4, 5, 6, 7]);
        }
    }
}

/// A server of an earlier version did not say of which library a session is. The site's times hold for it then.
#[tokio::test]
async fn a_session_that_is_known_to_be_no_librarys_is_erased_as_well() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on_with(Arc::clone(&log) as Arc<dyn EventLog>, naming()).await;
    ended(&desk, SESSION).await;
    let mark = Write {
        stream: StreamName::new("retention", SESSION),
        expected: 1,
        events: vec![NewEvent {
            at_ms: desk.clock.unix_ms(),
            payload: r#"{"kind":"kept"}"#.into(),
            command: None,
        }],
        index_entry: Some(IndexEntry {
            owner: "kept".into(),
            closed_at_ms: Some(desk.clock.unix_ms()),
        }),
    };
    log.append(Batch { writes: vec![mark] }).await.unwrap();
    desk.clock.advance_ms(30 * DAY_MS);
    until("the name is erased", || is_nameless(&desk, SESSION)).await;
    desk.clock.advance_ms(60 * DAY_MS);
    until("the rest is erased", || is_gone(&desk, SESSION)).await;
}

/// Where there is nothing to erase, nothing is said to be erased. What is erased by hand was never nameless only.
#[tokio::test]
async fn who_gave_no_name_has_none_erased() {
    let desk = Desk::with(naming()).await;
    let mut nobody = desk.patron("0b0d1");
    let asked = nobody.ask(wire::OpenSessionRequest {
        command_id: desk.command_id(),
        question: "a question".into(),
        ..wire::OpenSessionRequest::default()
    });
    nobody.client.open_session(asked).await.unwrap();
    nobody.end(desk.command_id(), "0b0d1").await.unwrap();
    ended(&desk, SESSION).await;
    desk.clock.advance_ms(30 * DAY_MS);
    until("the other's is erased", || is_nameless(&desk, SESSION)).await;
    let mut admin_here = admin(&desk);
    assert_eq!(admin_here.audit().await.len(), 1);
    let (session, head) = admin_here.look("0b0d1").await.unwrap();
    assert_eq!((session.identity_erase_time, head), (None, 2));
    desk.clock.advance_ms(60 * DAY_MS);
    until("its text is erased", || is_gone(&desk, "0b0d1")).await;
}
