//! Looking, again and again, for what need not be kept any longer (R13).

use std::time::Duration;

use carrel_platform::{
    log::{LogError, StreamHead, StreamQuery},
    members::Members,
};

use crate::{
    config::{Config, Keep},
    conversations::Conversations,
    error::Error,
    live_conversation::Request,
    storage,
};

/// How many conversations are found at once.
const PAGE: usize = 256;

/// Sweeps until the service stops.
pub(crate) async fn run(conversations: Conversations, members: Members) {
    let parts = conversations.parts();
    let stop = parts.stop.clone();
    let mut pause = first_pause(&parts.config);
    while stop
        .run_until_cancelled(tokio::time::sleep(pause))
        .await
        .is_some()
    {
        pause = parts.config.sweep.get();
        if let Some(Err(error)) = stop
            .run_until_cancelled(sweep(&conversations, &members))
            .await
        {
            let kind = error.kind();
            tracing::warn!(kind, "librarians' conversations could not be swept");
        }
    }
}

/// Whoever was there before this server started gets the time to come back.
fn first_pause(config: &Config) -> Duration {
    match config.keep {
        Keep::For(_) => config.sweep.get(),
        Keep::UntilLogOff => config.sweep.get().max(config.watching_lasts()),
    }
}

/// Looks once at each conversation that is this server's to look after.
async fn sweep(conversations: &Conversations, members: &Members) -> Result<(), LogError> {
    let mut after = None;
    loop {
        let query = StreamQuery::Open {
            category: storage::CONVERSATION,
            after: after.take(),
            limit: PAGE,
        };
        let heads = conversations.parts().log.find(query).await?;
        for head in &heads {
            if members.is_mine(&head.stream.id) && may_be_due(conversations, head).await? {
                let swept = conversations
                    .ask(&head.stream.id, |answer| Request::Sweep { answer })
                    .await;
                if let Err(Error::Log(error)) = swept {
                    // The others are swept all the same; this one again the next time.
                    let kind = error.kind();
                    tracing::warn!(kind, "a conversation could not be swept");
                }
            }
        }
        match heads.last() {
            Some(last) if heads.len() == PAGE => after = Some(last.stream.id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Whether it is worth looking at a conversation, by its first and its last event alone.
async fn may_be_due(conversations: &Conversations, head: &StreamHead) -> Result<bool, LogError> {
    let parts = conversations.parts();
    let first = parts.log.read(&head.stream, 0, 1).await?;
    let Some(first) = first.first().filter(|first| first.version < head.version) else {
        return Ok(false);
    };
    Ok(match parts.config.keep {
        Keep::UntilLogOff => true,
        Keep::For(time) => {
            let age_ms = parts.clock.unix_ms().saturating_sub(first.at_ms);
            let events = usize::try_from(head.version - first.version).unwrap_or(usize::MAX);
            i128::from(age_ms) > i128::try_from(time.get().as_millis()).unwrap_or(i128::MAX)
                || events >= parts.config.keep_at_most
        }
    })
}
