//! What every bus promises, run on every bus there is. See `carrel_platform::bus::Bus`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod on_redis;

use std::{
    future::Future,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use carrel_platform::bus::{Bus, Notice, Origin, Subscription, local::LocalBus};
use on_redis::OnRedis;

/// A factory for buses of one kind.
trait Factory {
    /// Makes a bus that nothing else uses.
    fn fresh(&self) -> impl Future<Output = impl Bus + Clone>;

    /// Waits until a new subscription is active.
    fn active(&self, subscription: &mut Subscription) -> impl Future<Output = ()>;
}

struct Local;

impl Factory for Local {
    async fn fresh(&self) -> impl Bus + Clone {
        LocalBus::default()
    }

    async fn active(&self, _: &mut Subscription) {}
}

impl<Engine> Factory for OnRedis<Engine> {
    async fn fresh(&self) -> impl Bus + Clone {
        on_redis::bus(&self.apart()).await
    }

    async fn active(&self, subscription: &mut Subscription) {
        assert_eq!(heard(subscription).await, Notice::Missed);
    }
}

/// Makes each promise a test of its own, on an engine of its own.
macro_rules! apart {
    ($engine:ident, $factory:expr, [$($promise:ident),+ $(,)?]) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    super::$promise(&$factory).await;
                }
            )+
        }
    };
}

/// Makes all promises one test, on one engine, for engines that take long to start.
macro_rules! in_a_row {
    ($engine:ident, $factory:expr, [$($promise:ident),+ $(,)?]) => {
        mod $engine {
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn keeps_every_promise() {
                let factory = $factory;
                $(
                    super::$promise(&factory).await;
                )+
            }
        }
    };
}

macro_rules! contract {
    ($how:ident, $engine:ident, $factory:expr) => {
        $how!(
            $engine,
            $factory,
            [
                everybody_else_on_the_topic_hears_in_order,
                nobody_hears_what_was_published_before,
                nobody_hears_their_own_origin,
                topics_are_apart,
                a_slow_subscriber_is_told_in_the_right_place,
                a_loss_is_heard_even_if_nothing_follows,
                losing_never_hides_behind_listening,
                a_cancelled_wait_loses_nothing,
                a_dropped_subscription_is_in_nobodys_way,
            ]
        );
    };
}

contract!(apart, local, super::Local);
contract!(apart, redis, super::on_redis::single());
contract!(in_a_row, redis_sentinel, super::on_redis::sentinel());
contract!(in_a_row, redis_cluster, super::on_redis::cluster());

const ME: Origin = Origin(1);
const OTHER: Origin = Origin(2);

/// Far more than may wait on any bus.
const FLOOD: u32 = 20_000;

fn payload(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn number(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[..].try_into().unwrap())
}

/// Returns the next notice; a bus that loses it silently fails the test instead of hanging it.
async fn heard(subscription: &mut Subscription) -> Notice {
    tokio::time::timeout(Duration::from_secs(20), subscription.next())
        .await
        .expect("nothing was heard")
        .expect("the bus was shut down")
}

/// Returns the next number. `None` if messages were lost, which a bus between processes may do, and does when the
/// machine is too busy; but it has to say so.
async fn next_number(bus: &impl Bus, listener: &mut Subscription) -> Option<u32> {
    match heard(listener).await {
        Notice::Payload(payload) => Some(number(&payload)),
        Notice::Missed => {
            assert!(bus.lossy(), "messages were lost within one process");
            None
        }
    }
}

/// Publishes a number, and again if it was lost. It must be the next that is heard.
async fn hears_next(bus: &impl Bus, listener: &mut Subscription, topic: &str, due: u32) {
    loop {
        bus.publish(OTHER, topic, payload(due));
        if let Some(next) = next_number(bus, listener).await {
            assert_eq!(next, due);
            return;
        }
    }
}

/// Returns an active subscription.
async fn listen(
    factory: &impl Factory,
    bus: &impl Bus,
    origin: Origin,
    topic: &str,
) -> Subscription {
    let mut subscription = bus.subscribe(origin, topic);
    factory.active(&mut subscription).await;
    subscription
}

/// Waits until everything that was published on a topic has arrived or is lost. [`ME`] hears nothing of this.
async fn arrived(factory: &impl Factory, bus: &impl Bus, topic: &str) {
    let mark = Bytes::from_static(b"mark");
    let mut watcher = listen(factory, bus, OTHER, topic).await;
    loop {
        bus.publish(ME, topic, mark.clone());
        loop {
            match heard(&mut watcher).await {
                Notice::Missed => break,
                Notice::Payload(payload) if payload == mark => return,
                Notice::Payload(_) => {}
            }
        }
    }
}

async fn everybody_else_on_the_topic_hears_in_order(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listeners = [
        listen(factory, &bus, ME, "t").await,
        listen(factory, &bus, Origin(3), "t").await,
    ];
    // A round in which messages are lost proves nothing, and is followed by another.
    for round in 0.. {
        let numbers = round * 100..(round + 1) * 100;
        for n in numbers.clone() {
            bus.publish(OTHER, "t", payload(n));
        }
        let mut all_heard = true;
        for listener in &mut listeners {
            all_heard &= hears_in_order(&bus, listener, numbers.clone()).await;
        }
        if all_heard {
            return;
        }
    }
}

/// Returns whether all numbers are heard, in order. Lower numbers are of another round.
async fn hears_in_order(
    bus: &impl Bus,
    listener: &mut Subscription,
    mut numbers: Range<u32>,
) -> bool {
    while !numbers.is_empty() {
        match next_number(bus, listener).await {
            Some(next) if next < numbers.start => {}
            Some(next) => assert_eq!(Some(next), numbers.next()),
            None => return false,
        }
    }
    true
}

async fn nobody_hears_what_was_published_before(factory: &impl Factory) {
    let bus = factory.fresh().await;
    bus.publish(OTHER, "t", payload(1));
    arrived(factory, &bus, "t").await;
    let mut listener = listen(factory, &bus, ME, "t").await;
    hears_next(&bus, &mut listener, "t", 2).await;
}

async fn nobody_hears_their_own_origin(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = listen(factory, &bus, ME, "t").await;
    bus.publish(ME, "t", payload(1));
    hears_next(&bus, &mut listener, "t", 2).await;
}

async fn topics_are_apart(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = listen(factory, &bus, ME, "session/1").await;
    let _others = [
        listen(factory, &bus, ME, "session/10").await,
        listen(factory, &bus, ME, "session").await,
    ];
    bus.publish(OTHER, "session/10", payload(1));
    bus.publish(OTHER, "session", payload(2));
    hears_next(&bus, &mut listener, "session/1", 3).await;
}

/// Checks that each notice is the next payload, unless [`Notice::Missed`] came before.
#[derive(Default)]
struct Account {
    next: u32,
    knows_of_loss: bool,
}

impl Account {
    fn check(&mut self, notice: &Notice) {
        match notice {
            Notice::Missed => self.knows_of_loss = true,
            Notice::Payload(payload) => {
                let (heard, next) = (number(payload), self.next);
                assert!(
                    heard == next || (heard > next && self.knows_of_loss),
                    "{heard} where {next} was due"
                );
                self.knows_of_loss = false;
                self.next = heard + 1;
            }
        }
    }
}

async fn a_slow_subscriber_is_told_in_the_right_place(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = listen(factory, &bus, ME, "t").await;
    for n in 0..FLOOD {
        bus.publish(OTHER, "t", payload(n));
    }
    arrived(factory, &bus, "t").await;
    // What is published after the subscriber heard of its loss arrives again.
    let mut account = Account::default();
    while !account.knows_of_loss {
        account.check(&heard(&mut listener).await);
    }
    assert!(account.next < FLOOD);
    while account.next <= FLOOD {
        if account.knows_of_loss {
            bus.publish(OTHER, "t", payload(FLOOD));
        }
        account.check(&heard(&mut listener).await);
    }
}

async fn a_loss_is_heard_even_if_nothing_follows(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = listen(factory, &bus, ME, "t").await;
    for n in 0..FLOOD {
        bus.publish(OTHER, "t", payload(n));
    }
    while heard(&mut listener).await != Notice::Missed {}
}

/// A subscriber that reads while it is flooded hears either the next payload or first that it missed some.
async fn losing_never_hides_behind_listening(factory: &impl Factory) {
    let bus = factory.fresh().await;
    for _ in 0..20 {
        arrived(factory, &bus, "t").await;
        let mut listener = listen(factory, &bus, ME, "t").await;
        let heard_the_end = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (bus, stop) = (bus.clone(), Arc::clone(&heard_the_end));
            tokio::task::spawn_blocking(move || {
                for n in 0..FLOOD {
                    bus.publish(OTHER, "t", payload(n));
                }
                while !stop.load(Ordering::Relaxed) {
                    bus.publish(OTHER, "t", payload(FLOOD));
                }
            })
        };
        let mut account = Account::default();
        while account.next <= FLOOD {
            account.check(&heard(&mut listener).await);
        }
        heard_the_end.store(true, Ordering::Relaxed);
        publisher.await.unwrap();
    }
}

async fn a_cancelled_wait_loses_nothing(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = listen(factory, &bus, ME, "t").await;
    for n in 0..100 {
        let waiting = futures::future::select(
            Box::pin(listener.next()),
            Box::pin(async {
                bus.publish(OTHER, "t", payload(n));
            }),
        );
        let first = match waiting.await {
            futures::future::Either::Left((notice, _)) => notice,
            futures::future::Either::Right(_) => None,
        };
        let mut notice = match first {
            Some(notice) => notice,
            None => heard(&mut listener).await,
        };
        // What the bus itself has lost is announced, and published again here.
        while notice != Notice::Payload(payload(n)) {
            match notice {
                Notice::Payload(earlier) => assert!(number(&earlier) < n),
                Notice::Missed => {
                    assert!(bus.lossy(), "messages were lost within one process");
                    bus.publish(OTHER, "t", payload(n));
                }
            }
            notice = heard(&mut listener).await;
        }
    }
}

async fn a_dropped_subscription_is_in_nobodys_way(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let gone = bus.subscribe(ME, "t");
    let mut stays = listen(factory, &bus, ME, "t").await;
    drop(gone);
    hears_next(&bus, &mut stays, "t", 1).await;
}
