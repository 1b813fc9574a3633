//! The engines start, fail over and go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use carrel_testbed::redis::{Cluster, Redis, Sentinels};

#[test]
fn a_redis_is_started_again_empty_and_at_its_place() {
    let mut redis = Redis::start().unwrap();
    let url = redis.url();
    redis.ask(&["SET", "k", "v"]).unwrap();
    redis.stop().unwrap();
    assert!(redis.ask(&["PING"]).is_err());
    redis.start_again().unwrap();
    assert_eq!(redis.url(), url);
    assert_eq!(redis.ask(&["DBSIZE"]).unwrap(), "0");
    redis.freeze().unwrap();
    redis.thaw().unwrap();
    redis.flush().unwrap();
}

#[test]
fn sentinels_change_the_master() {
    let mut sentinels = Sentinels::start().unwrap();
    let first = sentinels.master().unwrap().port();
    sentinels.fail_over().unwrap();
    assert_ne!(sentinels.master().unwrap().port(), first);
}

#[test]
fn a_cluster_survives_a_master_and_moves_a_slot() {
    let mut cluster = Cluster::start().unwrap();
    let before = cluster.master_of(7).unwrap();
    let moved = cluster.move_slot(7).unwrap();
    assert_ne!(moved, before);
    assert_eq!(cluster.master_of(7).unwrap(), moved);
    cluster.kill_master_of(0).unwrap();
    cluster.start_again().unwrap();
}
