//! A lease as it is stored in Redis.

use bytes::Bytes;

use crate::{
    lease::Lease,
    seal::{Key, NotSealed},
};

/// The number of digits in which an incarnation is written.
const DIGITS: usize = 20;

/// Returns an incarnation as text that compares like the number.
pub(super) fn digits(incarnation: u64) -> String {
    format!("{incarnation:0DIGITS$}")
}

/// Returns the name of a lease in its space.
pub(super) fn name_of(key: &Key, space: &str, lease_key: &str) -> [u8; 32] {
    key.name(&[b"lease/key", space.as_bytes(), lease_key.as_bytes()])
}

/// Seals a lease's content for its space and its name.
pub(super) fn seal(key: &Key, name: &[u8], lease: &Lease) -> Result<Vec<u8>, NotSealed> {
    let mut plain = Vec::with_capacity(16 + lease.key.len() + lease.value.len());
    plain.extend_from_slice(&lease.incarnation.to_be_bytes());
    plain.extend_from_slice(&(lease.key.len() as u64).to_be_bytes());
    plain.extend_from_slice(lease.key.as_bytes());
    plain.extend_from_slice(&lease.value);
    key.seal(&place(&lease.space, name), &plain)
}

/// Opens a lease of a space that Redis has under a name. `None` if it was not sealed by us.
pub(super) fn open(key: &Key, space: &str, name: &[u8], kept: &[u8]) -> Option<Lease> {
    let (outside, sealed) = kept.split_at_checked(DIGITS)?;
    let plain = Bytes::from(key.open(&place(space, name), sealed)?);
    let (incarnation, rest) = plain.split_first_chunk()?;
    let incarnation = u64::from_be_bytes(*incarnation);
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (lease_key, value) = rest.split_at_checked(length)?;
    // The incarnation that Redis compares must be the one that the holder sealed.
    (outside == digits(incarnation).as_bytes()).then_some(())?;
    Some(Lease {
        space: space.to_owned(),
        key: std::str::from_utf8(lease_key).ok()?.to_owned(),
        incarnation,
        value: plain.slice_ref(value),
    })
}

fn place<'a>(space: &'a str, name: &'a [u8]) -> [&'a [u8]; 3] {
    [b"lease", space.as_bytes(), name]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn key() -> Key {
        Key::parse(&"01".repeat(32)).unwrap()
    }

    fn kept(lease: &Lease) -> ([u8; 32], Vec<u8>) {
        let name = name_of(&key(), &lease.space, &lease.key);
        let mut kept = digits(lease.incarnation).into_bytes();
        kept.extend(seal(&key(), &name, lease).unwrap());
        (name, kept)
    }

    proptest! {
        #[test]
        fn a_lease_is_read_where_it_was_written(
            space in ".*", lease_key in ".*", incarnation: u64, value in vec(any::<u8>(), 0..50),
        ) {
            let value = Bytes::from(value);
            let lease = Lease { space: space.clone(), key: lease_key, incarnation, value };
            let (name, kept) = kept(&lease);
            prop_assert_eq!(open(&key(), &space, &name, &kept), Some(lease));
            prop_assert_eq!(open(&key(), &format!("{space}x"), &name, &kept), None);
            prop_assert_eq!(open(&key(), &space, b"other", &kept), None);
            let mut promoted = kept;
            promoted[..DIGITS].copy_from_slice(digits(incarnation.wrapping_add(1)).as_bytes());
            prop_assert_eq!(open(&key(), &space, &name, &promoted), None);
        }

        #[test]
        fn junk_is_no_lease(junk in vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(open(&key(), "s", b"name", &junk), None);
        }
    }

    #[test]
    fn incarnations_compare_as_texts() {
        let mut sorted = [0, 9, 10, 99, u64::MAX - 1, u64::MAX].map(digits);
        let before = sorted.clone();
        sorted.sort();
        assert_eq!(sorted, before);
    }
}
