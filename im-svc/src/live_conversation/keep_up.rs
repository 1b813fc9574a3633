//! How a live conversation learns what other servers wrote: from the bus or from the log.

use std::sync::Arc;

use carrel_platform::{
    bus::Notice,
    log::LogError,
    telemetry::{Scope, attribute, span, trace_context},
};
use tracing::Span;

use super::{BusMessage, LiveConversation, TOPIC};
use crate::history::News;

impl LiveConversation {
    /// Handles a notice on the conversation's topic.
    pub(super) async fn on_notice(&mut self, notice: Option<Notice>) {
        let message = match notice {
            None => {
                self.news_over = true;
                return;
            }
            Some(Notice::Missed) => None,
            Some(Notice::Payload(said)) => serde_json::from_slice(&said).ok(),
        };
        match message {
            Some(BusMessage::Version { version, .. }) if version <= self.history.version() => {}
            Some(BusMessage::Typing { by }) => {
                self.watchers.pass_on_typing(&self.conversation_id, &by);
            }
            Some(BusMessage::Version { trace, .. }) => {
                let told = TOPIC.processing(&*self.parts.bus, &trace);
                Scope::within(&told).around(self.look_again(&told)).await;
            }
            None => self.refill("gap").await,
        }
    }

    /// Reads from the log what the bus did not deliver.
    pub(super) async fn refill(&mut self, reason: &'static str) {
        let refill = refill(reason);
        Scope::within(&refill)
            .around(self.look_again(&refill))
            .await;
    }

    /// Catches up with the log without a request. If that fails, the next request or the next look tries again.
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

    /// Reads what others have appended and tells the watchers.
    pub(super) async fn catch_up(&mut self) -> Result<(), LogError> {
        self.catch_up_in(&Span::none()).await
    }

    /// Catches up within a span, which becomes the cause of what the watchers are told.
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
            // The write succeeded after all, or another server has begun the conversation in the meantime.
            let begun = self.history.conversation().filter(|_| !had_begun);
            let between = begun.map(|begun| begun.between().clone());
            self.tell(between.as_ref(), None);
        }
        Ok(())
    }
}

/// Creates the span of reading what another server wrote and the bus did not deliver.
pub(crate) fn refill(reason: &'static str) -> Span {
    tracing::info_span!(parent: None, span::IM_REFILL, { attribute::REASON } = reason)
}
