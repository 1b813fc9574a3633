//! Looks periodically for ended sessions whose time is over, or that of their patrons' names, and for those whose
//! erasing was not finished (R20).

use std::time::Duration;

use carrel_platform::{log::LogError, members::Members};

use super::Sessions;
use crate::{
    error::Error,
    live_session::{Expiring, Request},
    retention::{Libraries, Mark},
};

/// How many sessions one query returns.
const PAGE: usize = 256;
/// How long to wait after each session, so that a backlog leaves the log to those who are at the desk.
const PAUSE: Duration = Duration::from_millis(50);

impl Sessions {
    /// Sweeps until the service stops.
    pub(crate) async fn sweep(self, members: Members) {
        let every = self.parts.config.erase_sweep.get();
        let stop = &self.parts.stop;
        while stop
            .run_until_cancelled(tokio::time::sleep(every))
            .await
            .is_some()
        {
            // An erasing that is broken off is found again by its mark.
            if let Some(Err(error)) = stop.run_until_cancelled(self.sweep_once(&members)).await {
                let kind = error.kind();
                tracing::warn!(kind, "ended sessions could not be swept");
            }
        }
    }

    /// Erases what is due of what this server looks after. Should another server do the same, the log takes one of
    /// them.
    async fn sweep_once(&self, members: &Members) -> Result<(), LogError> {
        // Of these the text, or the name, is no longer wanted, whenever they ended: nothing is left to decide.
        for mark in [Mark::Erasing, Mark::ErasingIdentity] {
            self.expire_all(members, (mark, None), Expiring::Session, None)
                .await?;
        }
        let listed = Libraries::all(&*self.parts.log).await?;
        let listed = listed.iter().map(|id| Some(id.as_str()));
        for library in std::iter::once(None).chain(listed) {
            let config = &self.parts.config;
            let session = (Expiring::Session, config.erase_after(library));
            let identity = (Expiring::Identity, config.erase_identity_after(library));
            for (mark, (what, after)) in [
                (Mark::Kept, session),
                (Mark::Nameless, session),
                (Mark::Kept, identity),
            ] {
                if let Some(ended_by_ms) = after.due_by(self.parts.clock.unix_ms()) {
                    self.expire_all(members, (mark, library), what, Some(ended_by_ms))
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Has this erased of a library's sessions with a mark that ended at this moment or before. If no moment is given,
    /// what was begun is only finished.
    async fn expire_all(
        &self,
        members: &Members,
        (mark, library): (Mark, Option<&str>),
        what: Expiring,
        ended_by_ms: Option<i64>,
    ) -> Result<(), LogError> {
        let mut before = ended_by_ms.map(|at_ms| (at_ms.saturating_add(1), String::new()));
        let ended_by_ms = ended_by_ms.unwrap_or(i64::MIN);
        loop {
            let heads = mark.find(&*self.parts.log, library, before, PAGE).await?;
            for head in &heads {
                let id = &head.stream.id;
                if members.is_mine(id) {
                    self.expire(id, what, ended_by_ms).await?;
                    tokio::time::sleep(PAUSE).await;
                }
            }
            match heads.last() {
                Some(last) if heads.len() == PAGE => {
                    let since_ms = last.index_entry.closed_at_ms.unwrap_or(i64::MIN);
                    before = Some((since_ms, last.stream.id.clone()));
                }
                _ => return Ok(()),
            }
        }
    }

    /// Has one session erased. One that can't be is tried again by the next sweep; the others must not wait for it,
    /// unless the log can't be reached at all.
    async fn expire(
        &self,
        session_id: &str,
        what: Expiring,
        ended_by_ms: i64,
    ) -> Result<(), LogError> {
        let expired = self.ask(session_id, |answer| Request::Expire {
            what,
            ended_by_ms,
            answer,
        });
        match expired.await {
            Err(Error::Log(error @ LogError::Unavailable(_))) => Err(error),
            Err(Error::Log(error)) => {
                let kind = error.kind();
                tracing::warn!(kind, "an ended session could not be erased");
                Ok(())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
