//! Waiting for a request, but not for ever.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

/// What came of a wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    /// This.
    Came(T),
    /// Nothing so far.
    NotYet,
    /// Nothing will come any more.
    Never,
}

/// Waits for what comes next on a channel, on this thread, no longer than `patience`.
pub(super) fn next_within<T>(channel: &mut mpsc::Receiver<T>, patience: Duration) -> Next<T> {
    let until = Instant::now() + patience;
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match channel.poll_recv(&mut context) {
            Poll::Ready(Some(next)) => return Next::Came(next),
            Poll::Ready(None) => return Next::Never,
            Poll::Pending => {}
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Next::NotYet;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_wait_ends_with_what_comes_with_the_channel_or_when_it_was_long_enough() {
        let (sender, mut channel) = mpsc::channel(1);
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(3_600));
        assert_eq!(next_within(&mut channel, short), Next::NotYet);
        let sending = thread::spawn(move || sender.blocking_send(7).unwrap());
        assert_eq!(next_within(&mut channel, long), Next::Came(7));
        assert_eq!(next_within(&mut channel, long), Next::Never);
        sending.join().unwrap();
    }
}
