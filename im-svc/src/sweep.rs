//! Looks periodically for what need no longer be kept (R13).

use std::{collections::HashMap, time::Duration};

use carrel_platform::{
    log::{LogError, StreamHead, StreamQuery},
    members::Members,
};

use self::due::Seen;
use crate::{
    config::{Config, Keep},
    conversations::Conversations,
    domain::event::Participants,
    error::Error,
    live_conversation::Request,
    storage,
    watching::AtDesk,
};

mod due;

/// How many conversations one query returns.
const PAGE: usize = 256;

/// Sweeps until the service stops.
pub(crate) async fn run(conversations: Conversations, members: Members) {
    let parts = conversations.parts();
    let stop = parts.stop.clone();
    let mut pause = first_pause(&parts.config);
    let mut sweeper = Sweeper {
        conversations: &conversations,
        members,
        seen: HashMap::new(),
    };
    while stop
        .run_until_cancelled(tokio::time::sleep(pause))
        .await
        .is_some()
    {
        pause = parts.config.sweep.get();
        if let Some(Err(error)) = stop.run_until_cancelled(sweeper.sweep()).await {
            let kind = error.kind();
            tracing::warn!(kind, "librarians' conversations could not be swept");
        }
    }
}

/// Returns how long to wait before the first sweep, so that those who had the desk open before this server started have
/// time to come back.
fn first_pause(config: &Config) -> Duration {
    match config.keep {
        Keep::For(_) => config.sweep.get(),
        Keep::UntilLogOff => config.sweep.get().max(config.watching_lasts()),
    }
}

/// The state of sweeping.
struct Sweeper<'a> {
    conversations: &'a Conversations,
    members: Members,
    /// What was seen of each conversation that this server looks after.
    seen: HashMap<String, Seen>,
}

impl Sweeper<'_> {
    /// Looks once at each conversation that this server looks after.
    async fn sweep(&mut self) -> Result<(), LogError> {
        // Conversations that another server now looks after are not carried over.
        let mut seen_before = std::mem::take(&mut self.seen);
        let swept = self.look_at_all(&mut seen_before).await;
        if swept.is_err() {
            // The rest were not looked at: what was seen of them before still holds.
            self.seen.extend(seen_before);
        }
        swept
    }

    /// Looks at the conversations one after the other, and moves what was seen of each from `seen_before` to
    /// `self.seen`.
    async fn look_at_all(
        &mut self,
        seen_before: &mut HashMap<String, Seen>,
    ) -> Result<(), LogError> {
        let parts = self.conversations.parts();
        let at_desk = match parts.config.keep {
            Keep::For(_) => None,
            Keep::UntilLogOff => AtDesk::read(&*parts.leases).await.ok(),
        };
        let mut after = None;
        loop {
            let query = StreamQuery::Open {
                category: storage::CONVERSATION,
                after: after.take(),
                limit: PAGE,
            };
            let heads = parts.log.find(query).await?;
            for head in &heads {
                let id = &head.stream.id;
                if self.members.is_mine(id) {
                    let mut seen = seen_before.remove(id).unwrap_or_default();
                    let looked = self.look(head, &mut seen, at_desk.as_ref()).await;
                    self.seen.insert(id.clone(), seen);
                    looked?;
                }
            }
            match heads.last() {
                Some(last) if heads.len() == PAGE => after = Some(last.stream.id.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Sweeps a conversation if something in it may be due, and records in `seen` what is then known of it. `at_desk`
    /// is who has the desk open; if it is `None`, everybody counts as having it open.
    async fn look(
        &self,
        head: &StreamHead,
        seen: &mut Seen,
        at_desk: Option<&AtDesk>,
    ) -> Result<(), LogError> {
        let parts = self.conversations.parts();
        let now_ms = parts.clock.unix_ms();
        while let Some(after) = seen.unread(head.version) {
            let first = parts.log.read(&head.stream, after, 1).await?;
            seen.read(first.first(), head.version, &parts.config);
        }
        let is_watched = |between: &Participants| at_desk.is_none_or(|desk| desk.watches(between));
        if !seen.may_be_due(head.version, now_ms, &parts.config, is_watched) {
            return Ok(());
        }
        let swept = self
            .conversations
            .ask(&head.stream.id, |answer| Request::Sweep { answer })
            .await;
        match swept {
            Ok(swept) => *seen = Seen::of_swept(swept, &parts.config),
            Err(Error::Log(error)) => {
                // The others are swept all the same; this one is tried again the next time.
                let kind = error.kind();
                tracing::warn!(kind, "a conversation could not be swept");
            }
            Err(_) => {}
        }
        Ok(())
    }
}
