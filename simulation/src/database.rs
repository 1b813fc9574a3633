//! The one database of the simulated world: a log that is obviously right, and the ways in which it can be out of
//! reach.
//!
//! What is in it is decided under one lock, at one moment. Everything that goes wrong is before that moment or after
//! it: the caller waits, is refused, is left without an answer, or dies.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use carrel_platform::log::{
    Batch, EventLog, LogError, RecordedEvent, Standing, StreamHead, StreamName, StreamQuery,
};
use futures::future::{self, BoxFuture, FutureExt};

use crate::{dice::Dice, observations::Observations, time};

/// The name of the one history that there ever is.
pub(crate) const EPOCH: &str = "the only one";

/// How often what goes wrong, in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// An append is refused before it was written.
    pub(crate) refused: u64,
    /// An append gets no answer, and was not written.
    pub(crate) lost: u64,
    /// An append gets no answer, and was written.
    pub(crate) unconfirmed: u64,
    /// The server dies after its append was written and before it hears of it.
    pub(crate) deadly: u64,
    /// A read is refused.
    pub(crate) unread: u64,
    /// The longest time that a call takes, in milliseconds.
    pub(crate) slowest_ms: u64,
}

/// The database. All servers' logs lead to it.
#[derive(Debug)]
pub(crate) struct Database {
    state: Mutex<State>,
    observations: Arc<Observations>,
}

#[derive(Debug)]
struct State {
    streams: BTreeMap<StreamName, Kept>,
    dice: Dice,
    faults: Faults,
    /// Until when a server can't reach the database.
    cut_off: BTreeMap<&'static str, u64>,
    /// The servers that are to die.
    doomed: BTreeSet<&'static str>,
    /// The commands that are in the log.
    commands: BTreeSet<String>,
    injected: u64,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    erased: u64,
    rows: Vec<Row>,
    /// What a writer said last, and the version that there was then.
    standing: Option<(Standing, u64)>,
}

#[derive(Clone, Debug)]
struct Row {
    recorded: RecordedEvent,
    written_at_ms: u64,
}

impl Kept {
    fn version(&self) -> u64 {
        self.erased + self.rows.len() as u64
    }
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    Refused,
    Lost,
    Unconfirmed,
    Deadly,
}

impl Database {
    pub(crate) fn new(seed: u64, observations: Arc<Observations>) -> Self {
        Self {
            state: Mutex::new(State {
                streams: BTreeMap::new(),
                dice: Dice::of(seed, "database"),
                faults: Faults::default(),
                cut_off: BTreeMap::new(),
                doomed: BTreeSet::new(),
                commands: BTreeSet::new(),
                injected: 0,
            }),
            observations,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has so much go wrong from now on.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Keeps a server away from the database for a time.
    pub(crate) fn cut_off(&self, host: &'static str, until_ms: u64) {
        self.state().cut_off.insert(host, until_ms);
    }

    /// Lets everyone reach the database again.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.faults = Faults {
            slowest_ms: 2,
            ..Faults::default()
        };
        state.cut_off.clear();
    }

    /// The servers that are to die now. Each is told once.
    pub(crate) fn take_doomed(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut self.state().doomed)
    }

    /// How many calls went wrong on purpose.
    pub(crate) fn injected(&self) -> u64 {
        self.state().injected
    }

    /// Puts events into a stream as they are, before anything begins.
    pub(crate) fn restore(&self, stream: StreamName, events: Vec<RecordedEvent>) {
        let rows = events.into_iter().map(|recorded| Row {
            recorded,
            written_at_ms: 0,
        });
        let kept = Kept {
            rows: rows.collect(),
            ..Kept::default()
        };
        self.state().streams.insert(stream, kept);
    }

    /// The streams of a category, by id, with all their events.
    pub(crate) fn streams(&self, category: &str) -> Vec<(String, Vec<RecordedEvent>)> {
        let state = self.state();
        let of_category = state
            .streams
            .iter()
            .filter(|(name, _)| name.category == category);
        of_category
            .map(|(name, kept)| {
                let events = kept.rows.iter().map(|row| row.recorded.clone());
                (name.id.clone(), events.collect())
            })
            .collect()
    }

    /// The events of one stream after a version.
    pub(crate) fn events_after(
        &self,
        category: &'static str,
        id: &str,
        version: u64,
    ) -> Vec<RecordedEvent> {
        let name = StreamName::new(category, id);
        let state = self.state();
        let rows = state
            .streams
            .get(&name)
            .into_iter()
            .flat_map(|kept| &kept.rows);
        rows.map(|row| &row.recorded)
            .filter(|recorded| recorded.version > version)
            .cloned()
            .collect()
    }

    /// Whether a command has left something in the log.
    pub(crate) fn has_command(&self, command_key: &str) -> bool {
        self.state().commands.contains(command_key)
    }
}

impl State {
    fn is_cut_off(&self, host: &str) -> bool {
        let until = self.cut_off.get(host).copied().unwrap_or(0);
        time::now_ms() < until
    }

    /// How long a call takes.
    fn pause(&mut self) -> Duration {
        let slowest = self.faults.slowest_ms;
        Duration::from_millis(self.dice.between(0, slowest))
    }

    fn fate_of_append(&mut self, host: &str) -> Fate {
        let Faults {
            refused,
            lost,
            unconfirmed,
            deadly,
            ..
        } = self.faults;
        let roll = self.dice.roll() % 1000;
        let fate = if self.is_cut_off(host) || roll < refused {
            Fate::Refused
        } else if roll < refused + lost {
            Fate::Lost
        } else if roll < refused + lost + unconfirmed {
            Fate::Unconfirmed
        } else if roll < refused + lost + unconfirmed + deadly {
            Fate::Deadly
        } else {
            return Fate::Done;
        };
        self.injected += 1;
        fate
    }

    fn read_fails(&mut self, host: &str) -> bool {
        let unread = self.faults.unread;
        let fails = self.dice.happens(unread) || self.is_cut_off(host);
        self.injected += u64::from(fails);
        fails
    }

    fn check(&self, batch: &Batch) -> Result<(), LogError> {
        let mut named = BTreeSet::new();
        for write in &batch.writes {
            if !named.insert(&write.stream) {
                return Err(LogError::Invalid("a stream is named twice".into()));
            }
            let actual = self.version(&write.stream);
            if actual != write.expected {
                return Err(LogError::Conflict {
                    stream: write.stream.clone(),
                    expected: write.expected,
                    actual,
                });
            }
        }
        Ok(())
    }

    /// Writes a batch and says which command of it had been written before.
    fn write(&mut self, batch: Batch) -> Option<String> {
        let mut repeated = None;
        for write in batch.writes {
            if write.events.is_empty() {
                continue;
            }
            let kept = self.streams.entry(write.stream).or_default();
            for event in write.events {
                let version = kept.version() + 1;
                if let Some(command) = &event.command
                    && !self.commands.insert(command.key.clone())
                {
                    repeated = Some(command.key.clone());
                }
                kept.rows.push(Row {
                    recorded: RecordedEvent {
                        version,
                        at_ms: event.at_ms,
                        payload: event.payload,
                        command: event.command,
                    },
                    written_at_ms: time::now_ms(),
                });
            }
            if let Some(standing) = write.standing {
                kept.standing = Some((standing, kept.version()));
            }
        }
        repeated
    }

    fn version(&self, stream: &StreamName) -> u64 {
        self.streams.get(stream).map_or(0, Kept::version)
    }

    fn read(&self, stream: &StreamName, after: u64, limit: usize) -> Vec<RecordedEvent> {
        let rows = self
            .streams
            .get(stream)
            .into_iter()
            .flat_map(|kept| &kept.rows);
        let committed = rows.filter(|row| row.written_at_ms <= time::now_ms());
        committed
            .filter(|row| row.recorded.version > after)
            .take(limit)
            .map(|row| row.recorded.clone())
            .collect()
    }

    fn find(&self, query: &StreamQuery) -> Vec<StreamHead> {
        let heads = self.streams.iter().filter_map(|(name, kept)| {
            let (standing, standing_version) = kept.standing.clone()?;
            Some(StreamHead {
                stream: name.clone(),
                version: kept.version(),
                standing,
                standing_version,
            })
        });
        match query {
            StreamQuery::Open {
                category,
                after,
                limit,
            } => heads
                .filter(|head| {
                    head.stream.category == *category && head.standing.closed_at_ms.is_none()
                })
                .filter(|head| after.as_ref().is_none_or(|after| head.stream.id > *after))
                .take(*limit)
                .collect(),
            StreamQuery::Closed {
                category,
                owner,
                before,
                limit,
            } => {
                let mut closed: Vec<_> = heads
                    .filter(|head| head.stream.category == *category)
                    .filter(|head| head.standing.owner == *owner)
                    .filter_map(|head| {
                        let place = (head.standing.closed_at_ms?, head.stream.id.clone());
                        Some((place, head))
                    })
                    .filter(|(place, _)| before.as_ref().is_none_or(|before| place < before))
                    .collect();
                closed.sort_by(|(a, _), (b, _)| b.cmp(a));
                closed
                    .into_iter()
                    .map(|(_, head)| head)
                    .take(*limit)
                    .collect()
            }
        }
    }

    fn erase(&mut self, stream: &StreamName, up_to: u64) -> Result<(), LogError> {
        if up_to > self.version(stream) {
            return Err(LogError::Invalid("there is no such version".into()));
        }
        if let Some(kept) = self.streams.get_mut(stream) {
            let gone = usize::try_from(up_to.saturating_sub(kept.erased)).unwrap_or(0);
            kept.rows.drain(..gone);
            kept.erased = kept.erased.max(up_to);
        }
        Ok(())
    }
}

/// The log as one server reaches it.
#[derive(Clone, Debug)]
pub(crate) struct ServersLog {
    pub(crate) database: Arc<Database>,
    pub(crate) host: &'static str,
}

impl ServersLog {
    fn state(&self) -> MutexGuard<'_, State> {
        self.database.state()
    }

    async fn pause(&self) {
        let pause = self.state().pause();
        tokio::time::sleep(pause).await;
    }

    async fn look<T>(
        &self,
        what: &'static str,
        answer: impl FnOnce(&State) -> T,
    ) -> Result<T, LogError> {
        self.pause().await;
        self.database
            .observations
            .detail(self.host, || what.to_owned());
        let mut state = self.state();
        if state.read_fails(self.host) {
            return Err(LogError::Unavailable("the database is out of reach".into()));
        }
        Ok(answer(&state))
    }

    fn commit(&self, batch: Batch) -> Result<(), LogError> {
        let mut state = self.state();
        state.check(&batch)?;
        let repeated = state.write(batch);
        drop(state);
        if let Some(command) = repeated {
            self.database
                .observations
                .violation("I2", &format!("{command} has two effects"));
        }
        Ok(())
    }

    async fn append_batch(&self, batch: Batch) -> Result<(), LogError> {
        let fate = self.state().fate_of_append(self.host);
        self.pause().await;
        self.database.observations.detail(self.host, || {
            let streams = batch.writes.iter().map(|write| write.stream.to_string());
            format!("appends to {:?}: {fate:?}", streams.collect::<Vec<_>>())
        });
        let unknown = || Err(LogError::Unknown("the connection was lost".into()));
        match fate {
            Fate::Refused => Err(LogError::Unavailable("the database is out of reach".into())),
            Fate::Lost => unknown(),
            Fate::Unconfirmed => {
                self.commit(batch)?;
                self.pause().await;
                unknown()
            }
            Fate::Deadly => {
                self.commit(batch)?;
                self.state().doomed.insert(self.host);
                future::pending().await
            }
            Fate::Done => {
                self.commit(batch)?;
                self.pause().await;
                Ok(())
            }
        }
    }
}

impl EventLog for ServersLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        self.append_batch(batch).boxed()
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        self.look("reads", move |state| state.read(stream, after, limit))
            .boxed()
    }

    fn find<'a>(&'a self, query: StreamQuery) -> BoxFuture<'a, Result<Vec<StreamHead>, LogError>> {
        self.look("looks for streams", move |state| state.find(&query))
            .boxed()
    }

    fn versions<'a>(
        &'a self,
        streams: &'a [StreamName],
    ) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        self.look("asks for versions", move |state| {
            streams.iter().map(|name| state.version(name)).collect()
        })
        .boxed()
    }

    fn erase<'a>(
        &'a self,
        stream: &'a StreamName,
        up_to: u64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        async move {
            self.pause().await;
            let mut state = self.state();
            if state.read_fails(self.host) {
                return Err(LogError::Unavailable("the database is out of reach".into()));
            }
            state.erase(stream, up_to)
        }
        .boxed()
    }

    fn epoch(&self) -> &str {
        EPOCH
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        future::pending().boxed()
    }
}
