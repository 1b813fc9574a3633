//! The audit, as it is shown to those who may read it (R21, D12).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use carrel_platform::{
    auth::Role,
    log::{EventLog, LogError},
};
use carrel_proto::session::v1 as wire;
use carrel_session::Config;
use carrel_testbed::log::FaultyLog;
use futures::FutureExt as _;
use tonic::{Code, Status};

use crate::desk::{Desk, NOON_MS};
use crate::person::{Person, told};

const SESSION: &str = "a0d1";

/// Reads all pages of the audit with one entry each, and returns the entries and the tokens between the pages. Each
/// page has its entry's session.
async fn pages(person: &mut Person) -> (Vec<wire::AuditEntry>, Vec<String>) {
    let (mut entries, mut tokens) = (Vec::new(), Vec::new());
    loop {
        let request = person.ask(wire::ListAuditEntriesRequest {
            page_size: 1,
            page_token: tokens.last().cloned().unwrap_or_default(),
        });
        let page = person.client.list_audit_entries(request).await.unwrap();
        let page = page.into_inner();
        assert_eq!(page.sessions.len(), page.entries.len());
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return (entries, tokens);
        }
        tokens.push(page.next_page_token);
    }
}

/// Reads the page of one entry that this token asks for.
async fn page(person: &mut Person, token: &str) -> Result<Vec<wire::AuditEntry>, Status> {
    let request = person.ask(wire::ListAuditEntriesRequest {
        page_size: 1,
        page_token: token.to_owned(),
    });
    let page = person.client.list_audit_entries(request).await?;
    Ok(page.into_inner().entries)
}

fn bad_token() -> (Code, String) {
    (Code::InvalidArgument, "BAD_PAGE_TOKEN".to_owned())
}

/// S11, R4: an ask administrator may be watched themselves. From the audit they read what they did, and can't tell
/// whether anybody else did anything, not even from the tokens.
#[tokio::test]
async fn an_ask_administrator_can_not_tell_how_much_others_did() {
    let mut seen = Vec::new();
    for others_act in [false, true] {
        let desk = Desk::open().await;
        let mut ricky = desk.patron(SESSION);
        let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
        let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &[]);
        let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
        ricky.open("open".into(), "hello?").await.unwrap();
        map.pick_up("pick-up".into(), SESSION).await.unwrap();
        for round in 0..3 {
            if others_act {
                admin.enter(format!("in-{round}"), SESSION).await.unwrap();
                admin.leave(format!("out-{round}"), SESSION).await.unwrap();
            }
            ask.enter(format!("enter-{round}"), SESSION).await.unwrap();
            ask.leave(format!("leave-{round}"), SESSION).await.unwrap();
        }
        let (entries, tokens) = pages(&mut ask).await;
        assert_eq!((entries.len(), tokens.len()), (6, 5));
        assert!(entries.iter().all(|entry| entry.librarian_id == "ask"));
        seen.push((entries, tokens));

        let (all, _) = pages(&mut admin).await;
        let numbers: Vec<_> = all.iter().map(|entry| entry.number).collect();
        let count = if others_act { 12 } else { 6 };
        assert_eq!(numbers, (1..=count).rev().collect::<Vec<_>>());
        assert!(all.iter().all(|entry| entry.chain_hash.len() == 64));
        // A hash would tell whether an entry follows the one before.
        for entry in &all {
            assert_eq!(told(page(&mut ask, &entry.chain_hash).await), bad_token());
        }
    }
    assert_eq!(seen[0], seen[1]);
}

/// R21: whoever reads the audit is told which session an entry is about, as long as they may know it otherwise: while
/// it runs, from the list of all their patrons' sessions, then from the list of the ended ones.
#[tokio::test]
async fn it_says_which_session_is_meant_as_far_as_the_reader_may_know() {
    async fn sessions(reader: &mut Person) -> Vec<wire::AuditedSession> {
        let request = reader.ask(wire::ListAuditEntriesRequest::default());
        let page = reader.client.list_audit_entries(request).await.unwrap();
        page.into_inner().sessions
    }

    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &[]);
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    ricky.open("open".into(), "hello?").await.unwrap();
    map.pick_up("pick-up".into(), SESSION).await.unwrap();
    ask.enter("enter".into(), SESSION).await.unwrap();
    ask.leave("leave".into(), SESSION).await.unwrap();

    // Two entries of one session.
    let known = |state: wire::SessionState| wire::AuditedSession {
        session_id: SESSION.to_owned(),
        state: state.into(),
        patron_name: "Ricky".to_owned(),
        open_time: Some(carrel_session::convert::timestamp(NOON_MS)),
        erase_time: None,
    };
    for reader in [&mut ask, &mut admin] {
        assert_eq!(
            sessions(reader).await,
            [known(wire::SessionState::Active)],
            "it runs"
        );
    }
    let mut other = desk.librarian("other", "maple", Role::AskAdministrator, &[]);
    assert_eq!(sessions(&mut other).await, [], "no entry is theirs");

    ricky.end("end".into(), SESSION).await.unwrap();
    for reader in [&mut ask, &mut admin] {
        assert_eq!(sessions(reader).await, [known(wire::SessionState::Ended)]);
    }

    admin.erase("erase".into(), SESSION).await.unwrap();
    let [erased] = &*sessions(&mut admin).await else {
        panic!("an erased session has had its time, too");
    };
    assert_eq!(
        (&*erased.patron_name, erased.state()),
        ("", wire::SessionState::Ended)
    );
    assert!(erased.erase_time.is_some());
}

/// R1: of a session that waits again, its supervisors see what lists show them, and so do readers of the audit.
#[tokio::test]
async fn it_says_nothing_of_a_session_that_no_list_shows_the_reader() {
    let faulty = FaultyLog::in_memory().unwrap();
    let log: Arc<dyn EventLog> = Arc::clone(&faulty) as Arc<dyn EventLog>;
    let before = Desk::on(Arc::clone(&log)).await;
    let mut ricky = before.patron(SESSION);
    let mut map = before.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut admin = before.librarian("admin", "maple", Role::Administrator, &[]);
    ricky.open("open".into(), "hello?").await.unwrap();
    map.pick_up("pick-up".into(), SESSION).await.unwrap();
    admin.enter("enter".into(), SESSION).await.unwrap();
    admin.leave("leave".into(), SESSION).await.unwrap();
    drop(before);

    // A server that soon takes the session from an owner who does nothing.
    let config = Config {
        owner_grace: Duration::from_millis(100).into(),
        ..Config::default()
    };
    let desk = Desk::on_with(log, config).await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let mut of_queue = desk.librarian("boss", "maple", Role::Administrator, &["maple"]);
    let mut lists = of_queue.watch(&["maple"], true).await.unwrap();
    lists
        .until(|rows| rows.iter().any(|row| row.returned))
        .await;
    let page = wire::ListAuditEntriesRequest::default;
    // Nor by the time that it would take to read the session.
    let of_session = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&of_session);
    faulty.before_reads(move |stream| {
        if stream.category == "session" {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        async { Ok(()) }.boxed()
    });
    let request = admin.ask(page());
    let read = admin.client.list_audit_entries(request).await.unwrap();
    let read = read.into_inner();
    assert_eq!((read.entries.len(), read.sessions.len()), (2, 0));
    assert_eq!(of_session.load(Ordering::SeqCst), 0, "reads of the session");
    let request = of_queue.ask(page());
    let read = of_queue.client.list_audit_entries(request).await.unwrap();
    let [session] = &*read.into_inner().sessions else {
        panic!("their New list shows it");
    };
    assert_eq!(session.state(), wire::SessionState::Waiting);
}

/// R21: what can't be read of a session at present hides no entry.
#[tokio::test]
async fn it_is_whole_without_a_session_that_can_not_be_read() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    ricky.open("open".into(), "hello?").await.unwrap();
    map.pick_up("pick-up".into(), SESSION).await.unwrap();
    admin.enter("enter".into(), SESSION).await.unwrap();
    ricky.end("end".into(), SESSION).await.unwrap();
    log.before_reads(|stream| {
        let read = match stream.category {
            "session" => Err(LogError::Unavailable("told so".into())),
            _ => Ok(()),
        };
        async { read }.boxed()
    });
    let request = admin.ask(wire::ListAuditEntriesRequest::default());
    let page = admin.client.list_audit_entries(request).await.unwrap();
    let page = page.into_inner();
    assert!(!page.entries.is_empty());
    assert_eq!(page.sessions, []);
}

/// A token shows the caller their own entries, whoever it was given to. What is not a token is refused without a look
/// at the log.
#[tokio::test]
async fn a_page_token_shows_nobody_what_others_did() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &[]);
    ricky.open("open".into(), "hello?").await.unwrap();
    map.pick_up("pick-up".into(), SESSION).await.unwrap();
    ask.enter("enter".into(), SESSION).await.unwrap();
    ask.leave("leave".into(), SESSION).await.unwrap();
    let (entries, tokens) = pages(&mut ask).await;
    let token = &tokens[0];

    // Another server accepts it, too.
    for desk in [&desk.replica().await, &desk] {
        let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &[]);
        assert_eq!(page(&mut ask, token).await.unwrap(), entries[1..]);
        let far = u64::MAX.to_string();
        assert_eq!(page(&mut ask, &far).await.unwrap(), entries[..1]);
        assert_eq!(page(&mut ask, "0").await.unwrap(), []);
        let mut other = desk.librarian("other", "maple", Role::AskAdministrator, &[]);
        assert_eq!(page(&mut other, token).await.unwrap(), []);
        let mut elsewhere = desk.librarian("ask", "harbor", Role::AskAdministrator, &[]);
        assert_eq!(page(&mut elsewhere, token).await.unwrap(), []);
    }

    log.be_readable(false);
    let long = "A".repeat(100_000);
    for bad in ["x", "-1", "1.0", "\u{e9}", &long] {
        assert_eq!(told(page(&mut ask, bad).await), bad_token(), "{bad:.60}");
    }
    assert_eq!(
        told(page(&mut ask, token).await),
        (Code::Unavailable, "LOG_UNAVAILABLE".to_owned())
    );
}
