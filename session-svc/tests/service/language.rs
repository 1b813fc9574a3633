//! Staff are told in which language the patron reads the page, and nobody else is (D84).

use carrel_platform::auth::Role;
use carrel_proto::session::v1 as wire;

use crate::desk::Desk;
use crate::person::Person;

const SESSION: &str = "1a60";

/// Asks a question from a page in this language.
async fn ask(desk: &Desk, ricky: &mut Person, language: &str) -> wire::Session {
    let request = ricky.ask(wire::OpenSessionRequest {
        command_id: desk.command_id(),
        question: "Où sont les cartes ?".into(),
        language: language.into(),
        ..wire::OpenSessionRequest::default()
    });
    let answer = ricky.client.open_session(request).await.unwrap();
    answer.into_inner().session.unwrap()
}

#[tokio::test]
async fn staff_are_told_the_patrons_language_before_and_after_the_pick_up() {
    for language in ["fr", "pt-BR", ""] {
        let desk = Desk::open().await;
        let mut ricky = desk.patron(SESSION);
        let asked = ask(&desk, &mut ricky, language).await;
        assert_eq!(asked.language, "", "it is for staff");
        let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
        let mut lists = map.watch(&["maple"], false).await.unwrap();
        lists
            .until(|rows| rows.iter().any(|row| row.language == language))
            .await;
        let picked_up = map.pick_up(desk.command_id(), SESSION).await.unwrap();
        assert_eq!(picked_up.session.unwrap().language, language);
        assert_eq!(ricky.look(SESSION).await.unwrap().0.language, "");

        // It is in the staff's transcript only.
        map.end(desk.command_id(), SESSION).await.unwrap();
        let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
        for (audience, told) in [
            (wire::Audience::Staff, language),
            (wire::Audience::Patron, ""),
        ] {
            let transcript = admin.transcript(SESSION, audience).await.unwrap();
            assert_eq!(transcript.session.unwrap().language, told);
        }
    }
}

/// R20: it goes with what the patron said.
#[tokio::test]
async fn the_language_is_erased_with_the_session() {
    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    ask(&desk, &mut ricky, "pt-BR").await;
    let written = desk.written(SESSION).await.1;
    assert!(written.contains("pt-BR"), "{written}");
    ricky.end(desk.command_id(), SESSION).await.unwrap();
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let erased = admin.erase(desk.command_id(), SESSION).await.unwrap();
    assert_eq!(erased.session.unwrap().language, "");
    let written = desk.written(SESSION).await.1;
    assert!(!written.contains("pt-BR"), "{written}");
}
