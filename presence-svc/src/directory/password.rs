//! Passwords: hashed with argon2id, slowly and never many at once.
//!
//! One hash takes 19 MiB and some hundredths of a second, by design. So only two run at a time, on the blocking
//! threads, and only a bounded number of callers wait for their turn: a flood of log-ins makes the attacker wait and
//! does not exhaust the memory. A log-in under an unknown name hashes just as long as one under a known name.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

/// How many hashes are computed at once: each takes 19 MiB.
const AT_ONCE: usize = 2;

/// How many callers may wait or hash before further ones are refused.
const WAITING: usize = 64;

/// The memory of one hash, in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
/// The passes over the memory.
const PASSES: u32 = 2;
/// The lanes.
const LANES: u32 = 1;

/// The fewest characters of a password, unless a directory file says `weak_passwords = true`.
pub const MIN_CHARACTERS: usize = 12;
/// The longest password, in bytes.
pub const MAX_BYTES: usize = 256;

/// Hashes and verifies passwords. Clones share the turns.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// The hash that a password for an unknown name is compared with.
    decoy: Arc<str>,
}

/// Why a password was neither hashed nor verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting already.
    #[error("too many passwords are being checked at this moment")]
    Busy,
    /// The system gave no random numbers or no memory, or is stopping.
    #[error("the password could not be hashed")]
    Failed,
}

impl Passwords {
    /// Prepares for hashing. Hashes once, for the decoy.
    ///
    /// # Errors
    /// [`PasswordError::Failed`].
    pub fn new() -> Result<Self, PasswordError> {
        let decoy = hash_now("")?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(WAITING)),
            decoy: decoy.into(),
        })
    }

    /// Hashes a password with a new salt, to a PHC string.
    ///
    /// # Errors
    /// As [`PasswordError`] says.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.in_turn(move || hash_now(&password)).await?
    }

    /// Whether a password matches a hash. Without a hash it takes as long and never matches.
    ///
    /// # Errors
    /// As [`PasswordError`] says.
    pub async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let fits = self
            .in_turn(move || {
                PasswordHash::new(&hash).is_ok_and(|hash| {
                    Argon2::default()
                        .verify_password(password.as_bytes(), &hash)
                        .is_ok()
                })
            })
            .await?;
        Ok(fits && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| PasswordError::Busy)?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Failed)?;
        // The work goes on when its caller has gone, so the permits belong to the work and not to the caller.
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop((turn, place));
            done
        })
        .await
        .map_err(|_| PasswordError::Failed)
    }
}

/// Returns what is wrong with a new password; `None` if nothing is.
#[must_use]
pub fn problem_with(password: &str, weak_allowed: bool) -> Option<String> {
    if password.is_empty() {
        Some("must not be empty".to_owned())
    } else if password.len() > MAX_BYTES {
        Some(format!("{MAX_BYTES} bytes are the most"))
    } else if !weak_allowed && password.chars().count() < MIN_CHARACTERS {
        Some(format!("at least {MIN_CHARACTERS} characters are needed"))
    } else {
        None
    }
}

/// Returns what is wrong with a hash that was made elsewhere; `None` if nothing is.
///
/// Its parameters must be ours: a cheaper hash would be weak, a more expensive one a way to exhaust the memory, and
/// either would reveal by its time which names exist.
#[must_use]
pub fn problem_with_hash(hash: &str) -> Option<String> {
    let ours = PasswordHash::new(hash).is_ok_and(|hash| {
        hash.algorithm.as_str() == "argon2id"
            && hash.version.is_none_or(|version| version == 0x13)
            && hash.salt.is_some()
            && hash.hash.is_some()
            && Params::try_from(&hash).is_ok_and(|params| {
                (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
            })
    });
    (!ours).then(|| {
        format!("must be an argon2id hash with m={MEMORY_KIB},t={PASSES},p={LANES}, as in $argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$…")
    })
}

fn hash_now(password: &str) -> Result<String, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Failed)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| PasswordError::Failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify =
            |password: &str, hash: &str| passwords.verify(password.into(), Some(hash.into()));
        assert!(verify("correct horse", &hash).await.unwrap());
        for wrong in ["", "correct hors", "Correct horse", "correct horse "] {
            assert!(!verify(wrong, &hash).await.unwrap(), "{wrong:?}");
        }
        assert!(!verify("correct horse", "no hash").await.unwrap());
        let again = passwords.hash("correct horse".into()).await.unwrap();
        assert_ne!(again, hash, "each hash has its own salt");
    }

    #[tokio::test]
    async fn nothing_fits_an_unknown_name() {
        let passwords = Passwords::new().unwrap();
        // The decoy is a hash of the empty password.
        assert!(!passwords.verify(String::new(), None).await.unwrap());
    }

    // T14: a flood of log-ins must not exhaust the memory.
    #[tokio::test]
    async fn only_so_many_wait_for_their_turn() {
        let passwords = Passwords::new().unwrap();
        let _turns = passwords.turns.acquire_many(2).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.verify("x".into(), None).await })
            })
            .collect();
        while passwords.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            passwords.verify("x".into(), None).await,
            Err(PasswordError::Busy)
        );
        for task in waiting.drain(..) {
            task.abort();
            let _ = task.await;
        }
        assert_eq!(passwords.places.available_permits(), WAITING);
    }

    // As docs/directory.md tells operators to make it, with Debian's argon2 program.
    #[tokio::test]
    async fn a_hash_made_by_another_program_is_taken() {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$ZDgwYmExZGQ4YTZmNDQzYw$QB3I/fCmEED03ERKkaa/XGXKp8S2Zv6ZtpSevVvL0UE";
        assert_eq!(problem_with_hash(hash), None);
        let passwords = Passwords::new().unwrap();
        let verify = |password: &str| passwords.verify(password.into(), Some(hash.into()));
        assert!(verify("a long enough password").await.unwrap());
        assert!(!verify("a long enough passwort").await.unwrap());
    }

    #[test]
    fn only_hashes_of_our_cost_are_taken() {
        let ours = hash_now("x").unwrap();
        assert_eq!(problem_with_hash(&ours), None);
        for hash in [
            "",
            "demo",
            "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
            &ours.replace("argon2id", "argon2i"),
            &ours.replace("m=19456", "m=4194304"),
            &ours.replace("m=19456", "m=8"),
            &ours.replace("t=2", "t=1"),
            &ours.replace("v=19", "v=16"),
            ours.rsplit_once('$').unwrap().0,
        ] {
            assert!(problem_with_hash(hash).is_some(), "{hash}");
        }
    }

    #[test]
    fn a_password_has_a_length() {
        assert!(problem_with("", true).is_some());
        assert!(problem_with("demo", true).is_none());
        assert!(problem_with("elevenchars", false).is_some());
        assert!(problem_with("twelve chars", false).is_none());
        assert!(problem_with(&"x".repeat(MAX_BYTES + 1), false).is_some());
    }
}
