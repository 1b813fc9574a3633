//! The promises of every lease store as time passes.

use carrel_platform::lease::{Held, Leases};
use tokio::time::Instant;

use crate::{LONG, Store, active, keys, lease};

/// Checks that these leases stand. Returns `None` if they were read so late that what has been held since `began` for
/// so many ticks may have run out.
async fn stand<S: Store>(
    _: &S,
    leases: &impl Leases,
    due: &[&str],
    (began, ticks): (Instant, u32),
) -> Option<()> {
    let there = keys(leases, "s").await;
    if began.elapsed() >= S::TICK * ticks {
        return None;
    }
    assert_eq!(there, due);
    Some(())
}

pub(crate) async fn a_lease_runs_out_when_its_time_is_over_and_no_earlier<S: Store>(store: &S) {
    let in_time = async || {
        let leases = store.fresh().await;
        let began = Instant::now();
        let held = leases.hold(lease("s", "k", 1, ""), S::TICK * 3).await;
        assert_eq!(held, Ok(Held::Yes));
        for _ in 0..2 {
            store.pass(1).await;
            stand(store, &leases, &["k"], (began, 3)).await?;
        }
        store.pass(1).await;
        assert!(keys(&leases, "s").await.is_empty());
        // It may be held again.
        let began = Instant::now();
        leases
            .hold(lease("s", "k", 1, ""), S::TICK * 2)
            .await
            .unwrap();
        stand(store, &leases, &["k"], (began, 2)).await
    };
    while in_time().await.is_none() {}
}

pub(crate) async fn holding_again_counts_from_then_on<S: Store>(store: &S) {
    let leases = store.fresh().await;
    let mut in_time = 0;
    while in_time < 4 {
        let began = Instant::now();
        leases
            .hold(lease("s", "k", 1, ""), S::TICK * 3)
            .await
            .unwrap();
        store.pass(2).await;
        if stand(store, &leases, &["k"], (began, 3)).await.is_some() {
            in_time += 1;
        } else {
            in_time = 0;
        }
    }
    store.pass(1).await;
    assert!(keys(&leases, "s").await.is_empty());

    // This holds even if that is sooner than before.
    leases.hold(lease("s", "k", 1, ""), LONG).await.unwrap();
    leases.hold(lease("s", "k", 2, ""), S::TICK).await.unwrap();
    store.pass(1).await;
    assert!(keys(&leases, "s").await.is_empty());
}

pub(crate) async fn a_lease_runs_out_by_itself_whoever_else_is_there<S: Store>(store: &S) {
    let in_time = async || {
        let leases = store.fresh().await;
        let began = Instant::now();
        for (key, ticks) in [("a", 4), ("b", 2), ("c", 6)] {
            let lease = lease("s", key, 1, "");
            leases.hold(lease, S::TICK * ticks).await.unwrap();
        }
        let left = [&["a", "b", "c"][..], &["a", "c"], &["c"]];
        for (ends_after, left) in [2, 4, 6].into_iter().zip(left) {
            stand(store, &leases, left, (began, ends_after)).await?;
            store.pass(2).await;
        }
        assert!(keys(&leases, "s").await.is_empty());
        Some(())
    };
    while in_time().await.is_none() {}
}

pub(crate) async fn who_ran_out_supersedes_nobody<S: Store>(store: &S) {
    let leases = store.fresh().await;
    leases
        .hold(lease("s", "k", 9, "new"), S::TICK)
        .await
        .unwrap();
    store.pass(1).await;
    let held = leases.hold(lease("s", "k", 3, "old"), LONG).await;
    assert_eq!(held, Ok(Held::Yes));
    assert_eq!(active(&leases, "s").await, [("k".into(), 3, "old".into())]);
}

pub(crate) async fn who_was_refused_does_not_prolong<S: Store>(store: &S) {
    let in_time = async || {
        let leases = store.fresh().await;
        let began = Instant::now();
        leases
            .hold(lease("s", "k", 2, "new"), S::TICK * 2)
            .await
            .unwrap();
        let held = leases.hold(lease("s", "k", 1, "old"), LONG).await;
        if began.elapsed() >= S::TICK * 2 {
            return None;
        }
        assert_eq!(held, Ok(Held::Superseded(2)));
        store.pass(2).await;
        assert!(keys(&leases, "s").await.is_empty());
        Some(())
    };
    while in_time().await.is_none() {}
}
