//! What a server sees to though nobody asks, while something that it needs fails.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use carrel_platform::{
    lease::{Held, Lease, LeaseError, Leases, memory::MemoryLeases},
    log::{
        Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
        sqlite::SqliteLog,
    },
};
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

/// How many sessions wait when all servers are started again.
const WAITING: usize = 30;

/// A log that takes its time with sessions, gives one of them not at all and does not answer for another when they are read
/// for the second time: then they are loaded, after they were read for the list.
#[derive(Debug)]
struct Busy {
    log: SqliteLog,
    reads: Mutex<Reads>,
}

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

impl Busy {
    fn begin(&self, id: &str) -> usize {
        let mut reads = self.reads.lock().unwrap();
        reads.now += 1;
        reads.most = reads.most.max(reads.now);
        let begun = reads.begun.entry(id.to_owned()).or_default();
        *begun += 1;
        let nth = *begun;
        if nth == 2 {
            reads.again.push(id.to_owned());
        }
        nth
    }
}

impl EventLog for Busy {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        self.log.append(batch)
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        if stream.category != "session" {
            return self.log.read(stream, after, limit);
        }
        Box::pin(async move {
            let nth = self.begin(&stream.id);
            sleep(Duration::from_millis(2)).await;
            match (nth, stream.id.as_str()) {
                (2, DAMAGED) => {
                    self.reads.lock().unwrap().now -= 1;
                    return Err(LogError::Unavailable("told so".into()));
                }
                (2, UNANSWERED) => pending().await,
                _ => {}
            }
            let read = self.log.read(stream, after, limit).await;
            self.reads.lock().unwrap().now -= 1;
            read
        })
    }

    fn find<'a>(&'a self, query: StreamQuery) -> BoxFuture<'a, Result<Vec<StreamHead>, LogError>> {
        self.log.find(query)
    }

    fn versions<'a>(
        &'a self,
        streams: &'a [StreamName],
    ) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        self.log.versions(streams)
    }

    fn erase<'a>(
        &'a self,
        stream: &'a StreamName,
        up_to: u64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        self.log.erase(stream, up_to)
    }

    fn epoch(&self) -> &str {
        self.log.epoch()
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        self.log.failed()
    }
}

/// After a restart of all servers nobody attends anything, and whatever is open is looked after: in order, few at a time, and
/// without those that can't be loaded being in the others' way.
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

    let reads = Mutex::default();
    let busy = Arc::new(Busy { log, reads });
    let desk = Desk::on(Arc::clone(&busy) as Arc<dyn EventLog>).await;
    let loaded = async {
        while busy.reads.lock().unwrap().again.len() < WAITING {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), loaded).await.unwrap();
    let (again, most) = {
        let reads = busy.reads.lock().unwrap();
        (reads.again.clone(), reads.most)
    };
    assert_eq!(again, sessions);
    assert_eq!(most, 2);
    // Who asks for one waits for none of the others.
    let mut last = desk.patron(&sessions[WAITING - 1]);
    last.attend(&sessions[WAITING - 1], None).await.unwrap();
}
