//! Random numbers that follow from a seed.
//!
//! Implemented here rather than taken from a library: a seed that failed once must fail again after every update.

/// A random number generator (SplitMix64). The same seed and purpose always give the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Returns the dice for one purpose. Rolling them does not change what the dice of other purposes give.
    pub(crate) fn of(seed: u64, purpose: &str) -> Self {
        let start = purpose.bytes().fold(seed ^ 0x9e37_79b9, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut dice = Self(start);
        let _ = dice.roll();
        dice
    }

    /// Returns any number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `low` up to and including `high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high.saturating_sub(low) + 1)
    }

    /// Returns true with a probability of so many in a thousand.
    pub(crate) fn happens(&mut self, in_a_thousand: u64) -> bool {
        self.roll() % 1000 < in_a_thousand
    }

    /// Returns one of several; `None` if there are none.
    pub(crate) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let last = choices.len().checked_sub(1)?;
        choices.get(usize::try_from(self.between(0, last as u64)).unwrap_or(0))
    }
}
