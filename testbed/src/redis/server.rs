//! A single Redis server.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{port, program::Program};

/// How many ports are tried in all: another program may take a free port first.
const TRIES: u32 = 5;

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Further arguments of `redis-server`, for example `--client-output-buffer-limit` and `pubsub 64kb 0 0`.
    pub arguments: Vec<String>,
    /// The password that it requires.
    pub password: Option<String>,
}

/// One `redis-server` on 127.0.0.1. It is killed, and its folder removed, when this is dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    options: RedisOptions,
    /// `None` while it is stopped.
    program: Option<Program>,
}

impl Redis {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When `redis-server` is not installed or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(RedisOptions::default())
    }

    /// Starts a server with further arguments and waits until it answers.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_with(options: RedisOptions) -> anyhow::Result<Self> {
        let mut tries = 1;
        loop {
            let mut redis = Self {
                folder: tempfile::tempdir()?,
                port: port::free()?,
                options: options.clone(),
                program: None,
            };
            match redis.start_again() {
                Ok(()) => return Ok(redis),
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    /// Starts the server again, empty and on the same port, after [`Redis::kill`] or [`Redis::stop`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string()])
            .args(["--bind", "127.0.0.1", "--daemonize", "no"])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.options.arguments);
        if let Some(password) = &self.options.password {
            command.args(["--requirepass", password]);
        }
        let mut program = Program::start(command, &self.log())?;
        program.wait_until(|| self.ask(&["PING"]).is_ok_and(|answer| answer == "PONG"))?;
        self.program = Some(program);
        Ok(())
    }

    /// Returns its address in the form of a setting.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it was started, and neither killed nor stopped since.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.program.is_some()
    }

    /// Sends it a command by `redis-cli`, and returns the answer.
    ///
    /// # Errors
    /// When it does not answer, or answers with an error.
    pub fn ask(&self, command: &[&str]) -> anyhow::Result<String> {
        cli_with(self.port, self.options.password.as_deref(), command)
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// Stops it in order (SHUTDOWN).
    ///
    /// # Errors
    /// When `redis-cli` can't be run.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        // The server closes the connection instead of answering.
        let _ = self.ask(&["SHUTDOWN", "NOSAVE"]);
        self.kill();
        Ok(())
    }

    /// Freezes it (SIGSTOP): connections stay open, and nothing is answered until [`Redis::thaw`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on after [`Redis::freeze`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal("-CONT")
    }

    /// Makes it answer no client for this many milliseconds (CLIENT PAUSE).
    ///
    /// # Errors
    /// When it does not answer.
    pub fn pause(&self, milliseconds: u32) -> anyhow::Result<()> {
        self.ask(&["CLIENT", "PAUSE", &milliseconds.to_string(), "ALL"])?;
        Ok(())
    }

    /// Makes it a replica of another server; its clients stay connected (REPLICAOF).
    ///
    /// # Errors
    /// When it does not answer.
    pub fn follow(&self, master: &Self) -> anyhow::Result<()> {
        self.ask(&["REPLICAOF", "127.0.0.1", &master.port.to_string()])?;
        Ok(())
    }

    /// Deletes all keys (FLUSHALL).
    ///
    /// # Errors
    /// When it does not answer.
    pub fn flush(&self) -> anyhow::Result<()> {
        self.ask(&["FLUSHALL"])?;
        Ok(())
    }

    /// Closes all connections with subscriptions, and returns how many there were (CLIENT KILL TYPE pubsub).
    ///
    /// # Errors
    /// When it does not answer.
    pub fn kill_subscribers(&self) -> anyhow::Result<u32> {
        let closed = self.ask(&["CLIENT", "KILL", "TYPE", "pubsub"])?;
        closed.parse().context("not a number of connections")
    }

    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let program = self.program.as_ref().context("it does not run")?;
        let status = Command::new("kill")
            .args([signal, &program.id().to_string()])
            .status()?;
        if !status.success() {
            bail!("kill {signal} ended with {status}");
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("redis.log")
    }
}

/// Sends a command by `redis-cli` to a server that requires no password.
pub(super) fn cli(port: u16, command: &[&str]) -> anyhow::Result<String> {
    cli_with(port, None, command)
}

fn cli_with(port: u16, password: Option<&str>, command: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("redis-cli")
        .env("REDISCLI_AUTH", password.unwrap_or_default())
        // With `-e`, an error of the server sets the exit code.
        .args(["-e", "-p", &port.to_string()])
        .args(command)
        .output()
        .context("redis-cli does not start; scripts/setup.sh installs what tests need")?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} at {port}: {answer} {error}");
    }
    Ok(answer)
}
