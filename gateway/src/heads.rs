//! What a browser was told of the last events of the sessions that it attends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_proto::gateway::v1::Head;

/// The heads that a browser was told on one socket, one of each session. Cheap to clone.
///
/// A head says what the last event is, so that a reader who has missed one asks for it. It goes the same way as the events
/// and cannot overtake one: whoever was told of a head has all before it, or knows that they lack some. So each is told
/// once, when the service says it; and again only so that a browser, which does not see the socket's own pings, hears
/// something before it grows anxious: that needs no word of the service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads(Arc<Mutex<Vec<Head>>>);

impl Heads {
    /// Whether the browser was told of this head last.
    pub(crate) fn was_told(&self, session_id: &str, number: u64) -> bool {
        self.lock()
            .iter()
            .any(|head| head.session_id == session_id && head.number == number)
    }

    /// Takes note of what the browser was told.
    pub(crate) fn told(&self, told: Head) {
        let mut heads = self.lock();
        match heads
            .iter_mut()
            .find(|head| head.session_id == told.session_id)
        {
            Some(head) => *head = told,
            None => heads.push(told),
        }
    }

    /// Forgets a session that is no longer attended.
    pub(crate) fn forget(&self, session_id: &str) {
        self.lock().retain(|head| head.session_id != session_id);
    }

    /// What the browser was told last of each session.
    pub(crate) fn all(&self) -> Vec<Head> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Head>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
