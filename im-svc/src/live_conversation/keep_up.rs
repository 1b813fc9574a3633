//! How a live conversation learns what another server wrote: by the bus, or of the log.

use std::sync::Arc;

use carrel_platform::{
    bus::Notice,
    log::LogError,
    telemetry::{Scope, attribute, span, trace_context},
};
use tracing::Span;

use super::{LiveConversation, WORD, Word};
use crate::history::News;

impl LiveConversation {
    /// Hears what another server says of this conversation.
    pub(super) async fn hear(&mut self, notice: Option<Notice>) {
        let word = match notice {
            None => {
                self.news_over = true;
                return;
            }
            Some(Notice::Missed) => None,
            Some(Notice::Payload(said)) => serde_json::from_slice(&said).ok(),
        };
        match word {
            Some(Word::Version { version, .. }) if version <= self.history.version() => {}
            Some(Word::Typing { by }) => {
                self.watchers.pass_on_typing(&self.conversation_id, &by);
            }
            Some(Word::Version { trace, .. }) => {
                let told = WORD.processing(&*self.parts.bus, &trace);
                Scope::within(&told).around(self.look_again(&told)).await;
            }
            None => self.refill("gap").await,
        }
    }

    /// Looks at the log for what the bus did not tell.
    pub(super) async fn refill(&mut self, reason: &'static str) {
        let refill = refill(reason);
        Scope::within(&refill)
            .around(self.look_again(&refill))
            .await;
    }

    /// Looks at the log by itself. If that fails, the next request or the next look tries again.
    pub(super) async fn look_again(&mut self, told: &Span) {
        if let Err(error) = self.catch_up_in(told).await {
            self.warn(&error, "a conversation could not be brought up to date");
        }
    }

    pub(super) async fn ensure_current(&mut self) -> Result<(), LogError> {
        if self.behind {
            self.catch_up().await
        } else {
            Ok(())
        }
    }

    /// Takes in what others have appended and passes it on.
    pub(super) async fn catch_up(&mut self) -> Result<(), LogError> {
        self.catch_up_in(&Span::none()).await
    }

    /// The same, in a span, which is where what is passed on comes from.
    async fn catch_up_in(&mut self, told: &Span) -> Result<(), LogError> {
        self.behind = true;
        let news = self
            .history
            .news(&*self.parts.log, &self.conversation_id)
            .await?;
        self.behind = false;
        let had_begun = self.history.conversation().is_some();
        let trace: Arc<str> = trace_context::of_sampled(trace_context::ids(told)).into();
        let trace_of = |_| Arc::clone(&trace);
        match news {
            News::Next(events) if events.is_empty() => {}
            News::Next(events) => self.change(&trace_of, |history| {
                for stored in events {
                    history.record(stored);
                }
            }),
            News::Anew(anew) => self.change(&trace_of, |history| *history = *anew),
        }
        if std::mem::take(&mut self.untold) {
            // It was written after all, or somebody else has begun the conversation meanwhile.
            let begun = self.history.conversation().filter(|_| !had_begun);
            let between = begun.map(|begun| begun.between().clone());
            self.tell(between.as_ref(), None);
        }
        Ok(())
    }
}

/// The span of reading what another server wrote, and the bus did not tell.
pub(crate) fn refill(reason: &'static str) -> Span {
    tracing::info_span!(parent: None, span::IM_REFILL, { attribute::REASON } = reason)
}
