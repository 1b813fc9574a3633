//! Several servers on one log.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use carrel_im::Config;
use carrel_platform::{
    bus::{Bus, local::LocalBus},
    log::EventLog,
};
use carrel_testbed::{bus::DeafBus, log::FaultyLog};

use crate::desk::{Desk, brisk, librarian, queue};

/// I2, I4: two servers write to the same conversations; each command has one effect and both show one order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_write_at_once() {
    let one = Desk::open().await;
    let other = one.replica().await;
    one.floor.monitors("ann", &["maple"]);
    one.floor.monitors("ben", &["maple"]);
    let mut watches = [
        one.caller("ann").watch().await.unwrap(),
        other.caller("ben").watch().await.unwrap(),
    ];
    let writers = [("ann", "ben"), ("ben", "ann")];
    let sends = (0..40).flat_map(|number| {
        writers.map(|(from, to)| {
            // Each command goes to both servers.
            let mut both = [one.caller(from), other.caller(from)];
            async move {
                let text = format!("{from} {number}");
                let [a, b] = &mut both;
                let (a, b) = futures::join!(
                    a.send(format!("c{number}"), librarian(to), &text),
                    b.send(format!("c{number}"), librarian(to), &text),
                );
                let (a, b) = (a.unwrap(), b.unwrap());
                assert_eq!(a.position, b.position);
                assert!(a.replayed ^ b.replayed, "one of them did it");
                a.conversation_id
            }
        })
    });
    let ids = futures::future::join_all(sends).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "one conversation");
    let recorded = one.recorded(&ids[0]).await;
    assert_eq!(recorded.len(), 80);
    for watch in &mut watches {
        for expected in &recorded {
            let (id, message) = watch.arrived().await;
            assert_eq!(id, ids[0]);
            assert_eq!((message.position, message.text), *expected);
        }
    }
}

/// F23, I8: what the bus loses, including the last word, still arrives: new conversations, messages and marks.
#[tokio::test]
async fn without_a_bus_everything_comes_later() {
    let one = Desk::deaf(brisk()).await;
    let other = one.replica().await;
    let mut ann = one.librarian("ann", &["maple"]);
    let mut ben = other.librarian("ben", &["maple"]);
    let mut anns = ann.watch().await.unwrap();
    let mut bens = ben.watch().await.unwrap();
    let sent = ann.send("1", librarian("ben"), "hello").await.unwrap();
    assert_eq!(bens.arrived().await.1.text, "hello");
    anns.changed(|one| one.delivered_to_other == 1).await;
    ann.send("2", queue("maple"), "all").await.unwrap();
    assert_eq!(bens.arrived().await.1.text, "all");
    ben.mark_read(&sent.conversation_id, 1).await.unwrap();
    anns.changed(|one| one.read_by_other == 1).await;
}

/// R13, I8: what another server erases disappears here, too, even though the bus delivers nothing.
#[tokio::test]
async fn without_a_bus_what_was_erased_goes_later() {
    let one = Desk::deaf(Config {
        keep_at_most: 2,
        ..brisk()
    })
    .await;
    // Enough that each server looks after some of them.
    let queues = ["maple", "oak", "elm", "ash"];
    let mut ann = one.librarian("ann", &queues);
    let other = one.replica().await;
    let mut bens = other.librarian("ben", &queues).watch().await.unwrap();
    for number in 0..6 {
        for id in queues {
            let text = format!("text {number}");
            ann.send(one.command_id(), queue(id), &text).await.unwrap();
        }
    }
    let mut gone = BTreeSet::new();
    while gone.len() < queues.len() {
        let changed = bens.changed(|one| one.first_kept == 5).await;
        assert_eq!(changed.head, 6);
        gone.insert(changed.conversation_id);
    }
}

/// Idle conversations cost nothing: with many of them, all watched, the log is not read again and again.
#[tokio::test]
async fn the_log_is_not_read_while_nothing_happens() {
    for bus in [
        Arc::new(LocalBus::default()) as Arc<dyn Bus>,
        Arc::new(DeafBus::default()),
    ] {
        let log = FaultyLog::in_memory().unwrap();
        let desk = Desk::by(bus, Arc::clone(&log) as Arc<dyn EventLog>, brisk()).await;
        let mut ann = desk.librarian("ann", &["maple"]);
        for number in 0..50 {
            let other = format!("other {number}");
            desk.floor.monitors(&other, &["maple"]);
            ann.send(desk.command_id(), librarian(&other), "hello")
                .await
                .unwrap();
        }
        let mut anns = ann.watch().await.unwrap();
        assert_eq!(anns.snapshot.len(), 51, "and the staff's");
        // Let pending work finish, and each conversation be checked once for whether anything is due.
        let (mut before, mut rounds) = (usize::MAX, 0);
        while log.reads() != before {
            assert!(rounds < 100, "the log is read again and again");
            (before, rounds) = (log.reads(), rounds + 1);
            anns.heartbeats(10).await;
        }
        // New messages are still noticed.
        ann.send(desk.command_id(), queue("maple"), "still there?")
            .await
            .unwrap();
        assert_eq!(anns.arrived().await.1.text, "still there?");
    }
}

/// Typing reaches members at other servers.
#[tokio::test]
async fn typing_reaches_other_servers() {
    use carrel_proto::im::v1::watch_conversations_response::Change;

    let one = Desk::open().await;
    let other = one.replica().await;
    let mut ann = one.librarian("ann", &["maple"]);
    let mut ben = other.librarian("ben", &["maple"]);
    let sent = ann.send("1", librarian("ben"), "hello").await.unwrap();
    let mut bens = ben.watch().await.unwrap();
    ann.typing(&sent.conversation_id).await.unwrap();
    while !matches!(bens.change().await, Change::Typing(_)) {}
}

/// A conversation that is not needed leaves memory, and is the same when it comes back.
#[tokio::test]
async fn a_conversation_that_left_memory_is_the_same() {
    let desk = Desk::with(Config {
        rest_after: Duration::from_millis(1).into(),
        heartbeat: Duration::from_millis(1).into(),
        ..brisk()
    })
    .await;
    let mut ann = desk.librarian("ann", &["maple"]);
    desk.floor.monitors("ben", &["maple"]);
    for number in 0..40_u64 {
        let id = format!("c{number}");
        let first = ann.send(&id, librarian("ben"), "hm").await.unwrap();
        assert_eq!((first.position, first.replayed), (number + 1, false));
        tokio::time::sleep(Duration::from_millis(number % 4)).await;
        let again = ann.send(&id, librarian("ben"), "hm").await.unwrap();
        assert_eq!((again.position, again.replayed), (number + 1, true));
    }
}
