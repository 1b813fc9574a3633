//! An installed program, run for a test.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

/// How long a program may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often that is checked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program with its output in `log`.
    ///
    /// # Errors
    /// When it is not installed or can't be started.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let output = std::fs::File::create(log)?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| {
                format!("{name} does not start; scripts/setup.sh installs what tests need")
            })?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Waits until `ready` returns true.
    ///
    /// # Errors
    /// When the program ends before that or takes too long. The error has the end of the program's output.
    pub fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> anyhow::Result<()> {
        let until = Instant::now() + READY_WITHIN;
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}: {}", self.last_words());
            }
            if Instant::now() > until {
                bail!(
                    "it was not ready within {READY_WITHIN:?}: {}",
                    self.last_words()
                );
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Returns its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        // The kill fails if the program has ended already; it must be waited for even then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not end within a minute. The error has the end of its output.
    pub fn wait(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + READY_WITHIN;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                bail!(
                    "it did not end within {READY_WITHIN:?}: {}",
                    self.last_words()
                );
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let output = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = output.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
