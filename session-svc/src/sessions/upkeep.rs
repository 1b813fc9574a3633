//! What is done without a request: repairing what the bus lost, looking after sessions that nobody attends, and finding out
//! which servers can't say who attends on them.

use std::{pin::pin, sync::Arc, time::Duration};

use carrel_platform::{
    log::{LogError, StreamName, StreamQuery},
    members::Members,
};
use futures::future::join_all;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit},
    time::timeout,
};

use super::Sessions;
use crate::{
    cut_off::Heard,
    live_session::{Parts, Request, attending},
    storage,
};

/// How many sessions the log is asked about at once.
const PAGE: usize = 512;
/// How many sessions are looked up at once in the store of leases.
const LOOK_UPS: usize = 64;
/// How many sessions that nobody has asked for are loaded at once: after a restart these are all that wait, and the
/// log's readers serve others, too.
pub(super) const PLACES: usize = 2;
/// For how long one of them keeps its place, at most, while the log does not answer.
const PLACE_LASTS: Duration = Duration::from_secs(20);

impl Sessions {
    /// Does all of that, at once and again and again, until the server stops. Nothing waits for the rest: while the store of
    /// leases can't be reached, looking up many sessions takes long, and a lost message must not wait for that.
    pub(crate) async fn keep_up(self, members: Members) {
        let tails = async {
            if self.parts.bus.lossy() {
                let failed = "it could not be looked whether the bus lost a message";
                self.see_to(|| self.repair_tails(), failed).await;
            }
        };
        let cut_off = async {
            if self.parts.bus.lossy() {
                let heard = Mutex::default();
                let failed = "it could not be looked whether a server is cut off";
                self.see_to(|| self.say_and_hear(&heard), failed).await;
            }
        };
        let failed = "sessions that nobody attends could not be looked up";
        let unattended = self.see_to(|| self.look_after(&members), failed);
        tokio::join!(tails, cut_off, unattended);
    }

    /// Repeats something, beginning at once, until the server stops.
    async fn see_to<F>(&self, what: impl Fn() -> F, failed: &'static str)
    where
        F: Future<Output = Result<(), LogError>>,
    {
        let every = self.parts.config.tail_repair.get();
        let pause = || tokio::time::sleep(every);
        let stop = &self.parts.stop;
        // These tasks only read, or say again what they had said, so they can be cancelled at any time.
        while let Some(seen_to) = stop.run_until_cancelled(what()).await {
            if let Err(error) = seen_to {
                tracing::warn!(kind = error.kind(), "{failed}");
            }
            if stop.run_until_cancelled(pause()).await.is_none() {
                return;
            }
        }
    }

    /// Says in the log whether this server is cut off from the store of leases, and hears whether others are. A desk with one
    /// server has nobody to tell.
    async fn say_and_hear(&self, heard: &Mutex<Heard>) -> Result<(), LogError> {
        let Parts {
            log,
            clock,
            config,
            cut_off,
            ..
        } = &*self.parts;
        let mut heard = heard.lock().await;
        let every = config.tail_repair.get();
        cut_off
            .say_and_hear(&**log, clock.unix_ms(), every, &mut heard)
            .await
    }

    /// Has each session in memory that is behind the log catch up: the bus may lose a message without anyone noticing,
    /// even the last one (I8).
    async fn repair_tails(&self) -> Result<(), LogError> {
        let live = self.live.known();
        for page in live.chunks(PAGE) {
            let streams: Vec<StreamName> = page
                .iter()
                .flat_map(|(id, _)| {
                    [storage::SESSION, storage::CONFERENCE]
                        .map(|category| StreamName::new(category, id.clone()))
                })
                .collect();
            let versions = self.parts.log.versions(&streams).await?;
            for ((id, known), versions) in page.iter().zip(versions.chunks_exact(2)) {
                if let [session, conference] = *versions
                    && known.is_behind(session, conference)
                {
                    self.have_catch_up(id);
                }
            }
        }
        Ok(())
    }

    /// Has a session that is in memory catch up. If its inbox has no room, the next look finds it behind again.
    fn have_catch_up(&self, session_id: &str) {
        self.live
            .send_if_live(session_id, Box::new(Request::CatchUp));
    }

    /// Loads the sessions that this server is to look after: those in which time alone may bring something (open ones,
    /// and those with supervisors inside), and which nobody attends on any server. One that waits for a lost patron is
    /// left to rest until something is due in it. They are loaded one after the other, as places become free: a session
    /// that can't be loaded gives its place back, and one for which the log does not answer keeps it only for a while.
    /// A session that is attended by the time its turn comes is loaded needlessly, and leaves memory again.
    async fn look_after(&self, members: &Members) -> Result<(), LogError> {
        let parts = &self.parts;
        let now_ms = parts.clock.unix_ms();
        let mut due = parts.list.to_look_after(now_ms, parts.config.times());
        due.extend(self.supervised().await?);
        due.retain(|id| !self.live.is_live(id) && members.is_mine(id));
        for page in due.chunks(LOOK_UPS) {
            let attended = page.iter().map(|id| async {
                let space = attending(id);
                let leases = self.parts.leases.active(&space).await;
                // If that can't be known, it is better that two servers look after the session than none.
                leases.is_ok_and(|leases| !leases.is_empty())
            });
            for (id, attended) in page.iter().zip(join_all(attended).await) {
                // The semaphore is never closed.
                if !attended && let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
                    let _ = (self.live).of(id, |inbox, known| {
                        self.load(id, known, inbox, Some(place));
                    });
                }
            }
        }
        Ok(())
    }

    /// Returns the sessions with supervisors inside.
    async fn supervised(&self) -> Result<Vec<String>, LogError> {
        let mut supervised: Vec<String> = Vec::new();
        loop {
            let query = StreamQuery::Open {
                category: storage::CONFERENCE,
                after: supervised.last().cloned(),
                limit: PAGE,
            };
            let heads = self.parts.log.find(query).await?;
            let full = heads.len() == PAGE;
            supervised.extend(heads.into_iter().map(|head| head.stream.id));
            if !full {
                return Ok(supervised);
            }
        }
    }
}

/// Runs a load that has a place, and gives the place back when it is done or takes too long, since others wait for it.
pub(super) async fn within<T>(place: OwnedSemaphorePermit, load: impl Future<Output = T>) -> T {
    let mut load = pin!(load);
    let in_time = timeout(PLACE_LASTS, &mut load).await;
    drop(place);
    match in_time {
        Ok(loaded) => loaded,
        Err(_) => load.await,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future::pending;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_that_never_answers_keeps_nobody_from_a_place_for_ever() {
        let places = Arc::new(Semaphore::new(1));
        let place = || Arc::clone(&places).acquire_owned();
        let first = place().await.unwrap();
        let load = tokio::spawn(within(first, pending::<()>()));
        assert!(timeout(PLACE_LASTS / 2, place()).await.is_err());
        assert!(timeout(PLACE_LASTS, place()).await.is_ok());
        assert!(!load.is_finished(), "it goes on without a place");
        assert_eq!(within(place().await.unwrap(), async { 7 }).await, 7);
        assert_eq!(places.available_permits(), 1);
    }
}
