//! The audit, as it is shown to those who may read it (R21, D12).

use std::sync::Arc;

use carrel_platform::{auth::Role, log::EventLog};
use carrel_proto::session::v1 as wire;
use carrel_testbed::log::FaultyLog;
use tonic::{Code, Status};

use crate::desk::Desk;
use crate::person::{Person, reason};

const SESSION: &str = "a0d1";

/// Reads all pages of the audit with one entry each, and returns the entries and the tokens between the pages.
async fn pages(person: &mut Person) -> (Vec<wire::AuditEntry>, Vec<String>) {
    let (mut entries, mut tokens) = (Vec::new(), Vec::new());
    loop {
        let request = person.ask(wire::ListAuditEntriesRequest {
            page_size: 1,
            page_token: tokens.last().cloned().unwrap_or_default(),
        });
        let page = person.client.list_audit_entries(request).await.unwrap();
        let page = page.into_inner();
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

fn told<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status))
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
