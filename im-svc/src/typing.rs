//! Limits how often a librarian's typing is passed on.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// How many times per second one librarian's typing is passed on. Clients show it for about six seconds.
const A_SECOND: NonZeroU32 = NonZeroU32::MIN;
/// How many in a burst, for a librarian who goes from one conversation to the next.
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);
/// Above this many librarians, those who have not typed for a while are forgotten.
const MANY: usize = 1_024;

/// Limits typing by its author.
pub(crate) struct TypingLimit(DefaultKeyedRateLimiter<String>);

impl Default for TypingLimit {
    fn default() -> Self {
        Self(RateLimiter::keyed(
            Quota::per_second(A_SECOND).allow_burst(AT_ONCE),
        ))
    }
}

impl TypingLimit {
    /// Returns whether one more notice that this librarian is typing may be passed on, and counts it.
    pub(crate) fn takes(&self, librarian_id: &str) -> bool {
        if self.0.len() > MANY {
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
        self.0.check_key(&librarian_id.to_owned()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_is_limited_by_its_author() {
        let limit = TypingLimit::default();
        let passed = (0..100).filter(|_| limit.takes("map")).count();
        assert!(passed < 100, "{passed}");
        assert!(limit.takes("ask"));
    }
}
