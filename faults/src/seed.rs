//! Repeatable random numbers: the same seed gives the same sequence.

use std::time::Duration;

/// A pseudo-random number generator (SplitMix64). Not for secrets.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Creates the dice of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns separate dice for one user of random numbers, so that what one draws does not change what another gets.
    #[must_use]
    pub fn apart(&self, name: &str) -> Self {
        // FNV-1a: any spread will do, as long as it is the same on every machine.
        let mixed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut apart = Self(self.0 ^ mixed);
        apart.number();
        apart
    }

    /// Returns any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `limit`, or 0 if `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        usize::try_from(self.number() % limit).unwrap_or(0)
    }

    /// Returns true once in `times` on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Returns a time between half of `mean` and one and a half of it.
    pub fn around(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(0.5 + self.fraction())
    }

    /// Returns a number from 0 to less than 1.
    pub fn fraction(&mut self) -> f64 {
        // A double holds 53 bits exactly.
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns one of several; `None` if there are none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// Shuffles things.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut other) = (Dice::new(7), Dice::new(7));
        let numbers: Vec<u64> = (0..5).map(|_| one.number()).collect();
        assert!(numbers.iter().all(|number| *number == other.number()));
        assert_ne!(numbers[0], Dice::new(8).number());
        assert_ne!(
            Dice::new(7).apart("a").number(),
            Dice::new(7).apart("b").number()
        );
    }
}
