//! The keys that sign and verify tokens.
//!
//! A key ring is a small JSON file that only its owner, and at most its group, may read. The newest key signs. Older
//! keys only verify, until they retire; a rotation sets that time so late that every token they signed can no longer be
//! renewed by then, and so logs nobody out.
//!
//! A service that only checks tokens needs no secret: the public part of a ring is a file of the same kind that can't
//! sign anything. If it is a copy that takes a while to arrive, a rotation can make the new key known for some time
//! before it signs.
//!
//! A ring that was read from a file checks when it is used, at most once a second, whether the file has changed. So
//! `carrel keys rotate` in another process takes effect in a running server without a signal or a restart. The log names
//! each key that came or went by its id, which every token shows anyway. If the file has become unreadable or damaged,
//! the keys read before stay in force, and the ring is degraded ([`KeyRing::condition`]) until the file can be followed
//! again.

mod file;
mod following;
mod verified;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

use self::{
    file::{FORMAT, FileStamp, KeyFile, StoredKey, Turn},
    following::Following,
    verified::Verified,
};
use crate::condition::Condition;

/// The length of a public key in bytes (RFC 8032).
const PUBLIC_BYTES: usize = 32;

/// How long a ring relies on what it read before it looks at the file again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A ring of keys, cheap to clone. All clones see a rotation at the same time.
#[derive(Clone)]
pub struct KeyRing(Arc<Ring>);

struct Ring {
    /// `None` for a ring that is only in memory.
    path: Option<PathBuf>,
    held: Mutex<Held>,
}

struct Held {
    keys: Arc<Keys>,
    seen: Option<FileStamp>,
    looked_at: Instant,
    following: Following,
}

/// The keys of one state of the ring, newest last, never empty.
pub(super) struct Keys(Vec<Key>);

/// One key.
pub(super) struct Key {
    /// The id by which tokens refer to it.
    pub(super) id: String,
    public: Vec<u8>,
    /// When it was made, in Unix milliseconds.
    created_at_ms: i64,
    /// The pair that signs; `None` if only the public part is known here.
    pair: Option<Ed25519KeyPair>,
    /// When it begins to sign, in Unix milliseconds.
    signs_from_ms: Option<i64>,
    /// When it ceases to verify, in Unix milliseconds.
    retired_at_ms: Option<i64>,
    verified: Verified,
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
    /// Others have access to the file, or its group may change it.
    #[error(
        "the key file {} has mode {mode:03o}, so others may read or change it; run: chmod 600 {}",
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
    /// Another process is changing the keys at the moment.
    #[error("another process is changing the key file {}; try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file holds only the public part of the keys.
    #[error(
        "the key file {} holds only the public part of the keys; name the file with which presence-svc signs",
        path.display()
    )]
    PublicOnly {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gave no random numbers for a new key")]
    NoEntropy,
}

impl KeyRing {
    /// Reads a ring from its file.
    ///
    /// # Errors
    /// When the file can't be read, is damaged, or others may read a secret in it.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let (file, seen) = file::read(path)?;
        let keys = Keys::parse(&file).map_err(|why| file::damaged(path, why))?;
        Ok(Self(Arc::new(Ring {
            path: Some(path.to_owned()),
            held: Mutex::new(Held {
                keys: Arc::new(keys),
                seen: Some(seen),
                looked_at: Instant::now(),
                following: Following::default(),
            }),
        })))
    }

    /// Makes a ring with one new key and writes it to a file that must not exist yet. The key signs at once.
    ///
    /// # Errors
    /// When there is such a file, it can't be written, another process is changing it, or the system gives no random
    /// numbers.
    pub fn create(path: &Path, now_ms: i64) -> Result<Self, KeyError> {
        let _turn = Turn::take(path)?;
        let file = KeyFile {
            format: FORMAT,
            keys: vec![new_key(now_ms)?],
        };
        file::write(path, &file, file::Existing::Keep)?;
        Self::load(path)
    }

    /// Reads a ring from its file, or makes one if there is no such file.
    ///
    /// # Errors
    /// Those of [`KeyRing::load`] and [`KeyRing::create`].
    pub fn load_or_create(path: &Path, now_ms: i64) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::create(path, now_ms)
            }
            loaded => loaded,
        }
    }

    /// Adds a new key to the file. It signs after `sign_after`; until then it only verifies, so that copies of the
    /// public part can arrive.
    ///
    /// After that, the key that it replaces verifies for another `verify_for`: the longest time that a token may be
    /// renewed. Older keys keep the retirement set before; those that have retired are removed. Every running ring of
    /// this file follows within seconds.
    ///
    /// # Errors
    /// When the file can't be read or written, is damaged, or holds only the public part of the keys; when another
    /// process is changing it; or when the system gives no random numbers. The file is then as it was.
    pub fn rotate(
        path: &Path,
        now_ms: i64,
        sign_after: Duration,
        verify_for: Duration,
    ) -> Result<(), KeyError> {
        let _turn = Turn::take(path)?;
        let (mut file, _) = file::read(path)?;
        let keys = Keys::parse(&file).map_err(|why| file::damaged(path, why))?;
        if keys.newest().is_some_and(|newest| newest.pair.is_none()) {
            return Err(KeyError::PublicOnly {
                path: path.to_owned(),
            });
        }
        let signs_from_ms = after(now_ms, sign_after);
        let retired_at_ms = after(signs_from_ms, verify_for);
        for key in &mut file.keys {
            key.retired_at_ms.get_or_insert(retired_at_ms);
        }
        file.keys
            .retain(|key| key.retired_at_ms.is_some_and(|at| at > now_ms));
        file.keys.push(StoredKey {
            signs_from_ms: (signs_from_ms > now_ms).then_some(signs_from_ms),
            ..new_key(now_ms)?
        });
        file::write(path, &file, file::Existing::Replace)
    }

    /// Returns the public part of the ring in a file, as the text of a file that may be shared: with it, tokens can be
    /// verified but not signed.
    ///
    /// # Errors
    /// When the file can't be read, is damaged, or others may read a secret in it.
    pub fn public_part(path: &Path) -> Result<String, KeyError> {
        file::text(&without_secrets(path)?).map_err(|source| file::error(path, "shown", source))
    }

    /// Writes the public part of the ring in a file to another file, which anyone may read. An existing file is
    /// replaced; rings that were loaded from it follow.
    ///
    /// # Errors
    /// Those of [`KeyRing::public_part`], or when the other file can't be written.
    pub fn write_public_part(path: &Path, to: &Path) -> Result<(), KeyError> {
        file::write(to, &without_secrets(path)?, file::Existing::Replace)
    }

    /// Makes a ring with one new key, in memory only. For tests.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let file = KeyFile {
            format: FORMAT,
            keys: vec![new_key(0)?],
        };
        let keys = Keys::parse(&file).map_err(|why| file::damaged(Path::new("(memory)"), why))?;
        Ok(Self::in_memory(keys))
    }

    /// Makes a ring with one key derived from a seed, in memory only. For simulations, in which the same seed must give
    /// the same bytes.
    ///
    /// # Errors
    /// When the seed can't be one of a key.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let no_key = |_| file::damaged(Path::new("(memory)"), "it is no seed of a key".to_owned());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(no_key)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self::in_memory(Keys(vec![Key {
            id: key_id(&public),
            public,
            created_at_ms: 0,
            pair: Some(pair),
            signs_from_ms: None,
            retired_at_ms: None,
            verified: Verified::default(),
        }])))
    }

    fn in_memory(keys: Keys) -> Self {
        Self(Arc::new(Ring {
            path: None,
            held: Mutex::new(Held {
                keys: Arc::new(keys),
                seen: None,
                looked_at: Instant::now(),
                following: Following::default(),
            }),
        }))
    }

    /// Checks that this ring can sign.
    ///
    /// # Errors
    /// [`KeyError::PublicOnly`].
    pub fn check_signs(&self, now_ms: i64) -> Result<(), KeyError> {
        match self.keys().signing(now_ms) {
            Some(_) => Ok(()),
            None => Err(KeyError::PublicOnly {
                path: self.0.path.clone().unwrap_or_default(),
            }),
        }
    }

    /// Returns whether the ring follows its file: degraded while the file can't be read or used. Looks at the file, if
    /// nobody has for a second.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.0.looked_at().following.condition()
    }

    /// Returns the keys that are in force now.
    pub(super) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.0.looked_at().keys)
    }
}

impl Ring {
    /// Returns what is held, after another look at the file if it is time for one.
    fn looked_at(&self) -> MutexGuard<'_, Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.path
            && held.looked_at.elapsed() >= LOOK_AGAIN_AFTER
        {
            held.looked_at = Instant::now();
            let followed = held.follow(path);
            held.following.note(followed);
        }
        held
    }
}

/// Returns the ring in a file without its secrets: it can verify tokens but not sign them.
fn without_secrets(path: &Path) -> Result<KeyFile, KeyError> {
    let (mut file, _) = file::read(path)?;
    let keys = Keys::parse(&file).map_err(|why| file::damaged(path, why))?;
    for (stored, key) in file.keys.iter_mut().zip(keys.0) {
        stored.pkcs8 = None;
        stored.public = Some(URL_SAFE_NO_PAD.encode(key.public));
    }
    Ok(file)
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
        if self.seen == Some(FileStamp::look(path)?) {
            return Ok(());
        }
        let (file, seen) = file::read(path)?;
        let keys = Keys::parse(&file).map_err(|why| file::damaged(path, why))?;
        following::tell_changes(&self.keys, &keys);
        self.keys = Arc::new(keys);
        self.seen = Some(seen);
        Ok(())
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

    /// Returns the newest key, whether or not it signs yet.
    fn newest(&self) -> Option<&Key> {
        self.0.last()
    }

    /// Returns the key that signs at a time. `None` if nothing can be signed here.
    pub(super) fn signing(&self, now_ms: i64) -> Option<&Key> {
        let may_sign = |key: &&Key| key.signs_from_ms.is_none_or(|from| from <= now_ms);
        // If no key may sign yet, the oldest one signs: a clock may have been set back.
        let key = self.0.iter().rev().find(may_sign).or(self.0.first());
        key.filter(|key| key.pair.is_some())
    }

    /// Returns the keys that verify at a time.
    pub(super) fn in_force(&self, now_ms: i64) -> impl Iterator<Item = &Key> {
        self.0
            .iter()
            .filter(move |key| key.retired_at_ms.is_none_or(|at| at > now_ms))
    }
}

impl Key {
    fn parse(stored: &StoredKey) -> Result<Self, &'static str> {
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| "it is not base64url")
        };
        let (pair, public) = match (&stored.pkcs8, &stored.public) {
            (Some(pkcs8), None) => {
                let pair = Ed25519KeyPair::from_pkcs8(&decode(pkcs8)?)
                    .map_err(|_| "it is no Ed25519 key in PKCS #8")?;
                let public = pair.public_key().as_ref().to_vec();
                (Some(pair), public)
            }
            (None, Some(public)) => (None, decode(public)?),
            _ => return Err("it has neither or both of pkcs8 and public"),
        };
        if public.len() != PUBLIC_BYTES {
            return Err("its public part is not of Ed25519");
        }
        Ok(Self {
            id: key_id(&public),
            public,
            created_at_ms: stored.created_at_ms,
            pair,
            signs_from_ms: stored.signs_from_ms,
            retired_at_ms: stored.retired_at_ms,
            verified: Verified::default(),
        })
    }

    /// Signs a message. `None` if only the public part is known.
    pub(super) fn sign(&self, message: &[u8]) -> Option<ring::signature::Signature> {
        self.pair.as_ref().map(|pair| pair.sign(message))
    }

    /// Returns whether this is the key's signature of a message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verified.or(message, signature, || {
            UnparsedPublicKey::new(&ED25519, &self.public)
                .verify(message, signature)
                .is_ok()
        })
    }

    #[cfg(test)]
    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }
}

/// Derives the id of a key from its public part.
fn key_id(public: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, public);
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12])
}

fn new_key(now_ms: i64) -> Result<StoredKey, KeyError> {
    let pkcs8 =
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::NoEntropy)?;
    Ok(StoredKey {
        created_at_ms: now_ms,
        signs_from_ms: None,
        retired_at_ms: None,
        pkcs8: Some(URL_SAFE_NO_PAD.encode(pkcs8.as_ref())),
        public: None,
    })
}

fn after(now_ms: i64, time: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
