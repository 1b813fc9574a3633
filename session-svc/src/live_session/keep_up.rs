//! How a live session learns what another server wrote: from the bus if it can, from the log if it must.

use std::sync::Arc;

use carrel_platform::{
    bus::Notice,
    log::LogError,
    telemetry::{self, Scope, TraceIds, attribute, metric::SESSION_REFILLS, span, trace_context},
};
use tracing::{Span, field};

use super::{Act, LiveSession, TOPIC};
use crate::{
    append_message::{AppendMessage, MissingEvents},
    history::History,
};

impl LiveSession {
    /// Handles a notice that another server changed this session, or may have.
    pub(super) async fn on_notice(&mut self, notice: Option<Notice>) {
        let message = match notice {
            None => {
                self.news_over = true;
                return;
            }
            Some(Notice::Payload(said)) => AppendMessage::decode(&said, self.parts.log.epoch()),
            Some(Notice::Missed) => None,
        };
        let trace = message.as_ref().map_or("", AppendMessage::trace);
        let processing = TOPIC.processing(&*self.parts.bus, trace);
        match message.map(|message| message.missing_from(&self.history)) {
            Some(Ok(Some(missing))) => {
                Scope::within(&processing).run(|| self.record_missing(missing, &processing))
            }
            // Events before it are missing, or it can't be decoded: the log has them all.
            Some(Ok(None) | Err(_)) | None => {
                self.behind = true;
                self.refill("gap", trace_context::ids(&processing)).await;
            }
        }
    }

    /// Takes in the events of a message. Deliveries of events in the message's own trace continue from where it was
    /// received; deliveries of other events continue from their own act.
    fn record_missing(&mut self, missing: MissingEvents, processing: &Span) {
        let before = self.summary();
        let MissingEvents { news, traces } = missing;
        let here: Arc<str> = trace_context::of_sampled(trace_context::ids(processing)).into();
        let traced = news.session.into_iter().zip(traces).map(|(stored, trace)| {
            if trace_context::in_one_trace(&trace, &here) {
                (stored, Arc::clone(&here))
            } else {
                (stored, Arc::from(trace))
            }
        });
        self.record(news.conference, traced.collect());
        self.after_change(&before);
    }

    /// Looks at the log without a request, and counts it if the log had what the bus should have brought.
    pub(super) async fn refill(&mut self, reason: &'static str, cause: Option<TraceIds>) {
        let versions =
            |history: &History| (history.session_version(), history.conference_version());
        let before = versions(&self.history);
        self.look_again(refill(reason, cause)).await;
        if versions(&self.history) != before {
            SESSION_REFILLS.add(1, [reason.into()]);
        }
    }

    /// Looks at the log without a request. If that fails, the next request or the next look tries again.
    pub(super) async fn look_again(&mut self, refill: Span) {
        if let Err(error) = self.catch_up_in(refill).await {
            self.warn(&error, "a session could not be brought up to date");
        }
    }

    /// Warns operators of what went wrong, with only a hash of the session's id (PR8).
    pub(super) fn warn(&self, error: &LogError, what: &str) {
        if matches!(error, LogError::Conflict { .. }) {
            // Another server was faster; the next look settles it.
            return;
        }
        let session = telemetry::session_hash(self.history.session_id());
        tracing::warn!(session, kind = error.kind(), "{what}");
    }

    pub(super) async fn ensure_current(&mut self, acts: &[Act]) -> Result<(), LogError> {
        if !self.behind {
            return Ok(());
        }
        self.catch_up_in(refill(
            "current",
            TraceIds::first_sampled(Act::traces(acts)),
        ))
        .await
    }

    /// Takes in what other servers have appended, once for all requests that were taken together, since all were made
    /// before that look. When everybody comes back at once, the log is asked once for each session and not once for
    /// each participant.
    pub(super) async fn catch_up_together(&mut self) -> Result<(), LogError> {
        match &self.looked_for_these {
            Some(Ok(())) if self.behind => self.catch_up().await,
            Some(outcome) => outcome.clone(),
            None => {
                let outcome = self.catch_up().await;
                self.looked_for_these = Some(outcome.clone());
                outcome
            }
        }
    }

    /// Takes in what other servers have appended, and passes it on.
    pub(super) async fn catch_up(&mut self) -> Result<(), LogError> {
        self.catch_up_in(Span::none()).await
    }

    /// Does the same within a span, to which the deliveries belong.
    async fn catch_up_in(&mut self, refill: Span) -> Result<(), LogError> {
        self.behind = true;
        let before = self.summary();
        let news = self.history.news(&*self.parts.log);
        let news = Scope::within(&refill).around(news).await?;
        self.behind = false;
        refill.record(attribute::EVENTS, news.session.len());
        let trace: Arc<str> = trace_context::of_sampled(trace_context::ids(&refill)).into();
        let traced = news.session.into_iter();
        let traced = traced.map(|stored| (stored, Arc::clone(&trace)));
        self.record(news.conference, traced.collect());
        self.after_change(&before);
        Ok(())
    }
}

/// Returns the span of reading what another server wrote. It has a trace of its own, since the events stem from other
/// acts than the one that made the read necessary.
fn refill(reason: &'static str, cause: Option<TraceIds>) -> Span {
    let span = tracing::info_span!(
        parent: None,
        span::SESSION_REFILL,
        { attribute::REASON } = reason,
        { attribute::EVENTS } = field::Empty,
    );
    trace_context::link_to(&span, cause);
    span
}
