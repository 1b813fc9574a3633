//! When sessions look who is there: what the patron may not know of must not decide that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use carrel_platform::{
    auth::Role,
    lease::{Held, Lease, LeaseError, Leases, memory::MemoryLeases},
};
use carrel_proto::session::v1::{SessionEvent, session_event::Payload};
use carrel_session::Config;
use futures::future::BoxFuture;

use crate::desk::Desk;
use crate::transfer::{SESSION, running};

/// A store of leases that counts how often it is told, and asked, who attends.
#[derive(Default)]
struct Counting {
    leases: MemoryLeases,
    told: AtomicUsize,
    asked: AtomicUsize,
}

impl Leases for Counting {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        self.told.fetch_add(1, Ordering::Relaxed);
        self.leases.hold(lease, lasts)
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        self.leases.release(space, key, incarnation)
    }

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.leases.active(space)
    }
}

impl Counting {
    /// Waits until it was asked so many times more.
    async fn is_asked_again(&self, times: usize) {
        let asked = self.asked.load(Ordering::Relaxed);
        while self.asked.load(Ordering::Relaxed) < asked + times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Another server, on which the patron attends, as its lease tells.
struct Elsewhere {
    space: String,
    key: String,
}

impl Elsewhere {
    async fn attends(leases: &MemoryLeases) -> Self {
        let elsewhere = Self {
            space: format!("attending/{SESSION}"),
            key: "elsewhere".to_owned(),
        };
        let lease = Lease {
            space: elsewhere.space.clone(),
            key: elsewhere.key.clone(),
            incarnation: 1,
            value: format!(r#"["patron:{SESSION}"]"#).into(),
        };
        let lasts = Duration::from_secs(3_600);
        leases.hold(lease, lasts).await.unwrap();
        elsewhere
    }

    async fn leaves(self, leases: &MemoryLeases) {
        leases.release(&self.space, &self.key, 1).await.unwrap();
    }
}

fn is_return(event: &SessionEvent) -> bool {
    matches!(event.payload, Some(Payload::Returned(_)))
}

async fn is_returned(desk: &Desk) -> bool {
    desk.recorded(SESSION).await.iter().any(is_return)
}

/// R8, I17: looks decide when a patron is told that their librarian was lost; an offer, of which they know nothing,
/// must neither trigger a look nor delay one. With each look the store of leases is told who attends.
#[tokio::test]
async fn an_offer_that_lapses_brings_no_look_at_who_is_there() {
    // Looks are some 15 seconds apart: on a machine that takes longer than this, one may come.
    const NO_LOOK_WITHIN: Duration = Duration::from_secs(10);
    let config = Config {
        transfer_lapse: Duration::from_millis(50).into(),
        ..Config::default()
    };
    for _ in 0..20 {
        let began = Instant::now();
        let counting = Arc::new(Counting::default());
        let leases = Arc::clone(&counting) as Arc<dyn Leases>;
        let desk = Desk::open().await;
        let desk = desk.deaf_replica_with(config.clone(), leases).await;
        let (mut ricky, mut map) = running(&desk).await;
        let _rickys = ricky.attend(SESSION, None).await.unwrap();
        let mut maps = map.attend(SESSION, None).await.unwrap();
        let introduction = desk.introduction("lee", &["coop"]);
        map.offer(desk.command_id(), SESSION, introduction)
            .await
            .unwrap();
        let told = counting.told.load(Ordering::Relaxed);
        assert!(told > 0);
        desk.clock.advance_ms(50);
        maps.events_to(4).await;
        let told_now = counting.told.load(Ordering::Relaxed);
        if began.elapsed() < NO_LOOK_WITHIN {
            assert_eq!(told_now, told);
            return;
        }
    }
    panic!("the machine never got through it before a look was due")
}

/// R4, I17: a supervisor's server looks at times of its own. It leaves it to the patron's server to find that the owner
/// is lost, unless the patron has gone as well.
#[tokio::test]
async fn a_server_where_only_a_supervisor_attends_decides_nothing_for_the_patrons_server() {
    let config = Config {
        owner_grace: Duration::from_millis(100).into(),
        ..Config::default()
    };
    let counting = Arc::new(Counting::default());
    let elsewhere = Elsewhere::attends(&counting.leases).await;
    let desk = Desk::open().await;
    let leases = Arc::clone(&counting) as Arc<dyn Leases>;
    let desk = desk.deaf_replica_with(config, leases).await;
    let (_ricky, _map) = running(&desk).await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    let mut admins = admin.attend(SESSION, None).await.unwrap();

    // Looks are a quarter of the grace apart.
    counting.is_asked_again(20).await;
    assert!(!is_returned(&desk).await);

    elsewhere.leaves(&counting.leases).await;
    while !is_return(&admins.event().await) {}
}

/// R7: a session whose owner and patron have come here from another server is looked after here when they go.
#[tokio::test]
async fn a_session_that_was_left_to_another_server_is_kept_once_its_people_have_come_here() {
    let rest_after = Duration::from_millis(400);
    let config = Config {
        owner_grace: Duration::from_millis(200).into(),
        rest_after: rest_after.into(),
        // Nobody brings the session back.
        tail_repair: Duration::from_secs(3_600).into(),
        ..Config::default()
    };
    let counting = Arc::new(Counting::default());
    let elsewhere = Elsewhere::attends(&counting.leases).await;
    let desk = Desk::open().await;
    let leases = Arc::clone(&counting) as Arc<dyn Leases>;
    let desk = desk.deaf_replica_with(config, leases).await;
    let (mut ricky, mut map) = running(&desk).await;
    // By the second look it is known that the patron is elsewhere.
    counting.is_asked_again(2).await;
    let rickys = ricky.attend(SESSION, None).await.unwrap();
    let maps = map.attend(SESSION, None).await.unwrap();
    elsewhere.leaves(&counting.leases).await;
    // Nobody asks for anything for longer than an unused session stays in memory.
    tokio::time::sleep(rest_after * 2).await;
    drop((rickys, maps));
    let returned = async {
        while !is_returned(&desk).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), returned)
        .await
        .expect("the session left memory with its owner lost");
}

/// When a server stops, others need not wait for its leases to run out before they look after its sessions.
#[tokio::test]
async fn a_server_that_stops_says_that_nobody_attends_there_any_more() {
    let desk = Desk::open().await;
    let (mut ricky, mut map) = running(&desk).await;
    let _rickys = ricky.attend(SESSION, None).await.unwrap();
    let _maps = map.attend(SESSION, None).await.unwrap();
    let space = format!("attending/{SESSION}");
    let (leases, tasks) = (Arc::clone(&desk.leases), desk.tasks.clone());
    assert_eq!(leases.active(&space).await.unwrap().len(), 1);
    drop(desk);
    tasks.close();
    tasks.wait().await;
    assert_eq!(leases.active(&space).await.unwrap(), []);
}
