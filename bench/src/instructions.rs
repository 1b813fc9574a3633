//! How many instructions the server takes for one message, as callgrind counts them: from a frame on the speaker's
//! socket to the frames on the others' sockets and the acknowledgement.
//!
//! Two servers run for equally long, one with many messages, one after the other, and one with few. The difference is
//! what messages cost, without what time costs. It hardly depends on the machine or on what else runs there, so it can
//! be held to a budget.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::time::{Instant, sleep_until};

use crate::{
    core::Cores,
    ledger::Ledger,
    member::Order,
    moment::Moment,
    room::{Crowd, Shape},
    server::{Form, Protocol, Subject},
};

const FEW: u32 = 100;
const MANY: u32 = 600;
/// How long one message may take under callgrind.
const WITHIN: Duration = Duration::from_secs(20);

/// The budget of a message.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Instructions of one message in a session of three.
    pub instructions_per_message: u64,
    /// The deviation, as a fraction, that is accepted without a look at the cause.
    pub tolerance: f64,
}

impl Budget {
    /// Reads the budget from a file.
    ///
    /// # Errors
    /// If the file can't be read or is not a budget.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file)
            .with_context(|| format!("{} can't be read", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no budget", file.display()))
    }

    /// Checks a count against the budget.
    ///
    /// # Errors
    /// If it is more than the budget and its tolerance allow; or so much less that the budget must be lowered to it.
    pub fn check(&self, instructions: u64) -> anyhow::Result<()> {
        let ratio = instructions as f64 / self.instructions_per_message as f64;
        ensure!(
            ratio <= 1.0 + self.tolerance,
            "a message takes {ratio:.2} times its budget of {} instructions; find out why with callgrind_annotate",
            self.instructions_per_message
        );
        ensure!(
            ratio >= 1.0 - self.tolerance,
            "a message takes only {ratio:.2} times its budget; write {instructions} into it, so that it stays so"
        );
        Ok(())
    }
}

/// Counts the instructions of one message, in a `carrel` from this folder. If `traced`, it keeps that part of its
/// traces and sends all telemetry to a collector.
///
/// # Errors
/// If valgrind is not installed, or a message does not arrive.
pub async fn count(programs: &Path, cores: Cores, traced: Option<f64>) -> anyhow::Result<u64> {
    let (many, took) = total(programs, cores, traced, MANY, Duration::ZERO).await?;
    let (few, _) = total(programs, cores, traced, FEW, took).await?;
    Ok(many.saturating_sub(few) / u64::from(MANY - FEW))
}

/// Returns all instructions of a server in whose one session `messages` messages were said, and how long that took,
/// which is no less than `lasts`.
async fn total(
    programs: &Path,
    cores: Cores,
    traced: Option<f64>,
    messages: u32,
    lasts: Duration,
) -> anyhow::Result<(u64, Duration)> {
    let folder = TempDir::new()?;
    let log = folder.path().join("callgrind.log");
    let subject = Subject {
        form: Form::Embedded,
        protocol: Protocol::Proto,
        synced: true,
        traced,
        grown: None,
        programs: under_callgrind(folder.path(), programs, &log)?,
        build: None,
    };
    let server = subject.start(cores, 1).await?;
    let shape = Shape {
        rooms: 1,
        watchers: 1,
    };
    let crowd = Crowd::gather(&server, shape).await?;
    let began = Instant::now();
    for said in 0..messages {
        let speaker = crowd.talkers().nth(said as usize % 2);
        let speaker = speaker.context("nobody talks")?;
        Crowd::tell([speaker].into_iter(), Order::Say(Moment::now()));
        let count = u64::from(said) + 1;
        let arrived = crowd
            .wait_for(WITHIN, |ledger: &Ledger| {
                ledger.count_sent() == count && ledger.is_settled()
            })
            .await;
        ensure!(
            arrived,
            "a message did not arrive: {:?}",
            crowd.ledger.words()
        );
    }
    sleep_until(began + lasts).await;
    let took = began.elapsed();
    drop(crowd);
    server.stop().await?;
    let text = fs::read_to_string(&log)?;
    let count = text
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok())
        .context("callgrind did not say what it counted")?;
    Ok((count, took))
}

/// Makes a folder whose `carrel` serves under callgrind, with one worker thread, so that counts are comparable between
/// runs.
fn under_callgrind(folder: &Path, programs: &Path, log: &Path) -> anyhow::Result<PathBuf> {
    let wrapped = folder.join("programs");
    fs::create_dir(&wrapped)?;
    let script = wrapped.join("carrel");
    let program = programs.join("carrel");
    fs::write(
        &script,
        format!(
            "#!/bin/sh\n[ \"$1\" = serve ] || exec '{program}' \"$@\"\nTOKIO_WORKER_THREADS=1 exec valgrind \
             --tool=callgrind --callgrind-out-file=/dev/null --log-file='{log}' '{program}' \"$@\"\n",
            program = program.display(),
            log = log.display(),
        ),
    )?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(wrapped)
}
