//! One subscriber, as a bus sees it.

use bytes::Bytes;

use super::{Notice, Origin};
use crate::{
    queue::{self, queue},
    telemetry::metric::BUS_MISSED,
};

/// How many payloads may wait for one subscriber before it is told that it missed some.
pub(super) const BACKLOG: usize = 256;

/// The bus's end of a subscription.
#[derive(Debug)]
pub(super) struct Listener {
    /// The name of the bus in metrics.
    system: &'static str,
    origin: Origin,
    /// Has room for [`BACKLOG`] notices and one [`Notice::Missed`].
    notices: queue::Sender<Notice>,
    /// Whether the last queued notice is [`Notice::Missed`].
    told_of_loss: bool,
}

impl Listener {
    /// Makes a subscriber's listener and the queue that it reads.
    pub(super) fn new(system: &'static str, origin: Origin) -> (Self, queue::Receiver<Notice>) {
        let (notices, heard) = queue(BACKLOG + 1);
        let listener = Self {
            system,
            origin,
            notices,
            told_of_loss: false,
        };
        (listener, heard)
    }

    /// Queues a payload unless it is the subscriber's own. Without room, queues [`Notice::Missed`] once in its
    /// place. Returns whether the payload was lost.
    ///
    /// The last place is kept for [`Notice::Missed`], so that it is always heard, and after everything that was
    /// queued before the loss.
    pub(super) fn tell(&mut self, origin: Origin, payload: &Bytes) -> bool {
        if self.is_of(origin) {
            return false;
        }
        let notice = match self.notices.room() {
            0 | 1 if self.told_of_loss => return true,
            0 | 1 => Notice::Missed,
            _ => Notice::Payload(payload.clone()),
        };
        self.told_of_loss = notice == Notice::Missed;
        if self.told_of_loss {
            self.count_gap();
        }
        // There is room, and a subscriber that left needs no notice.
        drop(self.notices.send(notice));
        self.told_of_loss
    }

    /// Queues [`Notice::Missed`] for a possible loss before now, unless it waits at the end already.
    pub(super) fn miss(&mut self) {
        if self.told_of_loss && !self.notices.is_empty() {
            return;
        }
        self.told_of_loss = true;
        self.count_gap();
        // Only this notice takes the last place, so if that is taken, the notice waits there already.
        drop(self.notices.send(Notice::Missed));
    }

    fn count_gap(&self) {
        BUS_MISSED.add(1, [self.system.into()]);
    }

    /// Returns whether the listener belongs to this origin.
    pub(super) fn is_of(&self, origin: Origin) -> bool {
        self.origin == origin
    }

    /// Returns whether the subscription was dropped.
    pub(super) fn is_gone(&self) -> bool {
        self.notices.is_closed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const OTHER: Origin = Origin(2);

    #[test]
    fn a_loss_is_said_once_until_it_was_heard() {
        let (mut listener, mut heard) = Listener::new("memory", Origin(1));
        listener.miss();
        listener.miss();
        assert!(!listener.tell(OTHER, &Bytes::from_static(b"1")));
        listener.miss();
        assert_eq!(heard.try_next().unwrap(), Notice::Missed);
        assert_eq!(
            heard.try_next().unwrap(),
            Notice::Payload(Bytes::from_static(b"1"))
        );
        assert_eq!(heard.try_next().unwrap(), Notice::Missed);
        listener.miss();
        assert_eq!(heard.try_next().unwrap(), Notice::Missed);
        assert!(heard.try_next().is_none());
    }

    #[test]
    fn a_loss_is_said_to_one_that_is_full() {
        let (mut listener, mut heard) = Listener::new("memory", Origin(1));
        let lost = (0..2 * BACKLOG).filter(|_| listener.tell(OTHER, &Bytes::new()));
        assert_eq!(lost.count(), BACKLOG);
        listener.miss();
        for _ in 0..BACKLOG {
            assert_eq!(heard.try_next().unwrap(), Notice::Payload(Bytes::new()));
        }
        assert_eq!(heard.try_next().unwrap(), Notice::Missed);
        assert!(heard.try_next().is_none());
        assert!(!listener.tell(Origin(1), &Bytes::new()));
        assert!(heard.try_next().is_none());
    }
}
