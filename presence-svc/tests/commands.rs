//! An operator's commands, on a real log.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{io::Write as _, path::Path, process::Command};

use carrel_platform::{
    auth::Role,
    clock::Clock,
    log::{Batch, EventLog, LogError, NewEvent, StreamName, Write, sqlite::SqliteLog},
};
use carrel_presence::{
    Changes, CommandError, NewLibrarian, add_librarian,
    commands::{load, load_directory, read_directory_from},
    load_directory_file, remove_librarian, storage,
};

const DEMO: &str = include_str!("../../carrel/demo/directory.toml");

fn clock() -> Clock {
    Clock::manual(1_800_000_000_000)
}

fn new_librarian() -> NewLibrarian {
    NewLibrarian {
        log_in_name: "New@Maple".into(),
        screen_name: "Ms New".into(),
        real_name: "Nova New".into(),
        institution_id: "maple".into(),
        role: Role::Librarian,
        password: "a long enough password".into(),
    }
}

async fn demo() -> SqliteLog {
    let log = SqliteLog::in_memory().unwrap();
    load_directory(&log, DEMO, &clock()).await.unwrap();
    log
}

fn problems(answer: Result<Changes, CommandError>) -> Vec<String> {
    match answer {
        Err(CommandError::Problems(problems)) => problems,
        other => panic!("expected problems, got {other:?}"),
    }
}

#[tokio::test]
async fn a_file_is_loaded_once_and_changes_nothing_the_second_time() {
    let log = SqliteLog::in_memory().unwrap();
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../carrel/demo/directory.toml"
    ));
    let changes = load_directory_file(&log, path, &clock()).await.unwrap();
    assert_eq!(
        changes.to_string(),
        "institutions: 2 added; queues: 5 added; librarians: 5 added"
    );
    let version = storage::read(&log).await.unwrap().version;
    let changes = load_directory_file(&log, path, &clock()).await.unwrap();
    assert_eq!(changes, Changes::default());
    assert_eq!(changes.to_string(), "nothing changed");
    assert_eq!(storage::read(&log).await.unwrap().version, version);
}

#[tokio::test]
async fn only_the_difference_is_written() {
    let log = demo().await;
    let before = storage::read(&log).await.unwrap();
    let changed = DEMO
        .replace("screen_name = \"Mr Lee\"", "screen_name = \"Dr Lee\"")
        .replace("name = \"24/7 Cooperative\"", "name = \"Cooperative\"");
    let changes = load_directory(&log, &changed, &clock()).await.unwrap();
    assert_eq!(
        changes.to_string(),
        "queues: 1 changed; librarians: 1 changed"
    );
    let after = storage::read(&log).await.unwrap();
    assert_eq!(after.version, before.version + 2);
    let id = |snapshot: &storage::Snapshot| snapshot.directory.librarians["lee@maple"].id.clone();
    assert_eq!(id(&after), id(&before), "an account keeps its id");

    let at = DEMO
        .find("[[librarian]]\nlog_in_name = \"lee@maple\"")
        .unwrap();
    let changes = load_directory(&log, &DEMO[..at], &clock()).await.unwrap();
    assert_eq!(
        changes.to_string(),
        "queues: 1 changed; librarians: 1 removed"
    );
}

#[tokio::test]
async fn a_changed_password_is_hashed_anew_and_an_unchanged_one_is_not() {
    let log = demo().await;
    let before = storage::read(&log).await.unwrap().directory;
    let at = DEMO.rfind("password = \"demo\"").unwrap();
    let changed = format!("{}password = \"other\"", &DEMO[..at]);
    let changes = load_directory(&log, &changed, &clock()).await.unwrap();
    assert_eq!(changes.to_string(), "librarians: 1 changed");
    let after = storage::read(&log).await.unwrap().directory;
    let hash = |name: &str| {
        let of = |directory: &carrel_presence::domain::directory::Directory| {
            directory.librarians[name].password_hash.clone()
        };
        (of(&before), of(&after))
    };
    let (old, new) = hash("lee@maple");
    assert_ne!(old, new);
    let (old, new) = hash("map@harbor");
    assert_eq!(old, new);
    assert!(
        !format!("{after:?}").contains("argon2id"),
        "hashes don't show"
    );

    let with_hash = changed.replace(
        "password = \"other\"",
        &format!(
            "password_hash = \"{}\"",
            after.librarians["lee@maple"].password_hash
        ),
    );
    let changes = load_directory(&log, &with_hash, &clock()).await.unwrap();
    assert_eq!(changes, Changes::default());
}

#[tokio::test]
async fn a_file_with_any_problem_changes_nothing_and_all_problems_are_told() {
    let log = demo().await;
    let version = storage::read(&log).await.unwrap().version;
    let broken = DEMO
        .replace("primary_queue = \"harbor\"", "primary_queue = \"maple\"")
        .replace("role = \"ask_administrator\"", "role = \"boss\"")
        .replace("screen_name = \"Mr Lee\"", "screen_name = \"Maple Admin\"")
        .replace("name = \"24/7 Cooperative\"\n", "");
    let line = |text: &str| 1 + broken[..broken.find(text).unwrap()].matches('\n').count();
    let told = problems(load_directory(&log, &broken, &clock()).await);
    let last_maple = 1 + broken[..broken.rfind("primary_queue").unwrap()]
        .matches('\n')
        .count();
    assert_eq!(
        told,
        [
            format!(
                "line {last_maple}: institution \"harbor\", primary_queue: queue \"maple\" does not list \"harbor\" in patrons_of"
            ),
            format!(
                "line {}: queue \"coop\", name: is missing",
                line("[[queue]]\nid = \"coop\"")
            ),
            format!(
                "line {}: librarian \"ask@maple\", role: unknown variant `boss`, expected one of `librarian`, `ask_administrator`, `administrator`",
                line("role = \"boss\"")
            ),
            format!(
                "line {}: librarian \"lee@maple\", screen_name: \"Maple Admin\" is already the screen name of \"admin@maple\" at the same library; each needs their own",
                1 + broken[..broken.rfind("screen_name").unwrap()]
                    .matches('\n')
                    .count()
            ),
        ]
    );
    assert_eq!(storage::read(&log).await.unwrap().version, version);
}

// R17, D36, D38
#[tokio::test]
async fn what_breaks_a_rule_below_an_entry_is_told_with_its_own_line() {
    let log = demo().await;
    let broken = DEMO
        .replace(
            "{ to = \"backup\", after = \"120s\" }",
            "{ to = \"practice\", after = \"30s\" }",
        )
        .replace(
            "practice = true",
            "practice = true\nescalate = [{ to = \"gone\" }]",
        )
        .replace("name = \"Looking it up\"", "name = \"\"");
    let line = |text: &str| 1 + broken[..broken.find(text).unwrap()].matches('\n').count();
    let told = problems(load_directory(&log, &broken, &clock()).await);
    assert_eq!(
        told,
        [
            format!(
                "line {}: institution \"harbor\", script \"\", name: must not be empty",
                line("name = \"\"")
            ),
            format!(
                "line {}: queue \"maple\", step 2, after: is 30s, but the step before comes after 40s; write a longer time, counted from the beginning of the wait",
                line("to = \"practice\"")
            ),
            format!(
                "line {}: queue \"maple\", step 2, to: queue \"practice\" is for practice; name a live one",
                line("to = \"practice\"")
            ),
            format!(
                "line {}: queue \"practice\", escalate: practice goes no further than its own queue; leave it out",
                line("to = \"gone\"")
            ),
            format!(
                "line {}: queue \"practice\", step 1, to: there is no queue \"gone\"",
                line("to = \"gone\"")
            ),
        ]
    );
}

// R19
#[tokio::test]
async fn hours_are_kept_and_loading_them_again_changes_nothing() {
    let log = demo().await;
    let with_hours = DEMO.replace("#hours = ", "hours = ");
    assert_ne!(with_hours, DEMO, "the demo has an example");
    let changes = load_directory(&log, &with_hours, &clock()).await.unwrap();
    assert_eq!(changes.to_string(), "queues: 1 changed");
    let directory = storage::read(&log).await.unwrap().directory;
    let hours = directory.queues["maple"].hours.clone().unwrap();
    // The clock stands at 02:00 of a Friday in Chicago.
    let next = hours.next_open_ms(clock().unix_ms());
    assert_eq!(next, Some(clock().unix_ms() + 7 * 3600 * 1000));
    let changes = load_directory(&log, &with_hours, &clock()).await.unwrap();
    assert_eq!(changes, Changes::default());
}

#[tokio::test]
async fn files_that_are_none_are_told() {
    let log = SqliteLog::in_memory().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.toml");
    let load = async || {
        load_directory_file(&log, &path, &clock())
            .await
            .unwrap_err()
    };

    assert!(matches!(load().await, CommandError::File { .. }));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(load().await, CommandError::File { .. }));
    std::fs::write(&path, vec![b'#'; 5 * 1024 * 1024]).unwrap();
    assert!(matches!(load().await, CommandError::TooLarge { .. }));
    std::fs::write(&path, "[[institution]\n").unwrap();
    let error = load().await.to_string();
    assert!(error.contains("line 1: directory: not TOML"), "{error}");
    assert_eq!(storage::read(&log).await.unwrap().version, 0);
}

/// Endless input is refused as soon as it is too much, and input that is not a file is loaded like one.
#[tokio::test]
async fn standard_input_is_as_long_as_a_file_may_be() {
    let log = SqliteLog::in_memory().unwrap();
    let name = Path::new("-");
    let endless = read_directory_from(std::io::repeat(b'#'), name).await;
    assert_eq!(
        endless.unwrap_err().to_string(),
        "the directory file - is larger than 4194304 bytes"
    );
    let file = read_directory_from(DEMO.as_bytes(), name).await.unwrap();
    let loaded = load(&log, &file, &clock()).await;
    assert_ne!(loaded.unwrap(), Changes::default());
}

/// A file is known to be wrong, in all that is wrong with it, before there is a log.
#[tokio::test]
async fn a_file_is_checked_by_itself() {
    let wrong = DEMO
        .replace("log_in_name = \"lee@maple\"", "log_in_name = \"\"")
        .replace("institution = \"harbor\"", "institution = \"nowhere\"");
    assert_ne!(wrong, DEMO);
    let refused = read_directory_from(std::io::Cursor::new(wrong.clone()), Path::new("-")).await;
    let alone = refused.unwrap_err().to_string();
    assert!(alone.contains("line "), "{alone}");
    let log = SqliteLog::in_memory().unwrap();
    let refused = load_directory(&log, &wrong, &clock()).await;
    assert_eq!(refused.unwrap_err().to_string(), alone);
}

#[tokio::test]
async fn a_fifo_is_as_long_as_a_file_may_be() {
    let log = SqliteLog::in_memory().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.toml");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut fifo = std::fs::OpenOptions::new().write(true).open(path)?;
            // More than is read: a command that read it all would take it for an empty directory.
            fifo.write_all(&vec![b'#'; 5 * 1024 * 1024])
        }
    });
    let refused = load_directory_file(&log, &path, &clock()).await;
    assert!(matches!(refused, Err(CommandError::TooLarge { .. })));
    // It was not read to its end.
    let cut_off = writer.join().unwrap().unwrap_err();
    assert_eq!(cut_off.kind(), std::io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn an_added_librarian_stays_when_a_file_is_loaded() {
    let log = demo().await;
    let id = add_librarian(&log, new_librarian(), &clock())
        .await
        .unwrap();
    assert_eq!(
        load_directory(&log, DEMO, &clock()).await.unwrap(),
        Changes::default()
    );
    let directory = storage::read(&log).await.unwrap().directory;
    assert_eq!(directory.librarians["new@maple"].id, id);
    assert_eq!(directory.librarians["new@maple"].real_name, "Nova New");

    assert!(matches!(
        add_librarian(&log, new_librarian(), &clock()).await,
        Err(CommandError::NameTaken(name)) if name == "new@maple"
    ));
    // A library can't be removed while it has a librarian whom no file will remove.
    let told = problems(load_directory(&log, "", &clock()).await);
    assert_eq!(
        told,
        ["librarian \"new@maple\", institution: there is no institution \"maple\""]
    );

    remove_librarian(&log, "NEW@maple", &clock()).await.unwrap();
    assert!(matches!(
        remove_librarian(&log, "new@maple", &clock()).await,
        Err(CommandError::NoSuchLibrarian(_))
    ));
    assert!(matches!(
        remove_librarian(&log, "lee@maple", &clock()).await,
        Err(CommandError::InFile(_))
    ));
    let changes = load_directory(&log, "", &clock()).await.unwrap();
    assert_eq!(
        changes.to_string(),
        "institutions: 2 removed; queues: 5 removed; librarians: 5 removed"
    );
}

#[tokio::test]
async fn a_file_takes_over_an_account_of_the_same_name() {
    let log = demo().await;
    let id = add_librarian(&log, new_librarian(), &clock())
        .await
        .unwrap();
    let with_new = format!(
        "{DEMO}\n[[librarian]]\nlog_in_name = \"new@maple\"\nscreen_name = \"Ms New\"\ninstitution = \"maple\"\nrole = \"librarian\"\npassword = \"a long enough password\"\n"
    );
    let changes = load_directory(&log, &with_new, &clock()).await.unwrap();
    assert_eq!(changes.to_string(), "librarians: 1 changed");
    let directory = storage::read(&log).await.unwrap().directory;
    assert_eq!(directory.librarians["new@maple"].id, id);
    let changes = load_directory(&log, DEMO, &clock()).await.unwrap();
    assert_eq!(changes.to_string(), "librarians: 1 removed");
}

#[tokio::test]
async fn a_librarian_who_breaks_a_rule_is_not_added() {
    let log = demo().await;
    for (new, complaint) in [
        (
            NewLibrarian {
                password: "short".into(),
                ..new_librarian()
            },
            "password: at least 12 characters",
        ),
        (
            NewLibrarian {
                institution_id: "nowhere".into(),
                ..new_librarian()
            },
            "there is no institution \"nowhere\"",
        ),
        (
            NewLibrarian {
                screen_name: "mr lee".into(),
                ..new_librarian()
            },
            "already the screen name",
        ),
        (
            NewLibrarian {
                log_in_name: "a b".into(),
                ..new_librarian()
            },
            "letters, digits and the signs",
        ),
    ] {
        let error = add_librarian(&log, new, &clock())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

#[tokio::test]
async fn many_who_add_at_once_all_succeed() {
    let log = demo().await;
    let adding = (0..8).map(|n| {
        let log = log.clone();
        async move {
            let new = NewLibrarian {
                log_in_name: format!("new{n}@maple"),
                screen_name: format!("Ms New {n}"),
                ..new_librarian()
            };
            add_librarian(&log, new, &clock()).await
        }
    });
    for added in futures::future::join_all(adding).await {
        added.unwrap();
    }
    let directory = storage::read(&log).await.unwrap().directory;
    assert_eq!(directory.librarians.len(), 5 + 8);
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_damage_and_not_a_hole() {
    for payload in [
        r#"{"v":2,"event":{"kind":"queue_removed","id":"coop"}}"#,
        r#"{"v":1,"event":{"kind":"queue_painted","id":"coop"}}"#,
        r#"{"v":1,"event":{"kind":"queue_set","id":"coop","name":"","patrons_of":[],"staffed_by":[],"hours":{"time_zone":"Mars/Olympus","open":[]}}}"#,
        r#"{"event":{"kind":"queue_removed","id":"coop"}}"#,
        "no JSON",
    ] {
        let log = demo().await;
        append(&log, &[payload]).await;
        let error = storage::read(&log).await.unwrap_err();
        assert!(matches!(error, LogError::Damaged(_)), "{error}");
        assert!(
            error.to_string().contains("event 13 of directory/all"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_log_from_before_queues_escalated_is_read_and_brought_up_to_date() {
    let log = SqliteLog::in_memory().unwrap();
    append(
        &log,
        &[
            r#"{"v":1,"event":{"kind":"institution_set","id":"maple","name":"Maple","welcome":"","privacy_notice":"We keep it.","privacy_address":"","staff_naming":"screen_name","primary_queue":"maple","conference_warning":{"text":"Mind.","rule_address":""}}}"#,
            r#"{"v":1,"event":{"kind":"queue_set","id":"maple","name":"Maple","patrons_of":["maple"],"staffed_by":["maple"]}}"#,
            r#"{"v":1,"event":{"kind":"librarian_set","id":"0123456789abcdef","log_in_name":"lee@maple","screen_name":"Mr Lee","institution_id":"maple","role":"librarian","password_hash":"","origin":"file"}}"#,
        ],
    )
    .await;
    let before = storage::read(&log).await.unwrap().directory;
    assert_eq!(before.queues["maple"].escalate, []);
    assert_eq!(before.queues["maple"].hours, None);
    let changes = load_directory(&log, DEMO, &clock()).await.unwrap();
    assert_eq!(
        changes.to_string(),
        "institutions: 1 added, 1 changed; queues: 4 added, 1 changed; librarians: 4 added, 1 changed"
    );
    let after = storage::read(&log).await.unwrap().directory;
    assert_eq!(after.queues["maple"].escalate.len(), 2);
    assert_eq!(after.librarians["lee@maple"].id, "0123456789abcdef");
}

/// Writes events in the form in which the log stores them.
async fn append(log: &SqliteLog, payloads: &[&str]) {
    let events = payloads.iter().map(|payload| NewEvent {
        at_ms: 0,
        payload: payload.as_bytes().to_vec().into(),
        command: None,
    });
    let write = Write {
        stream: StreamName::new("directory", "all"),
        expected: storage::read(log).await.unwrap().version,
        events: events.collect(),
        index_entry: None,
    };
    log.append(Batch {
        writes: vec![write],
    })
    .await
    .unwrap();
}
