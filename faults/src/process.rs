//! A program of ours, run as an operator runs it, and what can be done to it from outside.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tokio::time::{Instant, sleep};

/// How long a program may take until it serves.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a program may take to stop in order.
const STOPS_WITHIN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(10);

/// How a program is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Its name, for logs and messages.
    pub name: String,
    /// The path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, in addition to ours without any of Carrel's settings.
    pub environment: Vec<(String, String)>,
    /// The file that its standard error goes to.
    pub log: PathBuf,
}

impl Launch {
    /// Returns the command, without where its output goes.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARREL_") {
                command.env_remove(name);
            }
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end, which must be a success. Returns what it wrote to standard output.
    ///
    /// # Errors
    /// If it can't be started, or fails; the error holds what it wrote to standard error.
    pub fn run(&self) -> anyhow::Result<String> {
        let output = self.command().output();
        let output = output.with_context(|| self.cannot_start())?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} failed: {errors}", self.name);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn cannot_start(&self) -> String {
        format!(
            "{} can't be started from {}; build it first",
            self.name,
            self.program.display()
        )
    }
}

/// A program that runs, or did. Dropping it kills the program.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    child: Option<Child>,
}

impl Process {
    /// Creates a process that is not started yet.
    #[must_use]
    pub const fn new(launch: Launch) -> Self {
        Self {
            launch,
            child: None,
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// Returns its process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns whether it was started and has not been waited for.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// Returns whether it has ended by itself, or was killed by somebody else, since it was started.
    ///
    /// # Errors
    /// If that can't be found out.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        let Some(child) = &mut self.child else {
            return Ok(false);
        };
        let ended = child.try_wait()?.is_some();
        if ended {
            self.child = None;
        }
        Ok(ended)
    }

    /// Starts it, and waits for the line on its standard output that says that it serves.
    ///
    /// # Errors
    /// If it can't be started, or ends or prints nothing within a minute.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.launch.log)?;
        let mut child = self
            .launch
            .command()
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| self.launch.cannot_start())?;
        let stdout = child.stdout.take().context("no standard output")?;
        self.child = Some(child);
        let (says, said) = mpsc::channel();
        // Standard output is read to its end, so that the program never blocks on it.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Only the first line is waited for.
                let _ = says.send(line);
            }
        });
        let until = Instant::now() + READY_WITHIN;
        loop {
            match said.try_recv() {
                Ok(_) => return Ok(()),
                Err(mpsc::TryRecvError::Disconnected) => {
                    let status = self.wait().await?;
                    bail!(
                        "{} ended with {status} before it served: {}",
                        self.name(),
                        self.last_words()
                    );
                }
                Err(mpsc::TryRecvError::Empty) if Instant::now() > until => {
                    bail!("{} did not serve within {READY_WITHIN:?}", self.name());
                }
                Err(mpsc::TryRecvError::Empty) => sleep(LOOK).await,
            }
        }
    }

    /// Kills it (SIGKILL), which to the process is the same as a power cut.
    ///
    /// # Errors
    /// If it can't be waited for.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(child) = &mut self.child {
            child.kill()?;
            self.wait().await?;
        }
        Ok(())
    }

    /// Asks it to stop in order (SIGTERM) and waits until it has. Returns how long that took.
    ///
    /// # Errors
    /// If it takes longer than 15 seconds, or ends in failure.
    pub async fn stop(&mut self) -> anyhow::Result<Duration> {
        if self.child.is_none() {
            return Ok(Duration::ZERO);
        }
        let began = Instant::now();
        self.signal("TERM")?;
        let status = self.wait().await?;
        ensure!(status.success(), "{} stopped with {status}", self.name());
        Ok(began.elapsed())
    }

    /// Sends it a signal by name, such as "STOP" or "CONT".
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self
            .id()
            .with_context(|| format!("{} does not run", self.name()))?;
        signal(id, name)
    }

    async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let name = self.name().to_owned();
        let child = self
            .child
            .as_mut()
            .with_context(|| format!("{name} does not run"))?;
        let until = Instant::now() + STOPS_WITHIN;
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status);
            }
            ensure!(
                Instant::now() < until,
                "{name} did not stop within {STOPS_WITHIN:?}"
            );
            sleep(LOOK).await;
        }
    }

    fn last_words(&self) -> String {
        last_lines(&self.launch.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // A stopped process dies of SIGKILL too. One that has already ended can't be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// If there is no such process, or it is not ours.
pub fn signal(id: u32, name: &str) -> anyhow::Result<()> {
    let sent = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status()?;
    ensure!(sent.success(), "signal {name} to process {id} failed");
    Ok(())
}

/// Returns the last lines of a log.
#[must_use]
pub fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
