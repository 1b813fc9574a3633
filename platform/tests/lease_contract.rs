//! What every store of leases promises, run on every store there is. See `carrel_platform::lease::Leases`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod on_redis;

use std::{collections::BTreeMap, future::Future, time::Duration};

use bytes::Bytes;
use carrel_platform::lease::{Held, Lease, Leases, memory::MemoryLeases, redis::RedisLeases};
use on_redis::OnRedis;
use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    prop_assert_eq, prop_oneof,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tokio::runtime::{Builder, Runtime};

/// Makes stores of one kind, and knows how time passes there.
trait Store {
    /// How many random histories are tried.
    const HISTORIES: u32;

    /// The unit of time of these tests: much longer than a step of them takes.
    const TICK: Duration;

    /// What the tests in which time passes run on.
    fn runtime(&self) -> Runtime;

    /// Lets time pass, for the store too.
    fn pass(&self, ticks: u32) -> impl Future<Output = ()>;

    /// A store that nobody else uses.
    fn fresh(&self) -> impl Future<Output = impl Leases + Clone>;
}

struct Memory;

impl Store for Memory {
    const HISTORIES: u32 = 256;
    const TICK: Duration = Duration::from_secs(1);

    fn runtime(&self) -> Runtime {
        Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    }

    async fn pass(&self, ticks: u32) {
        tokio::time::advance(Self::TICK * ticks).await;
    }

    async fn fresh(&self) -> impl Leases + Clone {
        MemoryLeases::default()
    }
}

/// Its time is the real one.
impl<Engine> Store for OnRedis<Engine> {
    const HISTORIES: u32 = 2;
    const TICK: Duration = Duration::from_millis(400);

    fn runtime(&self) -> Runtime {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    }

    async fn pass(&self, ticks: u32) {
        tokio::time::sleep(Self::TICK * ticks).await;
    }

    async fn fresh(&self) -> impl Leases + Clone {
        RedisLeases::connect(&self.apart()).await.unwrap()
    }
}

/// Each promise is a test of its own, on an engine of its own.
macro_rules! apart {
    ($engine:ident, $store:expr, over_time: [$($timed:ident),+ $(,)?], at_once: [$($promise:ident),+ $(,)?]) => {
        mod $engine {
            use super::Store as _;

            $(
                #[test]
                fn $timed() {
                    let store = $store;
                    store.runtime().block_on(super::$timed(&store));
                }
            )+
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    super::$promise(&$store).await;
                }
            )+

            #[test]
            fn agrees_with_the_reference_model() {
                super::agrees_with_the_reference_model(&$store);
            }
        }
    };
}

/// All promises are one test, on one engine, where to start it takes long.
macro_rules! in_a_row {
    ($engine:ident, $store:expr, over_time: [$($timed:ident),+ $(,)?], at_once: [$($promise:ident),+ $(,)?]) => {
        mod $engine {
            use super::Store as _;

            #[test]
            fn keeps_every_promise() {
                let store = $store;
                $(
                    store.runtime().block_on(super::$timed(&store));
                )+
                $(
                    store.runtime().block_on(super::$promise(&store));
                )+
                super::agrees_with_the_reference_model(&store);
            }
        }
    };
}

macro_rules! contract {
    ($how:ident, $engine:ident, $store:expr) => {
        $how!(
            $engine,
            $store,
            over_time: [
                a_lease_runs_out_when_its_time_is_over_and_no_earlier,
                holding_again_counts_from_then_on,
                a_lease_runs_out_by_itself_whoever_else_is_there,
                who_ran_out_supersedes_nobody,
                who_was_refused_does_not_prolong,
            ],
            at_once: [
                what_was_held_is_read_by_key,
                spaces_are_apart,
                the_newest_incarnation_wins,
                a_release_lets_go_of_its_own_and_older_incarnations,
                names_are_compared_byte_for_byte,
                values_are_read_as_one_holder_wrote_them,
                everybody_reads_their_own_writes,
            ]
        );
    };
}

contract!(apart, memory, super::Memory);
contract!(apart, redis, super::on_redis::single());
contract!(in_a_row, redis_cluster, super::on_redis::cluster());

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3_600);

fn lease(space: &str, key: &str, incarnation: u64, value: &'static str) -> Lease {
    Lease {
        space: space.to_owned(),
        key: key.to_owned(),
        incarnation,
        value: Bytes::from_static(value.as_bytes()),
    }
}

/// What stands in a space, as keys, incarnations and values.
async fn standing(leases: &impl Leases, space: &str) -> Vec<(String, u64, Bytes)> {
    let leases = leases.standing(space).await.unwrap();
    let in_space = leases.iter().all(|lease| lease.space == space);
    assert!(in_space, "{leases:?}");
    leases
        .into_iter()
        .map(|lease| (lease.key, lease.incarnation, lease.value))
        .collect()
}

async fn keys(leases: &impl Leases, space: &str) -> Vec<String> {
    let standing = standing(leases, space).await;
    standing.into_iter().map(|(key, ..)| key).collect()
}

async fn a_lease_runs_out_when_its_time_is_over_and_no_earlier<S: Store>(store: &S) {
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

async fn holding_again_counts_from_then_on<S: Store>(store: &S) {
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

async fn a_lease_runs_out_by_itself_whoever_else_is_there<S: Store>(store: &S) {
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

async fn who_ran_out_supersedes_nobody<S: Store>(store: &S) {
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

async fn who_was_refused_does_not_prolong<S: Store>(store: &S) {
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

async fn what_was_held_is_read_by_key(store: &impl Store) {
    let leases = store.fresh().await;
    assert!(standing(&leases, "s").await.is_empty());
    for (key, value) in [("c", "3"), ("a", "1"), ("b", "")] {
        let held = leases.hold(lease("s", key, 7, value), LONG).await;
        assert_eq!(held, Ok(Held::Yes));
    }
    let expected = [("a", "1"), ("b", ""), ("c", "3")];
    let expected = expected.map(|(key, value)| (key.into(), 7, value.into()));
    assert_eq!(standing(&leases, "s").await, expected);
    // The same incarnation may say something new.
    leases.hold(lease("s", "b", 7, "2"), LONG).await.unwrap();
    assert_eq!(standing(&leases, "s").await[1], ("b".into(), 7, "2".into()));
}

async fn spaces_are_apart(store: &impl Store) {
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

async fn the_newest_incarnation_wins(store: &impl Store) {
    let leases = store.fresh().await;
    let hold = async |incarnation, value| {
        let lease = lease("s", "k", incarnation, value);
        leases.hold(lease, LONG).await.unwrap()
    };
    let now = async || standing(&leases, "s").await;
    assert_eq!(hold(0, "first").await, Held::Yes);
    assert_eq!(hold(5, "second").await, Held::Yes);
    for lower in [0, 4] {
        assert_eq!(hold(lower, "late").await, Held::Superseded(5));
        assert_eq!(now().await, [("k".into(), 5, "second".into())]);
    }
    // The highest ones are told apart too.
    assert_eq!(hold(u64::MAX - 1, "third").await, Held::Yes);
    assert_eq!(hold(u64::MAX, "fourth").await, Held::Yes);
    assert_eq!(hold(u64::MAX - 1, "late").await, Held::Superseded(u64::MAX));
    assert_eq!(now().await, [("k".into(), u64::MAX, "fourth".into())]);
}

async fn a_release_lets_go_of_its_own_and_older_incarnations(store: &impl Store) {
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
    // Who was let go of supersedes nobody.
    assert_eq!(hold(1).await, Held::Yes);
    leases.release("s", "k", 6).await.unwrap();
    leases.release("s", "k", 6).await.unwrap();
    assert!(keys(&leases, "s").await.is_empty());
}

async fn names_are_compared_byte_for_byte(store: &impl Store) {
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

/// Holders who write at the same time: a reader sees what one of them wrote, under that one's incarnation.
async fn values_are_read_as_one_holder_wrote_them(store: &impl Store) {
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
        for (_, incarnation, value) in standing(&leases, "s").await {
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

async fn everybody_reads_their_own_writes(store: &impl Store) {
    let leases = store.fresh().await;
    let tasks: Vec<_> = (0..16_u64)
        .map(|n| {
            let leases = leases.clone();
            tokio::spawn(async move {
                let key = n.to_string();
                for incarnation in 0..30 {
                    let lease = lease("s", &key, incarnation, "");
                    leases.hold(lease.clone(), LONG).await.unwrap();
                    assert!(leases.standing("s").await.unwrap().contains(&lease));
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

/// A store that is obviously right. Its time is in ticks.
#[derive(Default)]
struct Model {
    now: u32,
    leases: BTreeMap<(String, String), (Lease, u32)>,
}

impl Model {
    fn hold(&mut self, lease: Lease, ticks: u32) -> Held {
        let name = (lease.space.clone(), lease.key.clone());
        match self.leases.get(&name) {
            Some((held, _)) if held.incarnation > lease.incarnation => {
                Held::Superseded(held.incarnation)
            }
            _ => {
                self.leases.insert(name, (lease, self.now + ticks));
                Held::Yes
            }
        }
    }

    fn release(&mut self, space: &str, key: &str, incarnation: u64) {
        self.leases.retain(|_, (held, _)| {
            held.space != space || held.key != key || held.incarnation > incarnation
        });
    }

    fn pass(&mut self, ticks: u32) {
        self.now += ticks;
        self.leases.retain(|_, (_, until)| *until > self.now);
    }

    fn standing(&self, space: &str) -> Vec<Lease> {
        let leases = self.leases.values().map(|(lease, _)| lease.clone());
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

async fn follow<S: Store>(store: &S, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let leases = store.fresh().await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Hold(lease, ticks) => {
                let expected = model.hold(lease.clone(), ticks);
                let held = leases.hold(lease, S::TICK * ticks).await;
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
            prop_assert_eq!(leases.standing(space).await, Ok(model.standing(space)));
        }
    }
    Ok(())
}

fn agrees_with_the_reference_model<S: Store>(store: &S) {
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
