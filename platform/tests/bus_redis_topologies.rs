//! What becomes of a bus over Redis when another server takes over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod on_redis;

use std::collections::BTreeSet;

use carrel_platform::bus::redis::RedisBus;
use carrel_testbed::redis::Cluster;
use on_redis::hearing::{hears_again, listen};

/// Enough that each master of a cluster holds some.
const TOPICS: u32 = 40;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_master_is_found_by_the_sentinels() {
    let mut on = on_redis::sentinel();
    let bus = RedisBus::connect(&on.config).await.unwrap();
    let mut listener = listen(&bus, "t").await;
    on.engine.fail_over().unwrap();
    assert!(hears_again(&bus, &mut listener, "t").await);
    on.engine.kill_master().unwrap();
    assert!(hears_again(&bus, &mut listener, "t").await);
}

/// The channels that a node is asked for, but for those of the probes: by what is published on them, nobody can tell.
fn channels(cluster: &mut Cluster) -> BTreeSet<String> {
    let nodes = cluster.nodes().iter().filter(|node| node.runs());
    let answers = nodes.map(|node| node.ask(&["PUBSUB", "SHARDCHANNELS"]).unwrap());
    let all: Vec<String> = answers.collect();
    let lines = all.iter().flat_map(|answer| answer.lines());
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_changes_is_followed() {
    let mut on = on_redis::cluster();
    let bus = RedisBus::connect(&on.config).await.unwrap();
    let mut listeners = Vec::new();
    for topic in 0..TOPICS {
        let topic = topic.to_string();
        listeners.push((listen(&bus, &topic).await, topic));
    }
    // Those of the topics, and a probe for each of three masters.
    let known = channels(&mut on.engine);
    assert_eq!(known.len(), TOPICS as usize + 3);

    // A replica takes over.
    let node = &on.engine.nodes()[0];
    let channel = known.first().unwrap();
    let slot: u16 = node
        .ask(&["CLUSTER", "KEYSLOT", channel])
        .unwrap()
        .parse()
        .unwrap();
    on.engine.kill_master_of(slot).unwrap();
    let mut missed = 0;
    for (listener, topic) in &mut listeners {
        missed += usize::from(hears_again(&bus, listener, topic).await);
    }
    assert!(
        (1..TOPICS as usize).contains(&missed),
        "{missed} missed something"
    );

    // A slot goes to another master.
    on.engine.move_slot(slot).unwrap();
    let mut missed = 0;
    for (listener, topic) in &mut listeners {
        missed += usize::from(hears_again(&bus, listener, topic).await);
    }
    assert!(missed > 0);

    // The one that was killed comes back as a replica, and nobody notices.
    on.engine.start_again().unwrap();
    for (listener, topic) in &mut listeners {
        hears_again(&bus, listener, topic).await;
    }
}
