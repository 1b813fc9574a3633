//! Private PostgreSQL servers.

mod processes;
mod watch;

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use self::watch::Watch;
use crate::{port, program::Program};

/// The folder where Debian puts each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The operating system's user that PostgreSQL runs as when root runs the tests: it refuses to run as root.
const SYSTEM_USER: &str = "postgres";
/// The database user that owns everything. It needs no password.
const USER: &str = "carrel";
/// How many other ports are tried when another program was faster to take one.
const PORTS_TO_TRY: usize = 5;

/// The contents of pg_hba.conf: all users on this machine are trusted except `guarded`, who needs a password.
const WHO_MAY: &str = "\
local all all trust
host all guarded all scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
";

/// Settings that make a server small enough for tests. What a commit promises is unchanged.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = '16MB'
dynamic_shared_memory_type = 'mmap'
max_wal_size = '256MB'
logging_collector = off
log_min_messages = warning
log_line_prefix = '%m [%p] '
";

/// A PostgreSQL server with its data in a temporary folder, or in one that the caller gave. When this is dropped, or
/// the process ends in any way, the server is stopped; a temporary folder is removed too.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    runs_as: Option<Ids>,
    port: u16,
    settings: Vec<(String, String)>,
    running: Option<Program>,
    watch: Option<Watch>,
    // Declared last, so that the folder is removed last.
    folder: Folder,
}

/// How a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Once all clients have disconnected.
    Smart,
    /// In order, after all open transactions were rolled back.
    Fast,
    /// At once: the next start must recover from the write-ahead log.
    Immediate,
}

#[derive(Clone, Copy, Debug)]
struct Ids {
    user: u32,
    group: u32,
}

/// The folder of a server.
#[derive(Debug)]
enum Folder {
    Temporary(TempDir),
    /// A folder that the caller gave, for example a separate file system.
    Given(PathBuf),
}

impl Postgres {
    /// Starts a server with an empty database named `carrel`.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// Like [`start`](Self::start), with further settings, for example `("fsync", "off")`.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::begin(Folder::Temporary(TempDir::new()?), settings)
    }

    /// Like [`start_with`](Self::start_with), in the given folder, which stays when the server is gone.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_in(folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::begin(Folder::Given(folder.to_owned()), settings)
    }

    fn begin(folder: Folder, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let server = Self::prepare(folder, settings)?;
        server.run(
            server
                .program("initdb")
                .arg("--pgdata")
                .arg(server.data_dir())
                .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8"])
                // A collation that is not bytewise, so that tests notice code that relies on one.
                .args([
                    "--locale-provider",
                    "icu",
                    "--icu-locale",
                    "en",
                    "--locale",
                    "C.UTF-8",
                ])
                .arg("--no-sync"),
        )?;
        let mut server = server.configured()?;
        server.start_first()?;
        server.sql_in("postgres", &format!("CREATE DATABASE {USER}"))?;
        Ok(server)
    }

    fn prepare(folder: Folder, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let runs_as = runs_as()?;
        if let Some(ids) = runs_as {
            chown(folder.path(), Some(ids.user), Some(ids.group))?;
        }
        Ok(Self {
            programs: programs()?,
            runs_as,
            port: port::free()?,
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            running: None,
            watch: None,
            folder,
        })
    }

    fn configured(self) -> anyhow::Result<Self> {
        let data = self.data_dir();
        fs::write(data.join("pg_hba.conf"), WHO_MAY)?;
        let own = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = '{value}'\n"));
        let settings = format!(
            "{SETTINGS}unix_socket_directories = '{}'\n{}",
            self.folder.path().display(),
            own.collect::<String>()
        );
        fs::write(data.join("postgresql.conf"), settings)?;
        Ok(self)
    }

    /// Starts the server again after it was stopped or killed, on the same port and with the data that is on its disk.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.try_start()
    }

    fn start_first(&mut self) -> anyhow::Result<()> {
        let mut started = self.try_start();
        for _ in 0..PORTS_TO_TRY {
            if started.is_ok() {
                break;
            }
            // Another program may have taken the port first.
            self.port = port::free()?;
            started = self.try_start();
        }
        started
    }

    fn try_start(&mut self) -> anyhow::Result<()> {
        if self.watch.is_none() {
            let removes = matches!(self.folder, Folder::Temporary(_));
            self.watch = Some(Watch::over(self.folder.path(), removes)?);
        }
        let mut postmaster = self.program("postgres");
        postmaster
            .arg("-D")
            .arg(self.data_dir())
            .args(["-p", &self.port.to_string()]);
        let mut program = Program::start(postmaster, &self.folder.path().join("postgres.log"))?;
        program.wait_until(|| self.answers())?;
        self.running = Some(program);
        Ok(())
    }

    fn answers(&self) -> bool {
        let asked = self.program("pg_isready").args(self.address()).output();
        asked.is_ok_and(|output| output.status.success())
    }

    /// Stops the server and waits until it has ended.
    ///
    /// # Errors
    /// When it can't be signalled, or does not end within a minute.
    pub fn stop(&mut self, how: Stop) -> anyhow::Result<()> {
        let Some(mut program) = self.running.take() else {
            return Ok(());
        };
        processes::signal(
            program.id(),
            match how {
                Stop::Smart => rustix::process::Signal::TERM,
                Stop::Fast => rustix::process::Signal::INT,
                Stop::Immediate => rustix::process::Signal::QUIT,
            },
        )?;
        program.wait()
    }

    /// Kills all processes of the server (SIGKILL): none can send or write anything any more.
    pub fn kill(&mut self) {
        if let Some(mut program) = self.running.take() {
            let children = processes::children(program.id());
            program.kill();
            processes::kill_and_wait(&children);
        }
    }

    /// Halts all processes of the server (SIGSTOP), or lets them go on.
    ///
    /// # Errors
    /// When it does not run, or can't be signalled.
    pub fn halt(&self, halted: bool) -> anyhow::Result<()> {
        let program = self.running.as_ref().context("it does not run")?;
        let signal = match halted {
            true => rustix::process::Signal::STOP,
            false => rustix::process::Signal::CONT,
        };
        processes::signal(program.id(), signal)?;
        for child in processes::children(program.id()) {
            processes::signal(child, signal)?;
        }
        Ok(())
    }

    /// Starts a standby of this server, and makes every commit of this server wait for it.
    ///
    /// # Errors
    /// When it does not start or does not follow.
    pub fn start_standby(&self) -> anyhow::Result<Self> {
        let primary = format!(
            "host=127.0.0.1 port={} user={USER} application_name=standby",
            self.port
        );
        let folder = Folder::Temporary(TempDir::new()?);
        let standby = Self::prepare(folder, &[("primary_conninfo", &primary)])?;
        standby.run(
            standby
                .program("pg_basebackup")
                .arg("--pgdata")
                .arg(standby.data_dir())
                .args(self.address())
                .args([
                    "--username",
                    USER,
                    "--wal-method",
                    "stream",
                    "--checkpoint",
                    "fast",
                ])
                .arg("--no-sync"),
        )?;
        let mut standby = standby.configured()?;
        fs::write(standby.data_dir().join("standby.signal"), "")?;
        standby.start_first()?;
        self.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")?;
        self.sql("SELECT pg_reload_conf()")?;
        let follows = || {
            let state = self.sql("SELECT sync_state FROM pg_stat_replication");
            state.is_ok_and(|state| state == "sync")
        };
        let program = standby.running.as_mut().context("it does not run")?;
        program.wait_until(follows)?;
        Ok(standby)
    }

    /// Makes this standby take over.
    ///
    /// # Errors
    /// When it was not promoted.
    pub fn promote(&self) -> anyhow::Result<()> {
        match self.sql("SELECT pg_promote()")?.as_str() {
            "t" => Ok(()),
            said => bail!("it was not promoted: {said}"),
        }
    }

    /// Returns the URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{USER}@{}/{USER}", self.host_and_port())
    }

    /// Returns the server's host and port, for other URLs.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the folder of the server's data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a statement in psql, and returns its output, with bars between columns.
    ///
    /// # Errors
    /// When the server does not run, or refuses the statement.
    pub fn sql(&self, statement: &str) -> anyhow::Result<String> {
        self.sql_in(USER, statement)
    }

    fn sql_in(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let output = self.run(
            self.program("psql")
                .args(self.address())
                .args(["--username", USER, "--dbname", database])
                .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
                .args(["--set", "ON_ERROR_STOP=1", "--command", statement]),
        )?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn address(&self) -> [String; 2] {
        [
            "--host=127.0.0.1".to_owned(),
            format!("--port={}", self.port),
        ]
    }

    /// Returns a command for one of PostgreSQL's programs, which runs as the same user as the server.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = match self.runs_as {
            None => Command::new(path),
            Some(ids) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={}", ids.user))
                    .arg(format!("--regid={}", ids.group))
                    .arg("--clear-groups")
                    .arg(path);
                command
            }
        };
        command.current_dir("/").env("LC_ALL", "C.UTF-8");
        command
    }

    fn run(&self, command: &mut Command) -> anyhow::Result<Output> {
        let output = command
            .output()
            .context("PostgreSQL's programs do not run; scripts/setup.sh postgres installs them")?;
        if !output.status.success() {
            bail!(
                "{command:?} failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(output)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Given(folder) => folder,
        }
    }
}

/// Returns the folder of the newest version's programs.
fn programs() -> anyhow::Result<PathBuf> {
    let missing = "PostgreSQL is not installed; scripts/setup.sh postgres installs it";
    let versions = fs::read_dir(VERSIONS).context(missing)?;
    let newest = versions
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter_map(|name| name.parse::<u32>().ok())
        .filter(|version| programs_of(*version).join("postgres").exists())
        .max();
    Ok(programs_of(newest.context(missing)?))
}

fn programs_of(version: u32) -> PathBuf {
    Path::new(VERSIONS).join(version.to_string()).join("bin")
}

/// Returns the user and group that the server runs as, if those of this process won't do.
fn runs_as() -> anyhow::Result<Option<Ids>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let id = |which: &str| -> anyhow::Result<u32> {
        let output = Command::new("id").args([which, SYSTEM_USER]).output()?;
        let id = String::from_utf8_lossy(&output.stdout).trim().parse();
        id.with_context(|| {
            format!("there is no user {SYSTEM_USER}; scripts/setup.sh postgres makes them")
        })
    };
    Ok(Some(Ids {
        user: id("-u")?,
        group: id("-g")?,
    }))
}
