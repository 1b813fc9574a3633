//! Policies, scripts, descriptive codes and real names are for staff (D37, D38, D39, D41).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carrel_presence::Config;
use carrel_proto::directory::v1::{
    self as wire, GetLibraryRequest, GetProfileRequest, ListLibrariesRequest,
};
use serde::Serialize;
use tonic::{Request, Status};

use crate::{
    admit,
    desk::{DEMO, Desk, bearing, unlimited},
    practise, renew,
};

/// A library in which each field that only staff may see is marked as such.
const MARKED: &str = r#"
[[institution]]
id = "maple"
name = "Maple"
privacy_notice = "We keep it."
primary_queue = "maple"
practice_queue = "practice"
descriptive_codes = ["staffonly: code"]
conference_warning.text = "staffonly: warning"
conference_warning.rule_address = "https://staffonly.example/rule"
[institution.policy]
text = "staffonly: policy"
address = "https://staffonly.example/policy"
contact = "staffonly@maple.example"
[[institution.script]]
name = "staffonly: name"
text = "staffonly: script"

[[queue]]
id = "maple"
name = "staffonly: queue"
patrons_of = ["maple"]
staffed_by = ["maple"]
hours = { time_zone = "America/Chicago", open = ["Mon 09:00-10:00"] }

[[queue]]
id = "practice"
name = "staffonly: practice"
patrons_of = ["maple"]
staffed_by = ["maple"]
practice = true

[[librarian]]
log_in_name = "staffonly@maple"
screen_name = "staffonly: screen name"
real_name = "staffonly: real name"
institution = "maple"
role = "administrator"
password = "a long enough password"
"#;

/// Everything that a caller was answered.
#[derive(Default)]
struct Answers(String);

impl Answers {
    fn keep<T: Serialize>(&mut self, answer: Result<tonic::Response<T>, Status>) {
        match answer {
            Ok(message) => self
                .0
                .push_str(&serde_json::to_string(&message.into_inner()).unwrap()),
            Err(status) => {
                self.0.push_str(&format!("{status:?}"));
                self.0.push_str(&String::from_utf8_lossy(status.details()));
            }
        }
        self.0.push('\n');
    }

    /// A token can be read by anyone who holds it.
    fn keep_token(&mut self, token: &wire::Token) {
        for part in token.access_token.split('.') {
            let part = URL_SAFE_NO_PAD.decode(part).unwrap();
            self.0.push_str(&String::from_utf8_lossy(&part));
        }
    }
}

/// Makes every call with a token, or without one.
async fn ask_everything(desk: &Desk, token: Option<&str>) -> Answers {
    fn by<T>(token: Option<&str>, message: T) -> Request<T> {
        match token {
            Some(token) => bearing(token, message),
            None => Request::new(message),
        }
    }
    let mut answers = Answers::default();
    let mut client = desk.client.clone();
    for id in ["maple", "nowhere"] {
        let request = GetLibraryRequest {
            institution_id: id.into(),
        };
        answers.keep(client.get_library(by(token, request)).await);
        for request in [admit(id), practise(id)] {
            let answer = client.admit_patron(by(token, request)).await;
            if let Ok(admitted) = &answer {
                let admitted = admitted.get_ref().token.as_ref().unwrap();
                answers.keep_token(admitted);
                let renewed = renew(desk, &admitted.access_token).await.unwrap();
                answers.keep_token(&renewed);
            }
            answers.keep(answer);
        }
    }
    let request = ListLibrariesRequest::default();
    answers.keep(client.list_libraries(by(token, request)).await);
    answers.keep(
        client
            .get_profile(by(token, GetProfileRequest::default()))
            .await,
    );
    let request = wire::LogInRequest {
        log_in_name: "staffonly@maple".to_uppercase(),
        password: "a wrong password".into(),
    };
    answers.keep(client.log_in(by(token, request)).await);
    answers
}

#[tokio::test]
async fn nothing_that_a_patron_or_anybody_is_answered_is_for_staff_only() {
    let desk = Desk::with(Config {
        log_in_per_account_and_address: unlimited(),
        log_in_per_account: unlimited(),
        admit_per_address: unlimited(),
        ..Config::default()
    })
    .await;
    desk.load(MARKED).await;
    let mut tokens = Vec::new();
    for request in [admit("maple"), practise("maple")] {
        let admitted = desk.client.clone().admit_patron(request).await;
        tokens.push(admitted.unwrap().into_inner().token.unwrap().access_token);
    }
    for token in [None, Some(&*tokens[0]), Some(&*tokens[1])] {
        let Answers(answers) = ask_everything(&desk, token).await;
        assert!(answers.contains("We keep it."), "{answers}");
        assert!(!answers.contains("staffonly"), "{answers}");
    }
    // The test can fail: the answers to staff contain the marks.
    let staff = desk
        .try_log_in("staffonly@maple", "a long enough password")
        .await
        .unwrap();
    let token = staff.token.unwrap().access_token;
    let Answers(answers) = ask_everything(&desk, Some(&token)).await;
    for mark in [
        "staffonly: policy",
        "staffonly.example/policy",
        "staffonly@maple.example",
        "staffonly: name",
        "staffonly: script",
        "staffonly: code",
        "staffonly: queue",
        "staffonly: warning",
    ] {
        assert!(answers.contains(mark), "{mark}: {answers}");
    }
    // D39: not even in the librarian's own profile; administrators see it in the list of those who are here.
    assert!(!answers.contains("real name"), "{answers}");
}

#[tokio::test]
async fn staff_know_the_policies_and_scripts_of_those_whom_they_answer() {
    let desk = Desk::demo().await;
    let profile = async |name: &str, without_policies| {
        let logged_in = desk.log_in(name).await;
        // Log-in says who logged in; what may be long has to be asked for.
        assert!(logged_in.profile.unwrap().policies.is_empty());
        let token = logged_in.token.unwrap().access_token;
        let request = bearing(&token, GetProfileRequest { without_policies });
        let answer = desk.client.clone().get_profile(request).await.unwrap();
        answer.into_inner().profile.unwrap()
    };
    assert!(profile("map@harbor", true).await.policies.is_empty());
    let policies = async |name: &str| profile(name, false).await.policies;
    for name in ["map@harbor", "ask@maple", "admin@maple"] {
        let policies = policies(name).await;
        let libraries: Vec<_> = policies
            .iter()
            .map(|policy| (&*policy.institution_id, &*policy.institution_name))
            .collect();
        assert_eq!(
            libraries,
            [
                ("harbor", "Harbor City Library"),
                ("maple", "Maple County Library")
            ]
        );
        let maple = &policies[1];
        assert!(maple.text.contains("Library cards:"), "{}", maple.text);
        assert!(maple.address.ends_with("/staff/policies"));
        assert_eq!(maple.contact, "reference@maple-county-library.example");
        let scripts: Vec<_> = maple.scripts.iter().map(|script| &*script.name).collect();
        assert_eq!(scripts, ["Hello", "Are you still there?", "Goodbye"]);
        // D41: each library's own codes, and proof of them for session-svc.
        let [harbors, maples] = &*policies else {
            unreachable!("two libraries");
        };
        for (policy, own, others) in [
            (maples, "Government and law", "Port and ships"),
            (harbors, "Port and ships", "Government and law"),
        ] {
            assert!(policy.descriptive_codes.iter().any(|code| code == own));
            let list = desk.auth.code_list(&policy.code_list).unwrap();
            assert!(list.is_of(&policy.institution_id));
            assert!(policy.descriptive_codes.iter().all(|code| list.has(code)));
            assert!(!list.has(others));
        }
    }

    // Harbor now staffs only the back-up, which Maple's patrons reach when their wait has gone on for long enough.
    let apart = DEMO
        .replace(
            "staffed_by = [\"maple\", \"harbor\"]",
            "staffed_by = [\"maple\"]",
        )
        .replace(
            "name = \"Back-up staff\"\npatrons_of = [\"maple\", \"harbor\"]\nstaffed_by = [\"maple\"]",
            "name = \"Back-up staff\"\npatrons_of = [\"harbor\"]\nstaffed_by = [\"harbor\"]",
        );
    desk.load(&apart).await;
    let harbor = profile("map@harbor", false).await;
    let backup = &harbor.queues[1];
    assert_eq!(backup.queue_id, "backup");
    assert_eq!(
        backup.institution_names,
        ["Harbor City Library", "Maple County Library"]
    );
    assert_eq!(harbor.policies.len(), 2);
    // Without that step, its librarians are shown only their own policy.
    desk.load(&apart.replace(", { to = \"backup\", after = \"120s\" }", ""))
        .await;
    let policies = policies("map@harbor").await;
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].institution_id, "harbor");
}
