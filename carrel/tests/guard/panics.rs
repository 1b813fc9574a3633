//! Counts panics of the product's own tasks: those that a runtime catches would otherwise go unnoticed (I27).

use std::sync::{
    Once,
    atomic::{AtomicUsize, Ordering},
};

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Starts counting. Failed assertions of the tests themselves do not count: those tests fail anyway.
pub(crate) fn count() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let in_a_test = info
                .location()
                .is_some_and(|location| location.file().contains("tests/guard/"));
            if !in_a_test {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            usual(info);
        }));
    });
}

/// Fails if anything has panicked since [`count`].
pub(crate) fn assert_none() {
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "no task may panic");
}
