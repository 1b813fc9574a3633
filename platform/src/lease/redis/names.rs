//! The names of spaces and leases in Redis.

use crate::{
    redis::slot_of,
    seal::{Key, to_hexadecimal},
};

/// How many parts the store has. Each is in one slot, and so on one master, which remembers the part's age.
pub(super) const PARTS: u8 = 32;

/// The keys of a script, and their slot.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) keys: Vec<String>,
    pub(super) slot: u16,
}

impl Place {
    /// A part of the store by itself.
    pub(super) fn of_part(key: &Key, part: u8) -> Self {
        Self::of(vec![format!("{}:store", tag(key, part))])
    }

    /// A space, and the part of the store in which it is.
    pub(super) fn of_space(key: &Key, space: &str) -> Self {
        let name = key.name(&[b"lease/space", space.as_bytes()]);
        let tag = tag(key, name.first().copied().unwrap_or_default() % PARTS);
        let name = to_hexadecimal(&name);
        Self::of(vec![
            format!("{tag}:store"),
            format!("{tag}:{name}:leases"),
            format!("{tag}:{name}:ends"),
        ])
    }

    fn of(keys: Vec<String>) -> Self {
        let slot = slot_of(keys.first().map_or(&[], String::as_bytes));
        Self { keys, slot }
    }
}

/// Returns the hash tag that keeps the keys of a part together in a cluster.
fn tag(key: &Key, part: u8) -> String {
    let name = key.name(&[b"lease/part", &[part]]);
    let short = name.get(..8).unwrap_or(&name);
    format!("carrel:{{{}}}", to_hexadecimal(short))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_space_is_in_one_slot_and_tells_nothing() {
        let key = Key::parse(&"01".repeat(32)).unwrap();
        let place = Place::of_space(&key, "session/1");
        assert_eq!(place.keys.len(), 3);
        for name in &place.keys {
            assert_eq!(slot_of(name.as_bytes()), place.slot);
            assert!(!name.contains("session"));
        }
        let parts = (0..PARTS).map(|part| Place::of_part(&key, part));
        assert!(parts.into_iter().any(|part| part.keys[0] == place.keys[0]));
        assert_ne!(place.keys, Place::of_space(&key, "session/2").keys);
    }
}
