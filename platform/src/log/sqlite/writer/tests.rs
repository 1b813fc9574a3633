#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    condition::Condition,
    log::{group::tests::request, sqlite::open::Place},
};

fn writer(folder: &tempfile::TempDir) -> Writer {
    writer_that_probes(folder, Duration::from_secs(3_600))
}

fn writer_that_probes(folder: &tempfile::TempDir, probe_after: Duration) -> Writer {
    let place = Place::File(folder.path().join("carrel.db"));
    let patience = Duration::from_secs(1);
    let (connection, _) = place.writer(patience, 0).unwrap();
    Writer::new(
        connection,
        [patience, probe_after],
        CancellationToken::new(),
        Arc::default(),
        Writable::new(),
    )
}

// F18
#[test]
fn a_full_disk_is_rolled_back_and_over_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    let mut appends = Appends::on(&writer.connection).unwrap();
    let allow = |writer: &Writer, pages: i64| {
        let connection = &writer.connection;
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .unwrap();
    };
    allow(&writer, 10);
    let (small, _small) = request("small", 1);
    let (large, _large) = request("large", 100_000);
    let Outcome::RolledBack(LogError::Unavailable(problem)) =
        writer.commit(&mut appends, &[small, large])
    else {
        unreachable!("a full disk must refuse the group");
    };
    assert!(problem.contains("make room"), "{problem}");
    allow(&writer, 1_000);
    let (small, _small) = request("small", 1);
    let (large, _large) = request("large", 100_000);
    let Outcome::Committed(results) = writer.commit(&mut appends, &[small, large]) else {
        unreachable!("there is room");
    };
    assert_eq!(results, [Ok(()), Ok(())]);
}

/// A process that can't write is not ready without a word, and ready again by itself.
// F18
#[test]
fn a_full_disk_is_told_until_something_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    let limit = writer
        .connection
        .pragma_update_and_check(None, "max_page_count", 10, |_| Ok(()));
    limit.unwrap();
    let condition = writer.writable.watch();
    let (requests, received) = mpsc::channel(1);
    let thread = std::thread::spawn(move || writer.run(received));
    let send = |stream: &str, size: usize| {
        let (request, answer) = request(stream, size);
        requests.blocking_send(request).unwrap();
        let outcome = answer.blocking_recv().unwrap();
        (outcome, condition.borrow().clone())
    };
    for stream in ["large", "larger"] {
        let (outcome, condition) = send(stream, 100_000);
        assert!(matches!(outcome, Err(LogError::Unavailable(_))));
        let problem = condition.problem().unwrap();
        assert!(problem.contains("make room"), "{problem}");
    }
    assert_eq!(send("small", 1), (Ok(()), Condition::Well));
    drop(requests);
    thread.join().unwrap();
}

/// On a desk where nobody writes, it is noticed all the same that there is room again.
// F18
#[test]
fn a_full_disk_is_over_when_there_is_room_again_even_if_nobody_writes() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer_that_probes(&folder, Duration::from_millis(10));
    let limit = |connection: &Connection, pages: i64| {
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .unwrap();
    };
    limit(&writer.connection, 10);
    let (large, _large) = request("large", 100_000);
    let Outcome::RolledBack(error) =
        writer.commit(&mut Appends::on(&writer.connection).unwrap(), &[large])
    else {
        unreachable!("a full disk must refuse the group");
    };
    writer.writable.refused(&error);
    let mut condition = writer.writable.watch();
    assert!(condition.borrow().problem().is_some());
    writer.probe().unwrap();
    assert!(condition.borrow().problem().is_some(), "it is still full");
    limit(&writer.connection, 1_000);

    let (requests, received) = mpsc::channel(1);
    let thread = std::thread::spawn(move || writer.run(received));
    while *condition.borrow_and_update() != Condition::Well {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It goes on as usual, and nothing of the probe is left.
    let (small, answer) = request("small", 1);
    requests.blocking_send(small).unwrap();
    assert_eq!(answer.blocking_recv().unwrap(), Ok(()));
    drop(requests);
    thread.join().unwrap();
    let file = Connection::open(folder.path().join("carrel.db")).unwrap();
    let names: String = file
        .query_row("SELECT group_concat(name) FROM meta", [], |row| row.get(0))
        .unwrap();
    assert_eq!(names, "epoch");
}

/// What one request writes is known to the next one in the same group.
#[test]
fn a_stream_may_be_begun_and_go_on_in_one_group() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    let mut appends = Appends::on(&writer.connection).unwrap();
    let (first, _first) = request("s", 1);
    let (same_again, _same_again) = request("s", 1);
    let (mut next, _next) = request("s", 1);
    if let Work::Append(batch) = &mut next.work {
        batch.writes[0].expected = 1;
    }
    let Outcome::Committed(results) = writer.commit(&mut appends, &[first, same_again, next])
    else {
        unreachable!("nothing breaks");
    };
    assert!(
        matches!(
            &results[..],
            [Ok(()), Err(LogError::Conflict { actual: 1, .. }), Ok(())]
        ),
        "{results:?}"
    );
}

/// Another connection's writes are noticed, although this one remembers the versions.
#[test]
fn what_another_connection_writes_is_a_conflict_here() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (writer(&folder), writer(&folder));
    let mut writers = [&here, &there].map(|writer| {
        let appends = Appends::on(&writer.connection).unwrap();
        (writer, appends)
    });
    for version in 0..6 {
        let turn = usize::try_from(version).unwrap() % 2;
        let outcomes = [turn, 1 - turn].map(|turn| {
            let (writer, appends) = &mut writers[turn];
            let (mut request, _answer) = request("s", 1);
            if let Work::Append(batch) = &mut request.work {
                batch.writes[0].expected = version;
            }
            let Outcome::Committed(results) = writer.commit(appends, &[request]) else {
                unreachable!("nothing breaks");
            };
            results.into_iter().next().unwrap()
        });
        assert_eq!(outcomes[0], Ok(()));
        let Err(LogError::Conflict { actual, .. }) = &outcomes[1] else {
            unreachable!("the other was first");
        };
        assert_eq!(*actual, version + 1);
    }
}
