//! Looks periodically for ended sessions whose time is over, and for those whose erasing was not finished (R20).

use std::time::Duration;

use carrel_platform::{log::LogError, members::Members};

use super::Sessions;
use crate::{
    error::Error,
    live_session::Request,
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

    /// Erases what is due of what this server looks after. Should another server do the same, the log takes one of them.
    async fn sweep_once(&self, members: &Members) -> Result<(), LogError> {
        // Of these the text is no longer wanted, whenever they ended: nothing is left to decide.
        self.expire_all(members, (Mark::Erasing, None), i64::MIN, None)
            .await?;
        let listed = Libraries::all(&*self.parts.log).await?;
        let listed = listed.iter().map(|id| Some(id.as_str()));
        for library in std::iter::once(None).chain(listed) {
            let now_ms = self.parts.clock.unix_ms();
            let after = self.parts.config.erase_after(library);
            if let Some(ended_by_ms) = after.due_by(now_ms) {
                let before = (ended_by_ms.saturating_add(1), String::new());
                self.expire_all(members, (Mark::Kept, library), ended_by_ms, Some(before))
                    .await?;
            }
        }
        Ok(())
    }

    /// Has a library's sessions with a mark erased that ended at this moment or before, beginning at a place in the log's
    /// index.
    async fn expire_all(
        &self,
        members: &Members,
        (mark, library): (Mark, Option<&str>),
        ended_by_ms: i64,
        mut before: Option<(i64, String)>,
    ) -> Result<(), LogError> {
        loop {
            let heads = mark.find(&*self.parts.log, library, before, PAGE).await?;
            for head in &heads {
                let id = &head.stream.id;
                if members.is_mine(id) {
                    self.expire(id, ended_by_ms).await?;
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

    /// Has one session erased. One that can't be is tried again by the next sweep; the others must not wait for it, unless the
    /// log can't be reached at all.
    async fn expire(&self, session_id: &str, ended_by_ms: i64) -> Result<(), LogError> {
        let expired = self.ask(session_id, |answer| Request::Expire {
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
