//! From decisions to the log, and from there to the subscribers.

use std::{collections::HashMap, sync::Arc};

use carrel_platform::{
    log::{Batch, Command as LogCommand, IndexEntry, LogError, Write},
    telemetry::{LazySpan, TraceIds, span, trace_context},
};

use super::{Act, LiveSession, TOPIC, topic};
use crate::{
    append_message::AppendMessage,
    audits::Audited,
    domain::{
        audience::Audience,
        audit::AuditFact,
        conference::{Conference, ConferenceEvent},
        decide::Decision,
        event::Event,
        session::Session,
    },
    history::{Done, History},
    retention::{Mark, Marked},
    storage::{self, Stored},
};

/// What is to be written, and what the session would be after it.
pub(super) struct Staged {
    pub(super) session: Option<Session>,
    pub(super) conference: Conference,
    session_version: u64,
    conference_version: u64,
    session_events: Vec<(Stored<Event>, Arc<str>)>,
    conference_events: Vec<Stored<ConferenceEvent>>,
    facts: Vec<AuditFact>,
    pub(super) commands: HashMap<String, Done>,
}

impl LiveSession {
    /// Appends a decision that follows from no command, made on the state that is known here. If that is not the newest,
    /// the log refuses it.
    pub(super) async fn append_decision(&mut self, decision: Decision) -> Result<(), LogError> {
        let mut staged = Staged::on(&self.history);
        staged.take_in(decision, self.parts.clock.unix_ms(), None, &Arc::from(""));
        self.commit(staged, &[])
            .await
            .inspect_err(|_| self.behind = true)
    }

    /// Writes a fact that follows from the session as it is known here to the library's audit.
    ///
    /// # Errors
    /// Those of the log, among them a conflict if the session has changed since.
    pub(super) async fn audit(&mut self, fact: AuditFact) -> Result<(), LogError> {
        let mut staged = Staged::on(&self.history);
        staged.facts.push(fact);
        self.commit(staged, &[]).await
    }

    /// Writes what is staged, all or nothing, and passes it on.
    pub(super) async fn commit(&mut self, staged: Staged, acts: &[Act]) -> Result<(), LogError> {
        if staged.is_empty() {
            return Ok(());
        }
        let parts = Arc::clone(&self.parts);
        let log = &*parts.log;
        let (mut batch, institution_id) = staged.batch(&self.history)?;
        let message = self.append_message(&batch, &staged);
        if let Some((mark, at_ms)) = staged.mark() {
            let session_id = self.history.session_id();
            let marked = match mark {
                Mark::Kept | Mark::Nameless => Marked::NOT,
                Mark::ErasingIdentity | Mark::Erasing | Mark::Erased => {
                    Marked::read(log, session_id).await?
                }
            };
            batch
                .writes
                .push(marked.next(session_id, mark, &institution_id, at_ms)?);
            let listing = parts.libraries.list(log, &institution_id, at_ms);
            batch.writes.extend(listing.await?);
        }
        let append = LazySpan::step_for_all(Act::traces(acts), span::SESSION_APPEND);
        if staged.facts.is_empty() {
            append.scope().around(log.append(batch)).await?;
            drop(append);
        } else {
            let audited = Audited {
                writes: batch.writes,
                facts: staged.facts,
                at_ms: parts.clock.unix_ms(),
            };
            let audits = &parts.audits;
            audits.append(log, &institution_id, audited, append).await?;
        }
        let before = self.summary();
        self.record(staged.conference_events, staged.session_events);
        if self.after_change(&before) {
            parts.list.tell(&self.history);
        }
        if let Some(message) = message {
            let bus = &*parts.bus;
            let sending = TOPIC.sending(bus, TraceIds::first_sampled(Act::traces(acts)));
            let message =
                message.with_trace(trace_context::of_sampled(trace_context::ids(&sending)));
            let topic = topic(self.history.session_id());
            sending.in_scope(|| bus.publish(self.origin, &topic, message.encode()));
        }
        Ok(())
    }

    /// Returns the message for other servers once this is written, if any may listen.
    fn append_message(&self, batch: &Batch, staged: &Staged) -> Option<AppendMessage> {
        let topic = topic(self.history.session_id());
        let [session, conference, ..] = batch.writes.as_slice() else {
            return None;
        };
        let traces = staged.session_events.iter().map(|(_, trace)| &**trace);
        self.parts
            .bus
            .reaches(self.origin, &topic)
            .then(|| AppendMessage::of(self.parts.log.epoch(), session, conference, traces))
    }
}

impl Staged {
    /// Stages nothing yet, on top of what is known.
    pub(super) fn on(history: &History) -> Self {
        Self {
            session: history.view(Audience::Staff).session().cloned(),
            conference: history.conference().clone(),
            session_version: history.session_version(),
            conference_version: history.conference_version(),
            session_events: Vec::new(),
            conference_events: Vec::new(),
            facts: Vec::new(),
            commands: HashMap::new(),
        }
    }

    /// Returns whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.session_events.is_empty() && self.conference_events.is_empty() && self.facts.is_empty()
    }

    /// How far the session's erasing comes with what is staged, and since when, if that changes.
    fn mark(&self) -> Option<(Mark, i64)> {
        let has_identity = |session: &Session| session.opened.has_identity();
        let marks = self.session_events.iter().map(|(stored, _)| {
            let mark = match stored.event {
                Event::Ended { .. } if self.session.as_ref().is_some_and(has_identity) => {
                    Mark::Kept
                }
                Event::Ended { .. } => Mark::Nameless,
                Event::IdentityErased(_) => Mark::ErasingIdentity,
                Event::Erased(_) => Mark::Erasing,
                _ => return None,
            };
            Some((mark, stored.at_ms))
        });
        marks.flatten().last()
    }

    /// Stages a decision and returns the version of the session's last event in it. The command is filed with
    /// that event, or else with the conference's first.
    pub(super) fn take_in(
        &mut self,
        decision: Decision,
        at_ms: i64,
        command: Option<LogCommand>,
        trace: &Arc<str>,
    ) -> Option<u64> {
        let Decision {
            session,
            conference,
            audit,
        } = decision;
        let version = (!session.is_empty()).then(|| self.session_version + session.len() as u64);
        if let Some(LogCommand { key, fingerprint }) = &command {
            self.commands.insert(
                key.clone(),
                Done {
                    fingerprint: *fingerprint,
                    version,
                },
            );
        }
        let mut command = command;
        for event in session {
            self.session_version += 1;
            let is_last = Some(self.session_version) == version;
            Session::apply_to(&mut self.session, Audience::Staff, &event, at_ms);
            let stored = Stored {
                version: self.session_version,
                at_ms,
                event,
                command: command.take_if(|_| is_last),
            };
            self.session_events.push((stored, Arc::clone(trace)));
        }
        for event in conference {
            self.conference_version += 1;
            self.conference.apply(&event);
            let stored = Stored {
                version: self.conference_version,
                at_ms,
                event,
                command: command.take(),
            };
            self.conference_events.push(stored);
        }
        self.facts.extend(audit);
        version
    }

    /// Returns the batch, and the id of the patron's library. Both streams are named even when nothing is written to
    /// one of them: the decisions rest on both.
    fn batch(&self, history: &History) -> Result<(Batch, String), LogError> {
        let Some(session) = &self.session else {
            return Err(LogError::Damaged(
                "the session does not begin with its opening".into(),
            ));
        };
        let institution_id = session.opened.institution_id.clone();
        let index_entry = |closed_at_ms| {
            Some(IndexEntry {
                owner: institution_id.clone(),
                closed_at_ms,
            })
        };
        let session_events = self
            .session_events
            .iter()
            .map(|(stored, _)| storage::encode(&stored.event, stored.at_ms, stored.command.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let turning_point = self
            .session_events
            .iter()
            .any(|(stored, _)| stored.event.is_turning_point());
        let conference_events = self
            .conference_events
            .iter()
            .map(|stored| storage::encode(&stored.event, stored.at_ms, stored.command.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let cleared_at_ms = self
            .conference_events
            .last()
            .filter(|_| self.conference.is_empty())
            .map(|last| last.at_ms);
        let writes = vec![
            Write {
                stream: history.session_stream(),
                expected: history.session_version(),
                events: session_events,
                index_entry: if turning_point {
                    index_entry(session.end.as_ref().map(|end| end.at_ms))
                } else {
                    None
                },
            },
            Write {
                stream: history.conference_stream(),
                expected: history.conference_version(),
                index_entry: if conference_events.is_empty() {
                    None
                } else {
                    index_entry(cleared_at_ms)
                },
                events: conference_events,
            },
        ];
        Ok((Batch { writes }, institution_id))
    }
}
