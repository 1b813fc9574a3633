//! What an ended session was about: up to four codes of the patron's library's own list, for staff (D41, D65).

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{
    self as wire, Audience, EndedSessionFilter, Resolution, session_event::Payload,
};
use carrel_session::Config;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::desk::Desk;
use crate::person::{Person, told};
use crate::resolution::{ended, reads_as_before};

const SESSION: &str = "5e55";
const MAPLES: [&str; 5] = ["Opening hours", "Maps", "Ships", "Cards", "Printing"];

/// The ended sessions of the person's library that match a filter.
async fn listed(admin: &mut Person, filter: EndedSessionFilter) -> Vec<wire::Session> {
    let request = admin.ask(wire::ListEndedSessionsRequest {
        filter: Some(filter),
        ..wire::ListEndedSessionsRequest::default()
    });
    let page = admin.client.list_ended_sessions(request).await.unwrap();
    page.into_inner().sessions
}

/// Who set which codes, in order, as the staff's transcript has it.
async fn history(reader: &mut Person) -> Vec<(String, Vec<String>)> {
    let transcript = reader.transcript(SESSION, Audience::Staff).await.unwrap();
    let set = transcript.events.into_iter().filter_map(|event| {
        let Some(Payload::DescriptiveCodesSet(set)) = event.payload else {
            return None;
        };
        Some((event.author.unwrap().librarian_id, set.codes))
    });
    set.collect()
}

/// D65: set, sent again, corrected, and apart from the resolution, which older clients set alone.
#[tokio::test]
async fn they_are_set_after_the_end_and_corrected_with_history() {
    let desk = Desk::open().await;
    let (_ricky, mut map, mut admin) = ended(&desk, SESSION).await;
    let mut maps = map.attend(SESSION, None).await.unwrap();
    maps.events_to(3).await;
    let list = desk.code_list("maple", &MAPLES);
    let set = |who: &Person, id: &str, codes: &[&'static str], list: &str| {
        let (mut who, id) = (who.clone(), id.to_owned());
        let (codes, list) = (codes.to_vec(), list.to_owned());
        async move {
            who.set_descriptive_codes(id, SESSION, &codes, &list)
                .await
                .map(|set| (set.position, set.replayed))
        }
    };
    let two = ["Maps", "Ships"];
    assert_eq!(set(&map, "a", &two, &list).await.unwrap(), (4, false));
    let newer = {
        desk.clock.advance_ms(60_000);
        desk.code_list("maple", &["Maps"])
    };
    assert_eq!(
        set(&map, "a", &two, &newer).await.unwrap(),
        (4, true),
        "the list is not part of the command"
    );
    assert_eq!(
        set(&map, "b", &["Ships", "Maps"], "").await.unwrap(),
        (0, true)
    );
    let reused = set(&map, "a", &["Cards"], &list).await;
    assert_eq!(
        told(reused),
        (Code::AlreadyExists, "COMMAND_ID_REUSED".into())
    );
    let resolved = map
        .set_resolution(desk.command_id(), SESSION, Resolution::Answered)
        .await;
    assert_eq!(resolved.unwrap().position, 5);
    assert_eq!(
        set(&admin, "a", &["Printing"], &list).await.unwrap(),
        (6, false)
    );
    assert_eq!(
        maps.events_to(6).await.len(),
        3,
        "who attends hears it live"
    );
    let session = listed(&mut admin, EndedSessionFilter::default())
        .await
        .remove(0);
    assert_eq!(session.descriptive_codes, ["Printing"]);
    assert_eq!(session.resolution(), Resolution::Answered);
    assert_eq!(
        history(&mut admin).await,
        [
            ("map".to_owned(), vec!["Maps".into(), "Ships".into()]),
            ("admin".to_owned(), vec!["Printing".into()])
        ]
    );
}

/// S21, I17, D41: not in what the patron reads, nor as a gap in its numbers.
#[tokio::test]
async fn the_patron_is_told_nothing_of_them() {
    let desk = Desk::open().await;
    let (mut ricky, mut map, mut admin) = ended(&desk, SESSION).await;
    let list = desk.code_list("maple", &MAPLES);
    let before = ricky
        .transcript(SESSION, Audience::Unspecified)
        .await
        .unwrap();
    for (who, codes) in [(&mut map, &["Maps"]), (&mut admin, &["Ships"])] {
        who.set_descriptive_codes(desk.command_id(), SESSION, codes, &list)
            .await
            .unwrap();
    }
    reads_as_before(&before, &mut ricky, &mut admin).await;
    let own = ricky
        .set_descriptive_codes(desk.command_id(), SESSION, &["Maps"], &list)
        .await;
    assert_eq!(
        told(own),
        (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into())
    );
}

/// D41, D65: what is wrong is named, and what to do.
#[tokio::test]
async fn what_is_not_in_the_patrons_librarys_list_is_refused_by_name() {
    let desk = Desk::open().await;
    let (_ricky, mut map, _admin) = ended(&desk, SESSION).await;
    let list = desk.code_list("maple", &MAPLES);
    let harbors = desk.code_list("harbor", &MAPLES);
    let five = ["Maps", "Ships", "Cards", "Printing", "Opening hours"];
    for (codes, list, reason, field) in [
        (&["Maps"][..], "", "BAD_CODE_LIST", "code_list"),
        (&["Maps"], "x.y.z", "BAD_CODE_LIST", "code_list"),
        (&["Maps"], &harbors, "BAD_CODE_LIST", "code_list"),
        (&five, &list, "TOO_MANY", "codes"),
        (&["Maps", "MAPS"], &list, "REPEATED", "codes"),
        (&["Maps", "Whales"], &list, "UNKNOWN_CODE", "codes"),
        (&[""], &list, "UNKNOWN_CODE", "codes"),
    ] {
        let refused = map
            .set_descriptive_codes(desk.command_id(), SESSION, codes, list)
            .await
            .unwrap_err();
        let fields = refused.get_details_bad_request().unwrap().field_violations;
        assert_eq!(fields[0].field, field);
        assert_eq!(
            told::<()>(Err(refused)),
            (Code::InvalidArgument, reason.into())
        );
    }
    let unknown = map
        .set_descriptive_codes(desk.command_id(), SESSION, &["Whales"], &list)
        .await
        .unwrap_err();
    assert!(unknown.message().contains("\"Whales\""), "{unknown}");
    let info = unknown.get_details_error_info().unwrap();
    assert_eq!(info.metadata["code"], "Whales");

    // A list that was read too long ago says nothing.
    desk.clock.advance_ms(2 * 3_600_000);
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let late = admin
        .set_descriptive_codes(desk.command_id(), SESSION, &["Maps"], &list)
        .await;
    assert_eq!(told(late), (Code::InvalidArgument, "BAD_CODE_LIST".into()));
}

/// R11, D65: before the end nobody; then the librarian of another library for a while, those of the patron's always.
#[tokio::test]
async fn those_who_may_set_the_resolution_may_set_them() {
    let desk = Desk::open().await;
    let list = desk.code_list("maple", &MAPLES);
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let early = map
        .set_descriptive_codes(desk.command_id(), SESSION, &["Maps"], &list)
        .await;
    assert_eq!(told(early), (Code::FailedPrecondition, "NOT_ENDED".into()));
    map.end(desk.command_id(), SESSION).await.unwrap();

    let wrap_up = Config::default().wrap_up.get() + Duration::from_millis(1);
    let wrap_up_ms = i64::try_from(wrap_up.as_millis()).unwrap();
    desk.clock.advance_ms(wrap_up_ms);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &[]);
    let late = map
        .set_descriptive_codes(desk.command_id(), SESSION, &["Maps"], &list)
        .await;
    assert_eq!(told(late), (Code::NotFound, "NOT_FOUND".into()));
    ask.set_descriptive_codes(desk.command_id(), SESSION, &["Maps"], &list)
        .await
        .unwrap();
}

/// D71, R20: sessions are found by their codes, also once they were erased, in whatever case the code is written.
#[tokio::test]
async fn sessions_are_found_by_them() {
    let desk = Desk::open().await;
    let list = desk.code_list("maple", &MAPLES);
    for (session_id, codes) in [
        ("a", &["Maps", "Opening hours"][..]),
        ("b", &[]),
        ("c", &["Maps"]),
    ] {
        let (_ricky, mut map, _admin) = ended(&desk, session_id).await;
        map.set_descriptive_codes(desk.command_id(), session_id, codes, &list)
            .await
            .unwrap();
        desk.clock.advance_ms(1_000);
    }
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    admin.erase(desk.command_id(), "c").await.unwrap();
    for (code, expected) in [
        ("Maps", &["c", "a"][..]),
        ("MAPS", &["c", "a"]),
        ("Opening hours", &["a"]),
        ("Opening", &[]),
        ("", &["b"]),
    ] {
        let filter = EndedSessionFilter {
            descriptive_code: Some(code.to_owned()),
            ..EndedSessionFilter::default()
        };
        let found = listed(&mut admin, filter).await;
        let ids: Vec<_> = found.iter().map(|session| &*session.session_id).collect();
        assert_eq!(ids, expected, "{code}");
    }
    let late = admin
        .set_descriptive_codes(desk.command_id(), "c", &["Ships"], &list)
        .await;
    assert_eq!(told(late), (Code::FailedPrecondition, "ERASED".into()));
}
