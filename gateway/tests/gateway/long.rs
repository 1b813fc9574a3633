//! What is longer than a frame, and longer than all that may wait for a browser.

use carrel_proto::directory::v1::{GetProfileResponse, LibraryPolicy, Script};

use crate::{
    browser::{Browser, JSON, PROTO},
    doors::get,
    house::{House, NOW_S},
    services::token,
};

/// All that the rules let one library write down, and something of others.
fn policies() -> Vec<LibraryPolicy> {
    let scripts = |count: usize| {
        let script = |number: usize| Script {
            name: number.to_string(),
            text: "x".repeat(4_000),
        };
        (0..count).map(script).collect()
    };
    let policy = |institution_id: &str, count| LibraryPolicy {
        institution_id: institution_id.into(),
        text: "x".repeat(4_000),
        scripts: scripts(count),
        ..LibraryPolicy::default()
    };
    vec![
        policy("maple", 100),
        policy("harbor", 100),
        policy("birch", 100),
    ]
}

// D37, D38
#[tokio::test]
async fn a_librarian_is_welcome_however_much_their_libraries_have_written_down() {
    let house = House::open().await;
    *house.directory.policies.lock().unwrap() = policies();
    for protocol in [JSON, PROTO] {
        let (_, welcome) = Browser::hello(&house, protocol, "map").await;
        let profile = welcome.profile.unwrap();
        assert_eq!(profile.screen_name, "Ms Map");
        assert!(profile.policies.is_empty());
    }
    let authorization = format!("authorization: Bearer {}\r\n", token("map", NOW_S + 600));
    let answer = get(&house, "/v1/profile", &authorization).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = &body[body.find('{').unwrap()..=body.rfind('}').unwrap()];
    let read: GetProfileResponse = serde_json::from_str(body).unwrap();
    assert_eq!(read.profile.unwrap().policies, policies());
}
