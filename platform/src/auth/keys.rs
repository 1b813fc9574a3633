//! The keys that sign and verify tokens.
//!
//! A key ring is a small JSON file that only its owner may read (mode 0600). Its newest key signs. The older ones
//! only verify, until the time that their retirement was set for; rotation sets it so far ahead that every token they
//! signed can no longer be renewed by then, and nobody is logged out by a rotation.
//!
//! A ring that was read from a file looks at most once a second whether the file has changed, when it is used. So
//! `carrel keys rotate` in another process takes effect in a running server without a signal or a restart. A file that
//! has become unreadable or damaged is reported in the log and the keys read before stay in force.

use std::{
    fmt, fs, io,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde::{Deserialize, Serialize};

/// The only file format so far.
const FORMAT: u32 = 1;

/// How long the ring trusts what it read before it looks at the file again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The keys, cheap to clone. All clones see a rotation at the same time.
#[derive(Clone)]
pub struct KeyRing(Arc<Ring>);

struct Ring {
    /// `None` for a ring that lives in memory only.
    path: Option<PathBuf>,
    held: Mutex<Held>,
}

struct Held {
    keys: Arc<Keys>,
    seen: Option<FileStamp>,
    looked_at: Instant,
}

/// What tells one state of the file from another. A rotation replaces the file, so the inode changes even when the
/// clock of the file system is too coarse to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

/// The keys of one state of the ring, the newest last, never empty.
pub(super) struct Keys(Vec<Key>);

/// One key.
pub(super) struct Key {
    /// The name under which tokens refer to it.
    pub(super) id: String,
    /// The pair that signs and verifies.
    pub(super) pair: Ed25519KeyPair,
    /// From when on it no longer verifies, in Unix milliseconds.
    retired_at_ms: Option<i64>,
}

/// Why keys could not be read, made or rotated.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read or written.
    #[error("the key file {} can't be {what}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried, for example "read".
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error(
        "the key file {} has mode {mode:03o}, so others may read it; run: chmod 600 {}",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is not a key file, or holds a damaged key.
    #[error("the key file {} is damaged: {why}; put it back from a backup, or remove it, which logs everybody out", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process is changing the keys at this moment.
    #[error("another process is changing the key file {}; try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The system gave no random numbers.
    #[error("the system gave no random numbers for a new key")]
    NoEntropy,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    format: u32,
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    created_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired_at_ms: Option<i64>,
    /// The key pair as PKCS #8 in base64url.
    pkcs8: String,
}

impl KeyRing {
    /// Reads the ring from its file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let (file, seen) = read(path)?;
        let keys = Keys::parse(&file).map_err(|why| damaged(path, why))?;
        Ok(Self(Arc::new(Ring {
            path: Some(path.to_owned()),
            held: Mutex::new(Held {
                keys: Arc::new(keys),
                seen: Some(seen),
                looked_at: Instant::now(),
            }),
        })))
    }

    /// Makes a ring with one new key and writes it to a file that must not exist yet.
    pub fn create(path: &Path, now_ms: i64) -> Result<Self, KeyError> {
        let _turn = Turn::take(path)?;
        let file = KeyFile {
            format: FORMAT,
            keys: vec![new_key(now_ms)?],
        };
        write(path, &file, Existing::Keep)?;
        Self::load(path)
    }

    /// Reads the ring from its file, or makes one if there is no such file.
    pub fn load_or_create(path: &Path, now_ms: i64) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::create(path, now_ms)
            }
            loaded => loaded,
        }
    }

    /// Adds a new key to the file, which signs from now on.
    ///
    /// The keys before it verify for `verify_for` longer: the longest time that a token may be renewed. Those whose
    /// time is over are removed. Every running ring of this file follows within seconds.
    pub fn rotate(path: &Path, now_ms: i64, verify_for: Duration) -> Result<(), KeyError> {
        let _turn = Turn::take(path)?;
        let (mut file, _) = read(path)?;
        Keys::parse(&file).map_err(|why| damaged(path, why))?;
        let retired_at_ms =
            now_ms.saturating_add(i64::try_from(verify_for.as_millis()).unwrap_or(i64::MAX));
        for key in &mut file.keys {
            key.retired_at_ms.get_or_insert(retired_at_ms);
        }
        file.keys
            .retain(|key| key.retired_at_ms.is_some_and(|at| at > now_ms));
        file.keys.push(new_key(now_ms)?);
        write(path, &file, Existing::Replace)
    }

    /// A ring with one new key that is written nowhere. For tests.
    pub fn generate() -> Result<Self, KeyError> {
        let file = KeyFile {
            format: FORMAT,
            keys: vec![new_key(0)?],
        };
        let keys = Keys::parse(&file).map_err(|why| damaged(Path::new("(memory)"), why))?;
        Ok(Self(Arc::new(Ring {
            path: None,
            held: Mutex::new(Held {
                keys: Arc::new(keys),
                seen: None,
                looked_at: Instant::now(),
            }),
        })))
    }

    /// The keys that are in force now.
    pub(super) fn keys(&self) -> Arc<Keys> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.0.path
            && held.looked_at.elapsed() >= LOOK_AGAIN_AFTER
        {
            held.looked_at = Instant::now();
            if let Err(error) = held.follow(path) {
                tracing::error!(%error, "key file not followed, the keys read before stay in force");
            }
        }
        Arc::clone(&held.keys)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

impl Held {
    fn follow(&mut self, path: &Path) -> Result<(), KeyError> {
        let metadata = fs::metadata(path).map_err(|source| file_error(path, "read", source))?;
        if self.seen == Some(FileStamp::of(&metadata)) {
            return Ok(());
        }
        let (file, seen) = read(path)?;
        self.keys = Arc::new(Keys::parse(&file).map_err(|why| damaged(path, why))?);
        self.seen = Some(seen);
        Ok(())
    }
}

impl FileStamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
        }
    }
}

impl Keys {
    fn parse(file: &KeyFile) -> Result<Self, String> {
        if file.format != FORMAT {
            return Err(format!(
                "its format is {}, this version of Carrel reads format {FORMAT}",
                file.format
            ));
        }
        let keys = file
            .keys
            .iter()
            .enumerate()
            .map(|(index, stored)| {
                Key::parse(stored).map_err(|why| format!("key {}: {why}", index + 1))
            })
            .collect::<Result<Vec<_>, _>>()?;
        match keys.last() {
            None => Err("it holds no key".to_owned()),
            Some(newest) if newest.retired_at_ms.is_some() => {
                Err("its newest key is retired".to_owned())
            }
            Some(_) => Ok(Self(keys)),
        }
    }

    /// The key that signs.
    pub(super) fn newest(&self) -> Option<&Key> {
        self.0.last()
    }

    /// The keys that verify at a time.
    pub(super) fn in_force(&self, now_ms: i64) -> impl Iterator<Item = &Key> {
        self.0
            .iter()
            .filter(move |key| key.retired_at_ms.is_none_or(|at| at > now_ms))
    }
}

impl Key {
    fn parse(stored: &StoredKey) -> Result<Self, &'static str> {
        let pkcs8 = URL_SAFE_NO_PAD
            .decode(&stored.pkcs8)
            .map_err(|_| "it is not base64url")?;
        let pair =
            Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| "it is no Ed25519 key in PKCS #8")?;
        let digest = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]),
            pair,
            retired_at_ms: stored.retired_at_ms,
        })
    }
}

/// Holds other processes off the file while it is changed: a lock on its folder, because the file itself is replaced.
struct Turn(#[expect(dead_code, reason = "the lock ends when this is dropped")] fs::File);

impl Turn {
    fn take(path: &Path) -> Result<Self, KeyError> {
        let folder =
            fs::File::open(folder(path)).map_err(|source| file_error(path, "locked", source))?;
        match folder.try_lock() {
            Ok(()) => Ok(Self(folder)),
            Err(fs::TryLockError::WouldBlock) => Err(KeyError::Busy {
                path: path.to_owned(),
            }),
            Err(fs::TryLockError::Error(source)) => Err(file_error(path, "locked", source)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

fn new_key(now_ms: i64) -> Result<StoredKey, KeyError> {
    let pkcs8 =
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::NoEntropy)?;
    Ok(StoredKey {
        created_at_ms: now_ms,
        retired_at_ms: None,
        pkcs8: URL_SAFE_NO_PAD.encode(pkcs8.as_ref()),
    })
}

fn read(path: &Path) -> Result<(KeyFile, FileStamp), KeyError> {
    let failed = |source| file_error(path, "read", source);
    let mut file = fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    io::Read::read_to_string(&mut file, &mut text).map_err(failed)?;
    let parsed = serde_json::from_str(&text).map_err(|error| {
        // serde_json may quote the value that it stumbled over, and the values here are secret.
        damaged(
            path,
            format!("line {} is not as it should be", error.line()),
        )
    })?;
    Ok((parsed, FileStamp::of(&metadata)))
}

/// Writes the file whole, synced, under its name only when complete; tempfile makes it with mode 0600.
fn write(path: &Path, file: &KeyFile, existing: Existing) -> Result<(), KeyError> {
    let failed = |source| file_error(path, "written", source);
    let mut text = serde_json::to_vec_pretty(file).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let mut new = tempfile::NamedTempFile::new_in(folder(path)).map_err(failed)?;
    new.write_all(&text).map_err(failed)?;
    new.as_file().sync_all().map_err(failed)?;
    match existing {
        Existing::Keep => new.persist_noclobber(path),
        Existing::Replace => new.persist(path),
    }
    .map_err(|error| failed(error.error))?;
    fs::File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn file_error(path: &Path, what: &'static str, source: io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        what,
        source,
    }
}

fn damaged(path: &Path, why: String) -> KeyError {
    KeyError::Damaged {
        path: path.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests;
