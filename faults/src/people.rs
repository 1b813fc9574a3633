//! Real clients: patrons who ask, librarians who answer, supervisors who watch in silence.
//!
//! Each is a [`browser::Browser`], which does what Carrel's own pages do, with a behaviour on top of it. What they do
//! and see goes into the history.

pub mod browser;
pub mod crowd;
pub mod http;
pub mod librarian;
mod outbox;
pub mod patron;
pub mod pulse;
pub mod sight;
pub mod socket;
pub mod supervisor;
mod words;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::{history::Recorder, people::pulse::Pulse, seed::Dice};

/// The state that all people of a run share.
#[derive(Debug)]
pub struct SharedState {
    /// The gateways' addresses. Any gateway serves as well as any other.
    pub gateways: Vec<SocketAddr>,
    /// The history of the run.
    pub recorder: Recorder,
    /// Tells whether conversations flow.
    pub pulse: Pulse,
    /// Whether everything is sent twice, and settled acts are sent again on a new socket (F24).
    pub mischief: AtomicBool,
    /// How many messages and notes were acknowledged.
    pub acknowledged: AtomicU64,
    /// How fast and how much people talk.
    pub pace: Pace,
    phase: watch::Sender<Phase>,
    patrons: AtomicUsize,
    dice: Dice,
}

/// How fast and how much people talk.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The mean time between two bursts of one person in one session.
    pub pause: Duration,
    /// How many messages a burst has at most.
    pub burst: usize,
    /// How many messages a patron sends before they end the session.
    pub length: usize,
    /// How many sessions a librarian has at once.
    pub capacity: usize,
}

/// The phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// New patrons keep coming.
    Open,
    /// Patrons finish their sessions; no new ones come.
    Closing,
    /// Staff leave.
    Closed,
}

impl SharedState {
    /// Creates the state of a run that is open.
    #[must_use]
    pub fn new(gateways: Vec<SocketAddr>, recorder: Recorder, pace: Pace, dice: Dice) -> Arc<Self> {
        Arc::new(Self {
            gateways,
            recorder,
            pulse: Pulse::default(),
            mischief: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            pace,
            phase: watch::Sender::new(Phase::Open),
            patrons: AtomicUsize::new(0),
            dice,
        })
    }

    /// Enters the next phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Returns the current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Returns how many patrons have come and not left yet.
    #[must_use]
    pub fn patrons(&self) -> usize {
        self.patrons.load(Ordering::Relaxed)
    }

    /// Returns dice for one person.
    #[must_use]
    pub fn dice(&self, who: &str) -> Dice {
        self.dice.apart(who)
    }

    fn is_mischievous(&self) -> bool {
        self.mischief.load(Ordering::Relaxed)
    }
}
