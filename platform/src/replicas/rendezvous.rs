//! Which of several to choose, so that everybody chooses the same without a word: rendezvous hashing.
//!
//! When one leaves, only what met there meets elsewhere; when one joins, only what is to meet there moves.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The one of several at which all who mean `name` meet. None if there are none to choose from.
pub(crate) fn meet<'a, T>(
    name: &str,
    places: impl Iterator<Item = &'a T>,
    name_of: impl Fn(&T) -> &str,
) -> Option<&'a T> {
    places.max_by_key(|place| weight(name, name_of(place)))
}

/// The same in every process: this hasher, unlike a map's, has no seed.
fn weight(name: &str, place: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen<'a>(name: &str, places: &'a [&'static str]) -> Option<&'a str> {
        meet(name, places.iter(), |place| place).copied()
    }

    #[test]
    fn the_order_in_which_places_are_known_makes_no_difference() {
        for n in 0..100 {
            let name = n.to_string();
            assert_eq!(
                chosen(&name, &["a", "b", "c"]),
                chosen(&name, &["c", "a", "b"])
            );
        }
        assert_eq!(chosen("x", &[]), None);
    }

    #[test]
    fn only_what_met_at_a_place_that_left_moves() {
        let mut met = [0; 3];
        for n in 0..3_000 {
            let name = n.to_string();
            let before = chosen(&name, &["a", "b", "c"]);
            let after = chosen(&name, &["a", "c"]);
            if before != Some("b") {
                assert_eq!(before, after);
            }
            let place = ["a", "b", "c"].iter().position(|p| Some(*p) == before);
            met[place.unwrap_or_default()] += 1;
        }
        assert!(met.iter().all(|count| *count > 800), "{met:?}");
    }
}
