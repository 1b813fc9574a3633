//! `strace`, attached to running processes to kill them at a system call.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::process::signal;

const ATTACHED_WITHIN: Duration = Duration::from_secs(20);
const DETACHES_WITHIN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// A running `strace`. It releases its processes when it is detached or dropped.
#[derive(Debug)]
pub(super) struct Strace {
    child: Option<Child>,
    said: PathBuf,
    _folder: TempDir,
}

impl Strace {
    /// Attaches to processes with all their threads: the first thread that enters its `nth` call of this kind is
    /// killed, with its process, before the call does anything.
    ///
    /// # Errors
    /// If `strace` is not installed, or may not attach.
    pub(super) async fn attach(processes: &[u32], call: &str, nth: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let said = folder.path().join("strace");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal=KILL:when={nth}")])
            .args(
                processes
                    .iter()
                    .flat_map(|id| ["-p".to_owned(), id.to_string()]),
            );
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said)?)
            .spawn()
            .context("strace does not start; scripts/setup.sh strace installs it")?;
        let mut strace = Self {
            child: Some(child),
            said,
            _folder: folder,
        };
        strace.attached(processes).await?;
        Ok(strace)
    }

    async fn attached(&mut self, processes: &[u32]) -> anyhow::Result<()> {
        let until = Instant::now() + ATTACHED_WITHIN;
        loop {
            let said = self.said()?;
            let attached = |id: &u32| said.contains(&format!("Process {id} attached"));
            if processes.iter().all(attached) {
                return Ok(());
            }
            let ended = self
                .child
                .as_mut()
                .is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            if ended || Instant::now() > until {
                bail!("strace could not attach to {processes:?}: {said}");
            }
            sleep(LOOK).await;
        }
    }

    /// Returns whether it has killed a process.
    ///
    /// # Errors
    /// If its output can't be read.
    pub(super) fn has_killed(&self) -> anyhow::Result<bool> {
        Ok(self.said()?.contains("killed by SIGKILL"))
    }

    /// Releases the processes.
    ///
    /// # Errors
    /// If it can't be signalled.
    pub(super) async fn detach(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        if child.try_wait()?.is_none() {
            // It may already have ended with its processes.
            let _ = signal(child.id(), "TERM");
        }
        let until = Instant::now() + DETACHES_WITHIN;
        while child.try_wait()?.is_none() {
            if Instant::now() > until {
                // It may be waiting for a process that is dying. If it is killed, the kernel detaches the others.
                let _ = child.kill();
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    fn said(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.said)?)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // If strace itself is killed, the kernel detaches its processes.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
