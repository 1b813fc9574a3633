//! What a server does without a request, while something that it needs fails.

use std::{
    collections::BTreeMap,
    future::{pending, ready},
    sync::{Arc, Mutex},
    time::Duration,
};

use carrel_platform::{
    lease::{Held, Lease, LeaseError, Leases, memory::MemoryLeases},
    log::{LogError, StreamName, sqlite::SqliteLog},
};
use carrel_session::Config;
use carrel_testbed::log::FaultyLog;
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
    /// Notified when somebody has asked it.
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

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        if !space.starts_with("attending/") {
            return self.leases.active(space);
        }
        Box::pin(async {
            self.asked.notify_one();
            sleep(Duration::from_secs(3_600)).await;
            Err(LeaseError("told so".into()))
        })
    }
}

/// I8: what the bus loses is found in the log even while it can't be found out which sessions nobody attends.
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

    // Other sessions, which the deaf server does not have in memory.
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

/// How many sessions wait when all servers are restarted.
const WAITING: usize = 30;

/// The reads of a log that is slow with sessions. When they are read for the second time, to be loaded after the list
/// was read, it fails for one of them and never answers for another.
#[derive(Debug, Default)]
struct Reads {
    begun: BTreeMap<String, usize>,
    /// The sessions that were read again, in order.
    again: Vec<String>,
    now: usize,
    most: usize,
}

const DAMAGED: &str = "w003";
const UNANSWERED: &str = "w005";

impl Reads {
    /// Records that a read begins, and returns how many reads of this session there were, with this one.
    fn begin(&mut self, id: &str) -> usize {
        self.now += 1;
        self.most = self.most.max(self.now);
        let begun = self.begun.entry(id.to_owned()).or_default();
        *begun += 1;
        let nth = *begun;
        if nth == 2 {
            self.again.push(id.to_owned());
        }
        nth
    }
}

/// Does what happens before such a read.
fn take_time(
    reads: &Arc<Mutex<Reads>>,
    stream: &StreamName,
) -> BoxFuture<'static, Result<(), LogError>> {
    if stream.category != "session" {
        return Box::pin(ready(Ok(())));
    }
    let nth = reads.lock().unwrap().begin(&stream.id);
    let (reads, id) = (Arc::clone(reads), stream.id.clone());
    Box::pin(async move {
        sleep(Duration::from_millis(2)).await;
        let read = match (nth, id.as_str()) {
            (2, DAMAGED) => Err(LogError::Unavailable("told so".into())),
            (2, UNANSWERED) => pending().await,
            _ => Ok(()),
        };
        reads.lock().unwrap().now -= 1;
        read
    })
}

/// After a restart of all servers nobody attends anything, and every open session is looked after: in order, a few at a
/// time, and without being held up by those that can't be loaded.
#[tokio::test]
async fn what_is_loaded_after_a_restart_is_loaded_a_few_at_a_time() {
    let log = SqliteLog::in_memory().unwrap();
    let before = Desk::on(Arc::new(log.clone())).await;
    let sessions: Vec<String> = (0..WAITING).map(|number| format!("w{number:03}")).collect();
    for session in &sessions {
        let mut patron = before.patron(session);
        patron.open(before.command_id(), "hello?").await.unwrap();
    }
    drop(before);

    let busy = FaultyLog::on(log);
    let reads = Arc::new(Mutex::new(Reads::default()));
    let asked = Arc::clone(&reads);
    busy.before_reads(move |stream| take_time(&asked, stream));
    let desk = Desk::on(busy).await;
    let loaded = async {
        while reads.lock().unwrap().again.len() < WAITING {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), loaded).await.unwrap();
    let (again, most) = {
        let reads = reads.lock().unwrap();
        (reads.again.clone(), reads.most)
    };
    assert_eq!(again, sessions);
    assert_eq!(most, 2);
    // A request for one waits for none of the others.
    let mut last = desk.patron(&sessions[WAITING - 1]);
    last.attend(&sessions[WAITING - 1], None).await.unwrap();
}
