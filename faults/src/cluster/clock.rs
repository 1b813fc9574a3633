//! The wall clock of one process, which can be set while the process runs (libfaketime). Monotonic clocks are not
//! changed, as on a machine whose clock is set.

use std::path::{Path, PathBuf};

/// Where Debian's package `libfaketime` puts the library, in a folder for each kind of machine.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// Returns the library's path, if it is installed.
fn libfaketime() -> Option<PathBuf> {
    let machines = std::fs::read_dir(LIBRARIES).ok()?.filter_map(Result::ok);
    let mut libraries = machines.map(|machine| machine.path().join(LIBRARY));
    libraries.find(|library| library.exists())
}

/// A clock that can be set.
#[derive(Clone, Debug)]
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// Creates a clock that shows the right time, kept in a file of its own. Returns `None` if libfaketime is not
    /// installed.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn new(folder: &Path, name: &str) -> std::io::Result<Option<Self>> {
        let Some(library) = libfaketime() else {
            return Ok(None);
        };
        let clock = Self {
            library,
            file: folder.join(format!("{name}.clock")),
        };
        clock.step(0)?;
        Ok(Some(clock))
    }

    /// Returns the environment variables that give a process this clock.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let (library, file) = (self.library.to_string_lossy(), self.file.to_string_lossy());
        [
            ("LD_PRELOAD", library.as_ref()),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Sets the clock this many seconds forward, or back if negative; 0 is the right time. The process notices within a
    /// second.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn step(&self, seconds: i64) -> std::io::Result<()> {
        std::fs::write(&self.file, format!("{seconds:+}\n"))
    }
}
