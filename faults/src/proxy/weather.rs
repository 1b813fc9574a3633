//! What a proxy does to the bytes that pass it.

use std::time::Duration;

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Bytes pass.
    Open,
    /// Nothing passes and nothing is said: what a pulled cable or a lost route looks like.
    Stalled,
}

/// How a link behaves.
#[derive(Clone, Debug)]
pub struct Weather {
    /// From who connects to who is connected to.
    pub up: Flow,
    /// The other way.
    pub down: Flow,
    /// How long each piece is held back.
    pub latency: Duration,
    /// How much longer, at the most, by chance. Pieces never overtake each other.
    pub jitter: Duration,
    /// The most bytes that are passed on at once; 1 is a byte at a time.
    pub slice: usize,
    /// The most bytes in a second, each way of each connection; `None`: as many as there are.
    pub bytes_per_second: Option<u64>,
    /// After so many bytes of one connection, either way, it is reset in the middle of whatever it carries.
    pub cut_after: Option<u64>,
    /// Whether new connections are refused by a reset.
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
    /// Nothing passes, either way; connections are accepted, and no more.
    #[must_use]
    pub fn half_open() -> Self {
        Self {
            up: Flow::Stalled,
            down: Flow::Stalled,
            ..Self::default()
        }
    }

    /// Only what `up` says passes; answers do not come back.
    #[must_use]
    pub fn one_way() -> Self {
        Self {
            down: Flow::Stalled,
            ..Self::default()
        }
    }

    /// Slow, by this much and up to as much again.
    #[must_use]
    pub fn slow(latency: Duration) -> Self {
        Self {
            latency,
            jitter: latency,
            ..Self::default()
        }
    }

    /// A byte at a time.
    #[must_use]
    pub fn sliced() -> Self {
        Self {
            slice: 1,
            ..Self::default()
        }
    }
}
