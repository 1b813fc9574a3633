//! The wall clock of one process, which can be set while it runs (libfaketime). What counts time since its start is not
//! moved, as on a machine whose clock is set.

use std::path::{Path, PathBuf};

/// Where Debian's package `libfaketime` puts the library.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// The library, if it is installed.
#[must_use]
pub fn libfaketime() -> Option<&'static Path> {
    let library = Path::new(LIBRARY);
    library.exists().then_some(library)
}

/// A clock that can be set.
#[derive(Clone, Debug)]
pub struct Clock {
    file: PathBuf,
}

impl Clock {
    /// One that is right, kept in a file of its own. `None` when libfaketime is not installed.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn new(folder: &Path, name: &str) -> std::io::Result<Option<Self>> {
        if libfaketime().is_none() {
            return Ok(None);
        }
        let clock = Self {
            file: folder.join(format!("{name}.clock")),
        };
        clock.step(0)?;
        Ok(Some(clock))
    }

    /// What a process needs in its environment to have this clock.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let file = self.file.to_string_lossy();
        [
            ("LD_PRELOAD", LIBRARY),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Sets it so many seconds before or behind; 0 is right. The process notices within a second.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn step(&self, seconds: i64) -> std::io::Result<()> {
        std::fs::write(&self.file, format!("{seconds:+}\n"))
    }
}
