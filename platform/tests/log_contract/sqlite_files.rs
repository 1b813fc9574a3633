//! What happens to a file that is not an intact log: it is refused, named and left alone.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use carrel_platform::log::{
    EventLog,
    sqlite::{OpenError, SqliteLog, SqliteOptions},
};

use crate::{
    Place,
    sentences::{batch, payloads, write},
    sqlite_kill::child,
    sqlite_place::SqliteFile,
};

/// Makes a log with enough in it to fill some pages.
async fn filled() -> SqliteFile {
    let place = SqliteFile::new().await;
    let log = place.open().await;
    let long: &'static str = String::leak("text ".repeat(2_000));
    for id in ["a", "b", "c", "d"] {
        log.append(batch([write(id, 0, [long, long])]))
            .await
            .unwrap();
    }
    drop(log);
    // Moves everything into the main file.
    place
        .stranger()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE; PRAGMA journal_mode = WAL;")
        .unwrap();
    place
}

pub(crate) fn open(path: &Path) -> Result<SqliteLog, OpenError> {
    let options = SqliteOptions {
        busy_timeout: Duration::from_millis(20),
        ..SqliteOptions::default()
    };
    SqliteLog::open(path, options)
}

/// Opens what must be refused; the error must name the file, which must keep every byte.
fn refused(path: &Path) -> OpenError {
    let before = fs::read(path).ok();
    let error = open(path).unwrap_err();
    assert_eq!(fs::read(path).ok(), before, "the file was changed");
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    error
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    let place = SqliteFile::new().await;
    for content in [&[0; 8192][..], b"no database", &[0x5a; 100_000]] {
        fs::write(place.path(), content).unwrap();
        let error = refused(&place.path());
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    }
    fs::remove_file(place.path()).unwrap();
    place
        .stranger()
        .execute_batch("CREATE TABLE stream (x)")
        .unwrap();
    let error = refused(&place.path());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let error = refused(place.0.path());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let error = refused(&place.0.path().join("no folder").join("carrel.db"));
    assert!(matches!(error, OpenError::Failed { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused() {
    let place = filled().await;
    let whole = fs::read(place.path()).unwrap();
    for length in [whole.len() / 2, whole.len() - 4096, 4096, 1000, 100] {
        fs::write(place.path(), &whole[..length]).unwrap();
        let error = refused(&place.path());
        assert!(
            matches!(error, OpenError::Damaged { .. } | OpenError::Foreign { .. }),
            "{length}: {error}"
        );
    }
}

#[tokio::test]
async fn a_file_with_an_overwritten_page_is_refused() {
    let place = filled().await;
    let whole = fs::read(place.path()).unwrap();
    for content in [0x00, 0x5a] {
        for page in 0..whole.len() / 4096 {
            let mut damaged = whole.clone();
            damaged[page * 4096..][..4096].fill(content);
            if is_overflow(&whole, page) {
                // Only text: nothing in the file shows that it was different.
                continue;
            }
            fs::write(place.path(), damaged).unwrap();
            let error = refused(&place.path());
            assert!(
                matches!(error, OpenError::Damaged { .. } | OpenError::Foreign { .. }),
                "{page}: {error}"
            );
        }
    }
}

/// Returns whether a page holds the rest of a long payload, and so does not begin like a page of a tree.
fn is_overflow(file: &[u8], page: usize) -> bool {
    page > 0 && ![2, 5, 10, 13].contains(&file[page * 4096])
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_refused() {
    let place = filled().await;
    place
        .stranger()
        .pragma_update(None, "user_version", 3)
        .unwrap();
    let error = refused(&place.path());
    assert!(
        matches!(error, OpenError::Newer { found: 3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_log_without_its_tables_is_refused() {
    for change in [
        "DROP INDEX stream_open",
        "DROP TABLE event",
        "ALTER TABLE stream ADD COLUMN x TEXT",
        "DELETE FROM meta",
    ] {
        let place = filled().await;
        place.stranger().execute_batch(change).unwrap();
        let error = refused(&place.path());
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{change}: {error}"
        );
    }
}

#[tokio::test]
async fn a_lost_log_is_never_silently_begun_anew() {
    for trace in ["keys.json", "carrel.db-wal"] {
        let place = SqliteFile::new().await;
        fs::write(place.0.path().join(trace), "x").unwrap();
        let error = refused(&place.path());
        assert!(matches!(error, OpenError::Lost { .. }), "{error}");
        assert!(error.to_string().contains(trace), "{error}");
        assert!(!place.path().exists());

        fs::write(place.path(), "").unwrap();
        let error = refused(&place.path());
        assert!(matches!(error, OpenError::Lost { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_interrupted_beginning_is_begun_again() {
    // Before the first page was written.
    let place = SqliteFile::new().await;
    fs::write(place.path(), "").unwrap();
    let log = open(&place.path()).unwrap();
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();

    // While pages were written: they are there, with a journal for rolling them back.
    let place = SqliteFile::new().await;
    let unfinished = place.0.path().join("unfinished");
    let journal = place.0.path().join("unfinished-journal");
    let stranger = rusqlite::Connection::open(&unfinished).unwrap();
    stranger
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; CREATE TABLE meta (x);
             INSERT INTO meta VALUES (randomblob(100000)), (randomblob(100000));",
        )
        .unwrap();
    assert!(fs::metadata(&unfinished).unwrap().len() > 0);
    fs::copy(&unfinished, place.path()).unwrap();
    fs::copy(&journal, place.0.path().join("carrel.db-journal")).unwrap();
    let log = open(&place.path()).unwrap();
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
}

#[tokio::test]
async fn whoever_begins_at_the_same_time_begins_the_same_log() {
    for _ in 0..10 {
        let place = SqliteFile::new().await;
        let start = std::sync::Barrier::new(4);
        let logs: Vec<SqliteLog> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        place.open_with(SqliteOptions::default())
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        for (log, version) in logs.iter().zip(0..) {
            assert_eq!(log.epoch(), logs[0].epoch());
            log.append(batch([write("s", version, ["e"])]))
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_log_is_opened_beside_its_keys() {
    let place = filled().await;
    fs::write(place.0.path().join("keys.json"), "x").unwrap();
    let log = open(&place.path()).unwrap();
    assert_eq!(payloads(&log, "a").await.len(), 2);
}

#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    let place = SqliteFile::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
    for name in ["carrel.db", "carrel.db-wal", "carrel.db-shm"] {
        let mode = fs::metadata(place.0.path().join(name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_locked_file_is_refused() {
    let place = filled().await;
    let stranger = place.stranger();
    stranger
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let error = open(&place.path()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    drop(stranger);
    open(&place.path()).unwrap();
}

#[tokio::test]
async fn a_writer_at_work_does_not_stop_an_opening() {
    let place = filled().await;
    let log = place.open().await;
    let stranger = place.stranger();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let other = open(&place.path()).unwrap();
    assert_eq!(payloads(&other, "a").await.len(), 2);
    drop(log);
}

/// Runs in another process, because no file is read-only for a superuser.
#[tokio::test]
async fn a_read_only_file_is_refused() {
    let place = filled().await;
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let is_superuser = fs::metadata(place.path()).unwrap().uid() == 0;
    let output = child("open", &place.path(), is_superuser)
        .wait_with_output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("can't be written"), "{said}");
}
