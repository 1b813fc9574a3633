//! Real clients: patrons who ask, librarians who answer, supervisors who watch in silence.
//!
//! Each is a [`browser::Browser`], which does what Carrel's own pages do, and a behaviour on top of it. What they do and
//! see goes into the history.

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

/// What all people of a run share.
#[derive(Debug)]
pub struct Scene {
    /// Where gateways are: any of them is as good as any other.
    pub gateways: Vec<SocketAddr>,
    /// Where they write what they do and see.
    pub recorder: Recorder,
    /// Whether conversations flow.
    pub pulse: Pulse,
    /// Whether everything is sent twice, and what was settled is sent again on a new socket (F24).
    pub mischief: AtomicBool,
    /// How many messages and notes were acknowledged.
    pub acknowledged: AtomicU64,
    /// How they talk.
    pub pace: Pace,
    curtain: watch::Sender<Curtain>,
    patrons: AtomicUsize,
    dice: Dice,
}

/// How people talk.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The mean time between two bursts of one person in one session.
    pub pause: Duration,
    /// How many messages a burst has at the most.
    pub burst: usize,
    /// How many messages a patron sends before they end the session.
    pub length: usize,
    /// How many sessions a librarian has at once.
    pub capacity: usize,
}

/// How far the play has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Curtain {
    /// Patrons come one after the other.
    Up,
    /// Patrons finish what they have begun.
    Falling,
    /// Staff go home.
    Down,
}

impl Scene {
    /// The scene of a run, with the curtain up.
    #[must_use]
    pub fn new(gateways: Vec<SocketAddr>, recorder: Recorder, pace: Pace, dice: Dice) -> Arc<Self> {
        Arc::new(Self {
            gateways,
            recorder,
            pulse: Pulse::default(),
            mischief: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            pace,
            curtain: watch::Sender::new(Curtain::Up),
            patrons: AtomicUsize::new(0),
            dice,
        })
    }

    /// Lowers the curtain.
    pub fn lower(&self, to: Curtain) {
        self.curtain.send_replace(to);
    }

    /// How far the play has come.
    #[must_use]
    pub fn curtain(&self) -> Curtain {
        *self.curtain.borrow()
    }

    /// How many patrons have come and not gone yet.
    #[must_use]
    pub fn patrons(&self) -> usize {
        self.patrons.load(Ordering::Relaxed)
    }

    /// Chance of one's own.
    #[must_use]
    pub fn dice(&self, who: &str) -> Dice {
        self.dice.apart(who)
    }

    fn is_mischievous(&self) -> bool {
        self.mischief.load(Ordering::Relaxed)
    }
}
