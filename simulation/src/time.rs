//! The simulation's time: one for all hosts, and independent of the machine's.

use std::time::Duration;

use carrel_platform::clock::Clock;

/// When each simulation begins, in Unix milliseconds: 10 November 2026, 15:00 UTC, when desks are staffed.
const BEGINS_AT_MS: i64 = 1_794_322_800_000;

/// Returns how long the simulation has lasted, as the host that is running now knows it; zero outside of all hosts.
pub(crate) fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// Returns the same in milliseconds.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(now().as_millis()).unwrap_or(u64::MAX)
}

/// Returns the wall clock of a host that runs `ahead_ms` ahead of the others.
pub(crate) fn clock(ahead_ms: i64) -> Clock {
    Clock::following(move || unix_ms().saturating_add(ahead_ms))
}

/// Returns the wall clock's time.
pub(crate) fn unix_ms() -> i64 {
    BEGINS_AT_MS.saturating_add(i64::try_from(now_ms()).unwrap_or(i64::MAX))
}
