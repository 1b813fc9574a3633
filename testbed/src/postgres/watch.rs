//! A process that cleans up after a server when this process can't.

use std::{
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

/// Waits for its input to end; then makes the server of a folder quit, and removes the folder if it was told to.
///
/// The server's process id is in its data folder, which is also its working directory: an id that belongs to another
/// process by then is not mistaken for it.
const SCRIPT: &str = r#"
cat >/dev/null
server="$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)"
is_there() {
  [ -n "$server" ] && [ "$(readlink "/proc/$server/cwd")" = "$1/data" ]
}
if is_there "$1"; then
  kill -QUIT "$server"
  while is_there "$1"; do sleep 0.1; done
fi
if [ "$2" = remove ]; then rm -rf "$1"; fi
"#;

/// The watching process, which outlives ours. Its input ends when our process ends, in whatever way: tests that are
/// killed, or whose servers are shared and never dropped, leave nothing behind.
#[derive(Debug)]
pub(super) struct Watch {
    child: Child,
    input: Option<ChildStdin>,
}

impl Watch {
    /// Starts watching over the server of a folder, which is removed afterwards if `removes` is set.
    pub(super) fn over(folder: &Path, removes: bool) -> anyhow::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "watch"])
            .arg(folder)
            .arg(if removes { "remove" } else { "keep" })
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take();
        Ok(Self { child, input })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
