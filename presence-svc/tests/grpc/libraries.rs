//! What anyone may know about the libraries.

use carrel_presence::Config;
use carrel_proto::directory::v1::{GetLibraryRequest, ListLibrariesRequest, WaitingMessage};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::desk::{Desk, refusal};

#[tokio::test]
async fn anyone_may_know_the_libraries() {
    let desk = Desk::demo().await;
    let mut client = desk.client.clone();
    let request = GetLibraryRequest {
        institution_id: "maple".into(),
    };
    let library = client.get_library(request).await.unwrap().into_inner();
    let library = library.library.unwrap();
    assert_eq!(library.name, "Maple County Library");
    assert!(
        library
            .privacy_notice
            .contains("Staff of Maple County Library may supervise")
    );
    // D36
    assert!(library.practice);
    // R8
    assert!(library.remember_chats);
    // D61
    assert!(library.survey_address.starts_with("https://"));
    // D57
    let after = |message: &WaitingMessage| message.after.as_ref().map(|after| after.seconds);
    let waiting: Vec<_> = library.waiting_messages.iter().filter_map(after).collect();
    // D84: each message says in which language it is, and the page shows those of the patron's.
    assert_eq!(waiting, [60, 180, 60, 180]);
    let language = |message: &WaitingMessage| message.language.clone();
    let languages: Vec<_> = library.waiting_messages.iter().map(language).collect();
    assert_eq!(languages, ["en", "en", "es", "es"]);
    assert_eq!(library.languages, ["en", "es"]);
    assert_eq!(library.translations.len(), 1, "Spanish alone");
    let spanish = &library.translations[0];
    assert_eq!(spanish.language, "es");
    // PR3
    assert!(
        spanish
            .privacy_notice
            .contains("El personal de Maple County Library puede supervisar")
    );

    let list = client.list_libraries(ListLibrariesRequest::default());
    let listed = list.await.unwrap().into_inner().libraries;
    let maple = listed.iter().find(|one| one.institution_id == "maple");
    let maple = maple.unwrap();
    assert_eq!(maple.languages, ["en", "es"]);
    // In a list, what is not in the first language would only make it long.
    assert_eq!(maple.translations, []);
    let waiting: Vec<_> = maple.waiting_messages.iter().filter_map(after).collect();
    assert_eq!(waiting, [60, 180]);

    for id in ["", "nowhere", "MAPLE", "../maple"] {
        let request = GetLibraryRequest {
            institution_id: id.into(),
        };
        assert_eq!(
            refusal(client.get_library(request).await),
            (Code::NotFound, "NOT_FOUND".into())
        );
    }
}

// AIP-158
#[tokio::test]
async fn libraries_come_in_pages_by_name() {
    let desk = Desk::with(Config::default()).await;
    let text: String = [("a", "Zebra"), ("b", "apple"), ("c", "Same"), ("d", "Same"), ("e", "Öst\nx")]
        .map(|(id, name)| {
            let name = name.replace("\nx", "");
            // D78: one of them has computers that many people use.
            let remember_chats = id != "b";
            format!(
                "[[institution]]\nid = \"{id}\"\nname = \"{name}\"\nprivacy_notice = \"We keep it.\"\nprimary_queue = \"q\"\n\
                 remember_chats = {remember_chats}\n"
            )
        })
        .concat();
    desk.load(&format!(
        "{text}[[queue]]\nid = \"q\"\nname = \"Q\"\npatrons_of = [\"a\",\"b\",\"c\",\"d\",\"e\"]\nstaffed_by = [\"a\"]\n"
    ))
    .await;
    let mut client = desk.client.clone();

    for page_size in [1, 2, 3, 4, 5, 0, 1000, i32::MAX] {
        let mut ids = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListLibrariesRequest {
                page_size,
                page_token,
            };
            let page = client.list_libraries(request).await.unwrap().into_inner();
            assert!(page_size == 0 || page.libraries.len() <= usize::try_from(page_size).unwrap());
            assert!(page.libraries.iter().all(|library| !library.practice));
            for library in &page.libraries {
                assert_eq!(library.remember_chats, library.institution_id != "b");
            }
            ids.extend(
                page.libraries
                    .into_iter()
                    .map(|library| library.institution_id),
            );
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(ids, ["b", "c", "d", "a", "e"], "page_size {page_size}");
    }

    for page_size in [-1, i32::MIN] {
        let request = ListLibrariesRequest {
            page_size,
            page_token: String::new(),
        };
        let answer = client.list_libraries(request).await;
        let details = answer.as_ref().unwrap_err().get_error_details();
        assert_eq!(
            details.bad_request().unwrap().field_violations[0].field,
            "page_size"
        );
        assert_eq!(
            refusal(answer),
            (Code::InvalidArgument, "BAD_PAGE_SIZE".into())
        );
    }
    let both = ListLibrariesRequest {
        page_size: -1,
        page_token: "x".into(),
    };
    let answer = client.list_libraries(both).await;
    let details = answer.unwrap_err().get_error_details();
    let wrong = details.bad_request().unwrap().field_violations.iter();
    let fields: Vec<_> = wrong.map(|violation| &*violation.field).collect();
    assert_eq!(fields, ["page_size", "page_token"]);
    for page_token in ["x", "====", "AAAA", "2", "ä"] {
        let request = ListLibrariesRequest {
            page_size: 0,
            page_token: page_token.into(),
        };
        assert_eq!(
            refusal(client.list_libraries(request).await),
            (Code::InvalidArgument, "BAD_PAGE_TOKEN".into()),
            "{page_token}"
        );
    }
}
