//! A log whose process is killed, and one that two processes write to.
//!
//! The other process is this test program, started again with [`ROLE`] set.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use carrel_platform::log::{
    EventLog, LogError, Write,
    sqlite::{SqliteLog, SqliteOptions},
};
use futures::future::join_all;

use crate::{
    Place,
    sentences::{batch, event, stream, write},
    sqlite_erasing::erase_until_killed,
    sqlite_place::SqliteFile,
};

const ROLE: &str = "LOG_CONTRACT_ROLE";
const PATH: &str = "LOG_CONTRACT_PATH";
const LANES: usize = 8;
const ROUNDS: usize = 20;

/// Starts this program again in another role.
pub(crate) fn child(role: &str, path: &Path, as_nobody: bool) -> Child {
    let mut program = std::env::current_exe().unwrap();
    let mut nobody = None;
    if as_nobody {
        // Other users may have no access to the build folder.
        let copy = path.with_file_name("other_process");
        std::fs::copy(&program, &copy).unwrap();
        program = copy;
        nobody = Some(65_534);
    }
    let mut command = Command::new(program);
    command
        .args(["--exact", "sqlite_kill::other_process", "--nocapture"])
        .env(ROLE, role)
        .env(PATH, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(id) = nobody {
        std::os::unix::process::CommandExt::gid(&mut command, id);
        std::os::unix::process::CommandExt::uid(&mut command, id);
        command.current_dir("/");
    }
    command.spawn().unwrap()
}

/// The work of the other process. Does nothing when it is run as a test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let path = std::env::var_os(PATH).unwrap();
    let log = match SqliteLog::open(Path::new(&path), SqliteOptions::default()) {
        Ok(log) => log,
        Err(error) => return say(&error.to_string()),
    };
    match role.as_str() {
        "open" => say("opened"),
        "erase" => erase_until_killed(&log).await,
        "compete" => compete(&log, "other").await,
        "run" => {
            join_all((0..LANES).map(|lane| run_lane(&log, lane))).await;
        }
        role => panic!("{role}"),
    }
}

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent may have stopped listening.
    drop(writeln!(out, "\n{line}").and_then(|()| out.flush()));
}

fn content(lane: usize, version: u64) -> String {
    format!("{lane} {version} ").repeat(lane * 40 + 1)
}

/// Repeatedly writes to two streams at once and says what was acknowledged, until it is killed.
async fn run_lane(log: &SqliteLog, lane: usize) {
    let read = log.read(&stream(&format!("a{lane}")), 0, usize::MAX).await;
    let mut version = read.unwrap().len() as u64;
    loop {
        let one = |side: &str| Write {
            events: vec![event(content(lane, version + 1))],
            ..write(&format!("{side}{lane}"), version, [])
        };
        log.append(batch([one("a"), one("b")])).await.unwrap();
        version += 1;
        say(&format!("acked {lane} {version}"));
    }
}

// I1, I2, F1, F17
#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let place = SqliteFile::new().await;
    let epoch = place.open().await.epoch().to_owned();
    let mut acked: BTreeMap<usize, u64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut process = child("run", &place.path(), false);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut heard = 0;
        let mut note = |line: std::io::Result<String>| {
            let line = line.unwrap();
            let mut words = line.split(' ');
            if words.next() == Some("acked") {
                let lane = words.next().unwrap().parse().unwrap();
                let version = words.next().unwrap().parse().unwrap();
                acked.insert(lane, version);
                heard += 1;
            }
            heard
        };
        // A different moment in every round; with the pipe and the threads, it may be in the middle of anything.
        let enough = 1 + round * 37 % 211;
        while note(lines.next().expect("the process ended by itself")) < enough {}
        process.kill().unwrap();
        lines.for_each(|line| {
            note(line);
        });
        process.wait().unwrap();

        let log = place.open().await;
        assert_eq!(log.epoch(), epoch);
        for lane in 0..LANES {
            let [a, b] = [format!("a{lane}"), format!("b{lane}")].map(|id| stream(&id));
            let a = log.read(&a, 0, usize::MAX).await.unwrap();
            assert_eq!(a, log.read(&b, 0, usize::MAX).await.unwrap());
            assert!(a.len() as u64 >= acked.get(&lane).copied().unwrap_or(0));
            for (event, version) in a.iter().zip(1..) {
                assert_eq!(event.version, version);
                assert!(event.payload == content(lane, version), "{lane} {version}");
            }
        }
    }
}

/// Appends a hundred events to a stream to which another process appends, too.
async fn compete(log: &SqliteLog, who: &'static str) {
    let mut version = 0;
    for _ in 0..100 {
        loop {
            match log.append(batch([write("s", version, [who])])).await {
                Ok(()) => break version += 1,
                Err(LogError::Conflict { actual, .. }) => version = actual,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test]
async fn two_processes_write_one_dense_order() {
    let place = SqliteFile::new().await;
    let log = place.open().await;
    let mut process = child("compete", &place.path(), false);
    compete(&log, "this").await;
    let drained = std::io::copy(&mut process.stdout.take().unwrap(), &mut std::io::sink());
    drained.unwrap();
    assert!(process.wait().unwrap().success());
    let read = log.read(&stream("s"), 0, usize::MAX).await.unwrap();
    assert!(read.iter().map(|event| event.version).eq(1..=200));
    for who in ["this", "other"] {
        assert_eq!(
            read.iter().filter(|event| event.payload == who).count(),
            100
        );
    }
}
