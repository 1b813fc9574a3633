//! The real program, started as an operator starts it.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use crate::access::Access;

/// A running `carrel serve --demo`. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// Access to it.
    pub(crate) access: Access,
    /// The address of its health listener, if a setting gives it one.
    pub(crate) health: Option<SocketAddr>,
}

/// Returns a command line of the program, still without its command: a data folder and free ports, and otherwise the
/// default settings.
pub(crate) fn carrel(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrel"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARREL_") {
            command.env_remove(name);
        }
    }
    command
        .env("CARREL_DATA_DIR", data_dir)
        .env("CARREL_HTTP__ADDRESS", "127.0.0.1:0")
        .env("CARREL_GRPC__ADDRESS", "127.0.0.1:0")
        .stdin(Stdio::null());
    command
}

impl Process {
    /// Starts `carrel serve --demo` and waits until it serves.
    pub(crate) fn start(data_dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::launch(data_dir, settings, Stdio::inherit())
    }

    /// Like [`Process::start`], with its log lines written to `lines`.
    pub(crate) fn launch(data_dir: &Path, settings: &[(&str, &str)], lines: Stdio) -> Self {
        let tells_health = settings
            .iter()
            .any(|(name, _)| *name == "CARREL_HEALTH__ADDRESS");
        let mut child = carrel(data_dir)
            .args(["serve", "--demo"])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(lines)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let (mut http, mut grpc, mut health) = (None, None, None);
        while http.is_none() || grpc.is_none() || (tells_health && health.is_none()) {
            let Some(Ok(line)) = lines.next() else {
                let _ = child.kill();
                panic!("carrel ended before it served; it said: {said}");
            };
            if line.contains("health") {
                health = address_in(&line, "http://");
            }
            http = http.or_else(|| address_in(&line, "http://"));
            grpc = grpc.or_else(|| address_in(&line, "grpc://"));
            said.push_str(&line);
        }
        // The rest of the output is read so that the program never blocks on the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            access: Access::new(http.unwrap(), grpc.unwrap()),
            health,
        }
    }

    /// Kills it (SIGKILL): as far as the process is concerned, a power cut.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop (SIGTERM), as an operator does, and waits until it has stopped.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program until it exits, which must be within a minute, and returns its exit status and standard error.
pub(crate) fn run_to_end(command: &mut Command) -> (ExitStatus, String) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut errors = String::new();
        let read = stderr.read_to_string(&mut errors);
        sender.send(read.map(|_| errors))
    });
    match ended.recv_timeout(Duration::from_secs(60)) {
        Ok(errors) => (child.wait().unwrap(), errors.unwrap()),
        Err(_) => {
            child.kill().unwrap();
            panic!("it did not end: {command:?}: {:?}", ended.recv());
        }
    }
}

fn address_in(line: &str, scheme: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(scheme)?;
    let end = rest.find(['/', ' ']).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
