//! When sessions look who is there: what the patron may not know of must not decide that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use carrel_platform::lease::{Held, Lease, LeaseError, Leases, memory::MemoryLeases};
use carrel_session::Config;
use futures::future::BoxFuture;

use crate::desk::Desk;
use crate::transfer::{SESSION, running};

/// A store of leases that counts how often it is told who attends.
#[derive(Default)]
struct Counting {
    leases: MemoryLeases,
    told: AtomicUsize,
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

    fn standing<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        self.leases.standing(space)
    }
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
