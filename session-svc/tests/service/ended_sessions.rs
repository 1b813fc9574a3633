//! The ended sessions of a library, and those among them that somebody looks for.

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{self as wire, EndedSessionFilter, Resolution};

use crate::desk::{Desk, NOON_MS};
use crate::person::Person;
use crate::transfer::{SESSION, running};

/// Asks for a page of one session that match, and those after it.
async fn found(reader: &mut Person, filter: EndedSessionFilter) -> Vec<String> {
    let mut ids = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = page(reader, &filter, 1, page_token).await;
        assert!(page.sessions.len() <= 1);
        ids.extend(page.sessions.into_iter().map(|session| session.session_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return ids;
        }
    }
}

async fn page(
    reader: &mut Person,
    filter: &EndedSessionFilter,
    page_size: i32,
    page_token: String,
) -> wire::ListEndedSessionsResponse {
    let request = reader.ask(wire::ListEndedSessionsRequest {
        page_size,
        page_token,
        filter: Some(filter.clone()),
    });
    let page = reader.client.list_ended_sessions(request).await.unwrap();
    let page = page.into_inner();
    assert_eq!(
        page.searched_to_time.is_none(),
        page.next_page_token.is_empty()
    );
    page
}

fn with_text(text: &str) -> EndedSessionFilter {
    EndedSessionFilter {
        text: text.to_owned(),
        ..EndedSessionFilter::default()
    }
}

fn with_resolution(resolution: Resolution) -> EndedSessionFilter {
    EndedSessionFilter {
        resolution: Some(resolution.into()),
        ..EndedSessionFilter::default()
    }
}

/// A session that Ms Map has answered, and ended a second after the one before.
async fn ended(desk: &Desk, session_id: &str, question: &str) {
    let mut ricky = desk.patron(session_id);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), question).await.unwrap();
    map.pick_up(desk.command_id(), session_id).await.unwrap();
    map.end(desk.command_id(), session_id).await.unwrap();
    desk.clock.advance_ms(1_000);
}

/// D71: what another library left for this one to follow up is found, and what is not coded yet.
#[tokio::test]
async fn they_are_found_by_resolution_by_time_and_by_text() {
    let desk = Desk::open().await;
    ended(&desk, "a", "Is there a map of 1850?").await;
    ended(&desk, "b", "May I renew?").await;
    ended(&desk, "c", "A map of the moon?").await;
    let mut admin = desk.librarian("admin", "maple", Role::AskAdministrator, &[]);
    let mut stranger = desk.librarian("boss", "harbor", Role::Administrator, &[]);
    let by_library = Resolution::FollowUpByLibrary;
    let id = desk.command_id();
    admin.set_resolution(id, "a", by_library).await.unwrap();

    let all = EndedSessionFilter::default;
    assert_eq!(found(&mut admin, all()).await, ["c", "b", "a"]);
    assert_eq!(found(&mut admin, with_resolution(by_library)).await, ["a"]);
    let not_coded = with_resolution(Resolution::Unspecified);
    assert_eq!(found(&mut admin, not_coded).await, ["c", "b"]);
    assert_eq!(found(&mut admin, with_text("MAP OF")).await, ["c", "a"]);
    assert_eq!(
        found(&mut admin, with_text("ricky@")).await,
        ["c", "b", "a"]
    );
    assert!(found(&mut admin, with_text("nobody")).await.is_empty());
    assert!(found(&mut stranger, with_text("map")).await.is_empty());

    let at = |ms: i64| Some(carrel_session::convert::timestamp(NOON_MS + ms));
    let second = EndedSessionFilter {
        end_time_from: at(1_000),
        end_time_before: at(2_000),
        ..all()
    };
    assert_eq!(found(&mut admin, second).await, ["b"]);
    let later_with_map = EndedSessionFilter {
        end_time_from: at(1),
        ..with_text("map of")
    };
    assert_eq!(found(&mut admin, later_with_map).await, ["c"]);
}

/// R16, D68: a librarian finds again what they answered for their own library, to follow up; and nothing of colleagues,
/// of what they handed over, or of what they answered for another library.
#[tokio::test]
async fn a_librarian_finds_what_they_owned_last() {
    let desk = Desk::open().await;
    let mut lee = desk.librarian("lee", "maple", Role::Librarian, &["maple"]);
    let mut ann = desk.librarian("ann", "maple", Role::Librarian, &["maple"]);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    for (session_id, owner) in [("lees", &mut lee), ("anns", &mut ann), ("maps", &mut map)] {
        let mut patron = desk.patron(session_id);
        patron.open(desk.command_id(), "Why?").await.unwrap();
        owner.pick_up(desk.command_id(), session_id).await.unwrap();
        owner.end(desk.command_id(), session_id).await.unwrap();
        desk.clock.advance_ms(1_000);
    }
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "Where?").await.unwrap();
    lee.pick_up(desk.command_id(), SESSION).await.unwrap();
    let to = desk.introduction("ann", &["maple"]);
    let offer = lee.offer(desk.command_id(), SESSION, to).await.unwrap();
    ann.accept(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap();
    ann.end(desk.command_id(), SESSION).await.unwrap();

    let all = EndedSessionFilter::default;
    assert_eq!(found(&mut lee, all()).await, ["lees"]);
    assert_eq!(found(&mut ann, all()).await, [SESSION, "anns"]);
    assert!(found(&mut map, all()).await.is_empty());
    let id = desk.command_id();
    let mine = Resolution::FollowUpByMe;
    lee.set_resolution(id, "lees", mine).await.unwrap();
    assert_eq!(found(&mut lee, with_resolution(mine)).await, ["lees"]);
    assert!(found(&mut ann, with_resolution(mine)).await.is_empty());
}

/// D49: whoever owned a session before it was handed over is named in their order, and found. The patron, who may not
/// know whether two librarians are the same, is not given the list.
#[tokio::test]
async fn they_name_all_who_owned_them() {
    let desk = Desk::open().await;
    let (mut ricky, map) = running(&desk).await;
    let mut lee = desk.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    let to = desk.introduction("lee", &["coop"]);
    let offer = map.offer(desk.command_id(), SESSION, to).await.unwrap();
    lee.accept(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap();
    let (seen, _) = lee.look(SESSION).await.unwrap();
    lee.end(desk.command_id(), SESSION).await.unwrap();

    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let filter = with_text("name of map");
    let page = page(&mut admin, &filter, 0, String::new()).await;
    let [session] = &*page.sessions else {
        panic!("it is found by who owned it first");
    };
    let former = wire::Person {
        part: wire::Part::Colleague.into(),
        name: "Name of map".into(),
        institution_name: "Library harbor".into(),
        librarian_id: "map".into(),
    };
    assert_eq!(session.owner.as_ref().unwrap().librarian_id, "lee");
    assert_eq!(seen.former_owners, session.former_owners);
    assert_eq!(session.former_owners, [former]);
    let audience = wire::Audience::Patron;
    for reader in [&mut ricky, &mut admin] {
        let session = reader.transcript(SESSION, audience).await.unwrap().session;
        assert_eq!(session.unwrap().former_owners, []);
    }

    admin.erase(desk.command_id(), SESSION).await.unwrap();
    let (_, texts) = desk.written(SESSION).await;
    assert!(!texts.contains("Name of map"));
    let transcript = admin.transcript(SESSION, wire::Audience::Staff).await;
    assert_eq!(transcript.unwrap().session.unwrap().former_owners, []);
}

/// I26: one request looks at so many sessions and no more, and says how far it came.
#[tokio::test]
async fn a_search_that_takes_long_goes_on_with_the_next_page() {
    let desk = Desk::open().await;
    ended(&desk, "first", "Where are the maps?").await;
    for n in 0..500 {
        let mut patron = desk.patron(&format!("s{n}"));
        patron.open(desk.command_id(), "hello?").await.unwrap();
        let session_id = format!("s{n}");
        patron.end(desk.command_id(), &session_id).await.unwrap();
    }
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let filter = with_text("maps");
    let nothing = page(&mut admin, &filter, 0, String::new()).await;
    assert!(nothing.sessions.is_empty());
    let searched_to = nothing.searched_to_time;
    assert_eq!(
        searched_to,
        Some(carrel_session::convert::timestamp(NOON_MS + 1_000))
    );
    let rest = page(&mut admin, &filter, 0, nothing.next_page_token).await;
    assert_eq!(rest.sessions[0].session_id, "first");
    assert_eq!(rest.next_page_token, "");
}
