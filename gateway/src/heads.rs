//! The heads that a browser was told: the last events of the sessions that it attends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_proto::gateway::v1::Head;

/// The last head that a browser was told of each session, on one socket. Cheap to clone.
///
/// A head says what the last event is, so that a reader who has missed one asks for it. It takes the same way as the
/// events and can't overtake one: a browser that was told a head has all events before it, or knows that some are
/// missing. So each head is told once, when the service sends it. It is repeated only because a browser does not see
/// the socket's own pings and must hear something before it takes the server for gone; that needs no word from the
/// service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads(Arc<Mutex<Vec<Head>>>);

impl Heads {
    /// Whether this head is the last that the browser was told of the session.
    pub(crate) fn was_told(&self, session_id: &str, number: u64) -> bool {
        self.lock()
            .iter()
            .any(|head| head.session_id == session_id && head.number == number)
    }

    /// Records what the browser was told.
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

    /// Returns what the browser was told last of each session.
    pub(crate) fn all(&self) -> Vec<Head> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Head>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
