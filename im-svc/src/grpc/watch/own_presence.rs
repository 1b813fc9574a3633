//! How a watch announces itself and keeps track of which queues its librarian monitors.

use std::{collections::BTreeSet, time::Duration};

use carrel_platform::bus::Origin;
use futures::{Stream, stream};

use crate::{
    colleagues::{Colleagues, Token},
    conversations::Conversations,
    error::Error,
    watching,
};

/// The presence of the librarian who watches.
pub(super) struct OwnPresence {
    pub(super) conversations: Conversations,
    pub(super) colleagues: Colleagues,
    pub(super) token: Token,
    pub(super) librarian_id: String,
    /// Names the watch's lease.
    pub(super) origin: Origin,
    /// The queues that the librarian monitored when last looked up.
    pub(super) queues: BTreeSet<String>,
}

impl OwnPresence {
    /// Holds the lease that tells all servers that this watch is open.
    pub(super) async fn hold(&self) {
        let parts = self.conversations.parts();
        let lasts = parts.config.watching_lasts();
        let held = watching::hold(
            &*parts.leases,
            self.origin,
            &self.librarian_id,
            &self.queues,
            lasts,
        );
        if let Err(error) = held.await {
            tracing::warn!(%error, "that a watch is open could not be told to other servers");
        }
    }

    /// Looks up the queues that the librarian monitors now. The watch counts as open even while that can't be found
    /// out.
    async fn look(&mut self) -> Result<BTreeSet<String>, Error> {
        self.hold().await;
        let queues = self.colleagues.own_queues(&self.token).await?;
        if queues != self.queues {
            self.queues.clone_from(&queues);
            self.hold().await;
        }
        Ok(queues)
    }
}

/// Returns the queues that the librarian monitors, looked up periodically.
pub(super) fn looks(
    presence: Option<OwnPresence>,
    pause: Duration,
) -> impl Stream<Item = Result<BTreeSet<String>, Error>> {
    stream::unfold(presence, move |presence| async move {
        let mut presence = presence?;
        tokio::time::sleep(pause).await;
        Some((presence.look().await, Some(presence)))
    })
}
