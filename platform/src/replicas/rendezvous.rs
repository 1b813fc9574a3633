//! Rendezvous hashing: everyone chooses the same one of several places without communicating.
//!
//! When a place leaves, only the names that met there move; when one joins, only the names that now meet there move.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Returns the place at which everyone with the same `name` meets. `None` if there are no places.
pub(crate) fn meet<'a, T>(
    name: &str,
    places: impl Iterator<Item = &'a T>,
    name_of: impl Fn(&T) -> &str,
) -> Option<&'a T> {
    places.max_by_key(|place| weight(name, name_of(place)))
}

/// Returns a weight that is the same in every process: unlike a map's hasher, this one has no random seed.
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
