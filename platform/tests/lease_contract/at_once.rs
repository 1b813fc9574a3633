//! The promises of every lease store about who holds what, apart from time.

use bytes::Bytes;
use carrel_platform::lease::{Held, Lease, Leases as _};

use crate::{LONG, Store, active, keys, lease};

pub(crate) async fn what_was_held_is_read_by_key(store: &impl Store) {
    let leases = store.fresh().await;
    assert!(active(&leases, "s").await.is_empty());
    for (key, value) in [("c", "3"), ("a", "1"), ("b", "")] {
        let held = leases.hold(lease("s", key, 7, value), LONG).await;
        assert_eq!(held, Ok(Held::Yes));
    }
    let expected = [("a", "1"), ("b", ""), ("c", "3")];
    let expected = expected.map(|(key, value)| (key.into(), 7, value.into()));
    assert_eq!(active(&leases, "s").await, expected);
    // The same incarnation may set a new value.
    leases.hold(lease("s", "b", 7, "2"), LONG).await.unwrap();
    assert_eq!(active(&leases, "s").await[1], ("b".into(), 7, "2".into()));
}

pub(crate) async fn spaces_are_apart(store: &impl Store) {
    let leases = store.fresh().await;
    for space in ["session/1", "session/10", "session"] {
        leases.hold(lease(space, "k", 1, ""), LONG).await.unwrap();
    }
    leases.release("session/10", "k", 1).await.unwrap();
    leases.release("session/1", "other", 1).await.unwrap();
    leases.release("none", "k", 1).await.unwrap();
    assert_eq!(keys(&leases, "session/1").await, ["k"]);
    assert_eq!(keys(&leases, "session").await, ["k"]);
    assert!(keys(&leases, "session/10").await.is_empty());
    assert!(keys(&leases, "none").await.is_empty());
}

pub(crate) async fn the_newest_incarnation_wins(store: &impl Store) {
    let leases = store.fresh().await;
    let hold = async |incarnation, value| {
        let lease = lease("s", "k", incarnation, value);
        leases.hold(lease, LONG).await.unwrap()
    };
    let now = async || active(&leases, "s").await;
    assert_eq!(hold(0, "first").await, Held::Yes);
    assert_eq!(hold(5, "second").await, Held::Yes);
    for lower in [0, 4] {
        assert_eq!(hold(lower, "late").await, Held::Superseded(5));
        assert_eq!(now().await, [("k".into(), 5, "second".into())]);
    }
    // The highest incarnations are told apart, too.
    assert_eq!(hold(u64::MAX - 1, "third").await, Held::Yes);
    assert_eq!(hold(u64::MAX, "fourth").await, Held::Yes);
    assert_eq!(hold(u64::MAX - 1, "late").await, Held::Superseded(u64::MAX));
    assert_eq!(now().await, [("k".into(), u64::MAX, "fourth".into())]);
}

pub(crate) async fn a_release_lets_go_of_its_own_and_older_incarnations(store: &impl Store) {
    let leases = store.fresh().await;
    let hold = async |incarnation| {
        let lease = lease("s", "k", incarnation, "");
        leases.hold(lease, LONG).await.unwrap()
    };
    hold(5).await;
    leases.release("s", "k", 4).await.unwrap();
    assert_eq!(keys(&leases, "s").await, ["k"]);
    leases.release("s", "k", 5).await.unwrap();
    assert!(keys(&leases, "s").await.is_empty());
    // A released lease supersedes none.
    assert_eq!(hold(1).await, Held::Yes);
    leases.release("s", "k", 6).await.unwrap();
    leases.release("s", "k", 6).await.unwrap();
    assert!(keys(&leases, "s").await.is_empty());
}

pub(crate) async fn names_are_compared_byte_for_byte(store: &impl Store) {
    let leases = store.fresh().await;
    let names = [
        "", " ", ":", "A", "a", "a:b", "a\0b", "e\u{301}", "é", "雪 🦀", "*",
    ];
    for space in names {
        for key in names {
            leases.hold(lease(space, key, 1, ""), LONG).await.unwrap();
        }
    }
    let mut sorted = names;
    sorted.sort_unstable();
    for space in names {
        assert_eq!(keys(&leases, space).await, sorted);
    }
}

/// Holders write at the same time: a reader sees the value of one of them, with that holder's incarnation.
pub(crate) async fn values_are_read_as_one_holder_wrote_them(store: &impl Store) {
    let leases = store.fresh().await;
    let holders: Vec<_> = (1..=8_u8)
        .map(|n| {
            let leases = leases.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let lease = Lease {
                        value: Bytes::from(vec![n; 1_000 * usize::from(n)]),
                        ..lease("s", "k", u64::from(n), "")
                    };
                    match leases.hold(lease, LONG).await.unwrap() {
                        Held::Yes => {}
                        Held::Superseded(newer) => assert!(newer > u64::from(n)),
                    }
                }
            })
        })
        .collect();
    let mut newest = 0;
    while newest < 8 {
        for (_, incarnation, value) in active(&leases, "s").await {
            assert!(incarnation >= newest, "{incarnation} after {newest}");
            newest = incarnation;
            assert_eq!(value.len() as u64, 1_000 * incarnation);
            assert!(value.iter().all(|byte| u64::from(*byte) == incarnation));
        }
        tokio::task::yield_now().await;
    }
    for holder in holders {
        holder.await.unwrap();
    }
}

pub(crate) async fn everybody_reads_their_own_writes(store: &impl Store) {
    let leases = store.fresh().await;
    let tasks: Vec<_> = (0..16_u64)
        .map(|n| {
            let leases = leases.clone();
            tokio::spawn(async move {
                let key = n.to_string();
                for incarnation in 0..30 {
                    let lease = lease("s", &key, incarnation, "");
                    leases.hold(lease.clone(), LONG).await.unwrap();
                    assert!(leases.active("s").await.unwrap().contains(&lease));
                    leases.release("s", &key, incarnation).await.unwrap();
                    assert!(!keys(&leases, "s").await.contains(&key));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(keys(&leases, "s").await.is_empty());
}
