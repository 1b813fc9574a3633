//! What is told when the log does not take a write (I1, I3).

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use carrel_platform::log::{
    Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
    sqlite::SqliteLog,
};
use futures::future::BoxFuture;
use tonic::Code;

use crate::desk::{Desk, librarian, reason};

const OBEYS: u8 = 0;
const REFUSES: u8 = 1;
/// Does as it is told and says that it does not know.
const FORGETS: u8 = 2;

struct Unwilling {
    log: SqliteLog,
    mood: AtomicU8,
    refused: AtomicU64,
}

impl Unwilling {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            log: SqliteLog::in_memory().unwrap(),
            mood: AtomicU8::new(OBEYS),
            refused: AtomicU64::new(0),
        })
    }
}

impl EventLog for Unwilling {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            match self.mood.load(Ordering::SeqCst) {
                REFUSES => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    Err(LogError::Unavailable("told so".into()))
                }
                FORGETS => {
                    self.log.append(batch).await?;
                    Err(LogError::Unknown("told so".into()))
                }
                _ => self.log.append(batch).await,
            }
        })
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        self.log.read(stream, after, limit)
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

/// I1, I2, I3: what was not committed is neither acknowledged nor shown; what is uncertain is settled by a repetition.
#[tokio::test]
async fn the_same_command_settles_what_is_uncertain() {
    let log = Unwilling::new();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut anns = ann.watch().await.unwrap();
    let mut bens = ben.watch().await.unwrap();
    for (mood, replayed) in [(REFUSES, false), (FORGETS, true)] {
        let id = format!("c{mood}");
        log.mood.store(mood, Ordering::SeqCst);
        let status = ann.send(&id, librarian("ben"), &id).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(reason(&status), "LOG_UNAVAILABLE");
        log.mood.store(OBEYS, Ordering::SeqCst);
        let again = ann.send(&id, librarian("ben"), &id).await.unwrap();
        assert_eq!(
            (again.position, again.replayed),
            (u64::from(mood), replayed)
        );
        for watch in [&mut anns, &mut bens] {
            let (_, message) = watch.arrived().await;
            assert_eq!(
                (message.position, message.text),
                (u64::from(mood), id.clone())
            );
        }
    }
}

/// D21: that a message was delivered is noted as soon as the log takes it.
#[tokio::test]
async fn a_delivery_is_noted_later() {
    let log = Unwilling::new();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut anns = ann.watch().await.unwrap();
    ann.send("1", librarian("ben"), "hello").await.unwrap();
    log.mood.store(REFUSES, Ordering::SeqCst);
    let _bens = ben.watch().await.unwrap();
    desk.until("the log refuses the mark", || async {
        log.refused.load(Ordering::SeqCst) > 0
    })
    .await;
    log.mood.store(OBEYS, Ordering::SeqCst);
    anns.changed(|one| one.delivered_to_other == 1).await;
}
