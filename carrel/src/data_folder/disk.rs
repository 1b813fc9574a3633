//! The disk of a data folder: what the log takes of it, and what is left.

use std::{fs, os::unix::fs::MetadataExt as _};

use carrel_platform::{
    process::open_secrets,
    telemetry::metric::{DATA_FOLDER_FREE, LOG_SIZE},
};

use super::DataFolder;

/// The size of the blocks in which a file system says what a file takes, whatever its own blocks are.
const BLOCK: u64 = 512;

impl DataFolder {
    /// Reports in the metrics how much disk space the log takes, and how much is left.
    pub fn observe(&self) {
        let files = self.log_files();
        LOG_SIZE.observe(move |tell| {
            let taken = files.iter().filter_map(|file| fs::metadata(file).ok());
            let bytes: u64 = taken.map(|file| file.blocks() * BLOCK).sum();
            // A disk has far less than 2^52 bytes.
            tell(bytes as f64, []);
        });
        let folder = self.path.clone();
        DATA_FOLDER_FREE.observe(move |tell| {
            if let Ok(disk) = rustix::fs::statvfs(&folder) {
                tell((disk.f_bavail * disk.f_frsize) as f64, []);
            }
        });
    }

    /// Returns a warning for each file of the log that everybody on the machine may read. Carrel makes them for their
    /// owner alone, in a folder that nobody else may enter; but they may have been copied.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let entered = fs::metadata(&self.path).is_ok_and(|folder| folder.mode() & 0o001 != 0);
        let files = self.log_files();
        let files = files.iter().filter(|_| entered);
        open_secrets(files.map(|file| ("data_dir", file.as_path())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_log_that_everybody_may_read_is_warned_of() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        let folder = DataFolder::open(&path).unwrap();
        fs::write(folder.log(), "a log").unwrap();
        fs::set_permissions(folder.log(), Permissions::from_mode(0o644)).unwrap();
        assert!(folder.warnings().is_empty(), "nobody gets into the folder");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let [warning] = &folder.warnings()[..] else {
            unreachable!("one file is open");
        };
        assert!(warning.contains("carrel.db has mode 644"), "{warning}");
        fs::set_permissions(folder.log(), Permissions::from_mode(0o600)).unwrap();
        assert!(folder.warnings().is_empty());
    }
}
