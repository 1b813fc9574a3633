#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use carrel_platform::{
    auth::keys::KeyRing,
    bus::{Bus, Notice, Origin, local::LocalBus},
    clock::Clock,
    lease::{Held, Lease, LeaseError, Leases, Reading},
    log::sqlite::SqliteLog,
};
use futures::{FutureExt as _, future::BoxFuture};

use super::{Desk, DeskParts, PRESENCE};
use crate::config::Config;

/// Empty leases. While they are read, another server tells that they have changed.
struct ChangingLeases(LocalBus);

impl Leases for ChangingLeases {
    fn hold(&self, _: Lease, _: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        async { Ok(Held::Yes) }.boxed()
    }

    fn release<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        async { Ok(()) }.boxed()
    }

    fn active<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn read<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Reading, LeaseError>> {
        async {
            let (another, told) = (Origin::random(), Bytes::from_static(b"lee"));
            self.0.publish(another, PRESENCE, told);
            Ok(Reading {
                leases: Vec::new(),
                life: 0,
                doubt: None,
            })
        }
        .boxed()
    }
}

/// R18: a librarian who comes while a server takes its first look would otherwise be missing there until the next sweep.
#[tokio::test]
async fn what_another_server_tells_during_the_first_look_is_heard() {
    let bus = LocalBus::default();
    let parts = DeskParts {
        log: Arc::new(SqliteLog::in_memory().unwrap()),
        bus: Arc::new(bus.clone()),
        leases: Arc::new(ChangingLeases(bus)),
        clock: Clock::manual(1_800_000_000_000),
        keys: KeyRing::generate().unwrap(),
    };
    let (_desk, mut news) = Desk::new(Config::default(), parts).await.unwrap();
    let told = Notice::Payload(Bytes::from_static(b"lee"));
    assert_eq!(news.next().now_or_never(), Some(Some(told)));
}
