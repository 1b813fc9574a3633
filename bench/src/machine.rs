//! The machine and programs that figures were taken on.

use std::{fs, process::Command};

use serde::{Deserialize, Serialize};

/// The machine and the programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many cores it has.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// The kernel.
    pub kernel: String,
    /// The file system that holds the logs.
    pub disk: String,
    /// What else ran: the load average before the first run.
    pub load_average: String,
    /// The version of the compiler.
    pub rustc: String,
    /// The commit of the tree, and whether files were changed since.
    pub commit: String,
    /// The versions of Redis and PostgreSQL.
    pub engines: Vec<String>,
}

impl Machine {
    /// Describes this machine.
    #[must_use]
    pub fn look() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
                .unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kib: u64 = memory
            .split_whitespace()
            .next()
            .and_then(|kib| kib.parse().ok())
            .unwrap_or_default();
        let folder = std::env::temp_dir();
        let folder = folder.to_string_lossy();
        let mut commit = said("git", &["rev-parse", "--short=10", "HEAD"]);
        if !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() {
            commit.push_str(", changed");
        }
        let postgres = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| format!("PostgreSQL {}", entry.file_name().to_string_lossy()));
        let redis = said("redis-server", &["--version"]);
        let redis = redis.split(" sha=").next().unwrap_or_default().to_owned();
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, Into::into),
            memory_gib: (kib + (1 << 19)) >> 20,
            kernel: said("uname", &["-sr"]),
            disk: said("df", &["--output=fstype,source", &folder])
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned(),
            load_average: fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            rustc: said("rustc", &["--version"]),
            commit,
            engines: postgres.chain([redis]).collect(),
        }
    }
}

/// Returns what a program prints, or nothing if it fails to start.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
