//! Sealing what others see or carry but must neither read nor forge: names that reveal nothing, and sealed bytes.
//!
//! Anyone who can read or write the Redis learns no text, name or session id from it, and can't make us believe
//! anything: only what was sealed with one of our keys, for the very place where it is found, opens. All that is left
//! to an attacker is to drop, repeat and delay. The same goes for a caller who is given a sealed value to bring back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

/// The longest text that is sealed or opened, in bytes: far more than any event has.
pub const LONGEST: usize = 512 * 1024;

/// The only format so far. It is the first byte of sealed data, and bound into the seal.
const FORMAT: u8 = 1;

/// The length of a key in bytes.
const KEY_LENGTH: usize = 32;

/// The keys of one desk: the first one seals and makes names, all of them open.
#[derive(Debug)]
pub struct Keyring(Vec<Key>);

/// One key.
pub struct Key {
    seal: LessSafeKey,
    names: hmac::Key,
}

/// A text is not a key. The error does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be 32 random bytes in base64 or in hexadecimal digits; `openssl rand -base64 32` makes such a key"
)]
pub struct NotAKey;

/// Why something can't be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSealed {
    /// It is longer than [`LONGEST`].
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoEntropy,
}

impl Keyring {
    /// A key ring whose first key seals.
    #[must_use]
    pub fn new(first: Key, others: Vec<Key>) -> Self {
        Self(std::iter::once(first).chain(others).collect())
    }

    /// Returns all keys, the one that seals first.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.0
    }
}

impl Key {
    /// Reads a key from 32 bytes in base64 or hexadecimal digits.
    ///
    /// # Errors
    ///
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        let bytes = if text.len() == 2 * KEY_LENGTH {
            hexadecimal(text).ok_or(NotAKey)?
        } else {
            STANDARD.decode(text).map_err(|_| NotAKey)?
        };
        Self::new(&bytes)
    }

    /// Makes the text of a new key, to be read by [`Key::parse`].
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    pub fn generate() -> Result<String, NotSealed> {
        let mut bytes = [0; KEY_LENGTH];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| NotSealed::NoEntropy)?;
        Ok(STANDARD.encode(bytes))
    }

    fn new(bytes: &[u8]) -> Result<Self, NotAKey> {
        if bytes.len() != KEY_LENGTH {
            return Err(NotAKey);
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let derived = |purpose: &str| hmac::sign(&root, purpose.as_bytes());
        let seal = UnboundKey::new(&CHACHA20_POLY1305, derived("carrel/redis/seal").as_ref())
            .map_err(|_| NotAKey)?;
        Ok(Self {
            seal: LessSafeKey::new(seal),
            names: hmac::Key::new(hmac::HMAC_SHA256, derived("carrel/redis/names").as_ref()),
        })
    }

    /// Returns a name for the thing that `parts` name together. Without this key it reveals nothing about them, and
    /// different parts have different names.
    #[must_use]
    pub fn name(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.names);
        for part in parts {
            context.update(&length_of(part));
            context.update(part);
        }
        let mut name = [0; 32];
        name.copy_from_slice(context.sign().as_ref());
        name
    }

    /// Seals `plain` for the place that `parts` name together.
    ///
    /// # Errors
    ///
    /// If it is too long, or the system gives no random bytes.
    pub fn seal(&self, parts: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, NotSealed> {
        if plain.len() > LONGEST {
            return Err(NotSealed::TooLong);
        }
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| NotSealed::NoEntropy)?;
        let mut sealed =
            Vec::with_capacity(1 + NONCE_LEN + plain.len() + CHACHA20_POLY1305.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let text = sealed.get_mut(1 + NONCE_LEN..).unwrap_or_default();
        let tag = self
            .seal
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), place(parts), text)
            .map_err(|_| NotSealed::TooLong)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed with this key for the place that `parts` name together. Returns `None` for anything else.
    #[must_use]
    pub fn open(&self, parts: &[&[u8]], sealed: &[u8]) -> Option<Vec<u8>> {
        let (&format, sealed) = sealed.split_first()?;
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        if format != FORMAT || text.len() > LONGEST + CHACHA20_POLY1305.tag_len() {
            return None;
        }
        let mut text = text.to_vec();
        let plain = self
            .seal
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                place(parts),
                &mut text,
            )
            .ok()?
            .len();
        text.truncate(plain);
        Some(text)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The associated data that a seal is bound to.
fn place(parts: &[&[u8]]) -> Aad<Vec<u8>> {
    let mut place = vec![FORMAT];
    for part in parts {
        place.extend_from_slice(&length_of(part));
        place.extend_from_slice(part);
    }
    Aad::from(place)
}

/// The length prefix of each part, so that no two lists of parts give the same bytes.
fn length_of(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

/// Bytes as hexadecimal digits.
pub(crate) fn to_hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::{collection::vec, prelude::*};

    use super::*;

    const PLACE: &[&[u8]] = &[b"bus", b"session/1"];

    fn key(byte: u8) -> Key {
        Key::new(&[byte; KEY_LENGTH]).unwrap()
    }

    #[test]
    fn a_key_is_read_in_either_form() {
        let bytes = [0xab; KEY_LENGTH];
        let sealed = Key::new(&bytes).unwrap().seal(PLACE, b"x").unwrap();
        for text in [
            STANDARD.encode(bytes),
            to_hexadecimal(&bytes),
            to_hexadecimal(&bytes).to_uppercase(),
            format!(" {}\n", STANDARD.encode(bytes)),
        ] {
            assert!(Key::parse(&text).unwrap().open(PLACE, &sealed).is_some());
        }
        for text in [
            "",
            "sesame",
            &"ab".repeat(31),
            &"zz".repeat(32),
            "é".repeat(32).as_str(),
        ] {
            let error = Key::parse(text).unwrap_err();
            assert!(error.to_string().contains("openssl rand"));
        }
    }

    #[test]
    fn a_generated_key_is_a_key_and_another_each_time() {
        let [one, other] = [(); 2].map(|()| Key::generate().unwrap());
        assert!(Key::parse(&one).is_ok());
        assert_ne!(one, other);
    }

    #[test]
    fn a_seal_is_of_one_place() {
        let sealed = key(1).seal(PLACE, b"news").unwrap();
        assert_eq!(key(1).open(PLACE, &sealed).unwrap(), b"news");
        assert_eq!(key(2).open(PLACE, &sealed), None);
        for place in [
            &[b"bus".as_slice(), b"session/2"][..],
            &[b"bussession/1"],
            &[b"buss", b"ession/1"],
            &[],
        ] {
            assert_eq!(key(1).open(place, &sealed), None);
        }
    }

    #[test]
    fn what_is_too_long_is_not_sealed_and_not_opened() {
        let longest = vec![7; LONGEST];
        let sealed = key(1).seal(PLACE, &longest).unwrap();
        assert_eq!(key(1).open(PLACE, &sealed).unwrap(), longest);
        assert_eq!(
            key(1).seal(PLACE, &vec![7; LONGEST + 1]),
            Err(NotSealed::TooLong)
        );
        assert_eq!(key(1).open(PLACE, &vec![FORMAT; 1024 * 1024]), None);
    }

    #[test]
    fn names_tell_apart_and_tell_nothing() {
        let name = |parts: &[&[u8]]| key(1).name(parts);
        assert_eq!(name(&[b"a", b"b"]), name(&[b"a", b"b"]));
        assert_ne!(name(&[b"a", b"b"]), name(&[b"ab"]));
        assert_ne!(name(&[b"a", b"b"]), name(&[b"ab", b""]));
        assert_ne!(name(&[b"a"]), key(2).name(&[b"a"]));
        assert_eq!(format!("{:?}", key(1)), "(hidden)");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_shows_nothing(plain in vec(any::<u8>(), 16..200)) {
            let sealed = key(1).seal(PLACE, &plain).unwrap();
            prop_assert!(!sealed.windows(plain.len()).any(|part| part == plain));
            prop_assert_eq!(key(1).open(PLACE, &sealed), Some(plain));
        }

        #[test]
        fn what_was_changed_does_not_open(
            plain in vec(any::<u8>(), 0..50),
            at in any::<prop::sample::Index>(),
            change in 1..=u8::MAX,
        ) {
            let mut sealed = key(1).seal(PLACE, &plain).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= change;
            prop_assert_eq!(key(1).open(PLACE, &sealed), None);
            prop_assert_eq!(key(1).open(PLACE, &sealed[..at]), None);
        }

        #[test]
        fn junk_does_not_open(junk in vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(key(1).open(PLACE, &junk), None);
        }
    }
}
