//! How a proxy treats the bytes that pass it.

use std::time::Duration;

/// The state of one direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Bytes pass.
    Open,
    /// Nothing passes and nothing is said, as with a pulled cable or a lost route.
    Stalled,
}

/// How a link behaves.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The direction from the connecting side to the target.
    pub up: Flow,
    /// The opposite direction.
    pub down: Flow,
    /// How long each piece is delayed.
    pub latency: Duration,
    /// The longest random extra delay. Pieces never overtake each other.
    pub jitter: Duration,
    /// The most bytes that are passed on at once; 1 means a byte at a time.
    pub slice: usize,
    /// The most bytes per second, each way of each connection; `None` for no limit.
    pub bytes_per_second: Option<u64>,
    /// Resets a connection after it has carried this many bytes, both ways together, in the middle of whatever it
    /// carries.
    pub cut_after: Option<u64>,
    /// Whether new connections are refused with a reset.
    pub refuse: bool,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            up: Flow::Open,
            down: Flow::Open,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            slice: usize::MAX,
            bytes_per_second: None,
            cut_after: None,
            refuse: false,
        }
    }
}

impl Weather {
    /// Returns weather in which nothing passes either way. Connections are accepted, and no more.
    #[must_use]
    pub fn half_open() -> Self {
        Self {
            up: Flow::Stalled,
            down: Flow::Stalled,
            ..Self::default()
        }
    }

    /// Returns weather in which only the direction `up` passes. Answers do not come back.
    #[must_use]
    pub fn one_way() -> Self {
        Self {
            down: Flow::Stalled,
            ..Self::default()
        }
    }

    /// Returns weather that delays by `latency` and up to as much again.
    #[must_use]
    pub fn slow(latency: Duration) -> Self {
        Self {
            latency,
            jitter: latency,
            ..Self::default()
        }
    }

    /// Returns weather that passes a byte at a time.
    #[must_use]
    pub fn sliced() -> Self {
        Self {
            slice: 1,
            ..Self::default()
        }
    }
}
