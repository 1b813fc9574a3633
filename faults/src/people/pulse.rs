//! Whether conversations flow: when a message last went all the way from a patron to a librarian, and its
//! acknowledgement back to the patron.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// The pulse of all conversations.
#[derive(Debug, Default)]
pub struct Pulse {
    beats: Mutex<Beats>,
    beat: Notify,
}

#[derive(Debug, Default)]
struct Beats {
    /// By session.
    conversations: HashMap<String, Beat>,
    /// When the last message that went all the way, in any conversation, was sent.
    last: u64,
}

/// When two of a patron's messages were sent, in the history's time: the last one that was acknowledged, and the last
/// one that a librarian was shown.
#[derive(Clone, Copy, Debug, Default)]
struct Beat {
    acknowledged: u64,
    shown: u64,
}

impl Beat {
    fn went(self) -> u64 {
        self.acknowledged.min(self.shown)
    }
}

impl Pulse {
    /// Begins to follow a conversation.
    pub fn begin(&self, session: &str) {
        self.lock()
            .conversations
            .entry(session.to_owned())
            .or_default();
    }

    /// Stops following a conversation. Nobody waits for it any more.
    pub fn end(&self, session: &str) {
        self.lock().conversations.remove(session);
        self.beat.notify_waiters();
    }

    /// Records that a patron's message that was sent at `sent` was acknowledged.
    pub fn acknowledged(&self, session: &str, sent: u64) {
        self.change(session, |beat| {
            beat.acknowledged = beat.acknowledged.max(sent)
        });
    }

    /// Records that a patron's message that was sent at `sent` was shown to a librarian.
    pub fn shown(&self, session: &str, sent: u64) {
        self.change(session, |beat| beat.shown = beat.shown.max(sent));
    }

    /// Waits until a message sent after `since` has gone all the way in each conversation that there is, and in at
    /// least one. Returns the conversations in which none did within `patience`.
    pub async fn flows(&self, since: u64, patience: Duration) -> Vec<String> {
        let until = Instant::now() + patience;
        loop {
            let beat = self.beat.notified();
            let waiting = self.lock().waiting(since);
            if waiting.is_empty() {
                return waiting;
            }
            if timeout_at(until, beat).await.is_err() {
                return self.lock().waiting(since);
            }
        }
    }

    fn change(&self, session: &str, change: impl FnOnce(&mut Beat)) {
        let mut beats = self.lock();
        if let Some(beat) = beats.conversations.get_mut(session) {
            change(beat);
            let went = beat.went();
            beats.last = beats.last.max(went);
            drop(beats);
            self.beat.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beats {
    fn waiting(&self, since: u64) -> Vec<String> {
        if self.last <= since {
            return vec!["any".to_owned()];
        }
        let waiting = self.conversations.iter();
        waiting
            .filter(|(_, beat)| beat.went() <= since)
            .map(|(session, _)| session.clone())
            .collect()
    }
}
