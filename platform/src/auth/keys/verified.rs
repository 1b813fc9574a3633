//! Recently verified signatures, so that they need not be verified again.
//!
//! A client that comes back after a lost connection brings the token that it had and shows it to each service.
//! Verifying a signature takes as long as everything else that is done for the client; finding it here takes a
//! hundredth of that.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, PoisonError},
};

use ring::digest;

/// How many signatures make a generation. Two are kept, in at most two megabytes.
const GENERATION: usize = 16 * 1024;

/// A SHA-256 digest of a signature and the message that it signs.
type Seal = [u8; 32];

/// The verified signatures of one key. Those that were not used for longest are forgotten first.
///
/// They belong to the key and are dropped with it: once a key is gone, nothing that it signed verifies any more.
#[derive(Default)]
pub(super) struct Verified(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashSet<Seal>,
    old: HashSet<Seal>,
}

impl Verified {
    /// Returns whether this signature is valid: because it was before, or because `verify` says so now. Invalid ones
    /// are never remembered, so nobody can fill the memory with them.
    pub(super) fn or(
        &self,
        message: &[u8],
        signature: &[u8],
        verify: impl FnOnce() -> bool,
    ) -> bool {
        let Some(seal) = seal(message, signature) else {
            return false;
        };
        if self.generations(|known| known.recall(&seal)) {
            return true;
        }
        let good = verify();
        if good {
            self.generations(|known| known.keep(seal));
        }
        good
    }

    fn generations<T>(&self, with: impl FnOnce(&mut Generations) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generations {
    fn recall(&mut self, seal: &Seal) -> bool {
        if self.young.contains(seal) {
            return true;
        }
        let known = self.old.remove(seal);
        if known {
            self.keep(*seal);
        }
        known
    }

    fn keep(&mut self, seal: Seal) {
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(seal);
    }
}

/// Returns `None` for anything but an Ed25519 signature: only a fixed length shows where it ends and the message
/// begins.
fn seal(message: &[u8], signature: &[u8]) -> Option<Seal> {
    if signature.len() != 64 {
        return None;
    }
    let mut both = digest::Context::new(&digest::SHA256);
    both.update(signature);
    both.update(message);
    both.finish().as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: [u8; 64] = [7; 64];

    #[test]
    fn a_good_signature_is_calculated_once() {
        let verified = Verified::default();
        assert!(verified.or(b"message", &SIGNATURE, || true));
        assert!(verified.or(b"message", &SIGNATURE, || false));
    }

    #[test]
    fn a_good_signature_says_nothing_of_another_or_of_another_message() {
        let verified = Verified::default();
        assert!(verified.or(b"message", &SIGNATURE, || true));
        assert!(!verified.or(b"Message", &SIGNATURE, || false));
        assert!(!verified.or(b"", &SIGNATURE, || false));
        let mut other = SIGNATURE;
        other[63] ^= 1;
        assert!(!verified.or(b"message", &other, || false));
        assert!(!verified.or(b"7message", &SIGNATURE[1..], || true));
    }

    #[test]
    fn a_bad_signature_is_calculated_again() {
        let verified = Verified::default();
        assert!(!verified.or(b"message", &SIGNATURE, || false));
        assert!(verified.or(b"message", &SIGNATURE, || true));
    }

    #[test]
    fn only_so_many_are_kept_and_those_last_seen_the_longest() {
        let verified = Verified::default();
        let is_kept = |number: usize| verified.or(&number.to_be_bytes(), &SIGNATURE, || false);
        let first = 3 * GENERATION;
        assert!(verified.or(&first.to_be_bytes(), &SIGNATURE, || true));
        for number in 0..first {
            verified.or(&number.to_be_bytes(), &SIGNATURE, || true);
            if number % 1_000 == 0 {
                assert!(is_kept(first));
            }
        }
        let kept = verified.generations(|known| known.young.len() + known.old.len());
        assert!(kept <= 2 * GENERATION, "{kept}");
        assert!(is_kept(first - 1));
        assert!(!is_kept(0));
    }
}
