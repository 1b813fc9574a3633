//! How many instructions the server takes for one message, as callgrind counts them: from a frame on the speaker's
//! socket to the frames on the others' sockets and the acknowledgement.
//!
//! Two servers run for equally long, one with many messages, and one with few. The difference is what messages cost,
//! without what time costs. If messages come one after the other, it hardly depends on the machine or on what else runs
//! there, so it can be held to a budget. If they come as in the flood, it shows what is shared by messages that come
//! together; how many do varies a little.

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
    scenario::flood,
    server::{Form, Protocol, Subject},
};

/// How long one message, or one flood, may take under callgrind.
const WITHIN: Duration = Duration::from_secs(120);

/// What is counted.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The folder with the `carrel` that serves.
    pub programs: PathBuf,
    /// How the messages come.
    pub load: Load,
    /// The part of its traces that the server keeps, sending all telemetry to a collector; nothing is sent if `None`.
    pub traced: Option<f64>,
    /// Where callgrind writes the profile of the server with many messages, if it is wanted.
    pub profile: Option<PathBuf>,
}

/// How messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// One after the other, in one session.
    Quiet,
    /// As fast as they are acknowledged, in several sessions.
    Busy,
}

impl Load {
    /// Returns how many messages the server with few and the one with many get from each speaker.
    const fn few_and_many(self) -> (u32, u32) {
        match self {
            Self::Quiet => (50, 300),
            Self::Busy => (25, 225),
        }
    }

    /// Returns how many sessions there are.
    const fn rooms(self) -> u16 {
        match self {
            Self::Quiet => 1,
            Self::Busy => 16,
        }
    }

    /// Returns how many people speak.
    fn speakers(self) -> u32 {
        2 * u32::from(self.rooms())
    }
}

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

/// Counts the instructions of one message.
///
/// # Errors
/// If valgrind is not installed, or a message does not arrive.
pub async fn count(counted: &Counted, cores: Cores) -> anyhow::Result<u64> {
    let (few, many) = counted.load.few_and_many();
    let (with_many, took) = total(counted, cores, many, Duration::ZERO).await?;
    let without_profile = Counted {
        profile: None,
        ..counted.clone()
    };
    let (with_few, _) = total(&without_profile, cores, few, took).await?;
    let messages = counted.load.speakers() * (many - few);
    Ok(with_many.saturating_sub(with_few) / u64::from(messages))
}

/// Returns all instructions of a server to which each speaker said `each` messages, and how long that took, which is no
/// less than `lasts`.
async fn total(
    counted: &Counted,
    cores: Cores,
    each: u32,
    lasts: Duration,
) -> anyhow::Result<(u64, Duration)> {
    let folder = TempDir::new()?;
    let log = folder.path().join("callgrind.log");
    let subject = Subject {
        form: Form::Embedded,
        protocol: Protocol::Proto,
        synced: true,
        traced: counted.traced,
        grown: None,
        programs: under_callgrind(folder.path(), counted, &log)?,
        build: None,
    };
    let server = subject.start(cores, 1).await?;
    let shape = Shape {
        rooms: usize::from(counted.load.rooms()),
        watchers: 1,
    };
    let crowd = Crowd::gather(&server, shape).await?;
    let began = Instant::now();
    match counted.load {
        Load::Quiet => say_in_turns(&crowd, each).await?,
        Load::Busy => {
            Crowd::tell(crowd.talkers(), flood::order(each));
            let all = u64::from(each * counted.load.speakers());
            wait_for(&crowd, all).await?;
        }
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

/// Has each speaker of the only session say so many messages, each once the last one arrived.
async fn say_in_turns(crowd: &Crowd, each: u32) -> anyhow::Result<()> {
    let mut said = 0;
    for _ in 0..each {
        for speaker in crowd.talkers() {
            Crowd::tell([speaker].into_iter(), Order::Say(Moment::now()));
            said += 1;
            wait_for(crowd, said).await?;
        }
    }
    Ok(())
}

/// Waits until so many messages were sent and have arrived.
async fn wait_for(crowd: &Crowd, messages: u64) -> anyhow::Result<()> {
    let arrived = crowd
        .wait_for(WITHIN, |ledger: &Ledger| {
            ledger.count_sent() == messages && ledger.is_settled()
        })
        .await;
    ensure!(
        arrived,
        "a message did not arrive: {:?}",
        crowd.ledger.words()
    );
    Ok(())
}

/// Makes a folder whose `carrel` serves under callgrind, with one worker thread, so that counts are comparable between
/// runs.
fn under_callgrind(folder: &Path, counted: &Counted, log: &Path) -> anyhow::Result<PathBuf> {
    let wrapped = folder.join("programs");
    fs::create_dir(&wrapped)?;
    let script = wrapped.join("carrel");
    let program = counted.programs.join("carrel");
    let profile = counted.profile.as_deref().unwrap_or(Path::new("/dev/null"));
    fs::write(
        &script,
        format!(
            "#!/bin/sh\n[ \"$1\" = serve ] || exec '{program}' \"$@\"\nTOKIO_WORKER_THREADS=1 exec valgrind \
             --tool=callgrind --callgrind-out-file='{profile}' --log-file='{log}' '{program}' \"$@\"\n",
            program = program.display(),
            profile = profile.display(),
            log = log.display(),
        ),
    )?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(wrapped)
}
