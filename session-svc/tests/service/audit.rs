//! The audit, as it is shown to who may read it (R21, D12).

use carrel_platform::auth::Role;
use carrel_proto::session::v1 as wire;
use tonic::Code;

use crate::desk::Desk;
use crate::person::{Person, reason};

const SESSION: &str = "a0d1";

/// All pages of the audit, an entry on each, and the tokens between them.
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

/// S11, R4: an ask administrator may be watched themselves. From the audit they read what they did, and can't tell
/// whether anybody else did anything.
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
        assert!(tokens.iter().all(|token| token.len() == 64));
        seen.push(entries);

        let (all, _) = pages(&mut admin).await;
        let numbers: Vec<_> = all.iter().map(|entry| entry.number).collect();
        let count = if others_act { 12 } else { 6 };
        assert_eq!(numbers, (1..=count).rev().collect::<Vec<_>>());
        assert!(all.iter().all(|entry| entry.chain_hash.len() == 64));

        let other_token = ask.ask(wire::ListAuditEntriesRequest {
            page_size: 1,
            page_token: "3".into(),
        });
        let refused = ask.client.list_audit_entries(other_token).await;
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.code(), &*reason(&refused)),
            (Code::InvalidArgument, "BAD_PAGE_TOKEN")
        );
    }
    assert_eq!(seen[0], seen[1]);
}
