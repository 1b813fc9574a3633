#![allow(clippy::unwrap_used)]

use super::*;
use crate::log::{group::tests::request, sqlite::open::Place};

fn writer(folder: &tempfile::TempDir) -> Writer {
    let place = Place::File(folder.path().join("carrel.db"));
    let patience = Duration::from_secs(1);
    let (connection, _) = place.writer(patience, 0).unwrap();
    Writer::new(
        connection,
        patience,
        CancellationToken::new(),
        Arc::default(),
    )
}

// F18
#[test]
fn a_full_disk_is_rolled_back_and_over_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(&folder);
    let allow = |writer: &Writer, pages: i64| {
        let connection = &writer.connection;
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .unwrap();
    };
    allow(&writer, 10);
    let (small, _small) = request("small", 1);
    let (large, _large) = request("large", 100_000);
    let Outcome::RolledBack(LogError::Unavailable(problem)) = writer.commit(&[small, large]) else {
        unreachable!("a full disk must refuse the group");
    };
    assert!(problem.contains("make room"), "{problem}");
    allow(&writer, 1_000);
    let (small, _small) = request("small", 1);
    let (large, _large) = request("large", 100_000);
    let Outcome::Committed(results) = writer.commit(&[small, large]) else {
        unreachable!("there is room");
    };
    assert_eq!(results, [Ok(()), Ok(())]);
}
