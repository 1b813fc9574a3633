//! What every store of leases promises as time passes.

use carrel_platform::lease::{Held, Leases as _};

use crate::{LONG, Store, keys, lease, standing};

pub(crate) async fn a_lease_runs_out_when_its_time_is_over_and_no_earlier<S: Store>(store: &S) {
    let leases = store.fresh().await;
    let held = leases.hold(lease("s", "k", 1, ""), S::TICK * 3).await;
    assert_eq!(held, Ok(Held::Yes));
    for _ in 0..2 {
        store.pass(1).await;
        assert_eq!(keys(&leases, "s").await, ["k"]);
    }
    store.pass(1).await;
    assert!(keys(&leases, "s").await.is_empty());
    // It may come again.
    leases
        .hold(lease("s", "k", 1, ""), S::TICK * 2)
        .await
        .unwrap();
    assert_eq!(keys(&leases, "s").await, ["k"]);
}

pub(crate) async fn holding_again_counts_from_then_on<S: Store>(store: &S) {
    let leases = store.fresh().await;
    for _ in 0..4 {
        leases
            .hold(lease("s", "k", 1, ""), S::TICK * 3)
            .await
            .unwrap();
        store.pass(2).await;
        assert_eq!(keys(&leases, "s").await, ["k"]);
    }
    store.pass(1).await;
    assert!(keys(&leases, "s").await.is_empty());

    // Also when that is sooner than it would have been.
    leases.hold(lease("s", "k", 1, ""), LONG).await.unwrap();
    leases.hold(lease("s", "k", 2, ""), S::TICK).await.unwrap();
    store.pass(1).await;
    assert!(keys(&leases, "s").await.is_empty());
}

pub(crate) async fn a_lease_runs_out_by_itself_whoever_else_is_there<S: Store>(store: &S) {
    let leases = store.fresh().await;
    for (key, ticks) in [("a", 4), ("b", 2), ("c", 6)] {
        let lease = lease("s", key, 1, "");
        leases.hold(lease, S::TICK * ticks).await.unwrap();
    }
    for left in [&["a", "b", "c"][..], &["a", "c"], &["c"]] {
        assert_eq!(keys(&leases, "s").await, left);
        store.pass(2).await;
    }
    assert!(keys(&leases, "s").await.is_empty());
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
    assert_eq!(
        standing(&leases, "s").await,
        [("k".into(), 3, "old".into())]
    );
}

pub(crate) async fn who_was_refused_does_not_prolong<S: Store>(store: &S) {
    let leases = store.fresh().await;
    leases
        .hold(lease("s", "k", 2, "new"), S::TICK * 2)
        .await
        .unwrap();
    let held = leases.hold(lease("s", "k", 1, "old"), LONG).await;
    assert_eq!(held, Ok(Held::Superseded(2)));
    store.pass(2).await;
    assert!(keys(&leases, "s").await.is_empty());
}
