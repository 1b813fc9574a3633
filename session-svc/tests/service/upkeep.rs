//! What a server sees to though nobody asks, while something that it needs fails.

use std::{sync::Arc, time::Duration};

use carrel_platform::lease::{Held, Lease, LeaseError, Leases, memory::MemoryLeases};
use carrel_session::Config;
use futures::future::BoxFuture;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::desk::Desk;

const SESSION: &str = "5e55";

/// A store of leases that takes very long to say that it does not know who attends a session.
#[derive(Default)]
struct Slow {
    leases: MemoryLeases,
    /// Somebody has asked it.
    asked: Notify,
}

impl Leases for Slow {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
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

    fn standing<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        if !space.starts_with("attending/") {
            return self.leases.standing(space);
        }
        Box::pin(async {
            self.asked.notify_one();
            sleep(Duration::from_secs(3_600)).await;
            Err(LeaseError("told so".into()))
        })
    }
}

/// I8: what the bus loses is found in the log also while it can't be found out which sessions nobody attends.
#[tokio::test]
async fn a_lost_word_does_not_wait_for_the_store_of_leases() {
    let desk = Desk::open().await;
    let slow = Arc::new(Slow::default());
    let leases = Arc::clone(&slow) as Arc<dyn Leases>;
    let config = Config {
        tail_repair: Duration::from_millis(50).into(),
        ..Config::default()
    };
    let deaf = desk.deaf_replica_with(config, leases).await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut there = deaf.patron(SESSION);
    let mut rickys = there.attend(SESSION, None).await.unwrap();

    // Others, whom the deaf server has not in memory.
    for number in 0..3 {
        let session = format!("{SESSION}{number}");
        let mut patron = desk.patron(&session);
        patron.open(desk.command_id(), "and me?").await.unwrap();
    }
    slow.asked.notified().await;
    ricky
        .post(desk.command_id(), SESSION, "the last word")
        .await
        .unwrap();
    let heard = timeout(Duration::from_secs(10), rickys.events_to(2)).await;
    assert_eq!(heard.map(|events| events.len()), Ok(2));
}
