//! What happens to a bus over Redis when something happens to Redis: losses are announced, no forgery is
//! believed, and the bus recovers by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod on_redis;

use std::time::Duration;

use bytes::Bytes;
use carrel_platform::{
    bus::{
        Bus, Notice, Subscription,
        redis::{Figures, RedisBus},
    },
    condition::Condition,
    config::Secret,
    redis::{RedisConfig, RedisTopology},
};
use carrel_testbed::{
    port,
    proxy::{Lost, Proxy},
    redis::{Redis, RedisOptions},
};
use on_redis::{
    LONG, behind_a_name, config,
    hearing::{self, ME, OTHER, heard, hears_next, listen},
    new_key, single,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// The length of a sealed probe in bytes.
const PROBE: usize = 37;

/// Publishes until the message is heard. Returns whether the listener heard [`Notice::Missed`] before.
async fn hears_again(bus: &RedisBus, listener: &mut Subscription, topic: &str) -> bool {
    let missed = hearing::hears_again(bus, listener, topic).await;
    // Messages that were published more than once are all heard before the next part of a test.
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_millis(300), listener.next()).await
    {
    }
    missed
}

/// Returns why a running Redis is not accepted.
async fn refused(config: &RedisConfig) -> String {
    let wait = async {
        loop {
            let error = RedisBus::connect(config).await.unwrap_err().to_string();
            // A Redis that does not get its turn gives no other reason.
            if !error.contains("does not answer") {
                return error;
            }
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("Redis does not answer")
}

async fn becomes(bus: &RedisBus, right: impl Fn(&Condition) -> bool) {
    let mut condition = bus.condition();
    let waited = tokio::time::timeout(LONG, condition.wait_for(right)).await;
    waited.expect("the condition did not change").unwrap();
}

fn is_degraded(condition: &Condition) -> bool {
    matches!(condition, Condition::Degraded(_))
}

fn is_well(condition: &Condition) -> bool {
    *condition == Condition::Well
}

async fn until(bus: &RedisBus, right: impl Fn(&Figures) -> bool) {
    let wait = async {
        while !right(&bus.figures()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(LONG, wait).await;
    waited.unwrap_or_else(|_| panic!("{:?}", bus.figures()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_and_started_again_is_used_again() {
    let mut on = single();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    assert!(is_well(&bus.condition().borrow()));

    on.engine.kill();
    assert_eq!(heard(&mut listener).await, Notice::Missed);
    becomes(&bus, is_degraded).await;
    // The bus goes on without Redis: these calls return, and the payloads are lost.
    for _ in 0..100 {
        bus.publish(OTHER, "t", Bytes::from_static(b"lost"));
    }
    let mut late = bus.subscribe(ME, "late");
    until(&bus, |figures| figures.dropped == 100).await;

    on.engine.start_again().unwrap();
    becomes(&bus, is_well).await;
    assert!(hears_again(&bus, &mut listener, "t").await);
    assert!(hears_again(&bus, &mut late, "late").await);
    assert!(bus.figures().reconnects > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_changes_nothing() {
    let on = single();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    on.engine.flush().unwrap();
    let missed = hears_next(&bus, &mut listener, "t", &Bytes::from_static(b"news")).await;
    assert!(missed || bus.figures().reconnects == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_are_cut_off_again_and_again_come_back() {
    let on = single();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    for _ in 0..10 {
        while on.engine.kill_subscribers().unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(hears_again(&bus, &mut listener, "t").await);
    }
    assert!(bus.figures().reconnects >= 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_in_nobodys_way() {
    let on = single();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    on.engine.freeze().unwrap();
    // Far more than may wait, with no answers meanwhile.
    for _ in 0..50_000 {
        bus.publish(OTHER, "t", Bytes::from_static(b"lost"));
    }
    assert_eq!(heard(&mut listener).await, Notice::Missed);
    becomes(&bus, is_degraded).await;
    on.engine.thaw().unwrap();
    becomes(&bus, is_well).await;
    assert!(hears_again(&bus, &mut listener, "t").await);
    assert!(bus.figures().dropped > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_pauses_its_clients_is_done_without_until_it_answers() {
    let on = single();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    on.engine.pause(6_000).unwrap();
    assert_eq!(heard(&mut listener).await, Notice::Missed);
    becomes(&bus, is_degraded).await;
    becomes(&bus, is_well).await;
    assert!(hears_again(&bus, &mut listener, "t").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_redis_finds_too_slow_comes_back() {
    let limit = ["--client-output-buffer-limit", "pubsub 64kb 0 0"];
    let redis = Redis::start_with(RedisOptions {
        arguments: limit.map(str::to_owned).to_vec(),
        ..RedisOptions::default()
    })
    .unwrap();
    let config = config(RedisTopology::Single, [redis.url()]);
    let bus = on_redis::bus(&config).await;
    let mut listener = listen(&bus, "t").await;
    let large = Bytes::from(vec![7; 16 * 1024]);
    while bus.figures().reconnects == 0 {
        for _ in 0..200 {
            bus.publish(OTHER, "t", large.clone());
        }
        tokio::task::yield_now().await;
    }
    while heard(&mut listener).await != Notice::Missed {}
    hears_again(&bus, &mut listener, "t").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_half_open_is_noticed() {
    for lost in [Lost::Everything, Lost::Pushes] {
        let on = single();
        let proxy = Proxy::start(on.engine.port()).unwrap();
        let config = config(RedisTopology::Single, [proxy.url()]);
        let bus = on_redis::bus(&config).await;
        let mut listener = listen(&bus, "t").await;
        proxy.lose(lost);
        assert_eq!(heard(&mut listener).await, Notice::Missed);
        hears_again(&bus, &mut listener, "t").await;
        becomes(&bus, is_well).await;
    }
}

/// What is published at a replica reaches only that replica's subscribers; the replica refuses nothing and closes
/// nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_stands_for_another_master_is_followed() {
    let (before, after) = (Redis::start().unwrap(), Redis::start().unwrap());
    let name = Proxy::start(before.port()).unwrap();
    let config = behind_a_name(&name);
    let bus = on_redis::bus(&config).await;
    let mut listener = listen(&bus, "t").await;
    before.follow(&after).unwrap();
    becomes(&bus, is_degraded).await;
    let too_early = refused(&config).await;
    assert!(too_early.contains("is no master now"), "{too_early}");
    name.turn_to(after.port());
    assert_eq!(heard(&mut listener).await, Notice::Missed);
    becomes(&bus, is_well).await;
    let newcomer = on_redis::bus(&config).await;
    let mut at_newcomer = listen(&newcomer, "t").await;
    hears_again(&bus, &mut at_newcomer, "t").await;
    hears_again(&newcomer, &mut listener, "t").await;
}

/// An attacker with access to Redis but without a key reads nothing and can't forge anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rogue_publisher_is_not_believed() {
    let on = single();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "session/5e55").await;
    let _other = listen(&bus, "session/other").await;
    let client = redis::Client::open(on.engine.url()).unwrap();
    let mut rogue = client.get_multiplexed_async_connection().await.unwrap();
    let (mut watch, mut seen) = client.get_async_pubsub().await.unwrap().split();
    watch.psubscribe("*").await.unwrap();
    let message = Bytes::from_static(b"the words of a patron");
    let mut missed = hears_next(&bus, &mut listener, "session/5e55", &message).await;

    // The other channels carry probes, which are shorter.
    let channels: Vec<String> = redis::cmd("PUBSUB")
        .arg("CHANNELS")
        .query_async(&mut rogue)
        .await
        .unwrap();
    let (mut channel, mut sealed) = (String::new(), Vec::new());
    while sealed.len() <= PROBE {
        let message = futures::StreamExt::next(&mut seen).await.unwrap();
        channel = message.get_channel_name().to_owned();
        sealed = message.get_payload_bytes().to_vec();
    }
    let plain = |bytes: &[u8], text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(!plain(channel.as_bytes(), "5e55") && !plain(&sealed, "patron"));

    let before = bus.figures();
    let mut rejected = 0;
    for elsewhere in &channels {
        let mut junk = vec![b"junk".to_vec(), Vec::new(), vec![1; 1024 * 1024]];
        if *elsewhere != channel {
            junk.push(sealed.clone());
        }
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        junk.push(damaged);
        for payload in junk {
            let told: u32 = redis::cmd("PUBLISH")
                .arg(elsewhere)
                .arg(payload)
                .query_async(&mut rogue)
                .await
                .unwrap();
            assert!(told > 0);
            rejected += 1;
        }
    }
    // Repeating a message is possible.
    let _: u32 = redis::cmd("PUBLISH")
        .arg(&channel)
        .arg(&sealed)
        .query_async(&mut rogue)
        .await
        .unwrap();
    assert_eq!(heard(&mut listener).await, Notice::Payload(message));
    assert_eq!(bus.figures().unopened - before.unopened, rejected);
    let message = Bytes::from_static(b"true");
    missed |= hears_next(&bus, &mut listener, "session/5e55", &message).await;
    assert!(missed || bus.figures().reconnects == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_and_comes_back_at_once_is_told_when_it_is_active() {
    let on = single();
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    for _ in 0..200 {
        drop(listener);
        listener = listen(&bus, "t").await;
    }
    hears_next(&bus, &mut listener, "t", &Bytes::from_static(b"news")).await;
}

/// In whatever order subscriptions begin and end, exactly those held in the end are subscribed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_while_others_go_is_not_lost() {
    let on = single();
    let bus = on_redis::bus(&on.config).await;
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let bus = bus.clone();
            tokio::spawn(async move {
                for round in 0..200_u64 {
                    let topic = ((task + round) % 5).to_string();
                    let held = bus.subscribe(ME, &topic);
                    if round % 3 == task % 3 {
                        tokio::task::yield_now().await;
                    }
                    drop(held);
                }
                let topic = (task % 5).to_string();
                (bus.subscribe(ME, &topic), topic)
            })
        })
        .collect();
    for round in 0..5 {
        tokio::time::sleep(Duration::from_millis(10 * round)).await;
        on.engine.kill_subscribers().unwrap();
    }
    let mut held = Vec::new();
    for task in tasks {
        held.push(task.await.unwrap());
    }
    for (listener, topic) in &mut held {
        // It is active, whether or not Redis had to be told.
        assert_eq!(heard(listener).await, Notice::Missed);
        hears_again(&bus, listener, topic).await;
    }
    drop(held);
    // The probe's channel stays.
    let channels = || {
        on.engine
            .ask(&["PUBSUB", "CHANNELS"])
            .unwrap()
            .lines()
            .count()
    };
    let wait = async {
        while channels() != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait)
        .await
        .expect("channels that nobody wants");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_replaced_server_by_server() {
    let on = single();
    let old = on_redis::bus(&on.config).await;
    let new = RedisConfig {
        key: new_key(),
        previous_keys: vec![on.config.key.clone()],
        ..on.config.clone()
    };
    let newest = RedisConfig {
        previous_keys: Vec::new(),
        ..new.clone()
    };
    let new = on_redis::bus(&new).await;
    let mut at_old = listen(&old, "t").await;
    let mut at_new = listen(&new, "t").await;
    hears_again(&new, &mut at_old, "t").await;
    hears_again(&old, &mut at_new, "t").await;
    let newest = on_redis::bus(&newest).await;
    let mut at_newest = listen(&newest, "t").await;
    hears_again(&new, &mut at_newest, "t").await;
    hears_again(&newest, &mut at_new, "t").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_under_two_keys_is_one_loss() {
    let mut on = single();
    let config = RedisConfig {
        previous_keys: vec![new_key()],
        ..on.config.clone()
    };
    let bus = on_redis::bus(&config).await;
    let mut listener = listen(&bus, "t").await;
    on.engine.kill();
    becomes(&bus, is_degraded).await;
    for _ in 0..100 {
        bus.publish(OTHER, "t", Bytes::from_static(b"lost"));
    }
    until(&bus, |figures| figures.dropped >= 100).await;
    on.engine.start_again().unwrap();
    becomes(&bus, is_well).await;
    assert!(hears_again(&bus, &mut listener, "t").await);
    let figures = bus.figures();
    assert!(figures.dropped <= figures.published, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_behind_tls_is_believed_if_its_authority_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(params, key).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let ca = file("ca.pem", authority.pem());
    let port = port::free().unwrap().to_string();
    let arguments = [
        ["--tls-port", &port],
        ["--tls-cert-file", &file("server.pem", certificate.pem())],
        ["--tls-key-file", &file("server.key", key.serialize_pem())],
        ["--tls-ca-cert-file", &ca],
        ["--tls-auth-clients", "no"],
    ];
    let _redis = Redis::start_with(RedisOptions {
        arguments: arguments.concat().into_iter().map(str::to_owned).collect(),
        ..RedisOptions::default()
    })
    .unwrap();
    let strangers = config(
        RedisTopology::Single,
        [format!("rediss://127.0.0.1:{port}")],
    );
    let ours = RedisConfig {
        ca_file: Some(ca.into()),
        ..strangers.clone()
    };
    let bus = on_redis::bus(&ours).await;
    let mut listener = listen(&bus, "t").await;
    hears_again(&bus, &mut listener, "t").await;
    let error = refused(&strangers).await;
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_not_there_or_refuses_is_an_error_at_the_start() {
    let mut redis = Redis::start_with(RedisOptions {
        password: Some("sesame".to_owned()),
        ..RedisOptions::default()
    })
    .unwrap();
    let url = redis.url();
    let with_password = |password: &str| RedisConfig {
        password: Secret::new(password.to_owned()),
        ..config(RedisTopology::Single, [url.clone()])
    };
    on_redis::bus(&with_password("sesame")).await;
    let in_url = url.replace("redis://", "redis://:sesame@");
    let in_url = config(RedisTopology::Single, [in_url]);
    on_redis::bus(&in_url).await;
    for wrong in ["", "password"] {
        let error = RedisBus::connect(&with_password(wrong))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("redis.urls: "), "{error}");
    }
    redis.kill();
    for config in [in_url, with_password("sesame")] {
        let error = RedisBus::connect(&config).await.unwrap_err().to_string();
        assert!(error.starts_with("redis.urls: "), "{error}");
        assert!(!error.contains("sesame"), "{error}");
    }
}
