//! The real program, as an operator starts it.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::door::Door;

/// A running `carrel serve --demo`. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// The ways into it.
    pub(crate) door: Door,
}

/// The program with its command line up to here, on a data folder and on free ports.
pub(crate) fn carrel(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrel"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARREL_") {
            command.env_remove(name);
        }
    }
    command
        .arg("--data-dir")
        .arg(data_dir)
        .args(["--http-address", "127.0.0.1:0"])
        .args(["--grpc-address", "127.0.0.1:0"])
        .stdin(Stdio::null());
    command
}

impl Process {
    /// Starts `carrel serve --demo` and waits until it serves.
    pub(crate) fn start(data_dir: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = carrel(data_dir)
            .args(["serve", "--demo"])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let (mut http, mut grpc) = (None, None);
        while http.is_none() || grpc.is_none() {
            let Some(Ok(line)) = lines.next() else {
                let _ = child.kill();
                panic!("carrel ended before it served; it said: {said}");
            };
            http = http.or_else(|| address_in(&line, "http://"));
            grpc = grpc.or_else(|| address_in(&line, "grpc://"));
            said.push_str(&line);
        }
        // The rest is read so that the program never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            door: Door::new(http.unwrap(), grpc.unwrap()),
        }
    }

    /// Ends it as a power cut would, as far as a process can tell.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as an operator does, and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end and gives its exit status and what it wrote to standard error.
pub(crate) fn run_to_end(command: &mut Command) -> (ExitStatus, String) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    (child.wait().unwrap(), errors)
}

fn address_in(line: &str, scheme: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(scheme)?;
    let end = rest.find(['/', ' ']).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
