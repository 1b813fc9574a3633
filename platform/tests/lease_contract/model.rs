//! Compares any lease store with a simple model over random histories.

use std::collections::BTreeMap;

use bytes::Bytes;
use carrel_platform::lease::{Held, Lease, Leases as _};
use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    prop_assert_eq, prop_oneof,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};

use tokio::time::Instant;

use crate::{Store, lease};

/// A store that is obviously right. Its time is in ticks.
#[derive(Default)]
struct Model {
    now: u32,
    leases: BTreeMap<(String, String), Stands>,
}

/// A lease that stands.
struct Stands {
    lease: Lease,
    until: u32,
    /// When it may have run out in a store that uses real time.
    surely_until: Instant,
}

impl Model {
    fn hold(&mut self, lease: Lease, ticks: u32, surely_until: Instant) -> Held {
        let name = (lease.space.clone(), lease.key.clone());
        match self.leases.get(&name) {
            Some(Stands { lease: held, .. }) if held.incarnation > lease.incarnation => {
                Held::Superseded(held.incarnation)
            }
            _ => {
                let stands = Stands {
                    lease,
                    until: self.now + ticks,
                    surely_until,
                };
                self.leases.insert(name, stands);
                Held::Yes
            }
        }
    }

    /// Returns whether the steps took so long that a lease that stands here may have run out.
    fn is_late(&self) -> bool {
        let now = Instant::now();
        self.leases
            .values()
            .any(|stands| stands.surely_until <= now)
    }

    fn release(&mut self, space: &str, key: &str, incarnation: u64) {
        self.leases.retain(|_, Stands { lease: held, .. }| {
            held.space != space || held.key != key || held.incarnation > incarnation
        });
    }

    fn pass(&mut self, ticks: u32) {
        self.now += ticks;
        self.leases.retain(|_, stands| stands.until > self.now);
    }

    fn active(&self, space: &str) -> Vec<Lease> {
        let leases = self.leases.values().map(|stands| stands.lease.clone());
        leases.filter(|lease| lease.space == space).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Hold(Lease, u32),
    Release(&'static str, &'static str, u64),
    Pass(u32),
}

const SPACES: [&str; 3] = ["presence", "session/1", "session/2"];
const KEYS: [&str; 3] = ["", "a", "é"];

fn step() -> impl Strategy<Value = Step> {
    let name = || (select(&SPACES), select(&KEYS), 0..4_u64);
    prop_oneof![
        6 => (name(), vec(any::<u8>(), 0..8), 1..5_u32).prop_map(
            |((space, key, incarnation), value, ticks)| {
                let value = Bytes::from(value);
                Step::Hold(Lease { value, ..lease(space, key, incarnation, "") }, ticks)
            }
        ),
        2 => name().prop_map(|(space, key, incarnation)| Step::Release(space, key, incarnation)),
        2 => (1..4_u32).prop_map(Step::Pass),
    ]
}

/// Runs the steps, up to the first that comes too late to prove anything.
async fn follow<S: Store>(store: &S, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let leases = store.fresh().await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Hold(lease, ticks) => {
                let lasts = S::TICK * ticks;
                let was_late = model.is_late();
                let expected = model.hold(lease.clone(), ticks, Instant::now() + lasts);
                let held = leases.hold(lease, lasts).await;
                if was_late || model.is_late() {
                    return Ok(());
                }
                prop_assert_eq!(held, Ok(expected));
            }
            Step::Release(space, key, incarnation) => {
                model.release(space, key, incarnation);
                let released = leases.release(space, key, incarnation).await;
                prop_assert_eq!(released, Ok(()));
            }
            Step::Pass(ticks) => {
                model.pass(ticks);
                store.pass(ticks).await;
            }
        }
        for space in SPACES {
            let active = leases.active(space).await;
            if model.is_late() {
                return Ok(());
            }
            prop_assert_eq!(active, Ok(model.active(space)));
        }
    }
    Ok(())
}

pub(crate) fn agrees_with_the_reference_model<S: Store>(store: &S) {
    let config = Config {
        cases: S::HISTORIES,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&vec(step(), 0..40), |steps| {
            store.runtime().block_on(follow(store, steps))
        })
        .unwrap();
}
