//! The folder in which a Carrel keeps everything that it must not lose.

mod disk;

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use carrel_platform::{
    auth::keys::{KeyError, KeyRing},
    clock::Clock,
    config::Problems,
};

/// The data folder.
#[derive(Clone, Debug)]
pub struct DataFolder {
    path: PathBuf,
}

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// The folder, or a file in it, can't be created, read or written.
    #[error("data_dir: {path} can't be used: {error}", path = path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It must exist, and does not.
    #[error(
        "data_dir: there is no folder {path} in which a Carrel has its log; the first start of the server makes it, and so \
         does \"carrel directory load\"",
        path = .0.display()
    )]
    Missing(PathBuf),
    /// It is a file.
    #[error("data_dir: {path} is a file; name a folder", path = .0.display())]
    NotAFolder(PathBuf),
    /// Another server uses it.
    #[error(
        "data_dir: another Carrel runs on {path} (process {pid}). Stop it first, or give this one a folder of its own \
         with --data-dir",
        path = path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other server's process id, as it wrote it.
        pid: String,
    },
    /// The keys can't be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl DataFolder {
    /// Opens a data folder. If it does not exist, it is created with access for its owner only.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        if path.is_file() {
            return Err(DataFolderError::NotAFolder(path.to_owned()));
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        let folder = Self {
            path: path.to_owned(),
        };
        match made.and_then(|()| fs::read_dir(path).map(drop)) {
            Ok(()) => Ok(folder),
            Err(error) => Err(folder.unusable(path.to_owned(), error)),
        }
    }

    /// Checks a data folder as far as that can be done without making or locking anything, and returns warnings.
    ///
    /// # Errors
    /// When it, or the keys in it, can't be used.
    pub fn check(path: &Path) -> Result<Vec<String>, Problems> {
        let mut problems = Problems::default();
        if path.is_file() {
            problems.add_named(DataFolderError::NotAFolder(path.to_owned()));
        }
        let folder = Self {
            path: path.to_owned(),
        };
        if folder.keys().exists()
            && let Err(error) = KeyRing::load(&folder.keys())
        {
            problems.add("data_dir", error);
        }
        problems.checked().map(|()| folder.warnings())
    }

    /// Opens a data folder that has been used before, and creates nothing.
    pub fn open_existing(path: &Path) -> Result<Self, DataFolderError> {
        let folder = Self {
            path: path.to_owned(),
        };
        if path.is_file() {
            return Err(DataFolderError::NotAFolder(folder.path));
        }
        match folder.log().exists() {
            true => Ok(folder),
            false => Err(DataFolderError::Missing(folder.path)),
        }
    }

    /// Returns the path of the log.
    pub fn log(&self) -> PathBuf {
        self.path.join("carrel.db")
    }

    /// Returns the paths of the files that a log consists of while it is in use.
    fn log_files(&self) -> [PathBuf; 3] {
        ["carrel.db", "carrel.db-wal", "carrel.db-shm"].map(|name| self.path.join(name))
    }

    /// Returns the path of the keys that sign tokens.
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys.json")
    }

    /// Loads the key ring, or creates one if there is none yet.
    pub fn key_ring(&self, clock: &Clock) -> Result<KeyRing, DataFolderError> {
        Ok(KeyRing::load_or_create(&self.keys(), clock.unix_ms())?)
    }

    /// Locks the folder for one server, until the lock is dropped or the process ends, in whatever way.
    pub fn lock(&self) -> Result<Lock, DataFolderError> {
        let path = self.path.join("carrel.lock");
        let opened = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let mut file = opened.map_err(|error| self.unusable(path.clone(), error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                return Err(DataFolderError::InUse {
                    path: self.path.clone(),
                    pid: pid.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(self.unusable(path, error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| self.unusable(path, error))?;
        Ok(Lock { _file: file })
    }

    fn unusable(&self, path: PathBuf, error: io::Error) -> DataFolderError {
        DataFolderError::Unusable { path, error }
    }
}

/// The lock on a data folder in use. The operating system releases it when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}
