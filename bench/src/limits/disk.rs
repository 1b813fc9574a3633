//! What the disk allows: how long one sync takes, and how many appends share it.

use std::{
    fs::OpenOptions,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    figures::{Figures, quantiles},
    ledger::{histogram, record},
};

/// The number of bytes that one append writes.
const APPEND: usize = 256;
/// How many appends share a commit, where they do.
const SHARED: usize = 64;

/// Measures the disk that a folder is on, each figure for `time`.
///
/// # Errors
/// If nothing can be written there.
pub fn measure(folder: &Path, time: Duration) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("sync"))?;
    let mut syncs = histogram();
    let until = Instant::now() + time;
    while Instant::now() < until {
        file.write_all(&[0; APPEND])?;
        let began = Instant::now();
        file.sync_data()?;
        record(&mut syncs, began.elapsed());
    }
    quantiles(&mut figures, "fsync", &syncs);
    for together in [1, SHARED] {
        let name = format!("SQLite appends/s, {together} in a commit");
        let file = folder.join(format!("commit-{together}.db"));
        figures.insert(name, commits(&file, together, time)?);
    }
    Ok(figures)
}

fn commits(file: &Path, together: usize, time: Duration) -> anyhow::Result<f64> {
    let mut connection = super::room::open(file)?;
    let (began, mut appends) = (Instant::now(), 0_u32);
    while began.elapsed() < time {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO said VALUES (?1, ?2, ?3)")?;
            for number in 0..together {
                insert.execute((0, i64::try_from(number)?, [0_u8; APPEND]))?;
            }
        }
        transaction.commit()?;
        appends += u32::try_from(together)?;
    }
    Ok(f64::from(appends) / began.elapsed().as_secs_f64())
}
