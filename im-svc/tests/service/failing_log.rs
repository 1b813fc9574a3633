//! What callers and watchers are told when the log does not take a write (I1, I3).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use carrel_platform::log::{EventLog, LogError};
use carrel_testbed::log::{Answer, FaultyLog};
use futures::FutureExt as _;
use tonic::Code;

use crate::desk::{Desk, PATIENCE, brisk, librarian, reason};

/// I1, I2, I3: what was not committed is neither acknowledged nor shown; sending the command again settles what is
/// uncertain.
#[tokio::test]
async fn the_same_command_settles_what_is_uncertain() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut anns = ann.watch().await.unwrap();
    let mut bens = ben.watch().await.unwrap();
    for (position, answer, replayed) in
        [(1, Answer::Unavailable, false), (2, Answer::Unknown, true)]
    {
        let id = format!("c{position}");
        log.answer(answer);
        let status = ann.send(&id, librarian("ben"), &id).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(reason(&status), "LOG_UNAVAILABLE");
        log.answer(Answer::Truly);
        let again = ann.send(&id, librarian("ben"), &id).await.unwrap();
        assert_eq!((again.position, again.replayed), (position, replayed));
        for watch in [&mut anns, &mut bens] {
            let (_, message) = watch.arrived().await;
            assert_eq!((message.position, message.text), (position, id.clone()));
        }
    }
}

/// D21: a delivery is recorded as soon as the log accepts writes again.
#[tokio::test]
async fn a_delivery_is_noted_later() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut anns = ann.watch().await.unwrap();
    ann.send("1", librarian("ben"), "hello").await.unwrap();
    log.answer(Answer::Unavailable);
    let _bens = ben.watch().await.unwrap();
    desk.until("the log refuses the mark", || async { log.refused() > 0 })
        .await;
    log.answer(Answer::Truly);
    anns.changed(|one| one.delivered_to_other == 1).await;
}

/// I1: what was written is shown even though the log did not confirm it and nobody sends it again. This includes the
/// first message of a conversation that the other librarian does not know about yet.
#[tokio::test]
async fn what_is_uncertain_is_shown_once_it_is_found() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let replica = desk.replica().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut watches = Vec::new();
    for server in [&desk, &replica] {
        watches.push(server.librarian("ben", &["maple"]).watch().await.unwrap());
    }
    for text in ["hello", "anyone?"] {
        log.answer(Answer::Unknown);
        let status = ann.send(text, librarian("ben"), text).await.unwrap_err();
        assert_eq!(reason(&status), "LOG_UNAVAILABLE");
        log.answer(Answer::Truly);
        for watch in &mut watches {
            assert_eq!(watch.arrived().await.1.text, text);
        }
    }
}

/// I3: callers get an answer even while the log takes longer to fail than the interval between looks at it.
#[tokio::test]
async fn a_log_that_is_slow_to_fail_keeps_nobody_waiting_for_ever() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let _ben = desk.librarian("ben", &["maple"]);
    let mut anns = ann.watch().await.unwrap();
    ann.send("1", librarian("ben"), "hello").await.unwrap();
    let (id, _) = anns.arrived().await;

    let hangs = Arc::new(AtomicBool::new(true));
    let longer_than_a_heartbeat = brisk().heartbeat.get() * 3;
    log.before_reads({
        let hangs = Arc::clone(&hangs);
        move |_| {
            let hangs = hangs.load(Ordering::SeqCst);
            async move {
                if hangs {
                    tokio::time::sleep(longer_than_a_heartbeat).await;
                    return Err(LogError::Unavailable("told so".into()));
                }
                Ok(())
            }
            .boxed()
        }
    });
    // After the first failure, the conversation itself looks at the log at each heartbeat.
    for _ in 0..3 {
        let answer = tokio::time::timeout(PATIENCE, ann.list(&id, (0, 0), 10)).await;
        let status = answer.expect("an answer").unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(reason(&status), "LOG_UNAVAILABLE");
    }
    hangs.store(false, Ordering::SeqCst);
    let listed = ann.list(&id, (0, 0), 10).await.unwrap();
    assert_eq!(listed.messages.len(), 1);
}
