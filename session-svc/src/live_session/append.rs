//! From commands to what is in the log, and from there to those who listen.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use carrel_platform::{
    log::{Batch, Command as LogCommand, LogError, Standing, Write},
    telemetry::{attribute, trace_context},
};
use ring::digest;
use tracing::Instrument as _;

use super::{Act, Acted, LiveSession, topic};
use crate::{
    domain::{
        access::Situation,
        audience::Audience,
        audit::AuditFact,
        conference::{Conference, ConferenceEvent},
        decide::{Command, Decision, Refused, decide},
        event::Event,
        people::Actor,
        session::Session,
    },
    error::Error,
    history::{Done, History},
    storage::{self, Stored},
};

/// How often a decision is made again because another server was faster, before the caller is told to try again.
const TRIES: usize = 16;

/// What is to be written, and what the session would be after it.
struct Staged {
    session: Option<Session>,
    conference: Conference,
    session_version: u64,
    conference_version: u64,
    session_events: Vec<(Stored<Event>, Arc<str>)>,
    conference_events: Vec<Stored<ConferenceEvent>>,
    facts: Vec<AuditFact>,
    commands: HashMap<String, Done>,
}

/// What becomes of one act when everything that is staged gets written.
enum Planned {
    /// It was refused, whatever becomes of the others.
    Refused(Error),
    /// It was carried out before, or things are as it wants them.
    Settled { version: Option<u64> },
    /// It is carried out by this write.
    New { version: Option<u64> },
}

impl LiveSession {
    /// Carries commands out in order, all with one append, and answers each.
    pub(super) async fn carry_out(&mut self, acts: Vec<Act>) {
        if acts.is_empty() {
            return;
        }
        for act in &acts {
            self.see_owner(act);
        }
        let answers = self.try_acts(&acts).await;
        for (act, answer) in acts.into_iter().zip(answers) {
            // Whoever asked may have gone; the command was carried out all the same.
            let _ = act.answer.send(answer);
        }
    }

    async fn try_acts(&mut self, acts: &[Act]) -> Vec<Result<Acted, Error>> {
        let mut looked = false;
        for _ in 0..TRIES {
            if let Err(error) = self.ensure_current().await {
                return acts.iter().map(|_| Err(error.clone().into())).collect();
            }
            let (plan, staged) = self.plan(acts);
            if !looked && plan.iter().any(may_be_outdated) {
                // Another server may know better: a refusal is given on the newest state only.
                looked = true;
                self.behind = true;
                continue;
            }
            match self.commit(staged, acts).await {
                Ok(()) => return self.answers(plan, acts, None),
                Err(LogError::Conflict { .. }) => self.behind = true,
                Err(error) => {
                    self.behind = true;
                    return self.answers(plan, acts, Some(&error));
                }
            }
        }
        acts.iter().map(|_| Err(Error::Contended)).collect()
    }

    fn plan(&self, acts: &[Act]) -> (Vec<Planned>, Staged) {
        let now_ms = self.parts.clock.unix_ms();
        let mut staged = Staged::on(&self.history);
        let plan = acts
            .iter()
            .map(|act| {
                self.plan_one(act, &mut staged, now_ms)
                    .unwrap_or_else(Planned::Refused)
            })
            .collect();
        (plan, staged)
    }

    fn plan_one(&self, act: &Act, staged: &mut Staged, now_ms: i64) -> Result<Planned, Error> {
        let command = command_for_log(&act.actor, &act.command_id, &act.command)?;
        let done = staged
            .commands
            .get(&command.key)
            .copied()
            .or_else(|| self.history.done(&command.key));
        if let Some(done) = done {
            if done.fingerprint != command.fingerprint {
                return Err(Error::CommandIdReused);
            }
            return Ok(Planned::Settled {
                version: done.version,
            });
        }
        let situation = Situation {
            session_id: self.history.session_id(),
            session: staged.session.as_ref(),
            conference: &staged.conference,
            now_ms,
            wrap_up_ms: self.parts.config.wrap_up_ms(),
        };
        let decision = decide(&situation, &act.actor, &act.command)?;
        if decision == Decision::default() {
            return Ok(Planned::Settled { version: None });
        }
        let trace = Arc::from(trace_context::of(&act.span));
        let version = staged.take_in(decision, now_ms, Some(command), &trace);
        Ok(Planned::New { version })
    }

    fn answers(
        &self,
        plan: Vec<Planned>,
        acts: &[Act],
        failure: Option<&LogError>,
    ) -> Vec<Result<Acted, Error>> {
        let position = |act: &Act, version: Option<u64>| {
            let audience = match act.actor {
                Actor::Patron(_) => Audience::Patron,
                Actor::Librarian(_) => Audience::Staff,
            };
            version.map_or(0, |version| self.history.position_of(version, audience))
        };
        plan.into_iter()
            .zip(acts)
            .map(|(planned, act)| match (planned, failure) {
                (Planned::Refused(error), _) => Err(error),
                (Planned::Settled { version }, None) => Ok(Acted {
                    position: position(act, version),
                    replayed: true,
                }),
                (Planned::New { version }, None) => Ok(Acted {
                    position: position(act, version),
                    replayed: false,
                }),
                (Planned::Settled { version }, Some(failure)) => match version {
                    // What this same write should have carried out is as uncertain as the write.
                    Some(version) if version > self.history.session_version() => {
                        Err(failure.clone().into())
                    }
                    version => Ok(Acted {
                        position: position(act, version),
                        replayed: true,
                    }),
                },
                (Planned::New { .. }, Some(failure)) => Err(failure.clone().into()),
            })
            .collect()
    }

    /// Appends what follows from no command of anybody's.
    pub(super) async fn append_decision(&mut self, decision: Decision) -> Result<(), Error> {
        let mut staged = Staged::on(&self.history);
        staged.take_in(decision, self.parts.clock.unix_ms(), None, &Arc::from(""));
        self.commit(staged, &[])
            .await
            .inspect_err(|_| self.behind = true)?;
        Ok(())
    }

    /// Writes a fact to the library's audit.
    pub(super) async fn audit(&mut self, fact: AuditFact) -> Result<(), Error> {
        for _ in 0..TRIES {
            let mut staged = Staged::on(&self.history);
            staged.facts.push(fact.clone());
            match self.commit(staged, &[]).await {
                Err(LogError::Conflict { .. }) => self.catch_up().await?,
                done => return Ok(done?),
            }
        }
        Err(Error::Contended)
    }

    /// Writes what is staged, all or nothing, and passes it on.
    async fn commit(&mut self, staged: Staged, acts: &[Act]) -> Result<(), LogError> {
        if staged.is_empty() {
            return Ok(());
        }
        let log = Arc::clone(&self.parts.log);
        let (mut batch, institution_id) = staged.batch(&self.history)?;
        let audit = if staged.facts.is_empty() {
            None
        } else {
            let tail = self.parts.audits.tail(&*log, &institution_id).await?;
            let (write, end) = tail.write(&staged.facts, self.parts.clock.unix_ms())?;
            batch.writes.push(write);
            Some((tail, end))
        };
        let written = log.append(batch).instrument(append_span(acts)).await;
        match (audit, &written) {
            (Some((tail, end)), Ok(())) => tail.done(end),
            (Some((mut tail, _)), Err(_)) => {
                // If this fails as well, the next write is refused and looks again.
                let _ = tail.catch_up(&*log).await;
            }
            (None, _) => {}
        }
        written?;
        self.take_in(staged);
        Ok(())
    }

    /// Takes in what was written, passes it on, and tells other servers.
    fn take_in(&mut self, staged: Staged) {
        let before = self.standing();
        for stored in staged.conference_events {
            self.history.record_conference(stored);
        }
        for (stored, trace) in staged.session_events {
            if let Some(shown) = self.history.record(stored) {
                self.subscribers.pass_on(&[shown], &trace);
            }
        }
        self.after_change(before);
        self.parts.bus.publish(
            self.origin,
            &topic(self.history.session_id()),
            heads(&self.history),
        );
    }
}

impl Staged {
    fn on(history: &History) -> Self {
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

    fn is_empty(&self) -> bool {
        self.session_events.is_empty() && self.conference_events.is_empty() && self.facts.is_empty()
    }

    /// Stages a decision and returns the version of the session's last event in it. The command is filed with the
    /// first event: with the session's, or else with the conference's.
    fn take_in(
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
            self.session = Session::apply(self.session.take(), Audience::Staff, &event, at_ms);
            let stored = Stored {
                version: self.session_version,
                at_ms,
                event,
                command: command.take(),
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

    /// The batch, and the library whose patron's session it is. Both streams are named even when nothing is written
    /// to one of them: the decisions rest on both.
    fn batch(&self, history: &History) -> Result<(Batch, String), LogError> {
        let Some(session) = &self.session else {
            return Err(LogError::Damaged(
                "the session does not begin with its opening".into(),
            ));
        };
        let institution_id = session.opened.institution_id.clone();
        let standing = |closed_at_ms| {
            Some(Standing {
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
            .any(|(stored, _)| matches!(stored.event, Event::Opened(_) | Event::Ended { .. }));
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
                standing: if turning_point {
                    standing(session.end.as_ref().map(|end| end.at_ms))
                } else {
                    None
                },
            },
            Write {
                stream: history.conference_stream(),
                expected: history.conference_version(),
                standing: if conference_events.is_empty() {
                    None
                } else {
                    standing(cleared_at_ms)
                },
                events: conference_events,
            },
        ];
        Ok((Batch { writes }, institution_id))
    }
}

/// Whether a refusal could have come of not knowing what another server did.
fn may_be_outdated(planned: &Planned) -> bool {
    match planned {
        Planned::Refused(Error::Refused(refused)) => !matches!(
            refused,
            Refused::NotAllowed | Refused::Text { .. } | Refused::Address(_)
        ),
        _ => false,
    }
}

/// What the log knows a command by: who gave it, so that ids of different people never meet, and what it says.
fn command_for_log(
    actor: &Actor,
    command_id: &str,
    command: &Command,
) -> Result<LogCommand, LogError> {
    let content =
        serde_json::to_vec(command).map_err(|error| LogError::Damaged(error.to_string()))?;
    let digest = digest::digest(&digest::SHA256, &content);
    let fingerprint = digest
        .as_ref()
        .iter()
        .take(8)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Ok(LogCommand {
        key: format!("{}:{command_id}", actor.key()),
        fingerprint,
    })
}

/// The append belongs to the first act's trace, and is linked to the others that it carries along.
fn append_span(acts: &[Act]) -> tracing::Span {
    let Some((first, others)) = acts.split_first() else {
        return tracing::info_span!("session.append", { attribute::ACTS } = 0);
    };
    let span = tracing::info_span!(
        parent: &first.span,
        "session.append",
        { attribute::ACTS } = acts.len(),
    );
    for other in others {
        span.follows_from(&other.span);
    }
    span
}

/// What is said on the bus: the versions that the log has now.
fn heads(history: &History) -> Bytes {
    let mut heads = [0; 16];
    heads[..8].copy_from_slice(&history.session_version().to_be_bytes());
    heads[8..].copy_from_slice(&history.conference_version().to_be_bytes());
    Bytes::copy_from_slice(&heads)
}

/// Whether a word from the bus says nothing that is not known here. A word that can't be read may say anything.
pub(super) fn is_known(said: &[u8], history: &History) -> bool {
    let Ok(said) = <[u8; 16]>::try_from(said) else {
        return false;
    };
    let known = heads(history);
    said[..8] <= known[..8] && said[8..] <= known[8..]
}
