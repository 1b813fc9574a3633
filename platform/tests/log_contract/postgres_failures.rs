//! A PostgreSQL server that is killed, halted, full, or taken over by its standby.

use std::{path::Path, process::Command, time::Duration};

use carrel_platform::{
    config::{HumanDuration, Secret},
    log::{
        EventLog, LogError, Write,
        postgres::{OpenError, PostgresConfig, PostgresLog, migrate},
    },
};
use carrel_testbed::postgres::{Postgres, Stop};
use futures::future::join_all;

use crate::{
    postgres_engine::{run_lane, settled, settled_payloads},
    postgres_place::{Stranger, config, impatient, own},
    sentences::{batch, event, payloads, stream, write},
};

async fn opened(server: &Postgres) -> (PostgresConfig, PostgresLog) {
    let mut config = config(server);
    migrate(&config).await.unwrap();
    impatient(&mut config);
    let log = PostgresLog::open(&config).await.unwrap();
    (config, log)
}

// I1, I2, F13
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_killed_loses_nothing_that_was_acknowledged() {
    const LANES: usize = 8;
    const EACH: u64 = 400;
    let mut server = own(&[]).await;
    let (config, log) = opened(&server).await;
    let epoch = log.epoch().to_owned();
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let log = log.clone();
            tokio::spawn(async move { run_lane(&log, lane, EACH).await })
        })
        .collect();
    for round in 0..6 {
        // In the middle of the work, at another point each time.
        let enough = log.figures().events + 100 + round * 37;
        while log.figures().events < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::task::block_in_place(|| {
            match round % 3 {
                0 => server.kill(),
                1 => server.stop(Stop::Immediate).unwrap(),
                _ => server.stop(Stop::Fast).unwrap(),
            }
            server.start_again().unwrap();
        });
    }
    for lane in lanes {
        lane.await.unwrap();
    }
    drop(log);
    // A new process finds the same history.
    let log = PostgresLog::open(&config).await.unwrap();
    assert_eq!(log.epoch(), epoch);
    for lane in 0..LANES {
        let expected: Vec<_> = (0..EACH).map(|n| format!("{lane} {n}")).collect();
        assert_eq!(payloads(&log, &lane.to_string()).await, expected);
    }
}

// F13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_gone_nothing_is_written_and_nobody_waits() {
    let mut server = own(&[]).await;
    let (_, log) = opened(&server).await;
    log.append(batch([write("s", 0, ["1"])])).await.unwrap();
    tokio::task::block_in_place(|| server.stop(Stop::Fast).unwrap());
    for _ in 0..20 {
        let result = log.append(batch([write("s", 1, ["2"])])).await;
        assert!(
            matches!(result, Err(LogError::Unavailable(_))),
            "{result:?}"
        );
        let read = log.read(&stream("s"), 0, 9).await;
        assert!(matches!(read, Err(LogError::Unavailable(_))), "{read:?}");
    }
    tokio::task::block_in_place(|| server.start_again().unwrap());
    while log.append(batch([write("s", 1, ["2"])])).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(settled(&log, "s").await, 2);
    assert_eq!(payloads(&log, "s").await, ["1", "2"]);
}

// F13, F16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_halted_is_given_up_and_the_outcome_is_settled_later() {
    let server = own(&[]).await;
    let (_, log) = opened(&server).await;
    log.append(batch([write("s", 0, ["1"])])).await.unwrap();
    server.halt(true).unwrap();
    let result = log.append(batch([write("s", 1, ["2"])])).await;
    assert!(
        matches!(result, Err(LogError::Unavailable(_) | LogError::Unknown(_))),
        "{result:?}"
    );
    server.halt(false).unwrap();
    run_until_appended(&log, "s", "2").await;
    assert_eq!(payloads(&log, "s").await, ["1", "2"]);
}

/// Appends an event after the first one, settling unknown outcomes.
async fn run_until_appended(log: &PostgresLog, id: &str, payload: &'static str) {
    loop {
        match log.append(batch([write(id, 1, [payload])])).await {
            Ok(()) | Err(LogError::Conflict { .. }) => return,
            Err(LogError::Unavailable(_) | LogError::Unknown(_)) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

// I1, F14
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_synchronous_standby_takes_over_without_a_loss_and_as_another_history() {
    let server = own(&[]).await;
    let (mut config, log) = opened(&server).await;
    let (mut server, standby) = blocking(move || {
        let standby = server.start_standby().unwrap();
        (server, standby)
    })
    .await;
    drop(log);
    // The standby is named first, and skipped as long as it is a standby.
    config.url = Secret::new(format!(
        "postgres://carrel@{},{}/carrel",
        standby.host_and_port(),
        server.host_and_port()
    ));
    let alone = PostgresConfig {
        url: Secret::new(standby.url()),
        ..config.clone()
    };
    let error = PostgresLog::open(&alone).await.unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    let log = PostgresLog::open(&config).await.unwrap();
    let epoch = log.epoch().to_owned();

    let lanes: Vec<_> = (0..8)
        .map(|lane| {
            let log = log.clone();
            tokio::spawn(async move {
                let id = format!("{lane}");
                let mut acknowledged = 0;
                // Until the log breaks, and is unavailable from then on.
                loop {
                    let write = Write {
                        events: vec![event(format!("{lane} {acknowledged}"))],
                        ..write(&id, acknowledged, [])
                    };
                    match log.append(batch([write])).await {
                        Ok(()) => acknowledged += 1,
                        Err(_) => return acknowledged,
                    }
                }
            })
        })
        .collect();
    while log.figures().events < 200 {
        let all_ended = lanes.iter().all(tokio::task::JoinHandle::is_finished);
        assert!(!all_ended, "the log broke too early");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let failed = log.failed();
    let servers = blocking(move || {
        server.kill();
        standby.promote().unwrap();
        (server, standby)
    })
    .await;
    failed.await;
    let result = log.append(batch([write("new", 0, ["e"])])).await;
    assert!(
        matches!(result, Err(LogError::Unavailable(_))),
        "{result:?}"
    );
    let read = log.read(&stream("0"), 0, 9).await;
    assert!(matches!(read, Err(LogError::Unavailable(_))), "{read:?}");

    let reopened = PostgresLog::open(&config).await.unwrap();
    assert_ne!(reopened.epoch(), epoch);
    for (lane, acknowledged) in join_all(lanes).await.into_iter().enumerate() {
        let acknowledged = acknowledged.unwrap();
        let there = payloads(&reopened, &lane.to_string()).await;
        // The append of unknown outcome may be there, too.
        assert!(there.len() as u64 >= acknowledged, "{lane}: {acknowledged}");
        assert!(there.len() as u64 <= acknowledged + 1);
        let expected: Vec<_> = (0..there.len()).map(|n| format!("{lane} {n}")).collect();
        assert_eq!(there, expected);
    }
    drop(servers);
}

// I1, F14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_no_standby_confirmed_is_not_acknowledged() {
    let server = own(&[]).await;
    let (config, log) = opened(&server).await;
    let (server, mut standby) = blocking(move || {
        let mut standby = server.start_standby().unwrap();
        standby.stop(Stop::Fast).unwrap();
        (server, standby)
    })
    .await;
    let stranger = Stranger::connect(&config).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

    // The server commits when the standby does, at an unknown time.
    let mut unknown = Vec::new();
    for n in 0..40 {
        let id = format!("s{n}");
        match log.append(batch([write(&id, 0, ["e"])])).await {
            Err(LogError::Unknown(_)) => unknown.push(id),
            Err(LogError::Unavailable(_)) => {}
            result => panic!("{result:?}"),
        }
        // However long that is, no more of the server's connections are held than there are writers.
        assert!(stranger.count(waiting).await <= 2);
    }
    assert!((1..=2).contains(&unknown.len()), "{unknown:?}");
    let standby = blocking(move || {
        standby.start_again().unwrap();
        standby
    })
    .await;
    while log.append(batch([write("t", 0, ["e"])])).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for id in unknown {
        while settled(&log, &id).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    drop((server, standby));
}

// I1, F14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_made_to_stop_waiting_for_the_standby_is_not_acknowledged() {
    let server = own(&[]).await;
    let (config, log) = opened(&server).await;
    drop(log);
    let servers = blocking(move || {
        let mut standby = server.start_standby().unwrap();
        standby.stop(Stop::Fast).unwrap();
        (server, standby)
    })
    .await;
    let stranger = Stranger::connect(&config).await;
    let patient = PostgresConfig {
        answer_timeout: HumanDuration::from_secs(60),
        ..config
    };
    let log = PostgresLog::open(&patient).await.unwrap();
    let append = tokio::spawn(async move { log.append(batch([write("t", 0, ["e"])])).await });
    while !append.is_finished() {
        stranger
            .run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            .await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let result = append.await.unwrap();
    assert!(matches!(result, Err(LogError::Unknown(_))), "{result:?}");
    drop(servers);
}

/// A small file system of its own, unmounted when it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder.path())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A folder that stays mounted can't be removed, which would go unnoticed.
        let unmounted = Command::new("umount").arg(self.path()).status();
        assert!(unmounted.unwrap().success() || std::thread::panicking());
    }
}

// F15
#[expect(
    clippy::print_stderr,
    reason = "whoever runs it must see that it was left out"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_writing_and_not_reading_until_there_is_room() {
    let Some(disk) = SmallDisk::mount(160) else {
        eprintln!("NOT TESTED: a small file system can't be mounted, which takes root");
        return;
    };
    let folder = disk.path().to_owned();
    // The write-ahead log is allocated beforehand, so that it is the tables that find no room.
    let settings = [
        ("min_wal_size", "64MB"),
        ("max_wal_size", "64MB"),
        ("wal_recycle", "on"),
    ];
    let server = blocking(move || Postgres::start_in(&folder, &settings).unwrap()).await;
    let (_, log) = opened(&server).await;
    log.append(batch([write("small", 0, ["1"])])).await.unwrap();
    // Fills the disk but for a little.
    let ballast = disk.path().join("ballast");
    fill(&ballast, &disk);
    let mut version = 0;
    let problem = loop {
        let large = Write {
            events: vec![event(noise(1 << 20, version))],
            ..write("large", version, [])
        };
        match log.append(batch([large])).await {
            Ok(()) => version += 1,
            Err(LogError::Unavailable(problem)) if problem.contains("make room") => break problem,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(problem.contains("53100"), "{problem}");
    // A read needs a buffer in PostgreSQL's memory, which now and then has to be written out first: then the read
    // fails, and another read finds another buffer.
    assert_eq!(settled_payloads(&log, "small").await, ["1"]);
    assert_eq!(settled(&log, "large").await, version);
    std::fs::remove_file(ballast).unwrap();
    let large = Write {
        events: vec![event(noise(1 << 20, version))],
        ..write("large", version, [])
    };
    log.append(batch([large])).await.unwrap();
    assert_eq!(settled(&log, "large").await, version + 1);
    drop(log);
    drop(server);
}

/// Fills all but eight megabytes of the disk.
fn fill(ballast: &Path, disk: &SmallDisk) {
    let free = Command::new("df")
        .args(["--output=avail", "--block-size=1M"])
        .arg(disk.path())
        .output()
        .unwrap();
    let free = String::from_utf8(free.stdout).unwrap();
    let free: u64 = free.lines().nth(1).unwrap().trim().parse().unwrap();
    let filled = Command::new("fallocate")
        .args(["--length", &format!("{}M", free.saturating_sub(8))])
        .arg(ballast)
        .status()
        .unwrap();
    assert!(filled.success());
}

/// Returns incompressible bytes.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(1);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}
