//! A server that alone can't reach the store of leases (I9, I14, I15).

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use carrel_platform::{
    auth::Role,
    lease::{Held, Lease, LeaseError, Leases},
};
use carrel_proto::session::v1::{self as wire, session_event::Payload};
use carrel_session::Config;
use futures::future::BoxFuture;

use crate::{desk::Desk, erasing::until};

const SESSION: &str = "c07";

/// The way of one server to the store of leases, which can be cut.
struct Way {
    to: Arc<dyn Leases>,
    is_cut: AtomicBool,
}

impl Way {
    fn unless_cut<'a, T: Send + 'a>(
        &'a self,
        go: impl FnOnce(&'a dyn Leases) -> BoxFuture<'a, Result<T, LeaseError>>,
    ) -> BoxFuture<'a, Result<T, LeaseError>> {
        match self.is_cut.load(Ordering::Relaxed) {
            true => Box::pin(ready(Err(LeaseError("cut off".into())))),
            false => go(&*self.to),
        }
    }
}

impl Leases for Way {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        self.unless_cut(|to| to.hold(lease, lasts))
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        self.unless_cut(|to| to.release(space, key, incarnation))
    }

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        self.unless_cut(|to| to.active(space))
    }
}

/// Two replicas: `there`, whose way to the store of leases can be cut, and `here`, whose can't.
async fn replicas(config: Config) -> (Arc<Way>, Desk, Desk) {
    let first = Desk::with(config.clone()).await;
    let way = Arc::new(Way {
        to: Arc::clone(&first.leases),
        is_cut: AtomicBool::new(false),
    });
    let leases = Arc::clone(&way) as Arc<dyn Leases>;
    let there = first.deaf_replica_with(config, leases).await;
    let here = first.deaf_replica().await;
    (way, there, here)
}

/// What the others make of people who attend on a server that is cut off for longer than its leases and every grace.
#[tokio::test]
async fn nobody_is_lost_because_their_server_alone_can_not_reach_the_store_of_leases() {
    let grace = Duration::from_secs(3);
    let config = Config {
        owner_grace: grace.into(),
        conference_grace: grace.into(),
        patron_away: grace.into(),
        patron_lost: (2 * grace).into(),
        tail_repair: Duration::from_millis(50).into(),
        ..Config::default()
    };
    let (way, there, here) = replicas(config).await;
    let mut ricky = there.patron(SESSION);
    let mut map = there.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut admin = there.librarian("admin", "maple", Role::Administrator, &["maple"]);
    ricky.open(there.command_id(), "hello?").await.unwrap();
    let rickys = ricky.attend(SESSION, None).await.unwrap();
    map.pick_up(there.command_id(), SESSION).await.unwrap();
    let maps = map.attend(SESSION, None).await.unwrap();
    admin.enter(there.command_id(), SESSION).await.unwrap();
    let _admins = admin.attend(SESSION, None).await.unwrap();
    let space = format!("attending/{SESSION}");
    let leases = async || here.leases.active(&space).await.unwrap().len();
    until("they are known to attend", async || leases().await == 1).await;
    // Brings the session into memory here, where nobody attends it.
    let mut passing = here.patron(SESSION);
    let read = passing.transcript(SESSION, wire::Audience::Patron).await;
    read.unwrap();
    let before = here.recorded(SESSION).await.len();

    way.is_cut.store(true, Ordering::Relaxed);
    until("the lease has run out", async || leases().await == 0).await;
    let mut news = here.librarian("lee", "maple", Role::Librarian, &["maple"]);
    tokio::time::sleep(3 * grace).await;
    let rows = news.watch(&["maple"], false).await.unwrap().rows;
    assert_eq!(rows, [], "the patron does not wait");
    let since = here.recorded(SESSION).await.split_off(before);
    assert_eq!(since, [], "nobody is away");
    let mut auditor = here.librarian("admin", "maple", Role::Administrator, &[]);
    let entries = auditor.audit().await;
    assert_eq!(entries.len(), 1, "nobody has left: {entries:?}");

    // Once it is back, who goes is missed again.
    way.is_cut.store(false, Ordering::Relaxed);
    drop((rickys, maps));
    until("the patron waits again", async || {
        let events = here.recorded(SESSION).await;
        let returned =
            |event: &wire::SessionEvent| matches!(event.payload, Some(Payload::Returned(_)));
        events.iter().any(returned)
    })
    .await;
}

/// While nobody is cut off any more, people are missed as ever.
#[tokio::test]
async fn what_a_server_says_counts_no_longer_than_it_is_cut_off() {
    let config = Config {
        owner_grace: Duration::from_millis(400).into(),
        tail_repair: Duration::from_millis(50).into(),
        ..Config::default()
    };
    let (way, there, here) = replicas(config).await;
    let mut ricky = there.patron(SESSION);
    ricky.open(there.command_id(), "hello?").await.unwrap();
    let _rickys = ricky.attend(SESSION, None).await.unwrap();
    way.is_cut.store(true, Ordering::Relaxed);
    let said = async || here.streams("cut_off").await;
    until("it says that it is cut off", async || said().await == 1).await;
    way.is_cut.store(false, Ordering::Relaxed);
    until("it says that it is back", async || said().await == 0).await;
    let mut map = here.librarian("map", "harbor", Role::Librarian, &["maple"]);
    map.pick_up(here.command_id(), SESSION).await.unwrap();
    until("an owner who does not attend is missed", async || {
        let events = here.recorded(SESSION).await;
        let returned =
            |event: &wire::SessionEvent| matches!(event.payload, Some(Payload::Returned(_)));
        events.iter().any(returned)
    })
    .await;
}
