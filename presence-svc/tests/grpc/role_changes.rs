//! Who got, changed or lost a role, for the administrators of a library (R21).

use carrel_platform::{auth::Role, chain};
use carrel_presence::{NewLibrarian, add_librarian, remove_librarian, storage};
use carrel_proto::directory::v1::{
    self as wire, ListRoleChangesRequest, Role as WireRole, RoleChangeMeans as Means,
};
use tonic::Code;

use crate::desk::{DEMO, Desk, NOW, bearing, refusal};

async fn token_of(desk: &Desk, name: &str) -> String {
    let logged_in = desk.log_in(name).await;
    logged_in.token.unwrap().access_token
}

/// Reads the whole list in pages of this size, newest first.
async fn changes(desk: &Desk, token: &str, page_size: i32) -> Vec<wire::RoleChange> {
    let (mut changes, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListRoleChangesRequest {
            page_size,
            page_token,
        };
        let mut client = desk.client.clone();
        let answer = client.list_role_changes(bearing(token, request)).await;
        let page = answer.unwrap().into_inner();
        changes.extend(page.changes);
        if page.next_page_token.is_empty() {
            return changes;
        }
        page_token = page.next_page_token;
    }
}

/// What each change says, oldest first: log-in name, role before, role after, means.
fn said(changes: &[wire::RoleChange]) -> Vec<(&str, WireRole, WireRole, Means)> {
    let said = changes.iter().rev().map(|change| {
        let (before, after) = (change.role_before(), change.role_after());
        (&*change.log_in_name, before, after, change.means())
    });
    said.collect()
}

/// Checks the numbers, and the hashes as the proto describes them.
fn assert_chained(changes: &[wire::RoleChange]) {
    let mut before = chain::START.to_owned();
    for (change, number) in changes.iter().rev().zip(1..) {
        assert_eq!(change.number, number);
        let time = change.time.as_ref().unwrap();
        let at_ms = time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000;
        let role = |role: WireRole| match role {
            WireRole::Unspecified => "",
            WireRole::Librarian => "librarian",
            WireRole::AskAdministrator => "ask_administrator",
            WireRole::Administrator => "administrator",
        };
        let means = match change.means() {
            Means::Command => "command",
            _ => "directory_file",
        };
        let parts = [
            &change.librarian_id,
            &change.log_in_name,
            &change.librarian_name,
            role(change.role_before()),
            role(change.role_after()),
            means,
        ];
        assert_eq!(change.chain_hash, chain::link(at_ms, &before, &parts));
        before.clone_from(&change.chain_hash);
    }
}

fn new_librarian(log_in_name: &str, role: Role) -> NewLibrarian {
    NewLibrarian {
        log_in_name: log_in_name.into(),
        screen_name: "Ms New".into(),
        real_name: String::new(),
        institution_id: "maple".into(),
        role,
        password: "a long enough password".into(),
    }
}

/// R21, I25: each change is in the list of the library that it concerns, and of no other, with how it was made.
#[tokio::test]
async fn administrators_read_each_change_of_a_role_in_their_library() {
    use Means::{Command, DirectoryFile};
    let desk = Desk::demo().await;
    let maple = token_of(&desk, "admin@maple").await;
    let harbor = token_of(&desk, "admin@harbor").await;
    let none = WireRole::Unspecified;
    let at_first = [
        ("admin@maple", none, WireRole::Administrator, DirectoryFile),
        ("ask@maple", none, WireRole::AskAdministrator, DirectoryFile),
        ("lee@maple", none, WireRole::Librarian, DirectoryFile),
    ];
    assert_eq!(said(&changes(&desk, &maple, 0).await), at_first);

    desk.clock.advance_ms(60_000);
    let new = new_librarian("New@Maple", Role::Administrator);
    let id = add_librarian(&desk.log, new, &desk.clock).await.unwrap();
    // Mr Lee moves to Harbor and leads there; the ask administrator becomes a librarian.
    let lees = "screen_name = \"Mr Lee\"\nreal_name = \"Lewis Eastwood\"\ninstitution = ";
    let moved = DEMO
        .replace(
            &format!("{lees}\"maple\"\nrole = \"librarian\""),
            &format!("{lees}\"harbor\"\nrole = \"administrator\""),
        )
        .replace("role = \"ask_administrator\"", "role = \"librarian\"");
    desk.load(&moved).await;
    desk.load(&moved).await;
    remove_librarian(&desk.log, "new@maple", &desk.clock)
        .await
        .unwrap();

    let told = changes(&desk, &maple, 0).await;
    let (asks, lee) = (WireRole::AskAdministrator, WireRole::Librarian);
    let since = [
        ("new@maple", none, WireRole::Administrator, Command),
        ("ask@maple", asks, WireRole::Librarian, DirectoryFile),
        ("lee@maple", lee, none, DirectoryFile),
        ("new@maple", WireRole::Administrator, none, Command),
    ];
    assert_eq!(said(&told), [&at_first[..], &since[..]].concat());
    assert_eq!(told[0].librarian_id, id);
    assert_eq!(told[0].librarian_name, "Ms New");
    let seconds = |change: &wire::RoleChange| change.time.as_ref().unwrap().seconds;
    assert_eq!(seconds(&told[0]), NOW / 1_000 + 60);
    assert_eq!(seconds(&told[6]), NOW / 1_000);
    assert_chained(&told);
    for page_size in 1..=8 {
        assert_eq!(changes(&desk, &maple, page_size).await, told);
    }

    let told = changes(&desk, &harbor, 0).await;
    let expected = [
        ("admin@harbor", none, WireRole::Administrator, DirectoryFile),
        ("map@harbor", none, WireRole::Librarian, DirectoryFile),
        ("lee@maple", none, WireRole::Administrator, DirectoryFile),
    ];
    assert_eq!(said(&told), expected);
    assert_chained(&told);
}

#[tokio::test]
async fn what_changes_no_role_is_no_change_of_a_role() {
    let desk = Desk::demo().await;
    let maple = token_of(&desk, "admin@maple").await;
    let before = changes(&desk, &maple, 0).await;
    let version = storage::read(&desk.log).await.unwrap().version;
    desk.load(&DEMO.replace("\"Mr Lee\"", "\"Dr Lee\"")).await;
    assert_ne!(storage::read(&desk.log).await.unwrap().version, version);
    assert_eq!(changes(&desk, &maple, 0).await, before);
    // What was refused leaves no trace either.
    let taken = new_librarian("lee@maple", Role::Administrator);
    add_librarian(&desk.log, taken, &desk.clock)
        .await
        .unwrap_err();
    assert_eq!(changes(&desk, &maple, 0).await, before);
}

#[tokio::test]
async fn changes_at_once_are_chained_one_after_the_other() {
    let desk = Desk::demo().await;
    let maple = token_of(&desk, "admin@maple").await;
    let adding = (0..4).map(|n| {
        let new = NewLibrarian {
            screen_name: format!("Ms New {n}"),
            ..new_librarian(&format!("new{n}@maple"), Role::AskAdministrator)
        };
        add_librarian(&desk.log, new, &desk.clock)
    });
    for added in futures::future::join_all(adding).await {
        added.unwrap();
    }
    let told = changes(&desk, &maple, 2).await;
    assert_eq!(told.len(), 3 + 4);
    assert_chained(&told);
}

#[tokio::test]
async fn nobody_else_reads_them_whatever_they_ask_for() {
    let desk = Desk::demo().await;
    for name in ["ask@maple", "lee@maple", "map@harbor"] {
        let token = token_of(&desk, name).await;
        let request = ListRoleChangesRequest {
            page_size: -1,
            page_token: "x".to_owned(),
        };
        let mut client = desk.client.clone();
        let answer = client.list_role_changes(bearing(&token, request)).await;
        let refused = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned());
        assert_eq!(refusal(answer), refused, "{name}");
    }
}
