//! What every bus promises, run on every bus there is. See `carrel_platform::bus::Bus`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use carrel_platform::bus::{Bus, Notice, Origin, Subscription, local::LocalBus};

/// Makes buses of one kind.
trait Factory {
    /// A bus that nobody else uses.
    fn fresh(&self) -> impl Future<Output = impl Bus + Clone>;
}

struct Local;

impl Factory for Local {
    async fn fresh(&self) -> impl Bus + Clone {
        LocalBus::default()
    }
}

macro_rules! contract {
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

contract!(
    local,
    super::Local,
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

const ME: Origin = Origin(1);
const OTHER: Origin = Origin(2);

/// Far more than a bus lets wait.
const FLOOD: u32 = 20_000;

fn payload(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn number(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[..].try_into().unwrap())
}

/// The next notice; a bus that loses it silently fails the test instead of hanging it.
async fn heard(subscription: &mut Subscription) -> Notice {
    tokio::time::timeout(Duration::from_secs(20), subscription.next())
        .await
        .expect("nothing was heard")
        .expect("the bus was shut down")
}

async fn everybody_else_on_the_topic_hears_in_order(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listeners = [bus.subscribe(ME, "t"), bus.subscribe(Origin(3), "t")];
    for n in 0..100 {
        bus.publish(OTHER, "t", payload(n));
    }
    for listener in &mut listeners {
        for n in 0..100 {
            assert_eq!(heard(listener).await, Notice::Payload(payload(n)));
        }
    }
}

async fn nobody_hears_what_was_published_before(factory: &impl Factory) {
    let bus = factory.fresh().await;
    bus.publish(OTHER, "t", payload(1));
    let mut listener = bus.subscribe(ME, "t");
    bus.publish(OTHER, "t", payload(2));
    assert_eq!(heard(&mut listener).await, Notice::Payload(payload(2)));
}

async fn nobody_hears_their_own_origin(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = bus.subscribe(ME, "t");
    bus.publish(ME, "t", payload(1));
    bus.publish(OTHER, "t", payload(2));
    assert_eq!(heard(&mut listener).await, Notice::Payload(payload(2)));
}

async fn topics_are_apart(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = bus.subscribe(ME, "session/1");
    bus.publish(OTHER, "session/10", payload(1));
    bus.publish(OTHER, "session", payload(2));
    bus.publish(OTHER, "session/1", payload(3));
    assert_eq!(heard(&mut listener).await, Notice::Payload(payload(3)));
}

async fn a_slow_subscriber_is_told_in_the_right_place(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = bus.subscribe(ME, "t");
    for n in 0..FLOOD {
        bus.publish(OTHER, "t", payload(n));
    }
    let mut next = 0;
    while let Notice::Payload(heard) = heard(&mut listener).await {
        assert_eq!(number(&heard), next, "a hole before Missed");
        next += 1;
    }
    assert!(next < FLOOD);
    // What is published after the subscriber knows of its loss arrives again.
    bus.publish(OTHER, "t", payload(FLOOD));
    assert_eq!(heard(&mut listener).await, Notice::Payload(payload(FLOOD)));
}

async fn a_loss_is_heard_even_if_nothing_follows(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = bus.subscribe(ME, "t");
    for n in 0..FLOOD {
        bus.publish(OTHER, "t", payload(n));
    }
    while heard(&mut listener).await != Notice::Missed {}
}

/// A subscriber that listens while it is flooded hears either the next payload or first that it missed some.
async fn losing_never_hides_behind_listening(factory: &impl Factory) {
    let bus = factory.fresh().await;
    for _ in 0..20 {
        let mut listener = bus.subscribe(ME, "t");
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
        let mut next = 0;
        let mut knows_of_loss = false;
        while next <= FLOOD {
            match heard(&mut listener).await {
                Notice::Missed => knows_of_loss = true,
                Notice::Payload(heard) => {
                    let heard = number(&heard);
                    assert!(
                        heard == next || (heard > next && knows_of_loss),
                        "{heard} where {next} was due"
                    );
                    knows_of_loss = false;
                    next = heard + 1;
                }
            }
        }
        heard_the_end.store(true, Ordering::Relaxed);
        publisher.await.unwrap();
    }
}

async fn a_cancelled_wait_loses_nothing(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let mut listener = bus.subscribe(ME, "t");
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
        let notice = match first {
            Some(notice) => notice,
            None => heard(&mut listener).await,
        };
        assert_eq!(notice, Notice::Payload(payload(n)));
    }
}

async fn a_dropped_subscription_is_in_nobodys_way(factory: &impl Factory) {
    let bus = factory.fresh().await;
    let gone = bus.subscribe(ME, "t");
    let mut stays = bus.subscribe(ME, "t");
    drop(gone);
    bus.publish(OTHER, "t", payload(1));
    assert_eq!(heard(&mut stays).await, Notice::Payload(payload(1)));
}
