//! Carries out commands: decides them, appends the events to the log, and tells the watchers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use carrel_platform::{
    log::{Batch, Command as LogCommand, LogError, Write},
    refusal::Refusal,
    telemetry::{LazySpan, TraceIds, span, trace_context},
};

use super::{
    Act, Acted, BusMessage, Command, LiveConversation, NewMessage, TOPIC, TRIES, member_topic,
};
use crate::{
    domain::{
        conversation::Conversation,
        event::{Event, Member, Participants},
    },
    error::Error,
    history::{Done, History},
    storage::{self, Membership, Stored},
};

/// The decision on one act.
struct Planned {
    outcome: Result<Acted, Error>,
    /// Whether the outcome holds only if the staged events are written.
    depends_on_write: bool,
}

impl Planned {
    fn settled(outcome: Result<Acted, Error>) -> Self {
        Self {
            outcome,
            depends_on_write: false,
        }
    }

    fn staged(acted: Acted) -> Self {
        Self {
            outcome: Ok(acted),
            depends_on_write: true,
        }
    }
}

/// The events to be written, and what is known about them.
pub(super) struct Staged {
    /// Set if the conversation begins: between whom.
    begins: Option<Participants>,
    version: u64,
    head: u64,
    events: Vec<Stored<Event>>,
    commands: HashMap<String, Done>,
    read: BTreeMap<String, u64>,
    /// The kept traces of the acts that wrote messages, by message number.
    traces: BTreeMap<u64, Arc<str>>,
}

impl Staged {
    /// Creates an empty stage on top of a history.
    pub(super) fn on(history: &History) -> Self {
        Self {
            begins: None,
            version: history.version(),
            head: history.conversation().map_or(0, Conversation::head),
            events: Vec::new(),
            commands: HashMap::new(),
            read: BTreeMap::new(),
            traces: BTreeMap::new(),
        }
    }

    /// Remembers the trace of the act from which a planned message came.
    fn trace(&mut self, planned: &Planned, act: Option<TraceIds>) {
        if let Ok(Acted {
            position,
            replayed: false,
        }) = planned.outcome
            && let Some(trace) = act.and_then(TraceIds::sampled)
        {
            self.traces
                .insert(position, trace_context::of_sampled(Some(trace)).into());
        }
    }

    pub(super) fn push(&mut self, event: Event, at_ms: i64, command: Option<LogCommand>) {
        self.version += 1;
        self.events.push(Stored {
            version: self.version,
            at_ms,
            event,
            command,
        });
    }
}

impl LiveConversation {
    /// Carries out commands in order and answers each. All of them, and the pending delivery marks, are written in one
    /// append.
    pub(super) async fn carry_out(&mut self, acts: Vec<Act>) {
        if acts.is_empty() && self.delivered.is_empty() {
            return;
        }
        let answers = self.try_acts(&acts).await;
        for (act, answer) in acts.into_iter().zip(answers) {
            // The caller may have gone; the command was carried out all the same.
            drop(act.answer.send(answer));
        }
    }

    async fn try_acts(&mut self, acts: &[Act]) -> Vec<Result<Acted, Error>> {
        let mut looked = false;
        for _ in 0..TRIES {
            if let Err(error) = self.ensure_current().await {
                return acts.iter().map(|_| Err(error.clone().into())).collect();
            }
            let deciding = LazySpan::step_for_all(Act::traces(acts), span::IM_DECIDE);
            let (plan, staged) = deciding.scope().run(|| self.plan(acts));
            drop(deciding);
            if !looked && plan.iter().any(|planned| planned.outcome.is_err()) {
                // Another server may have written more: a refusal is given on the newest state only.
                looked = true;
                self.behind = true;
                continue;
            }
            let failure = match self.commit(staged, acts).await {
                Ok(()) => None,
                Err(LogError::Conflict { .. }) => {
                    self.behind = true;
                    continue;
                }
                Err(error) => {
                    self.behind = true;
                    self.warn(&error, "a conversation could not be written to");
                    Some(error)
                }
            };
            return plan
                .into_iter()
                .map(|planned| match &failure {
                    Some(failure) if planned.depends_on_write => Err(failure.clone().into()),
                    _ => planned.outcome,
                })
                .collect();
        }
        acts.iter().map(|_| Err(Error::Contended)).collect()
    }

    fn plan(&mut self, acts: &[Act]) -> (Vec<Planned>, Staged) {
        let now_ms = self.parts.clock.unix_ms();
        let mut staged = Staged::on(&self.history);
        let plan = acts
            .iter()
            .map(|act| match &act.command {
                Command::Write(message) => {
                    let planned = self.plan_write(&mut staged, now_ms, message);
                    staged.trace(&planned, act.trace);
                    planned
                }
                Command::MarkRead { by, up_to } => self.plan_read(&mut staged, by, *up_to),
            })
            .collect();
        self.stage_marks(&mut staged, now_ms);
        (plan, staged)
    }

    fn plan_write(&self, staged: &mut Staged, now_ms: i64, message: &NewMessage) -> Planned {
        let NewMessage {
            between,
            by,
            text,
            command,
        } = message;
        let replay = |done: Done| {
            if done.fingerprint != command.fingerprint {
                return Err(Error::CommandIdReused);
            }
            Ok(Acted {
                position: done.position,
                replayed: true,
            })
        };
        if let Some(done) = self.history.done(&command.key) {
            return Planned::settled(replay(done));
        }
        if let Some(done) = staged.commands.get(&command.key) {
            return match replay(*done) {
                Ok(acted) => Planned::staged(acted),
                refused => Planned {
                    outcome: refused,
                    depends_on_write: true,
                },
            };
        }
        if staged.version == 0 {
            staged.begins = Some(between.clone());
            let between = between.clone();
            staged.push(Event::Began { between }, now_ms, None);
        }
        staged.head += 1;
        let position = staged.head;
        staged.commands.insert(
            command.key.clone(),
            Done::now(command.fingerprint, position),
        );
        let written = Event::Written {
            by: by.clone(),
            text: text.clone(),
        };
        staged.push(written, now_ms, Some(command.clone()));
        Planned::staged(Acted {
            position,
            replayed: false,
        })
    }

    fn plan_read(&self, staged: &mut Staged, by: &str, up_to: u64) -> Planned {
        let known = self
            .history
            .conversation()
            .map_or(0, |conversation| conversation.marks(by).read);
        if up_to <= known {
            return Planned::settled(Ok(Acted {
                position: known,
                replayed: true,
            }));
        }
        if up_to > staged.head {
            return Planned::settled(Err(Refusal::invalid(
                "NO_SUCH_MESSAGE",
                "position",
                "give the number of a message that you have received",
            )
            .into()));
        }
        let read = staged.read.entry(by.to_owned()).or_default();
        *read = up_to.max(*read);
        Planned::staged(Acted {
            position: up_to,
            replayed: false,
        })
    }

    /// Stages what members have received and read, at most one event of each kind per member, and forgets deliveries
    /// that are already in the history.
    fn stage_marks(&mut self, staged: &mut Staged, now_ms: i64) {
        let conversation = self.history.conversation();
        let head = staged.head;
        self.delivered.retain(|to, up_to| {
            *up_to = head.min(*up_to);
            let known = conversation.map_or(0, |conversation| conversation.marks(to).delivered);
            *up_to > known
        });
        for (to, up_to) in &self.delivered {
            // A member who has read a message has also received it.
            if staged.read.get(to).is_none_or(|read| read < up_to) {
                let (to, up_to) = (to.clone(), *up_to);
                staged.push(Event::Delivered { to, up_to }, now_ms, None);
            }
        }
        for (by, up_to) in std::mem::take(&mut staged.read) {
            staged.push(Event::Read { by, up_to }, now_ms, None);
        }
    }

    /// Writes what is staged atomically, then tells the watchers and other servers.
    pub(super) async fn commit(&mut self, staged: Staged, acts: &[Act]) -> Result<(), LogError> {
        if staged.events.is_empty() {
            return Ok(());
        }
        let log = Arc::clone(&self.parts.log);
        let mut batch = self.batch(&staged)?;
        for member in members(staged.begins.as_ref()) {
            let id = &member.librarian_id;
            let membership = Membership::read(&*log, id, 0).await?;
            let now_ms = self.parts.clock.unix_ms();
            let write = membership.join(id, &self.conversation_id, now_ms)?;
            batch.writes.push(write);
        }
        let append = LazySpan::step_for_all(Act::traces(acts), span::IM_APPEND);
        let appended = append.scope().around(log.append(batch)).await;
        drop(append);
        self.untold |= matches!(appended, Err(LogError::Unknown(_)));
        appended?;
        let traces = staged.traces;
        let trace_of = |position| traces.get(&position).cloned().unwrap_or_default();
        self.change(&trace_of, |history| {
            for stored in staged.events {
                history.record(stored);
            }
        });
        let act = TraceIds::first_sampled(Act::traces(acts));
        self.tell(staged.begins.as_ref(), act);
        Ok(())
    }

    /// Tells other servers the conversation's version, and its members' watches that it exists, if it `begins`.
    pub(super) fn tell(&self, begins: Option<&Participants>, act: Option<TraceIds>) {
        let version = self.history.version();
        let bus = &*self.parts.bus;
        let sending = TOPIC.sending(bus, act);
        let trace = trace_context::of_sampled(trace_context::ids(&sending));
        sending.in_scope(|| {
            for member in members(begins) {
                let topic = member_topic(&member.librarian_id);
                bus.publish(self.origin, &topic, Bytes::from(trace.clone()));
            }
            self.tell_servers(&BusMessage::Version { version, trace });
        });
    }

    fn batch(&self, staged: &Staged) -> Result<Batch, LogError> {
        let events = staged
            .events
            .iter()
            .map(|stored| storage::encode(&stored.event, stored.at_ms, stored.command.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let begins = staged.begins.as_ref();
        Ok(Batch {
            writes: vec![Write {
                stream: storage::conversation_stream(&self.conversation_id),
                expected: self.history.version(),
                events,
                index_entry: begins.map(|_| storage::open(&self.conversation_id)),
            }],
        })
    }
}

/// Returns the members of a conversation that begins; none for that of a queue's staff.
fn members(begins: Option<&Participants>) -> &[Member] {
    match begins {
        Some(Participants::Librarians { members }) => members,
        Some(Participants::Staff { .. }) | None => &[],
    }
}
