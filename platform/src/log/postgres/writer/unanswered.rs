//! Commits that the server does not answer: above all, those that wait for a standby that is gone.

use std::{pin::pin, time::Duration};

use super::{Shared, WritingSession};
use crate::log::postgres::error::OpenError;

/// How often waiting requests are refused meanwhile.
const REFUSE_EVERY: Duration = Duration::from_millis(500);
/// After how many of these intervals to check whether the server still works on the commit.
const LOOK_EVERY: u32 = 10;

impl Shared {
    /// Keeps a connection until its commit is answered. Returns whether it can be used again.
    ///
    /// The connection is not closed and replaced, because the server would go on with the commit and keep its streams
    /// locked: an hour without the standby would use up all of the server's connections. It is given up when a server
    /// that can be written, this one or another, says that it is not working on the commit.
    pub(super) async fn until_answered(&self, waiting: &WritingSession) -> bool {
        self.links.set_problem(Some(OpenError::Unanswered));
        let mut answered = pin!(waiting.session.answered());
        for turn in 1_u32.. {
            if self.broken.is_cancelled() || !self.refuse_waiting() {
                break;
            }
            tokio::select! {
                biased;
                () = waiting.session.closed() => break,
                result = answered.as_mut() => {
                    self.links.set_problem(None);
                    return result.is_ok();
                }
                () = tokio::time::sleep(REFUSE_EVERY) => {}
            }
            if turn.is_multiple_of(LOOK_EVERY) && self.is_abandoned(waiting).await {
                break;
            }
        }
        false
    }

    async fn is_abandoned(&self, waiting: &WritingSession) -> bool {
        let Ok(other) = self.connector.connect().await else {
            return false;
        };
        let seen = tokio::time::timeout(self.patience, other.sees(&waiting.session)).await;
        matches!(seen, Ok(Ok(false)))
    }
}
