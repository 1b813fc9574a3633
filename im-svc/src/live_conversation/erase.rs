//! Erases what need no longer be kept (R13).

use carrel_platform::log::LogError;

use super::{LiveConversation, Swept, append::Staged};
use crate::{
    config::Keep,
    domain::{
        conversation::{Conversation, Limit},
        event::Event,
    },
    error::Error,
    storage,
    watching::AtDesk,
};

impl LiveConversation {
    /// Erases what need no longer be kept, including what an earlier sweep was to erase and did not.
    ///
    /// A checkpoint of what remains known of the erased events is written first, so that stopping in between leaves too
    /// much and never too little. If another server does the same at the same time, either result will do.
    pub(super) async fn sweep(&mut self) -> Result<Swept, Error> {
        self.catch_up().await?;
        if let Some(conversation) = self.history.conversation() {
            let limit = self.limit(conversation).await;
            if let Some(checkpoint) = conversation.checkpoint(limit, self.history.version()) {
                let mut staged = Staged::on(&self.history);
                let now_ms = self.parts.clock.unix_ms();
                staged.push(Event::Erased(checkpoint), now_ms, None);
                match self.commit(staged, &[]).await {
                    Err(LogError::Conflict { .. }) => self.catch_up().await?,
                    written => written.inspect_err(|_| self.behind = true)?,
                }
            }
        }
        self.erase_rest().await?;
        let mut kept = self.history.messages_after(0).peekable();
        Ok(Swept {
            version: self.history.version(),
            last_at_ms: self.history.last_at_ms(),
            between: self
                .history
                .conversation()
                .map(|conversation| conversation.between().clone()),
            oldest: kept.peek().map(|oldest| (oldest.version, oldest.at_ms)),
            kept: kept.count(),
        })
    }

    /// Erases the events that a checkpoint stands for and that the log may still have.
    pub(super) async fn erase_rest(&mut self) -> Result<(), LogError> {
        if let Some(up_to) = self.history.to_erase() {
            let stream = storage::conversation_stream(&self.conversation_id);
            self.parts.log.erase(&stream, up_to).await?;
            self.history.erased(up_to);
        }
        Ok(())
    }

    /// Returns which messages are no longer kept.
    async fn limit(&self, conversation: &Conversation) -> Limit {
        let config = &self.parts.config;
        let now_ms = self.parts.clock.unix_ms();
        let before = |time: std::time::Duration| {
            now_ms.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
        };
        let at_most = config.keep_at_most;
        match config.keep {
            Keep::For(time) => Limit::Old {
                before_ms: before(time.get()),
                at_most,
            },
            // A member who has just written counts as logged on, even without a watch.
            Keep::UntilLogOff
                if self.history.last_at_ms() <= before(config.log_off_grace.get())
                    && self.nobody_watches(conversation).await =>
            {
                Limit::All
            }
            Keep::UntilLogOff => Limit::Old {
                before_ms: i64::MIN,
                at_most,
            },
        }
    }

    /// Whether no member has the desk open. If that can't be looked up, they count as having it open.
    async fn nobody_watches(&self, conversation: &Conversation) -> bool {
        let at_desk = AtDesk::read(&*self.parts.leases).await;
        at_desk.is_ok_and(|at_desk| !at_desk.watches(conversation.between()))
    }
}
