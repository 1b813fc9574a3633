#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use super::*;
use crate::auth::{
    Patron, StaffNaming, Who,
    token::{self, Lifetimes, TokenError},
};

const NOW: i64 = 1_800_000_000_000;
const RENEWAL: Duration = Duration::from_secs(3600);
const RENEWAL_MS: i64 = 3_600_000;

fn in_folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    (folder, path)
}

fn token(keys: &KeyRing, now_ms: i64) -> String {
    let who = Who::Patron(Patron {
        session_id: "0".repeat(32),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: Vec::new(),
    });
    let lifetimes = Lifetimes {
        access: RENEWAL,
        renewal: RENEWAL,
    };
    token::issue(keys, &who, now_ms, lifetimes)
        .unwrap()
        .access_token
}

fn newest(keys: &KeyRing) -> String {
    keys.keys().newest().unwrap().id.clone()
}

#[test]
fn a_new_ring_is_written_for_its_owner_alone_and_read_again() {
    let (_folder, path) = in_folder();
    let made = KeyRing::create(&path, NOW).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let read = KeyRing::load(&path).unwrap();
    assert!(token::verify(&read, &token(&made, NOW), NOW).is_ok());
}

#[test]
fn an_existing_file_is_never_overwritten_by_create() {
    let (_folder, path) = in_folder();
    KeyRing::create(&path, NOW).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(
        KeyRing::create(&path, NOW),
        Err(KeyError::File {
            what: "written",
            ..
        })
    ));
    assert_eq!(fs::read(&path).unwrap(), before);
    KeyRing::load_or_create(&path, NOW).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_newest_key_signs_and_the_one_before_verifies_until_it_retires() {
    let (_folder, path) = in_folder();
    let before = KeyRing::create(&path, NOW).unwrap();
    let (old, old_key) = (token(&before, NOW), newest(&before));
    KeyRing::rotate(&path, NOW, Duration::ZERO, RENEWAL).unwrap();
    let after = KeyRing::load(&path).unwrap();
    let new = token(&after, NOW);

    assert_ne!(old_key, newest(&after));
    assert!(token::verify(&after, &old, NOW + RENEWAL_MS - 1).is_ok());
    assert!(token::verify_renewable(&after, &old, NOW + RENEWAL_MS - 1).is_ok());
    assert_eq!(
        token::verify(&after, &old, NOW + RENEWAL_MS),
        Err(TokenError::Bad)
    );
    assert!(token::verify(&after, &new, NOW + RENEWAL_MS).is_ok());
}

#[test]
fn rotation_keeps_the_retirement_set_before_and_drops_what_has_retired() {
    let (_folder, path) = in_folder();
    KeyRing::create(&path, NOW).unwrap();
    KeyRing::rotate(&path, NOW, Duration::ZERO, RENEWAL).unwrap();
    KeyRing::rotate(&path, NOW + RENEWAL_MS - 1, Duration::ZERO, RENEWAL).unwrap();
    let count = || KeyRing::load(&path).unwrap().keys().0.len();
    assert_eq!(count(), 3);
    KeyRing::rotate(&path, NOW + RENEWAL_MS, Duration::ZERO, RENEWAL).unwrap();
    assert_eq!(count(), 3);
    KeyRing::rotate(&path, NOW + 10 * RENEWAL_MS, Duration::ZERO, RENEWAL).unwrap();
    assert_eq!(count(), 2);
}

#[test]
fn a_running_ring_follows_a_rotation_and_outlives_a_damaged_file() {
    let (_folder, path) = in_folder();
    let running = KeyRing::create(&path, NOW).unwrap();
    let clone = running.clone();
    let old = token(&running, NOW);
    let first = newest(&running);

    KeyRing::rotate(&path, NOW, Duration::ZERO, RENEWAL).unwrap();
    while newest(&clone) == first {
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = newest(&running);
    assert_eq!(newest(&clone), second);
    assert!(token::verify(&running, &old, NOW).is_ok());

    fs::write(&path, "no key file").unwrap();
    let seen = |ring: &KeyRing| ring.0.held.lock().unwrap().looked_at;
    let looked = seen(&running);
    while seen(&running) == looked {
        assert_eq!(newest(&running), second);
    }
    assert!(token::verify(&running, &old, NOW).is_ok());
}

/// Waits until a ring's condition is as `right` says, and returns it. It looks at its file once a second.
fn until(ring: &KeyRing, right: impl Fn(Option<&str>) -> bool) -> Condition {
    loop {
        let condition = ring.condition();
        if right(condition.problem()) {
            return condition;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

// A ring that can't follow its file would refuse everybody after the next rotation: operators must see it before.
#[test]
fn a_ring_that_can_not_follow_its_file_is_degraded_until_it_can() {
    let (_folder, path) = in_folder();
    let ring = KeyRing::create(&path, NOW).unwrap();
    assert_eq!(ring.condition(), Condition::Well);
    let first = newest(&ring);
    let good = fs::read(&path).unwrap();
    let says = |what: &'static str| {
        move |problem: Option<&str>| problem.is_some_and(|problem| problem.contains(what))
    };

    fs::write(&path, "no key file").unwrap();
    until(&ring, says("is damaged"));
    fs::remove_file(&path).unwrap();
    until(&ring, says("can't be read"));
    fs::write(&path, &good).unwrap();
    until(&ring, says("chmod 600"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    until(&ring, |problem| problem.is_none());
    // Nothing but who may read it has changed.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let degraded = until(&ring, says("mode 604"));
    assert!(degraded.problem().unwrap().contains("stay in force"));
    assert_eq!(newest(&ring), first);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    KeyRing::rotate(&path, NOW, Duration::ZERO, RENEWAL).unwrap();
    until(&ring, |problem| problem.is_none());
    while newest(&ring) == first {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let (_folder, path) = in_folder();
    KeyRing::create(&path, NOW).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = KeyRing::load(&path).unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
    // The group may read it: that is how orchestrators hand secrets to a process.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    KeyRing::load(&path).unwrap();
}

#[test]
fn the_public_part_verifies_and_signs_nothing() {
    let (folder, path) = in_folder();
    let ring = KeyRing::create(&path, NOW).unwrap();
    let text = KeyRing::public_part(&path).unwrap();
    assert!(!text.contains("pkcs8"));
    let copy = folder.path().join("public.json");
    fs::write(&copy, "an older one").unwrap();
    KeyRing::write_public_part(&path, &copy).unwrap();
    assert_eq!(fs::read_to_string(&copy).unwrap(), text);
    let mode = fs::metadata(&copy).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o644);
    let public = KeyRing::load(&copy).unwrap();
    assert!(token::verify(&public, &token(&ring, NOW), NOW).is_ok());
    assert!(public.keys().signing(NOW).is_none());
    assert!(matches!(
        KeyRing::rotate(&copy, NOW, Duration::ZERO, RENEWAL),
        Err(KeyError::PublicOnly { .. })
    ));
    assert_eq!(KeyRing::public_part(&copy).unwrap(), text);
}

#[test]
fn a_new_key_may_be_known_before_it_signs() {
    let (_folder, path) = in_folder();
    let first = newest(&KeyRing::create(&path, NOW).unwrap());
    KeyRing::rotate(&path, NOW, RENEWAL, RENEWAL).unwrap();
    let ring = KeyRing::load(&path).unwrap();
    let signing = |now_ms| ring.keys().signing(now_ms).unwrap().id.clone();
    assert_eq!(signing(NOW + RENEWAL_MS - 1), first);
    assert_ne!(signing(NOW + RENEWAL_MS), first);
    // The last token that the first key signed can still be renewed for the full time.
    let last = token(&ring, NOW + RENEWAL_MS - 1);
    assert!(token::verify_renewable(&ring, &last, NOW + 2 * RENEWAL_MS - 2_000).is_ok());
    // After a clock was set back, there is still a key to sign with.
    assert_eq!(signing(0), first);
}

#[test]
fn damaged_files_are_refused_and_left_alone() {
    let (_folder, path) = in_folder();
    KeyRing::create(&path, NOW).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let damaged = [
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        good[..good.len() / 2].to_owned(),
        good.replace("\"format\": 1", "\"format\": 2"),
        good.replace("\"pkcs8\": \"MF", "\"pkcs8\": \"MG"),
        good.replace("\"pkcs8\": \"", "\"pkcs8\": \"="),
        good.replace(
            "\"created_at_ms\"",
            "\"retired_at_ms\": 1, \"created_at_ms\"",
        ),
        r#"{"format": 1, "keys": []}"#.to_owned(),
    ];
    for text in damaged {
        assert_ne!(text, good);
        fs::write(&path, &text).unwrap();
        let error = KeyRing::load(&path).unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
        assert!(KeyRing::rotate(&path, NOW, Duration::ZERO, RENEWAL).is_err());
        assert!(KeyRing::load_or_create(&path, NOW).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn two_processes_do_not_rotate_at_once() {
    let (_folder, path) = in_folder();
    KeyRing::create(&path, NOW).unwrap();
    let _turn = Turn::take(&path).unwrap();
    assert!(matches!(
        KeyRing::rotate(&path, NOW, Duration::ZERO, RENEWAL),
        Err(KeyError::Busy { .. })
    ));
}

#[test]
fn keys_do_not_show_in_debug_output() {
    let (_folder, path) = in_folder();
    let keys = KeyRing::create(&path, NOW).unwrap();
    let shown = format!("{keys:?}");
    assert!(shown.contains("keys.json"));
    assert!(!shown.contains("pkcs8"));
}
