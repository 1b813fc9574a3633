//! Erasing an ended session, from memory and from the log (R20).

use carrel_platform::log::{Batch, LogError};

use super::{LiveSession, TRIES};
use crate::{
    domain::{audience::Audience, decide::Decision, erasure::expire},
    error::Error,
    retention::{Mark, Marked},
};

impl LiveSession {
    /// Erases the session if it ended at this moment or before, and finishes what was begun of an earlier erasing.
    ///
    /// If another server does the same at the same time, the log takes the one, and the other finds nothing to do.
    pub(super) async fn expire(&mut self, ended_by_ms: i64) -> Result<(), Error> {
        self.catch_up_together().await?;
        for _ in 0..TRIES {
            let decision = expire(&self.situation(), ended_by_ms);
            if decision == Decision::default() {
                return Ok(self.erase_rest().await?);
            }
            match self.append_decision(decision).await {
                Ok(()) => {}
                Err(LogError::Conflict { .. }) => self.catch_up().await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Erases from the log what the last event of an erased session stands for, if that was not yet done from here.
    ///
    /// The event is in the log before this begins, so that stopping in between leaves too much and never too little; the mark
    /// that is left then has the sweep finish it. Erasing twice changes nothing.
    pub(super) async fn erase_rest(&mut self) -> Result<(), LogError> {
        let Some(up_to) = self.history.erased_up_to().filter(|_| !self.is_gone) else {
            return Ok(());
        };
        let log = &*self.parts.log;
        log.erase(&self.history.session_stream(), up_to).await?;
        match self.mark_as_erased().await {
            Ok(()) => self.is_gone = true,
            // The next sweep finds it by its mark, and does both again.
            Err(error) => self.warn(&error, "it could not be noted that a session is erased"),
        }
        Ok(())
    }

    async fn mark_as_erased(&self) -> Result<(), LogError> {
        let log = &*self.parts.log;
        let session_id = self.history.session_id();
        let marked = Marked::read(log, session_id).await?;
        if marked.mark == Some(Mark::Erased) {
            return Ok(());
        }
        let now_ms = self.parts.clock.unix_ms();
        let institution_id = self.institution_id();
        let writes = vec![marked.next(session_id, Mark::Erased, institution_id, now_ms)?];
        log.append(Batch { writes }).await
    }

    /// The id of the patron's library. Empty if there is no such session.
    fn institution_id(&self) -> &str {
        let session = self.history.view(Audience::Staff).session();
        session.map_or("", |session| &session.opened.institution_id)
    }
}
