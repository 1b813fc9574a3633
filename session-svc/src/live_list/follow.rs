//! How the list keeps up with other servers' changes: by their messages, and by looks at the log.

use std::{collections::HashSet, future::pending, time::Duration};

use bytes::Bytes;
use carrel_platform::{
    bus::{Notice, Subscription},
    log::{LogError, StreamHead, StreamQuery},
    telemetry::session_hash,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Apart, Entry, Knows, LiveList};
use crate::{domain::session::Phase, history::History, storage};

/// The topic on which a server says how a session stands now.
const TOPIC: &str = "session-list";
/// How many sessions are asked for at once when the list is read from the log.
const PAGE: usize = 1024;
/// How long to wait before the list is read again after that failed.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a server tells the others about one session.
#[derive(Debug, Serialize, Deserialize)]
struct Said<E> {
    /// The epoch of the log that it is about.
    epoch: String,
    #[serde(flatten)]
    entry: E,
}

/// Returns the message that says in which epoch a session stands how; empty if it can't be encoded, so that whoever
/// hears it reads the log.
pub(super) fn say(epoch: &str, entry: &Entry) -> Bytes {
    let said = Said {
        epoch: epoch.to_owned(),
        entry,
    };
    serde_json::to_vec(&said).unwrap_or_default().into()
}

/// When the log is looked at without a message from another server.
#[derive(Debug)]
struct Looks {
    every: Option<Duration>,
    next: Option<Instant>,
}

impl Looks {
    /// Schedules looks at this interval; if there is none, only after something could not be read.
    fn every(every: Option<Duration>) -> Self {
        let mut looks = Self { every, next: None };
        looks.looked();
        looks
    }

    /// Waits until the next look is due. Cancel-safe.
    async fn due(&self) {
        match self.next {
            Some(next) => sleep_until(next).await,
            None => pending().await,
        }
    }

    /// Records that a look begins now.
    fn looked(&mut self) {
        self.next = self.every.map(|every| Instant::now() + every);
    }

    /// Has the next look come soon, since something could not be read, unless it is due sooner already.
    fn again(&mut self) {
        let soon = Instant::now() + READ_AGAIN_AFTER;
        self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
    }
}

impl LiveList {
    /// Subscribes to what other servers change. To be called before the list is read, so that nothing is missed in
    /// between.
    pub(crate) fn listen(&self) -> Subscription {
        self.bus.subscribe(self.origin, TOPIC)
    }

    /// Tells other servers how a session stands now.
    pub(crate) fn tell(&self, history: &History) {
        if self.bus.reaches(self.origin, TOPIC)
            && let Some(entry) = Entry::of(history)
        {
            let said = say(self.log.epoch(), &entry);
            self.bus.publish(self.origin, TOPIC, said);
        }
    }

    /// Follows what other servers change, until `stop`. Where the bus may lose a message without anyone noticing, the
    /// log is also looked at every `repair`. What could not be read is read again after a pause.
    pub(crate) async fn follow(
        self,
        mut news: Subscription,
        repair: Duration,
        stop: CancellationToken,
    ) {
        let mut looks = Looks::every(self.bus.lossy().then_some(repair));
        loop {
            let notice = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // Before the news, so that a busy desk can't put it off.
                () = looks.due() => Notice::Missed,
                notice = news.next() => match notice {
                    Some(notice) => notice,
                    None => return,
                },
            };
            let read = match &notice {
                Notice::Payload(said) => self.hear(said).await,
                Notice::Missed => {
                    looks.looked();
                    self.catch_up().await
                }
            };
            if let Err(error) = read {
                looks.again();
                let kind = error.kind();
                tracing::warn!(kind, "the list of sessions could not be brought up to date");
            }
        }
    }

    /// Takes in another server's message about one session. One that is late or repeated changes nothing, and one about
    /// another history is not listened to.
    pub(super) async fn hear(&self, said: &[u8]) -> Result<(), LogError> {
        let Ok(Said { epoch, entry }) = serde_json::from_slice::<Said<Entry>>(said) else {
            // A server of another version may encode it in another way.
            return self.catch_up().await;
        };
        if epoch != self.log.epoch() {
            return Ok(());
        }
        let session_id = entry.session_id.clone();
        if entry.phase() != Phase::Ended && self.knows(&session_id) == Knows::Nothing {
            // The session may be new, or may have ended long ago: the log knows.
            return self.read(&session_id).await;
        }
        match self.take_in_entry(entry) {
            Ok(()) => Ok(()),
            Err(Apart) => self.read(&session_id).await,
        }
    }

    /// Brings the list up to date with the log: reads the sessions that stand otherwise there than here. Sessions that
    /// can't be read are left as they were.
    ///
    /// # Errors
    /// Those of the log.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        let known = self.known();
        let mut open = HashSet::new();
        let mut after = None;
        loop {
            let heads = self.page(storage::SESSION, after.take()).await?;
            for StreamHead {
                stream,
                index_version,
                ..
            } in &heads
            {
                let (session, _) = known.get(&stream.id).copied().unwrap_or_default();
                if session < *index_version {
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
            // Everyone who was inside has left, which closes the conference.
            let left = *conference > 0 && !supervised.contains(session_id);
            if ended || (left && self.has_inside(session_id)) {
                self.read(session_id).await?;
            }
        }
        Ok(())
    }

    /// Reads the sessions whose conference has new events, and returns those whose conference is open.
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

    /// Reads one session from the log. If it can't be read, its entry stays as it is here: the others must not suffer
    /// from it.
    pub(super) async fn read(&self, session_id: &str) -> Result<(), LogError> {
        let when = self.knows(session_id);
        match History::load(&*self.log, session_id.to_owned()).await {
            Ok(history) => {
                if let Some(entry) = Entry::of(&history) {
                    self.take_in_read(entry, &when);
                }
            }
            Err(LogError::Damaged(_)) => {
                let session = session_hash(session_id);
                tracing::error!(
                    session,
                    "a session can't be read; on lists it is left as it was"
                );
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns after how long a look comes, while something that could not be read is heard at this interval.
    async fn looked_after(every: Option<Duration>, heard: Duration) -> Duration {
        let began = Instant::now();
        let mut looks = Looks::every(every);
        loop {
            tokio::select! {
                () = looks.due() => return began.elapsed(),
                () = tokio::time::sleep(heard) => looks.again(),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_heard_meanwhile_does_not_put_a_look_off() {
        let heard = READ_AGAIN_AFTER / 10;
        let soon = heard + READ_AGAIN_AFTER;
        assert_eq!(looked_after(None, heard).await, soon);
        assert_eq!(looked_after(Some(READ_AGAIN_AFTER * 5), heard).await, soon);
        let sooner = READ_AGAIN_AFTER / 2;
        assert_eq!(looked_after(Some(sooner), heard).await, sooner);
    }
}
