//! What is told when the log does not take a write (I3).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use carrel_platform::{
    auth::Role,
    log::{
        Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
        sqlite::SqliteLog,
    },
};
use carrel_proto::session::v1::{self as wire, act::Act, attend_response::Response as Told};
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::desk::Desk;
use crate::person::Attending;

const SESSION: &str = "5e55";

/// A log whose appends wait for leave, and then do as they are told.
struct Unwilling {
    log: SqliteLog,
    leave: Semaphore,
    waiting: Semaphore,
    refuses: AtomicBool,
}

impl EventLog for Unwilling {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            self.waiting.add_permits(1);
            self.leave.acquire().await.unwrap().forget();
            if self.refuses.load(Ordering::SeqCst) {
                return Err(LogError::Unavailable("told so".into()));
            }
            self.log.append(batch).await
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

async fn answer(attending: &mut Attending, wanted: &str) -> Result<(), String> {
    loop {
        match attending.next().await.unwrap().unwrap() {
            Told::ActAccepted(accepted) if accepted.command_id == wanted => return Ok(()),
            Told::ActRefused(refused) if refused.command_id == wanted => {
                return Err(refused.refusal.unwrap().reason);
            }
            _ => {}
        }
    }
}

/// Whatever was decided on something that was then not written is as uncertain as the write: neither an OK nor a
/// definite refusal.
#[tokio::test]
async fn nothing_definite_is_said_of_what_rests_on_a_failed_write() {
    let log = Arc::new(Unwilling {
        log: SqliteLog::in_memory().unwrap(),
        leave: Semaphore::new(2),
        waiting: Semaphore::new(0),
        refuses: AtomicBool::new(false),
    });
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    log.waiting.acquire_many(2).await.unwrap().forget();

    // One append is held, so that what comes next is decided together.
    let message = |text: &str| Act::PostMessage(wire::PostMessage { text: text.into() });
    rickys.act("held".into(), message("held")).await;
    log.waiting.acquire().await.unwrap().forget();
    let end = Act::EndSession(wire::EndSession {});
    rickys.act("empty".into(), message("")).await;
    rickys.act("end".into(), end.clone()).await;
    rickys.act("after".into(), message("after the end")).await;
    rickys.act("end".into(), end).await;
    // Their order is that of one stream; once its last word is understood, all are in.
    rickys.act("bad id".into(), message("never")).await;
    assert_eq!(
        answer(&mut rickys, "bad id").await,
        Err("BAD_COMMAND_ID".into())
    );

    log.leave.add_permits(1);
    assert_eq!(answer(&mut rickys, "held").await, Ok(()));
    log.waiting.acquire().await.unwrap().forget();
    log.refuses.store(true, Ordering::SeqCst);
    log.leave.add_permits(1);
    assert_eq!(
        answer(&mut rickys, "empty").await,
        Err("EMPTY".into()),
        "whatever the log does"
    );
    assert_eq!(
        answer(&mut rickys, "end").await,
        Err("LOG_UNAVAILABLE".into())
    );
    assert_eq!(
        answer(&mut rickys, "after").await,
        Err("LOG_UNAVAILABLE".into()),
        "it never ended"
    );
    assert_eq!(
        answer(&mut rickys, "end").await,
        Err("LOG_UNAVAILABLE".into()),
        "not replayed"
    );

    log.refuses.store(false, Ordering::SeqCst);
    log.leave.add_permits(10);
    rickys.act("after".into(), message("after the end")).await;
    assert_eq!(
        answer(&mut rickys, "after").await,
        Ok(()),
        "the same command settles it"
    );
}
