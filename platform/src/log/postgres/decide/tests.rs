#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::*;
use crate::log::{Command, NewEvent};

fn write(id: &str, expected: u64, payloads: &[&'static str]) -> Write {
    let event = |payload: &&'static str| NewEvent {
        at_ms: 7,
        payload: Bytes::from(*payload),
        command: Some(Command {
            key: format!("by {payload}"),
            fingerprint: u64::MAX,
        }),
    };
    Write {
        stream: StreamName::new("session", id),
        expected,
        events: payloads.iter().map(event).collect(),
        index_entry: None,
    }
}

fn append<const N: usize>(writes: [Write; N]) -> Work {
    Work::Append(Batch {
        writes: writes.to_vec(),
    })
}

fn erase(id: &str, up_to: u64) -> Work {
    Work::Erase {
        stream: StreamName::new("session", id),
        up_to,
    }
}

fn locked(versions: &[(&'static str, i64)], some_left_out: bool) -> Locked<'static> {
    let versions = versions.iter();
    Locked {
        versions: versions
            .map(|(id, version)| ((*id, "session"), *version))
            .collect(),
        made: HashSet::new(),
        some_left_out,
    }
}

/// Streams that this transaction created, at version 0.
fn made(ids: &[&'static str]) -> Locked<'static> {
    let keys = ids.iter().map(|id| (*id, "session"));
    Locked {
        versions: keys.clone().map(|key| (key, 0)).collect(),
        made: keys.collect(),
        some_left_out: false,
    }
}

fn decided<'a>(group: &[&'a Work], locked: &Locked<'_>) -> Decision<'a> {
    decide(group, &needed(group), locked)
}

#[test]
fn streams_are_named_once_and_in_order_and_made_if_somebody_takes_them_for_new() {
    let group = [
        append([write("b", 3, &["e"]), write("c", 0, &[])]),
        append([write("a", 1, &["e"])]),
        append([write("a", 0, &["e"])]),
        erase("d", 2),
    ];
    let needed = needed(&group.iter().collect::<Vec<_>>());
    assert_eq!(needed.all.ids, ["a", "b", "c", "d"]);
    assert_eq!(needed.perhaps_new.ids, ["a", "c"]);
}

#[test]
fn each_batch_is_decided_on_what_those_before_it_leave() {
    let index_entry = |closed_at_ms| {
        Some(IndexEntry {
            owner: "maple".to_owned(),
            closed_at_ms,
        })
    };
    let first = Write {
        index_entry: index_entry(None),
        ..write("s", 1, &["2", "3"])
    };
    let last = Write {
        index_entry: index_entry(Some(9)),
        ..write("s", 3, &["4"])
    };
    let group = [
        append([first]),
        append([write("s", 1, &["x"]), write("t", 0, &["x"])]),
        append([last]),
        append([write("s", 4, &["5"])]),
        erase("s", 2),
        erase("s", 6),
    ];
    let group: Vec<_> = group.iter().collect();
    let mut versions = made(&["t"]);
    versions.versions.insert(("s", "session"), 1);
    let decision = decided(&group, &versions);
    let conflict = LogError::Conflict {
        stream: StreamName::new("session", "s"),
        expected: 1,
        actual: 3,
    };
    assert_eq!(
        decision.results[..5],
        [Ok(()), Err(conflict), Ok(()), Ok(()), Ok(())]
    );
    assert!(matches!(decision.results[5], Err(LogError::Invalid(_))));
    assert_eq!(decision.events.versions, [2, 3, 4, 5]);
    assert_eq!(decision.events.payloads, [b"2", b"3", b"4", b"5"]);
    assert_eq!(decision.events.fingerprints, [Some(-1); 4]);
    let heads = &decision.heads;
    assert_eq!(heads.streams.ids, ["s"]);
    assert_eq!((heads.versions[0], heads.erased[0]), (5, 2));
    assert_eq!(heads.index_versions, [Some(4)]);
    assert_eq!(heads.owners, [Some("maple")]);
    assert_eq!(heads.closed, [Some(9)]);
    assert_eq!(decision.erasures.up_to, [2]);
    // It was created to be locked, but not written to.
    assert_eq!(decision.unused.ids, ["t"]);
}

#[test]
fn a_new_stream_that_an_accepted_batch_only_checks_is_kept() {
    let group = [
        append([write("s", 0, &["1"]), write("checked", 0, &[])]),
        append([write("s", 0, &["x"]), write("refused", 0, &[])]),
    ];
    let group: Vec<_> = group.iter().collect();
    let decision = decided(&group, &made(&["s", "checked", "refused"]));
    assert_eq!(decision.unused.ids, ["refused"]);
}

/// Another server may be waiting for its lock.
#[test]
fn a_stream_that_was_there_before_is_not_taken_back() {
    let group = [
        append([write("s", 0, &["1"])]),
        append([write("s", 0, &["x"]), write("stands", 0, &[])]),
    ];
    let group: Vec<_> = group.iter().collect();
    let decision = decided(&group, &locked(&[("s", 0), ("stands", 0)], false));
    assert!(matches!(
        decision.results[..],
        [Ok(()), Err(LogError::Conflict { .. })]
    ));
    assert!(decision.unused.is_empty());
}

#[test]
fn a_new_stream_is_lacking_only_if_it_was_waited_for() {
    let group = [append([write("s", 0, &["1"]), write("t", 1, &["2"])])];
    let group: Vec<_> = group.iter().collect();
    let needed = needed(&group);
    assert!(locked(&[("t", 1)], false).lacks_new_ones(&needed));
    assert!(!locked(&[("t", 1)], true).lacks_new_ones(&needed));
    assert!(!locked(&[("s", 0)], false).lacks_new_ones(&needed));
}

#[test]
fn a_stream_that_is_not_there_is_at_version_0() {
    let group = [
        append([write("s", 2, &["e"])]),
        erase("s", 0),
        erase("s", 1),
    ];
    let group: Vec<_> = group.iter().collect();
    let decision = decided(&group, &locked(&[], false));
    assert!(matches!(
        decision.results[..],
        [
            Err(LogError::Conflict { actual: 0, .. }),
            Ok(()),
            Err(LogError::Invalid(_))
        ]
    ));
    assert!(decision.changes_nothing());
}

#[test]
fn nothing_is_said_of_a_stream_that_somebody_else_has() {
    let group = [
        append([write("s", 2, &["e"])]),
        append([write("t", 1, &["e"])]),
        append([write("t", 2, &["e"]), write("s", 9, &["e"])]),
        erase("s", 1),
    ];
    let group: Vec<_> = group.iter().collect();
    let decision = decided(&group, &locked(&[("t", 1)], true));
    for busy in [0, 2, 3] {
        assert!(matches!(
            decision.results[busy],
            Err(LogError::Unavailable(_))
        ));
    }
    assert_eq!(decision.results[1], Ok(()));
    assert_eq!(decision.heads.streams.ids, ["t"]);
}
