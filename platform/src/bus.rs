//! The bus: the quick word that something happened.
//!
//! The log is the truth; the bus only says, to whoever listens, that there is news and what it is. It may lose,
//! repeat, delay or reorder anything. Whoever listens must know by itself whether what it hears continues what it
//! has, and read the log when it does not.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Instant,
};

use bytes::Bytes;

use crate::{queue, telemetry::metric::BUS_PUBLISH_DURATION};

mod listener;
pub mod local;
pub mod redis;

/// Carries payloads from publishers to subscribers.
///
/// # What every implementation promises
///
/// **At most once, no memory.** A payload reaches those who are subscribed at that moment, or not even them.
///
/// **Never in the way.** [`Bus::publish`] does not wait and does not fail: it is off the way of an acknowledgement.
///
/// **Honest about loss it knows of.** A subscriber that was too slow, or whose connection was interrupted, hears
/// [`Notice::Missed`] before anything that was published after the loss, and hears it even if nothing more is
/// published.
///
/// **Bounded.** What waits for a subscriber that does not listen has a limit, and nothing is kept for one that is gone.
///
/// **Active from some moment on.** A subscription hears what is published while it is active. In one process that is
/// from the start. Where a server has to be told, it is from some moment soon after [`Bus::subscribe`] on; then the
/// subscription hears [`Notice::Missed`] once as the first of all, since words may be lost that were published before.
/// It may be told so without a loss at other times, too.
///
/// **No echo.** A subscription does not hear what was published under its own [`Origin`].
pub trait Bus: Send + Sync + 'static {
    /// Publishes a payload on a topic.
    fn publish(&self, origin: Origin, topic: &str, payload: Bytes);

    /// Listens to a topic until the subscription is dropped.
    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription;

    /// Whether anybody but this origin may be listening to a topic now. Only if surely nobody does is it false: then
    /// a payload need not even be made.
    fn reaches(&self, _origin: Origin, _topic: &str) -> bool {
        true
    }

    /// What carries words here, as `messaging.system` names it.
    fn system(&self) -> &'static str;

    /// Whether a word may be lost here that nobody knows of. Then whoever follows a topic has to look at the log from
    /// time to time, too.
    fn lossy(&self) -> bool {
        true
    }
}

/// Who publishes and subscribes: one holder of what the topic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(pub u64);

impl Origin {
    /// An origin that nobody else has, here or in another process.
    #[must_use]
    pub fn random() -> Self {
        // The standard library seeds each of these from the system's entropy.
        Self(RandomState::new().build_hasher().finish())
    }
}

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something was published.
    Payload(Bytes),
    /// Something may have been published and lost.
    Missed,
}

/// A subscription. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    // The order matters: the notices end first, then what the bus keeps for them is let go of.
    notices: queue::Receiver<Notice>,
    _held: Box<dyn std::fmt::Debug + Send + Sync>,
}

impl Subscription {
    /// A subscription that hears what comes through `notices`. `held` is dropped with it, after the notices ended.
    #[must_use]
    pub fn new(
        notices: queue::Receiver<Notice>,
        held: impl std::fmt::Debug + Send + Sync + 'static,
    ) -> Self {
        Self {
            notices,
            _held: Box::new(held),
        }
    }

    /// Waits for the next notice. `None` when the bus was shut down. Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        self.notices.next().await
    }
}

/// Measures what became of a payload that was published when this began: `sent`, `failed` when it was tried in vain, or
/// `dropped` when it was not tried.
fn measure_publication(system: &'static str, began: Instant, outcome: &'static str) {
    BUS_PUBLISH_DURATION.record(
        began.elapsed().as_secs_f64(),
        [system.into(), outcome.into()],
    );
}
