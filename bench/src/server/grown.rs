//! A log as it is after years of use, for a server to start on.
//!
//! A few sessions are held on a real server, from the question to the end, with a supervisor inside. What that server
//! has written about them is then copied within the log, many times over, under other ids and at other times. So every
//! row is as this commit's session-svc writes it, and ten million take minutes rather than hours.

mod copies;
mod model;

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use carrel_platform::log::sqlite::{SqliteLog, SqliteOptions};

use self::{copies::copy, model::Model};
use super::{LIBRARY, Subject};
use crate::core::Cores;

/// How many data folders of one size are kept: one for this tree's programs, and one for those of the commit to compare
/// with.
const KEPT: usize = 2;

/// The contents of a log.
#[derive(Clone, Debug)]
pub struct Grown {
    /// How many sessions have ended. Each has left [`Grown::EVENTS_EACH`] events.
    pub sessions: u64,
    /// The folder that keeps data folders for the next run.
    pub keep: PathBuf,
}

impl Grown {
    /// How many events each session has in all streams: 46 of the session, two of the conference and two of the audit.
    pub const EVENTS_EACH: u64 = 50;

    /// Returns a data folder with such a log, written by this subject's program. It must only be copied. If an earlier
    /// run has made one with the same program, that one is used.
    ///
    /// # Errors
    /// If a server fails, or the disk is full.
    pub(super) async fn data(&self, subject: &Subject, cores: Cores) -> anyhow::Result<PathBuf> {
        let size = format!("grown-{}-", self.sessions);
        let program = digest(&subject.programs.join("carrel"))?;
        let data = self.keep.join(format!("{size}{program:016x}"));
        if data.is_dir() {
            return Ok(data);
        }
        fs::create_dir_all(&self.keep)
            .with_context(|| format!("{} can't be made", self.keep.display()))?;
        forget_all_but(KEPT - 1, &self.keep, &size)?;
        let making = tempfile::Builder::new()
            .prefix("making-")
            .tempdir_in(&self.keep)?;
        let made = making.path().join("data");
        let empty = Subject {
            grown: None,
            traced: None,
            ..subject.clone()
        };
        let server = empty.start(cores, model::LIBRARIANS).await?;
        model::hold_sessions(&server).await?;
        server.stop_and_keep(&made).await?;
        let log = SqliteLog::open(&made.join("carrel.db"), SqliteOptions::default())?;
        let model = Model::read(&log, LIBRARY).await?;
        copy(&log, &model, self.sessions).await?;
        // Closing it leaves one file.
        drop(log);
        fs::rename(made, &data)?;
        Ok(data)
    }
}

/// Returns a hash of a file's content.
fn digest(file: &Path) -> anyhow::Result<u64> {
    let content = fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&content);
    Ok(hasher.finish())
}

/// Removes the oldest folders whose names start with `begin`, until at most `left` remain.
fn forget_all_but(left: usize, keep: &Path, begin: &str) -> anyhow::Result<()> {
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(keep)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(begin) {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    found.sort();
    let old = found.len().saturating_sub(left);
    for (_, folder) in found.into_iter().take(old) {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_folders_of_a_size_are_kept() -> anyhow::Result<()> {
        let keep = tempfile::tempdir()?;
        for (age, name) in ["grown-9-c", "grown-9-a", "grown-9-b", "grown-90-a"]
            .iter()
            .enumerate()
        {
            let folder = keep.path().join(name);
            fs::create_dir(&folder)?;
            let made = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age as u64);
            fs::File::open(&folder)?.set_modified(made)?;
        }
        forget_all_but(1, keep.path(), "grown-9-")?;
        let mut left = fs::read_dir(keep.path())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        left.sort();
        assert_eq!(left, ["grown-9-b", "grown-90-a"]);
        Ok(())
    }
}
