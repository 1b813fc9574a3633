//! Limits on how many sockets and frames one user or address may have.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Counts what is open for each key, up to a limit per key.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    open: Arc<Mutex<HashMap<String, usize>>>,
    limit: usize,
}

/// One open thing. Counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    counter: Counter,
    key: String,
}

impl Counter {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            open: Arc::default(),
            limit,
        }
    }

    /// Counts one more of `key`, or returns `None` when the limit is reached.
    pub(crate) fn enter(&self, key: String) -> Option<Counted> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.clone()).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Counted {
            counter: self.clone(),
            key,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self
            .counter
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

/// A token bucket for the frames of one socket.
#[derive(Debug)]
pub(crate) struct Bucket(DefaultDirectRateLimiter);

impl Bucket {
    pub(crate) fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self(RateLimiter::direct(
            Quota::per_second(per_second).allow_burst(burst),
        ))
    }

    /// Takes one token; false when none is left.
    pub(crate) fn take(&self) -> bool {
        self.0.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_key_has_so_many_and_no_more_until_one_ends() {
        let counter = Counter::new(2);
        let first = counter.enter("a".into()).unwrap();
        let _second = counter.enter("a".into()).unwrap();
        assert!(counter.enter("a".into()).is_none());
        assert!(counter.enter("b".into()).is_some());
        drop(first);
        assert!(counter.enter("a".into()).is_some());
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let counter = Counter::new(1);
        drop(counter.enter("a".into()));
        assert!(counter.open.lock().unwrap().is_empty());
    }
}
