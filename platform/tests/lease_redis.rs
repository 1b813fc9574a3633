//! What happens to leases when something happens to Redis: nobody disappears because the store was away, nothing lasts
//! for ever, and no forgery is believed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod on_redis;

use std::time::Duration;

use bytes::Bytes;
use carrel_platform::{
    condition::Condition,
    config::HumanDuration,
    lease::{Held, Lease, Leases, Reading, redis::RedisLeases},
    redis::RedisConfig,
};
use carrel_testbed::{proxy::Proxy, redis::Redis};
use on_redis::{LONG, behind_a_name, new_key, single};

/// How long a store counts as new in these tests.
const SETTLE: Duration = Duration::from_secs(5);
/// How many keys a Redis without leases has: one for each part of the store.
const PARTS: &str = "32";

fn lease(space: &str, key: &str, incarnation: u64, value: &'static str) -> Lease {
    Lease {
        space: space.to_owned(),
        key: key.to_owned(),
        incarnation,
        value: Bytes::from_static(value.as_bytes()),
    }
}

fn settling(config: &RedisConfig) -> RedisConfig {
    RedisConfig {
        settle: HumanDuration::from(SETTLE),
        ..config.clone()
    }
}

/// Returns the active leases, as soon as the store can say.
async fn settled(leases: &RedisLeases, space: &str) -> Vec<Lease> {
    let wait = async {
        loop {
            match leases.active(space).await {
                Ok(active) => return active,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("the store does not settle")
}

async fn hold(leases: &RedisLeases, lease: &Lease) {
    hold_for(leases, lease, LONG).await;
}

async fn hold_for(leases: &RedisLeases, lease: &Lease, lasts: Duration) {
    let wait = async {
        while leases.hold(lease.clone(), lasts).await != Ok(Held::Yes) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("it can't be held");
}

async fn release(leases: &RedisLeases, space: &str, key: &str) {
    let wait = async {
        while leases.release(space, key, 1).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("it can't be let go of");
}

/// Returns whether the store says that it is new.
async fn is_new(leases: &RedisLeases) -> bool {
    let wait = async {
        loop {
            match leases.active("s").await {
                Ok(_) => return false,
                Err(error) if error.to_string().contains("not everybody has said again") => {
                    return true;
                }
                Err(_) => {}
            }
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("the store does not answer")
}

async fn read(leases: &RedisLeases) -> Reading {
    let wait = async {
        loop {
            if let Ok(reading) = leases.read("s").await {
                return reading;
            }
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("the store does not answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_disappears_from_a_store_that_was_emptied() {
    let on = single();
    let leases = on_redis::leases(&settling(&on.config)).await;
    let (one, other) = (lease("s", "one", 1, ""), lease("s", "other", 1, ""));
    assert!(is_new(&leases).await);
    hold(&leases, &one).await;
    hold(&leases, &other).await;
    assert_eq!(settled(&leases, "s").await, [one.clone(), other.clone()]);
    // A new space in a store that is not new is no reason to doubt.
    assert_eq!(settled(&leases, "never seen").await, []);

    let before = read(&leases).await;
    assert_eq!(before.leases, [one.clone(), other.clone()]);
    assert_eq!(before.doubt, None);

    on.engine.flush().unwrap();
    assert!(is_new(&leases).await);
    let emptied = read(&leases).await;
    assert_eq!(emptied.leases, []);
    assert!(emptied.doubt.is_some());
    assert_ne!(emptied.life, before.life);
    hold(&leases, &one).await;
    assert!(is_new(&leases).await);
    let so_far = read(&leases).await;
    assert_eq!(so_far.leases, std::slice::from_ref(&one));
    assert_eq!(so_far.life, emptied.life);
    hold(&leases, &other).await;
    assert_eq!(settled(&leases, "s").await, [one, other]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_disappears_from_a_store_that_was_stopped() {
    let mut on = single();
    let leases = on_redis::leases(&settling(&on.config)).await;
    let one = lease("s", "one", 1, "");
    hold(&leases, &one).await;
    assert_eq!(settled(&leases, "s").await, std::slice::from_ref(&one));
    on.engine.stop().unwrap();
    assert!(leases.active("s").await.is_err());
    assert!(leases.hold(one.clone(), LONG).await.is_err());
    assert!(leases.release("s", "one", 1).await.is_err());
    let mut condition = leases.condition();
    let degraded = condition.wait_for(|condition| *condition != Condition::Well);
    tokio::time::timeout(LONG, degraded).await.unwrap().unwrap();
    on.engine.start_again().unwrap();
    hold(&leases, &one).await;
    assert!(is_new(&leases).await);
    assert_eq!(settled(&leases, "s").await, [one]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_disappears_because_nobody_could_say_that_they_are_there() {
    let on = single();
    let leases = on_redis::leases(&settling(&on.config)).await;
    let short = Duration::from_secs(4);
    let one = lease("s", "one", 1, "");
    settled(&leases, "s").await;
    hold_for(&leases, &one, short).await;
    on.engine.freeze().unwrap();
    // Long enough for the lease to run out, and for the store to notice that it was away.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(leases.active("s").await.is_err());
    on.engine.thaw().unwrap();
    hold(&leases, &one).await;
    assert!(is_new(&leases).await);
    assert_eq!(settled(&leases, "s").await, [one]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_out_takes_no_room_whether_somebody_asks_or_not() {
    let on = single();
    let leases = on_redis::leases(&on.config).await;
    let short = Duration::from_millis(100);
    for n in 0..50 {
        let space = n.to_string();
        // The longer of the two leases is released or shortened.
        hold_for(&leases, &lease(&space, "a", 1, "x"), short).await;
        hold(&leases, &lease(&space, "b", 1, "x")).await;
        if n % 2 == 0 {
            release(&leases, &space, "b").await;
        } else {
            hold_for(&leases, &lease(&space, "b", 1, "x"), short).await;
        }
    }
    hold_for(&leases, &lease("for ever", "k", 1, ""), Duration::MAX).await;
    release(&leases, "for ever", "k").await;
    let wait = async {
        while on.engine.ask(&["DBSIZE"]).unwrap() != PARTS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("something is kept");
}

async fn raw(redis: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn keys(raw: &mut redis::aio::MultiplexedConnection, like: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(like).query_async(raw).await.unwrap()
}

/// The server's clock is set back by thirty days: what is in the store was written by a clock that was ahead of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_set_back_makes_nothing_last_longer() {
    const DAYS_30: i64 = 30 * 24 * 60 * 60 * 1_000;
    let on = single();
    let leases = on_redis::leases(&on.config).await;
    let mut raw = raw(&on.engine).await;
    let short = Duration::from_secs(4);
    hold_for(&leases, &lease("s", "short", 1, ""), short).await;
    hold(&leases, &lease("s", "long", 1, "")).await;
    let mut ahead = redis::pipe();
    ahead.atomic();
    for store in keys(&mut raw, "*:store").await {
        ahead
            .hincr(&store, "seen", DAYS_30)
            .hincr(&store, "born", DAYS_30);
    }
    for ends in keys(&mut raw, "*:ends").await {
        let names: Vec<Vec<u8>> = redis::cmd("ZRANGE")
            .arg(&ends)
            .arg(0)
            .arg(-1)
            .query_async(&mut raw)
            .await
            .unwrap();
        for name in names {
            ahead.zincr(&ends, name, DAYS_30);
        }
    }
    let () = ahead.query_async(&mut raw).await.unwrap();

    let keys = |leases: Vec<Lease>| {
        leases
            .into_iter()
            .map(|lease| lease.key)
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(settled(&leases, "s").await), ["long", "short"]);
    let wait = async {
        while keys(settled(&leases, "s").await) != ["long"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("it lasts for ever");
    hold_for(&leases, &lease("s", "new", 1, ""), short).await;
    assert_eq!(keys(settled(&leases, "s").await), ["long", "new"]);
    let wait = async {
        while keys(settled(&leases, "s").await) != ["long"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("it lasts for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_redis_but_no_key_reads_and_forges_nothing() {
    let on = single();
    let leases = on_redis::leases(&on.config).await;
    let one = lease("session/5e55", "patron", 1, "Ricky");
    hold(&leases, &one).await;
    hold(&leases, &lease("session/other", "patron", 1, "Lee")).await;
    let mut raw = raw(&on.engine).await;
    let spaces = keys(&mut raw, "*:leases").await;
    assert_eq!(spaces.len(), 2);
    let mut kept = Vec::new();
    for space in &spaces {
        let fields: Vec<(Vec<u8>, Vec<u8>)> = redis::cmd("HGETALL")
            .arg(space)
            .query_async(&mut raw)
            .await
            .unwrap();
        assert_eq!(fields.len(), 1);
        kept.extend(
            fields
                .into_iter()
                .map(|(name, value)| (space.clone(), name, value)),
        );
    }
    for (space, name, value) in &kept {
        for text in ["5e55", "session", "patron", "Ricky", "Lee"] {
            for place in [space.as_bytes(), name, value] {
                assert!(
                    !place
                        .windows(text.len())
                        .any(|part| part == text.as_bytes())
                );
            }
        }
    }
    // Moved to the other space, moved within it, with a higher incarnation, and junk.
    let (space, name, value) = &kept[0];
    let mut promoted = value.clone();
    promoted[19] = b'9';
    let fields = [
        (&kept[1].0, &kept[1].1, value),
        (&kept[1].0, name, value),
        (space, name, &promoted),
        (space, &b"junk".to_vec(), &b"junk".to_vec()),
    ];
    for (space, name, value) in fields {
        let set = redis::cmd("HSET")
            .arg(space)
            .arg(name)
            .arg(value)
            .to_owned();
        let _: u32 = set.query_async(&mut raw).await.unwrap();
    }
    for space in ["session/5e55", "session/other"] {
        assert_eq!(settled(&leases, space).await, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_redis_forgot_are_brought_again() {
    let on = single();
    let leases = on_redis::leases(&on.config).await;
    let one = lease("s", "one", 1, "");
    hold(&leases, &one).await;
    on.engine.ask(&["SCRIPT", "FLUSH"]).unwrap();
    assert_eq!(settled(&leases, "s").await, [one]);
}

/// A full Redis answers its connections, but stores nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_refuses_what_it_is_asked_is_not_said_to_be_well() {
    let on = single();
    let leases = on_redis::leases(&on.config).await;
    let mut condition = leases.condition();
    let room = |bytes| ["CONFIG", "SET", "maxmemory", bytes];
    on.engine.ask(&room("1")).unwrap();
    let degraded = condition.wait_for(|condition| *condition != Condition::Well);
    let degraded = tokio::time::timeout(LONG, degraded).await.unwrap().unwrap();
    assert!(
        format!("{:?}", *degraded).contains("maxmemory"),
        "{degraded:?}"
    );
    drop(degraded);
    on.engine.ask(&room("0")).unwrap();
    let well = condition.wait_for(|condition| *condition == Condition::Well);
    tokio::time::timeout(LONG, well).await.unwrap().unwrap();
}

/// The server behind a name goes on as a replica of the server that the name now stands for: its connections stay open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_stands_for_another_master_is_followed() {
    for may_ask in [true, false] {
        let (before, after) = (Redis::start().unwrap(), Redis::start().unwrap());
        let name = Proxy::start(before.port()).unwrap();
        if !may_ask {
            for redis in [&before, &after] {
                redis.ask(&["ACL", "SETUSER", "default", "-role"]).unwrap();
            }
        }
        let leases = on_redis::leases(&behind_a_name(&name)).await;
        let one = lease("s", "one", 1, "");
        hold(&leases, &one).await;
        before.follow(&after).unwrap();
        assert!(leases.hold(one.clone(), LONG).await.is_err());
        name.turn_to(after.port());
        hold(&leases, &one).await;
        let mut condition = leases.condition();
        let well = condition.wait_for(|condition| *condition == Condition::Well);
        tokio::time::timeout(LONG, well).await.unwrap().unwrap();
        assert_eq!(settled(&leases, "s").await, [one]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_replaced_server_by_server() {
    let on = single();
    let old = on_redis::leases(&on.config).await;
    let new = RedisConfig {
        key: new_key(),
        previous_keys: vec![on.config.key.clone()],
        ..on.config.clone()
    };
    let newest = RedisConfig {
        previous_keys: Vec::new(),
        ..new.clone()
    };
    hold(&old, &lease("s", "old", 1, "")).await;
    let new = on_redis::leases(&new).await;
    hold(&new, &lease("s", "new", 1, "")).await;
    let both = [lease("s", "new", 1, ""), lease("s", "old", 1, "")];
    assert_eq!(settled(&old, "s").await, both);
    assert_eq!(settled(&new, "s").await, both);
    hold(&old, &lease("s", "new", 2, "")).await;
    let wait = async {
        loop {
            if let Ok(held) = new.hold(lease("s", "new", 1, ""), LONG).await {
                return held;
            }
        }
    };
    let held = tokio::time::timeout(LONG, wait).await.unwrap();
    assert_eq!(held, Held::Superseded(2));
    assert_eq!(settled(&new, "s").await[0].incarnation, 2);
    // By the time the last server has only the new key, all holders have renewed their leases.
    hold(&new, &lease("s", "old", 1, "")).await;
    let newest = on_redis::leases(&newest).await;
    assert_eq!(settled(&newest, "s").await, both);
    release(&new, "s", "old").await;
    assert_eq!(settled(&old, "s").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_master_goes_on() {
    let mut on = on_redis::sentinel();
    let leases = on_redis::leases(&settling(&on.config)).await;
    let one = lease("s", "one", 1, "");
    hold(&leases, &one).await;
    assert_eq!(settled(&leases, "s").await, std::slice::from_ref(&one));
    on.engine.fail_over().unwrap();
    assert_eq!(settled(&leases, "s").await, std::slice::from_ref(&one));
    on.engine.kill_master().unwrap();
    hold(&leases, &one).await;
    assert_eq!(settled(&leases, "s").await, [one]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_changes_is_followed() {
    let mut on = on_redis::cluster();
    let leases = on_redis::leases(&on.config).await;
    let all: Vec<Lease> = (0..30)
        .map(|n| lease(&n.to_string(), "k", 1, "v"))
        .collect();
    for lease in &all {
        hold(&leases, lease).await;
    }
    let mut slots = std::collections::BTreeSet::new();
    for node in on.engine.nodes() {
        for key in node
            .ask(&["KEYS", "*:leases"])
            .unwrap()
            .lines()
            .filter(|key| !key.is_empty())
        {
            let slot = node.ask(&["CLUSTER", "KEYSLOT", key]).unwrap();
            slots.insert(slot.parse::<u16>().unwrap());
        }
    }
    assert!(slots.len() > 10);
    for slot in slots.iter().take(3) {
        on.engine.move_slot(*slot).unwrap();
    }
    for lease in &all {
        assert_eq!(
            settled(&leases, &lease.space).await,
            std::slice::from_ref(lease)
        );
    }
    on.engine.kill_master_of(*slots.first().unwrap()).unwrap();
    for lease in &all {
        hold(&leases, lease).await;
        assert_eq!(
            settled(&leases, &lease.space).await,
            std::slice::from_ref(lease)
        );
    }
}
