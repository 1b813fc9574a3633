//! The key file.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::KeyError;

/// The only format so far.
pub(super) const FORMAT: u32 = 1;

/// Permissions that a file with secrets must not have: writing by the group, and anything for others. The group may
/// read it, since that is how orchestrators hand secrets to a process.
const TOO_OPEN: u32 = 0o027;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    pub(super) format: u32,
    pub(super) keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredKey {
    pub(super) created_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signs_from_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retired_at_ms: Option<i64>,
    /// The key pair as PKCS #8 in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pkcs8: Option<String>,
    /// The public key in base64url, in place of the pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) public: Option<String>,
}

impl KeyFile {
    fn holds_secrets(&self) -> bool {
        self.keys.iter().any(|key| key.pkcs8.is_some())
    }
}

/// Tells one state of the file from another. A rotation replaces the file, so the inode changes even if the file
/// system's clock is too coarse to show the change. The time of the last change of status shows that somebody has
/// changed who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    mode: u32,
    length: u64,
}

impl FileStamp {
    /// Reads the current stamp of a file.
    pub(super) fn look(path: &Path) -> Result<Self, KeyError> {
        let metadata = fs::metadata(path).map_err(|source| error(path, "read", source))?;
        Ok(Self::of(&metadata))
    }

    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.mode(),
            length: metadata.len(),
        }
    }
}

/// Keeps other processes off the file while it is changed: a lock on its folder, because the file itself is replaced.
pub(super) struct Turn(
    #[expect(dead_code, reason = "the lock ends when this is dropped")] fs::File,
);

impl Turn {
    pub(super) fn take(path: &Path) -> Result<Self, KeyError> {
        let folder =
            fs::File::open(folder(path)).map_err(|source| error(path, "locked", source))?;
        match folder.try_lock() {
            Ok(()) => Ok(Self(folder)),
            Err(fs::TryLockError::WouldBlock) => Err(KeyError::Busy {
                path: path.to_owned(),
            }),
            Err(fs::TryLockError::Error(source)) => Err(error(path, "locked", source)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Keep,
    Replace,
}

/// Reads the file. If it holds secrets, it must not be open to others.
pub(super) fn read(path: &Path) -> Result<(KeyFile, FileStamp), KeyError> {
    let failed = |source| error(path, "read", source);
    let mut file = fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mut text = String::new();
    io::Read::read_to_string(&mut file, &mut text).map_err(failed)?;
    let parsed: KeyFile = serde_json::from_str(&text).map_err(|error| {
        // serde_json may quote the offending value, and the values here are secret.
        damaged(
            path,
            format!("line {} is not as it should be", error.line()),
        )
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if parsed.holds_secrets() && mode & TOO_OPEN != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok((parsed, FileStamp::of(&metadata)))
}

/// Returns the text of a file.
pub(super) fn text(file: &KeyFile) -> io::Result<String> {
    let mut text = serde_json::to_string_pretty(file)?;
    text.push('\n');
    Ok(text)
}

/// Writes the whole file and syncs it; it gets its name only when complete. tempfile creates it with mode 0600, for
/// its owner alone; a file without secrets may be read by anyone.
pub(super) fn write(path: &Path, file: &KeyFile, existing: Existing) -> Result<(), KeyError> {
    let failed = |source| error(path, "written", source);
    let text = text(file).map_err(failed)?;
    let mut new = tempfile::NamedTempFile::new_in(folder(path)).map_err(failed)?;
    if !file.holds_secrets() {
        let readable = fs::Permissions::from_mode(0o644);
        new.as_file().set_permissions(readable).map_err(failed)?;
    }
    new.write_all(text.as_bytes()).map_err(failed)?;
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

pub(super) fn error(path: &Path, what: &'static str, source: io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        what,
        source,
    }
}

pub(super) fn damaged(path: &Path, why: String) -> KeyError {
    KeyError::Damaged {
        path: path.to_owned(),
        why,
    }
}
