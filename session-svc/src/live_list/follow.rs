//! How the list keeps up with what other servers change: by their words, and by looks at the log.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use carrel_platform::{
    bus::{Notice, Subscription},
    log::{LogError, StreamHead, StreamQuery},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Apart, Entry, LiveList};
use crate::{history::History, storage};

/// The topic on which a server says how a session stands now.
const TOPIC: &str = "session-list";
/// How many sessions are found at once when the list is read from the log.
const PAGE: usize = 1024;
/// How long to wait before the list is read again that could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl LiveList {
    /// Begins to hear what other servers change. To be called before the list is read, so that nothing falls between.
    pub(crate) fn listen(&self) -> Subscription {
        self.bus.subscribe(self.origin, TOPIC)
    }

    /// Tells other servers how a session stands now.
    pub(crate) fn tell(&self, history: &History) {
        if self.bus.reaches(self.origin, TOPIC)
            && let Some(entry) = Entry::of(history)
            && let Ok(said) = serde_json::to_vec(&entry)
        {
            self.bus.publish(self.origin, TOPIC, Bytes::from(said));
        }
    }

    /// Follows what other servers change, until `stop`; where a word may be lost that nobody knows of, also by a look at
    /// the log every `repair`. What could not be read is read again after a pause.
    pub(crate) async fn follow(
        self,
        mut news: Subscription,
        repair: Duration,
        stop: CancellationToken,
    ) {
        let lossy = self.bus.lossy();
        let mut looked = Instant::now();
        let mut behind = false;
        loop {
            let pause = match (behind, lossy) {
                (true, _) => READ_AGAIN_AFTER,
                (false, true) => repair.saturating_sub(looked.elapsed()),
                (false, false) => Duration::MAX,
            };
            let notice = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                notice = news.next() => match notice {
                    Some(notice) => notice,
                    None => return,
                },
                () = tokio::time::sleep(pause) => Notice::Missed,
            };
            let read = match &notice {
                Notice::Payload(said) => self.hear(said).await,
                Notice::Missed => {
                    looked = Instant::now();
                    let read = self.catch_up().await;
                    behind = false;
                    read
                }
            };
            behind |= read.is_err();
            if let Err(error) = read {
                let kind = error.kind();
                tracing::warn!(kind, "the list of sessions could not be brought up to date");
            }
        }
    }

    /// Takes in what another server says of one session.
    async fn hear(&self, said: &[u8]) -> Result<(), LogError> {
        let Ok(entry) = serde_json::from_slice::<Entry>(said) else {
            // A server of another version says it in another way.
            return self.catch_up().await;
        };
        let session_id = entry.session_id.clone();
        match self.take_in_entry(entry) {
            Ok(()) => Ok(()),
            Err(Apart) => self.read(&session_id).await,
        }
    }

    /// Brings the list up to date with the log: reads the sessions that stand otherwise there than here.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        let known = self.known();
        let mut open = HashSet::new();
        let mut after = None;
        loop {
            let heads = self.page(storage::SESSION, after.take()).await?;
            for StreamHead {
                stream,
                standing_version,
                ..
            } in &heads
            {
                let (session, _) = known.get(&stream.id).copied().unwrap_or_default();
                if session < *standing_version {
                    self.read(&stream.id).await?;
                }
            }
            let full = heads.len() == PAGE;
            after = heads.last().map(|last| last.stream.id.clone());
            open.extend(heads.into_iter().map(|head| head.stream.id));
            if !full {
                break;
            }
        }
        let supervised = self.catch_up_with_conferences().await?;
        for (session_id, (_, conference)) in &known {
            let ended = !open.contains(session_id);
            // Whoever was inside has left, which closes the conference.
            let left = *conference > 0 && !supervised.contains(session_id);
            if ended || (left && self.has_inside(session_id)) {
                self.read(session_id).await?;
            }
        }
        Ok(())
    }

    /// Reads the sessions whose conference has gone on, and says which have one that is open.
    async fn catch_up_with_conferences(&self) -> Result<HashSet<String>, LogError> {
        let known = self.known();
        let mut supervised = HashSet::new();
        let mut after = None;
        loop {
            let heads = self.page(storage::CONFERENCE, after.take()).await?;
            for head in &heads {
                let id = &head.stream.id;
                if let Some((_, conference)) = known.get(id)
                    && *conference < head.version
                {
                    self.read(id).await?;
                }
            }
            let full = heads.len() == PAGE;
            after = heads.last().map(|last| last.stream.id.clone());
            supervised.extend(heads.into_iter().map(|head| head.stream.id));
            if !full {
                return Ok(supervised);
            }
        }
    }

    async fn page(
        &self,
        category: &'static str,
        after: Option<String>,
    ) -> Result<Vec<StreamHead>, LogError> {
        let query = StreamQuery::Open {
            category,
            after,
            limit: PAGE,
        };
        self.log.find(query).await
    }

    async fn read(&self, session_id: &str) -> Result<(), LogError> {
        self.take_in(&History::load(&*self.log, session_id.to_owned()).await?);
        Ok(())
    }
}
