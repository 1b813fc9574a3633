//! From commands to decisions, and from their outcome to answers.

use std::sync::Arc;

use carrel_platform::{
    log::{Command as LogCommand, LogError},
    refusal::Refusal,
    telemetry::{LazySpan, span, trace_context},
};

use super::{Act, Acted, By, LiveSession, TRIES, append::Staged};
use crate::{
    convert,
    domain::{
        access::{Purpose, Situation, may_see},
        decide::{Command, Decision, decide},
        people::Actor,
        refused::Refused,
    },
    error::Error,
    history::Done,
};

/// The capacity reserved for the content of a command; most are no longer.
const USUAL_CONTENT: usize = 512;

/// What is to become of one act.
struct Planned {
    outcome: Result<Outcome, Error>,
    /// Whether it was decided on something that is not written yet. Then it holds only if that gets written.
    rests_on_staged: bool,
}

enum Outcome {
    /// It was carried out before, or found nothing to do then.
    Settled { version: Option<u64> },
    /// There is nothing to do: things already are as the command wants them.
    NoOp(LogCommand),
    /// It is carried out by this write.
    New { version: Option<u64> },
}

impl LiveSession {
    /// Carries commands out in order and answers each. Consecutive commands are written with one append; a command that
    /// the audit may have to record is written by itself, so that no message fails with an audit (I17).
    pub(super) async fn carry_out(&mut self, acts: Vec<Act>) {
        let patron_acts = acts.iter().any(|act| act.by.actor.librarian().is_none());
        let mut together = Vec::new();
        for act in acts {
            if matches!(
                act.command,
                Command::PickUp
                    | Command::AcceptTransfer { .. }
                    | Command::EnterConference { .. }
                    | Command::LeaveConference
                    | Command::Erase
            ) {
                self.carry_out_together(std::mem::take(&mut together)).await;
                self.carry_out_together(vec![act]).await;
            } else {
                together.push(act);
            }
        }
        self.carry_out_together(together).await;
        if patron_acts {
            self.note_patron_heard_here().await;
        }
    }

    async fn carry_out_together(&mut self, acts: Vec<Act>) {
        let acts = refuse_interrupted(acts);
        if acts.is_empty() {
            return;
        }
        let mut answers = self.try_acts(&acts).await;
        if let (
            [
                Act {
                    command: Command::Erase,
                    ..
                },
            ],
            [Ok(_)],
        ) = (&*acts, &*answers)
            && let Err(error) = self.erase_rest().await
        {
            // Whoever asks again with the same command has this done again.
            answers = vec![Err(error.into())];
        }
        for (mut act, answer) in acts.into_iter().zip(answers) {
            act.by.in_order.note(&answer);
            if let Err(error) = &answer {
                act.served.answered(Refusal::from(error.clone()).code);
            }
            // The caller may have gone; the command was carried out all the same.
            drop(act.answer.send(answer));
        }
    }

    async fn try_acts(&mut self, acts: &[Act]) -> Vec<Result<Acted, Error>> {
        let mut looked = false;
        for _ in 0..TRIES {
            if let Err(error) = self.ensure_current(acts).await {
                return acts.iter().map(|_| Err(error.clone().into())).collect();
            }
            let deciding = LazySpan::step_for_all(Act::traces(acts), span::SESSION_DECIDE);
            let (plan, staged) = deciding.scope().run(|| self.plan(acts));
            drop(deciding);
            if !looked && plan.iter().any(Planned::may_be_outdated) {
                // Another server may know better: a refusal, or that there is nothing to do, is answered on the newest
                // state only.
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
        staged.commands.reserve(acts.len());
        let plan = acts
            .iter()
            .map(|act| Planned {
                rests_on_staged: !staged.is_empty(),
                outcome: self.plan_one(act, &mut staged, now_ms),
            })
            .collect();
        (plan, staged)
    }

    fn plan_one(&self, act: &Act, staged: &mut Staged, now_ms: i64) -> Result<Outcome, Error> {
        let command = command_for_log(&act.by.actor, &act.command_id, &act.command)?;
        let done = staged
            .commands
            .get(&command.key)
            .copied()
            .or_else(|| self.history.done(&command.key))
            .or_else(|| {
                let fingerprint = self.no_ops.fingerprint(&command.key)?;
                Some(Done {
                    fingerprint,
                    version: None,
                })
            });
        if let Some(done) = done {
            if done.fingerprint != command.fingerprint {
                return Err(Error::CommandIdReused);
            }
            return Ok(Outcome::Settled {
                version: done.version,
            });
        }
        let situation = Situation {
            session_id: self.history.session_id(),
            session: staged.session.as_ref(),
            conference: &staged.conference,
            now_ms,
            times: self.parts.config.times(),
        };
        let decision = decide(&situation, &act.by.actor, &act.command)?;
        if decision == Decision::default() {
            let done = Done {
                fingerprint: command.fingerprint,
                version: None,
            };
            staged.commands.insert(command.key.clone(), done);
            return Ok(Outcome::NoOp(command));
        }
        let trace = Arc::from(trace_context::of_sampled(act.trace));
        let version = staged.take_in(decision, now_ms, Some(command), &trace);
        Ok(Outcome::New { version })
    }

    /// Returns the answer to each act. A command that found nothing to do gets the same answer when it is repeated,
    /// whatever happens meanwhile.
    fn answers(
        &mut self,
        plan: Vec<Planned>,
        acts: &[Act],
        failure: Option<&LogError>,
    ) -> Vec<Result<Acted, Error>> {
        plan.into_iter()
            .zip(acts)
            .map(
                |(planned, act)| match (planned.depends_on_write(), failure) {
                    (true, Some(failure)) => Err(failure.clone().into()),
                    _ => planned.outcome.map(|outcome| {
                        let acted = self.acted(act, &outcome);
                        if let Outcome::NoOp(command) = outcome {
                            self.no_ops.remember(command);
                        }
                        acted
                    }),
                },
            )
            .collect()
    }

    fn acted(&self, act: &Act, outcome: &Outcome) -> Acted {
        let (version, replayed) = match outcome {
            Outcome::Settled { version } => (*version, true),
            Outcome::NoOp(_) => (None, true),
            Outcome::New { version } => (*version, false),
        };
        let By {
            ref actor,
            audience,
            ..
        } = act.by;
        let shows = matches!(
            act.command,
            Command::Open { .. }
                | Command::PickUp
                | Command::AcceptTransfer { .. }
                | Command::EnterConference { .. }
        );
        let (shows, purpose) = match act.command {
            Command::Erase => (true, Purpose::Transcript),
            _ => (shows, Purpose::Attend),
        };
        // An actor who repeats a command after losing access to the session learns that it was done, and no more.
        let shows = shows && may_see(&self.situation(), actor, Some(audience), purpose).is_ok();
        let session = self.history.view(audience).session();
        Acted {
            position: version.map_or(0, |version| self.history.position_of(version, audience)),
            replayed,
            session: session
                .filter(|_| shows)
                .map(|session| convert::session_to_wire(self.history.session_id(), session).into()),
        }
    }
}

impl Planned {
    /// Returns whether the outcome of the act is unknown unless the write succeeds.
    fn depends_on_write(&self) -> bool {
        match &self.outcome {
            Ok(Outcome::New { .. }) => true,
            Ok(Outcome::Settled { .. } | Outcome::NoOp(_)) => self.rests_on_staged,
            Err(error) => self.rests_on_staged && depends_on_state(error),
        }
    }

    /// Returns whether the outcome could stem from not knowing what another server did.
    fn may_be_outdated(&self) -> bool {
        match &self.outcome {
            Ok(Outcome::New { .. } | Outcome::Settled { version: Some(_) }) => false,
            Ok(Outcome::Settled { version: None } | Outcome::NoOp(_)) => true,
            Err(error) => depends_on_state(error),
        }
    }
}

/// Refuses the acts that would overtake one whose outcome is unknown, each with that one's error, and returns the
/// others.
fn refuse_interrupted(acts: Vec<Act>) -> Vec<Act> {
    let mut others = Vec::with_capacity(acts.len());
    for act in acts {
        match act.by.in_order.interruption().cloned() {
            // Sending fails if the caller has gone; then nobody needs the answer.
            Some(error) => drop(act.answer.send(Err(error))),
            None => others.push(act),
        }
    }
    others
}

/// Returns whether a refusal depends on how the session stands, and not only on who asks and what they say. An
/// introduction that is too old is such a case: it is refused only if the offer was not made before.
fn depends_on_state(error: &Error) -> bool {
    match error {
        Error::Refused(refused) => !matches!(
            refused,
            Refused::NotAllowed | Refused::Texts { .. } | Refused::Address(_)
        ),
        _ => true,
    }
}

/// Returns what identifies a command in the log: the actor, so that the ids of different people never clash, and its
/// content.
fn command_for_log(
    actor: &Actor,
    command_id: &str,
    command: &Command,
) -> Result<LogCommand, LogError> {
    let mut content = Vec::with_capacity(USUAL_CONTENT);
    serde_json::to_writer(&mut content, command)
        .map_err(|error| LogError::Damaged(error.to_string()))?;
    let key = [&actor.key(), ":", command_id].concat();
    Ok(LogCommand::of(key, &content))
}
