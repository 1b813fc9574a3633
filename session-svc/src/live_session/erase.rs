//! Erasing an ended session, or who its patron was, from memory and from the log (R20).

use carrel_platform::log::{Batch, LogError};

use super::{Expiring, LiveSession, TRIES};
use crate::{
    domain::{
        audience::Audience,
        decide::Decision,
        erasure::{expire, expire_identity},
    },
    error::Error,
    retention::{Mark, Marked},
};

impl LiveSession {
    /// Erases this of the session if it ended at this moment or before, and finishes what was begun of an earlier
    /// erasing.
    ///
    /// If another server does the same at the same time, the log takes the one, and the other finds nothing to do.
    pub(super) async fn expire(&mut self, what: Expiring, ended_by_ms: i64) -> Result<(), Error> {
        self.catch_up_together().await?;
        // Of a session that a server of an earlier version marked, whoever asks does not know whose it is.
        let ended_by_ms = self
            .own_time_of(what)
            .map_or(ended_by_ms, |own| ended_by_ms.min(own));
        for _ in 0..TRIES {
            let decision = match what {
                Expiring::Identity => expire_identity(&self.situation(), ended_by_ms),
                Expiring::Session => expire(&self.situation(), ended_by_ms),
            };
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

    /// Returns the moment at or before which the session must have ended for this of it to be erased now, as its own
    /// library has it. `None` if nothing is known of the session.
    fn own_time_of(&self, what: Expiring) -> Option<i64> {
        let session = self.history.view(Audience::Staff).session()?;
        let library = Some(session.opened.institution_id.as_str());
        let config = &self.parts.config;
        let after = match what {
            Expiring::Identity => config.erase_identity_after(library),
            Expiring::Session => config.erase_after(library),
        };
        let due_by = after.due_by(self.parts.clock.unix_ms());
        Some(due_by.unwrap_or(i64::MIN))
    }

    /// Erases from the log what the last event of an erased session stands for, or the opening if that said who the
    /// patron is and it was erased, unless that was done from here.
    ///
    /// The event that takes their place is in the log before this begins, so that stopping in between leaves too much
    /// and never too little; the mark that is left then has the sweep finish it. Erasing twice changes nothing.
    pub(super) async fn erase_rest(&mut self) -> Result<(), LogError> {
        let Some((up_to, mark)) = self.to_be_erased() else {
            return Ok(());
        };
        if self.confirmed == Some(mark) {
            return Ok(());
        }
        if up_to > 0 {
            let log = &*self.parts.log;
            log.erase(&self.history.session_stream(), up_to).await?;
        }
        match self.mark_as(mark).await {
            Ok(()) => self.confirmed = Some(mark),
            // The next sweep finds it by its mark, and does both again.
            Err(error) => self.warn(&error, "it could not be noted that a session is erased"),
        }
        Ok(())
    }

    /// Returns the version up to which the log must have nothing of the session any more, and the mark that then
    /// follows. `None` if it has all there was, and that says who the patron is, or the session runs.
    fn to_be_erased(&self) -> Option<(u64, Mark)> {
        if let Some(up_to) = self.history.erased_up_to() {
            return Some((up_to, Mark::Erased));
        }
        let session = self.history.view(Audience::Staff).session()?;
        let is_nameless = session.end.is_some() && !session.opened.has_identity();
        let opening = u64::from(session.identity_erased_at_ms.is_some());
        is_nameless.then_some((opening, Mark::Nameless))
    }

    async fn mark_as(&self, mark: Mark) -> Result<(), LogError> {
        let log = &*self.parts.log;
        let session_id = self.history.session_id();
        let session = self.history.view(Audience::Staff).session();
        let (Some(session), marked) = (session, Marked::read(log, session_id).await?) else {
            return Ok(());
        };
        if marked.mark >= Some(mark) {
            return Ok(());
        }
        // By the time of its end, the sweep finds what else is to be erased of it.
        let ended_at_ms = session.end.as_ref().map(|end| end.at_ms);
        let since_ms = match mark {
            Mark::Nameless => ended_at_ms,
            _ => None,
        };
        let since_ms = since_ms.unwrap_or_else(|| self.parts.clock.unix_ms());
        let institution_id = &session.opened.institution_id;
        let mut writes = vec![marked.next(session_id, mark, institution_id, since_ms)?];
        // Servers of an earlier version did not list the library.
        let listing = self.parts.libraries.list(log, institution_id, since_ms);
        writes.extend(listing.await?);
        log.append(Batch { writes }).await
    }
}
