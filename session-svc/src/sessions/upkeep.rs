//! What must be seen to though nobody asks: words that the bus lost, and sessions that nobody attends.

use std::{pin::pin, sync::Arc, time::Duration};

use carrel_platform::{
    log::{LogError, StreamName, StreamQuery},
    members::Members,
};
use futures::future::join_all;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::Sessions;
use crate::{
    live_session::{Known, Request, attending},
    storage,
};

/// About how many sessions the log is asked at once.
const PAGE: usize = 512;
/// How many sessions are looked up at once in the store of leases.
const LOOK_UPS: usize = 64;
/// How many sessions that nobody has asked for are loaded at once: after a restart they are all that wait, and the log has its
/// readers for others, too.
pub(super) const PLACES: usize = 2;
/// For how long one of them keeps its place at the most, while the log does not answer.
const PLACE_LASTS: Duration = Duration::from_secs(20);

impl Sessions {
    /// Sees to both, at once and again and again, until the server stops. Each goes its own way: while the store of leases
    /// can't be reached, it takes long to look up many sessions, and a word that was lost must not wait for that.
    pub(crate) async fn keep_up(self, members: Members) {
        let tails = async {
            if self.parts.bus.lossy() {
                let failed = "it could not be looked whether the bus lost a word";
                self.see_to(|| self.repair_tails(), failed).await;
            }
        };
        let failed = "sessions that nobody attends could not be looked up";
        let unattended = self.see_to(|| self.look_after(&members), failed);
        tokio::join!(tails, unattended);
    }

    /// Does something, at once and again and again, until the server stops.
    async fn see_to<F>(&self, what: impl Fn() -> F, failed: &'static str)
    where
        F: Future<Output = Result<(), LogError>>,
    {
        let every = self.parts.config.tail_repair.get();
        let pause = || tokio::time::sleep(every);
        let stop = &self.parts.stop;
        // All of it only reads, and so can be broken off.
        while let Some(seen_to) = stop.run_until_cancelled(what()).await {
            if let Err(error) = seen_to {
                tracing::warn!(kind = error.kind(), "{failed}");
            }
            if stop.run_until_cancelled(pause()).await.is_none() {
                return;
            }
        }
    }

    /// Has each session in memory read what the log has and it has not: a word may be lost that nobody knows of, also
    /// the last one (I8).
    async fn repair_tails(&self) -> Result<(), LogError> {
        let live: Vec<(String, Arc<Known>)> = self
            .live()
            .iter()
            .map(|(id, live)| (id.clone(), Arc::clone(&live.known)))
            .collect();
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
                    self.send_if_live(id, Request::CatchUp);
                }
            }
        }
        Ok(())
    }

    /// Whoever has no room for the request has others, which bring it up to date as well.
    fn send_if_live(&self, session_id: &str, request: Request) {
        if let Some(live) = self.live().get(session_id) {
            let _ = live.inbox.try_send(Box::new(request));
        }
    }

    /// Brings those sessions into memory that are this server's to look after: in which time alone may bring something
    /// (open ones, and those with supervisors inside), and which nobody attends on any server. One after the other, as there
    /// are places: one that can't be loaded gives its place back, and one that the log does not answer keeps it for a while
    /// only. Who is attended by the time that its turn comes is loaded needlessly, and leaves again.
    async fn look_after(&self, members: &Members) -> Result<(), LogError> {
        let mut due = self.parts.list.open();
        due.extend(self.supervised().await?);
        {
            let live = self.live();
            let is_in_memory = |id: &str| live.get(id).is_some_and(|way| !way.inbox.is_closed());
            due.retain(|id| !is_in_memory(id) && members.is_mine(id));
        }
        for page in due.chunks(LOOK_UPS) {
            let attended = page.iter().map(|id| async {
                let space = attending(id);
                let leases = self.parts.leases.standing(&space).await;
                // Where that can't be known, better two look after it than none.
                leases.is_ok_and(|leases| !leases.is_empty())
            });
            for (id, attended) in page.iter().zip(join_all(attended).await) {
                // The places are never taken away.
                if !attended && let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
                    let _ = self.inbox(id, Some(place));
                }
            }
        }
        Ok(())
    }

    /// The sessions with supervisors inside.
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

/// Loads something that has a place, and gives that back then, or when it takes too long: others wait for it.
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
