//! What happens to a bus over Redis when another server takes over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod on_redis;

use std::collections::BTreeMap;

use carrel_platform::bus::{Notice, Subscription, redis::RedisBus};
use carrel_testbed::redis::Cluster;
use on_redis::hearing::{heard, hears_again, listen};

/// Enough that each master of a cluster holds some.
const TOPICS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_master_is_found_by_the_sentinels() {
    let mut on = on_redis::sentinel();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    on.engine.fail_over().unwrap();
    assert!(hears_again(&bus, &mut listener, "t").await);
    on.engine.kill_master().unwrap();
    assert!(hears_again(&bus, &mut listener, "t").await);
}

/// Returns the subscribed channels of a cluster and how many subscribers each has, according to its nodes. Each bus has
/// a probe on each master, with a name of its own.
fn channels(cluster: &mut Cluster) -> BTreeMap<String, u32> {
    let mut listeners = BTreeMap::new();
    for node in cluster.nodes().iter().filter(|node| node.runs()) {
        let known = node.ask(&["PUBSUB", "SHARDCHANNELS"]).unwrap();
        let known = known.lines().filter(|line| !line.is_empty());
        let ask = ["PUBSUB", "SHARDNUMSUB"].into_iter().chain(known);
        let counted = node.ask(&ask.collect::<Vec<_>>()).unwrap();
        let mut lines = counted.lines().filter(|line| !line.is_empty());
        while let (Some(channel), Some(count)) = (lines.next(), lines.next()) {
            *listeners.entry(channel.to_owned()).or_default() += count.parse::<u32>().unwrap();
        }
    }
    listeners
}

/// Returns the slot of the only topic to which two buses listen. Channel names do not reveal their topics.
fn slot_of_both(cluster: &mut Cluster) -> u16 {
    let known = channels(cluster);
    let both: Vec<_> = known.iter().filter(|(_, count)| **count == 2).collect();
    let [(channel, _)] = both[..] else {
        panic!("{known:?}");
    };
    let slot = cluster.nodes()[0].ask(&["CLUSTER", "KEYSLOT", channel]);
    slot.unwrap().parse().unwrap()
}

/// Waits until each listener hears again. Returns which of them heard [`Notice::Missed`] before.
async fn told(bus: &RedisBus, listeners: &mut [Subscription]) -> Vec<usize> {
    let mut told = Vec::new();
    for (topic, listener) in listeners.iter_mut().enumerate() {
        if hears_again(bus, listener, &topic.to_string()).await {
            told.push(topic);
        }
    }
    told
}

/// Listeners to a topic that moves to another server hear again, and hear [`Notice::Missed`] before that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_changes_is_followed() {
    let mut on = on_redis::cluster();
    let bus = on_redis::bus(&on.config).await;
    let mut listeners = Vec::new();
    for topic in 0..TOPICS {
        listeners.push(listen(&bus, &topic.to_string()).await);
    }
    let slot = {
        let other = on_redis::bus(&on.config).await;
        let _listener = listen(&other, "0").await;
        slot_of_both(&mut on.engine)
    };

    // A slot goes to another master. Nothing is published, so the notice has no other cause.
    on.engine.move_slot(slot).unwrap();
    assert_eq!(heard(&mut listeners[0]).await, Notice::Missed);
    told(&bus, &mut listeners).await;

    // A replica takes over.
    on.engine.kill_master_of(slot).unwrap();
    let missed = told(&bus, &mut listeners).await;
    assert!(missed.contains(&0), "{missed:?}");
    assert!(missed.len() < TOPICS, "the other masters are still there");

    // The killed master comes back as a replica.
    on.engine.start_again().unwrap();
    told(&bus, &mut listeners).await;
}
