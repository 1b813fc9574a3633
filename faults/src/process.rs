//! A program of ours, run as an operator runs it, and everything that can be done to it from outside.

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

/// How long a program may take to serve.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long one may take to stop in order.
const STOPS_WITHIN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(10);

/// How a program is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Its name, for logs and messages.
    pub name: String,
    /// Where it is.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, beside ours without any setting of Carrel's.
    pub environment: Vec<(String, String)>,
    /// Where what it writes to standard error goes.
    pub log: PathBuf,
}

impl Launch {
    /// The command, without where its output goes.
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

    /// Runs it to its end, which must be a success, and returns what it wrote to standard output.
    ///
    /// # Errors
    /// When it can't be started, or fails; with what it wrote to standard error.
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

/// A program that runs, or did. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    child: Option<Child>,
}

impl Process {
    /// One that is not started yet.
    #[must_use]
    pub const fn new(launch: Launch) -> Self {
        Self {
            launch,
            child: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it was started and has not been waited for.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// Whether it has ended by itself, or was killed by somebody else, since it was started.
    ///
    /// # Errors
    /// When that can't be known.
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
    /// When it can't be started, or ends or says nothing within a minute.
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
        // It is read to its end, so that the program never waits for us.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Who listens, listens for the first line only.
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

    /// Ends it as a power cut would, as far as a process can tell (SIGKILL).
    ///
    /// # Errors
    /// When it can't be waited for.
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
    /// When it takes longer than 15 seconds, or ends in failure.
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

    /// Sends it a signal, by name: "STOP" and "CONT", for example.
    ///
    /// # Errors
    /// When it does not run.
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
            // A stopped process dies of SIGKILL too. One that has ended already can't be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// When there is no such process, or it is not ours.
pub fn signal(id: u32, name: &str) -> anyhow::Result<()> {
    let sent = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status()?;
    ensure!(sent.success(), "signal {name} to process {id} failed");
    Ok(())
}

/// The last lines of a log.
#[must_use]
pub fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
