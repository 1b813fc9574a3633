//! What every lease store promises, run on every store there is. See `carrel_platform::lease::Leases`.
//!
//! `over_time`, `at_once` and `model` know no particular store. A store joins by a [`Store`] and one line here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod at_once;
mod model;
#[path = "../on_redis/mod.rs"]
mod on_redis;
mod over_time;

use std::{future::Future, time::Duration};

use bytes::Bytes;
use carrel_platform::lease::{Held, Lease, LeaseError, Leases, memory::MemoryLeases};
use futures::future::{BoxFuture, FutureExt as _};
use on_redis::OnRedis;
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

/// A factory for stores of one kind, which knows how time passes there.
trait Store {
    /// How many random histories are tried.
    const HISTORIES: u32;

    /// The unit of time of these tests: usually much longer than one of their steps takes. A step that took longer
    /// proves nothing about a lease that should stand, and is repeated.
    const TICK: Duration;

    /// The runtime for the tests in which time passes.
    fn runtime(&self) -> Runtime;

    /// Lets time pass, in the store as well.
    fn pass(&self, ticks: u32) -> impl Future<Output = ()>;

    /// Makes a store that nothing else uses.
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

/// Uses real time.
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
        Patient(on_redis::leases(&self.apart()).await)
    }
}

/// Leases in a running Redis, retried when Redis did not get its turn in time.
#[derive(Clone)]
struct Patient<L>(L);

impl<L: Leases> Leases for Patient<L> {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        again(move || self.0.hold(lease.clone(), lasts)).boxed()
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        again(move || self.0.release(space, key, incarnation)).boxed()
    }

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        again(move || self.0.active(space)).boxed()
    }
}

async fn again<'a, T>(
    ask: impl Fn() -> BoxFuture<'a, Result<T, LeaseError>>,
) -> Result<T, LeaseError> {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(_) if began.elapsed() < on_redis::LONG => {}
            answered => return answered,
        }
    }
}

/// Makes each promise a test of its own, on an engine of its own.
macro_rules! apart {
    ($engine:ident, $store:expr, over_time: [$($timed:ident),+ $(,)?], at_once: [$($promise:ident),+ $(,)?]) => {
        mod $engine {
            use super::Store as _;

            $(
                #[test]
                fn $timed() {
                    let store = $store;
                    store.runtime().block_on(crate::over_time::$timed(&store));
                }
            )+
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    crate::at_once::$promise(&$store).await;
                }
            )+

            #[test]
            fn agrees_with_the_reference_model() {
                crate::model::agrees_with_the_reference_model(&$store);
            }
        }
    };
}

/// Makes all promises one test, on one engine, for engines that take long to start.
macro_rules! in_a_row {
    ($engine:ident, $store:expr, over_time: [$($timed:ident),+ $(,)?], at_once: [$($promise:ident),+ $(,)?]) => {
        mod $engine {
            use super::Store as _;

            #[test]
            fn keeps_every_promise() {
                let store = $store;
                $(
                    store.runtime().block_on(crate::over_time::$timed(&store));
                )+
                $(
                    store.runtime().block_on(crate::at_once::$promise(&store));
                )+
                crate::model::agrees_with_the_reference_model(&store);
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
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

pub(crate) fn lease(space: &str, key: &str, incarnation: u64, value: &'static str) -> Lease {
    Lease {
        space: space.to_owned(),
        key: key.to_owned(),
        incarnation,
        value: Bytes::from_static(value.as_bytes()),
    }
}

/// Returns what stands in a space, as keys, incarnations and values.
pub(crate) async fn active(leases: &impl Leases, space: &str) -> Vec<(String, u64, Bytes)> {
    let leases = leases.active(space).await.unwrap();
    let in_space = leases.iter().all(|lease| lease.space == space);
    assert!(in_space, "{leases:?}");
    leases
        .into_iter()
        .map(|lease| (lease.key, lease.incarnation, lease.value))
        .collect()
}

pub(crate) async fn keys(leases: &impl Leases, space: &str) -> Vec<String> {
    let active = active(leases, space).await;
    active.into_iter().map(|(key, ..)| key).collect()
}
