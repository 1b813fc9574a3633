//! The bus: quick notifications that something happened.
//!
//! The log is the truth; the bus only tells subscribers that there is news, and what it is. It may lose, repeat, delay
//! or reorder anything. A subscriber must be able to tell whether what it hears continues what it has, and read the log
//! if it does not.

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
/// **At most once, no memory.** A payload reaches at most those who are subscribed at that moment.
///
/// **Never in the way.** [`Bus::publish`] neither waits nor fails: no acknowledgement depends on it.
///
/// **Honest about known losses.** A subscriber that was too slow, or whose connection was interrupted, hears
/// [`Notice::Missed`] before anything that was published after the loss, and hears it even if nothing more is
/// published.
///
/// **Bounded.** What waits for a subscriber that does not read has a limit, and nothing is kept for one that is gone.
///
/// **Active after a while.** A subscription hears what is published while it is active. Within one process that is from
/// the start. Where a server has to be told, it is from some moment soon after [`Bus::subscribe`]; the subscription
/// then hears [`Notice::Missed`] once, before anything else, since payloads published before may be lost. It may hear
/// [`Notice::Missed`] without a loss at other times, too.
///
/// **No echo.** A subscription does not hear what was published under its own [`Origin`].
pub trait Bus: Send + Sync + 'static {
    /// Publishes a payload on a topic.
    fn publish(&self, origin: Origin, topic: &str, payload: Bytes);

    /// Listens to a topic until the subscription is dropped.
    fn subscribe(&self, origin: Origin, topic: &str) -> Subscription;

    /// Returns whether any origin but this one may be listening to a topic now. `false` only if certainly none is: then
    /// the payload need not even be made.
    fn reaches(&self, _origin: Origin, _topic: &str) -> bool {
        true
    }

    /// Returns the name of what carries the payloads, for `messaging.system`.
    fn system(&self) -> &'static str;

    /// Returns whether payloads may be lost without anyone noticing. If so, subscribers have to check the log from time
    /// to time as well.
    fn lossy(&self) -> bool {
        true
    }
}

/// Who publishes and subscribes: one holder of the thing that the topic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(pub u64);

impl Origin {
    /// An origin that no other holder has, here or in another process.
    #[must_use]
    pub fn random() -> Self {
        // The standard library seeds every `RandomState` from the system's entropy.
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
    // The order matters: the notices are dropped first, then what the bus holds for them.
    notices: queue::Receiver<Notice>,
    _held: Box<dyn std::fmt::Debug + Send + Sync>,
}

impl Subscription {
    /// A subscription that hears what comes through `notices`. `held` is dropped with it, after the notices.
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

    /// Waits for the next notice. Returns `None` when the bus was shut down. Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        self.notices.next().await
    }
}

/// Records what became of a payload that was published at `began`: `sent`, `failed` if sending it failed, or `dropped`
/// if sending was not tried.
fn measure_publication(system: &'static str, began: Instant, outcome: &'static str) {
    BUS_PUBLISH_DURATION.record(
        began.elapsed().as_secs_f64(),
        [system.into(), outcome.into()],
    );
}
