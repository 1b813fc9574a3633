//! Plays a few dozen worlds to their end, and some of them twice. `CARREL_SEEDS` says how many; `make simulation` plays
//! many more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    env,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use carrel_simulation::{Figures, Outcome, run};

/// Held by each of these tests: each keeps all cores busy.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns how many seeds are played.
fn seeds() -> u64 {
    env::var("CARREL_SEEDS").map_or(60, |seeds| seeds.parse().expect("CARREL_SEEDS is a number"))
}

/// Plays all seeds below a number, on all cores.
fn play(seeds: u64) -> Vec<Outcome> {
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let outcome = run(seed, false).unwrap();
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|outcome| outcome.seed);
    outcomes
}

#[test]
fn no_seed_breaks_an_invariant() {
    let _alone = alone();
    let mut figures = Figures::default();
    for outcome in play(seeds()) {
        assert!(
            outcome.violations.is_empty(),
            "seed {}: {:#?}\n{}\nagain: cargo run -p carrel-simulation --release -- --seed {} --verbose",
            outcome.seed,
            outcome.violations,
            outcome.trace.join("\n"),
            outcome.seed,
        );
        figures.add(&outcome.figures);
    }
    // Without commands, events and faults, the invariants would hold trivially.
    let Figures {
        commands,
        tries,
        events,
        faults,
        spoilt,
        ..
    } = figures;
    assert!(commands > 100 * seeds(), "{figures:?}");
    assert!(tries > commands, "something is given again: {figures:?}");
    assert!(events > 50 * seeds(), "{figures:?}");
    assert!(faults > 2 * seeds() && spoilt > seeds(), "{figures:?}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    let _alone = alone();
    let (first, again) = (play(12), play(12));
    let pairs: Vec<_> = first.iter().zip(&again).collect();
    for (one, other) in &pairs {
        if one.replays && other.replays {
            assert_eq!(one.digest, other.digest, "seed {}", one.seed);
        }
    }
    // On a machine so busy that no single run is sure to replay, most still must.
    let same = pairs
        .iter()
        .filter(|(one, other)| one.digest == other.digest);
    assert!(same.count() * 2 >= pairs.len());
    let different: BTreeSet<_> = first.iter().map(|outcome| outcome.digest).collect();
    assert_eq!(
        different.len(),
        first.len(),
        "another seed is another world"
    );
}
