//! A log that is obviously right, and random histories on which every other log must agree with it.

use std::collections::BTreeMap;

use bytes::Bytes;
use carrel_platform::log::{
    Batch, Command, EventLog, IndexEntry, LogError, NewEvent, RecordedEvent, StreamHead,
    StreamName, StreamQuery, Write,
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any},
    prop_assert, prop_assert_eq, prop_oneof,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};

use crate::Place;

#[derive(Default)]
struct Model {
    streams: BTreeMap<StreamName, Stream>,
}

#[derive(Clone, Default)]
struct Stream {
    events: Vec<RecordedEvent>,
    erased: u64,
    index_entry: Option<(IndexEntry, u64)>,
}

impl Model {
    fn version(&self, name: &StreamName) -> u64 {
        let stream = self.streams.get(name);
        stream.map_or(0, |stream| stream.events.len() as u64)
    }

    fn append(&mut self, batch: &Batch) -> Result<(), LogError> {
        for write in &batch.writes {
            let actual = self.version(&write.stream);
            if actual != write.expected {
                return Err(LogError::Conflict {
                    stream: write.stream.clone(),
                    expected: write.expected,
                    actual,
                });
            }
        }
        for write in batch.writes.iter().filter(|write| !write.events.is_empty()) {
            let stream = self.streams.entry(write.stream.clone()).or_default();
            for event in &write.events {
                stream.events.push(RecordedEvent {
                    version: stream.events.len() as u64 + 1,
                    at_ms: event.at_ms,
                    payload: event.payload.clone(),
                    command: event.command.clone(),
                });
            }
            if let Some(index_entry) = &write.index_entry {
                stream.index_entry = Some((index_entry.clone(), stream.events.len() as u64));
            }
        }
        Ok(())
    }

    fn read(&self, name: &StreamName, after: u64, limit: usize) -> Vec<RecordedEvent> {
        let Some(stream) = self.streams.get(name) else {
            return Vec::new();
        };
        let left = stream.events.iter().filter(|e| e.version > stream.erased);
        let later = left.filter(|e| e.version > after);
        later.take(limit).cloned().collect()
    }

    fn erase(&mut self, name: &StreamName, up_to: u64) -> bool {
        if up_to > self.version(name) {
            return false;
        }
        if let Some(stream) = self.streams.get_mut(name) {
            stream.erased = stream.erased.max(up_to);
        }
        true
    }

    fn find(&self, query: &StreamQuery) -> Vec<StreamHead> {
        let heads = self.streams.iter().filter_map(|(name, stream)| {
            let (index_entry, index_version) = stream.index_entry.clone()?;
            Some(StreamHead {
                stream: name.clone(),
                version: stream.events.len() as u64,
                index_entry,
                index_version,
            })
        });
        match query {
            StreamQuery::Open {
                category,
                after,
                limit,
            } => heads
                .filter(|head| head.stream.category == *category)
                .filter(|head| head.index_entry.closed_at_ms.is_none())
                .filter(|head| after.as_ref().is_none_or(|after| head.stream.id > *after))
                .take(*limit)
                .collect(),
            StreamQuery::Closed {
                category,
                owner,
                before,
                limit,
            } => {
                let place = |head: &StreamHead| {
                    let at = head.index_entry.closed_at_ms;
                    at.map(|at| (at, head.stream.id.clone()))
                };
                let mut closed: Vec<_> = heads
                    .filter(|head| head.stream.category == *category)
                    .filter(|head| head.index_entry.owner == *owner && place(head).is_some())
                    .filter(|head| before.is_none() || place(head) < *before)
                    .collect();
                closed.sort_by_key(|head| std::cmp::Reverse(place(head)));
                closed.truncate(*limit);
                closed
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Writes, each with how far its writer's version is behind or ahead of the stream's.
    Append(Vec<(i64, Write)>),
    Read(StreamName, u64, usize),
    Versions(Vec<StreamName>),
    Erase(StreamName, u64),
    Find(StreamQuery),
    Reopen,
}

const IDS: [&str; 5] = ["", "a", "B", "é", "雪"];
const OWNERS: [&str; 2] = ["maple", "harbor"];

fn category() -> impl Strategy<Value = &'static str> {
    select(vec!["session", "directory"])
}

fn name() -> impl Strategy<Value = StreamName> {
    (category(), select(&IDS)).prop_map(|(category, id)| StreamName::new(category, id))
}

fn new_event() -> impl Strategy<Value = NewEvent> {
    let command = option::of((".{0,8}", any::<u64>()));
    (any::<i64>(), vec(any::<u8>(), 0..64), command).prop_map(|(at_ms, payload, command)| {
        NewEvent {
            at_ms,
            payload: Bytes::from(payload),
            command: command.map(|(key, fingerprint)| Command {
                // PostgreSQL can't store this character in a text.
                key: key.replace('\0', " "),
                fingerprint,
            }),
        }
    })
}

fn a_write() -> impl Strategy<Value = (i64, Write)> {
    let error = prop_oneof![8 => Just(0), 1 => Just(-1), 1 => Just(1)];
    let index_entry = option::of((select(&OWNERS), option::of(0..4_i64)));
    (error, name(), vec(new_event(), 0..4), index_entry).prop_map(
        |(error, stream, events, index_entry)| {
            let index_entry = index_entry.map(|(owner, closed_at_ms)| IndexEntry {
                owner: owner.to_owned(),
                closed_at_ms,
            });
            let write = Write {
                stream,
                expected: 0,
                events,
                index_entry,
            };
            (error, write)
        },
    )
}

fn query() -> impl Strategy<Value = StreamQuery> {
    let id = || select(&IDS).prop_map(str::to_owned);
    prop_oneof![
        (category(), option::of(id()), 0..5_usize).prop_map(|(category, after, limit)| {
            StreamQuery::Open {
                category,
                after,
                limit,
            }
        }),
        (
            category(),
            select(&OWNERS),
            option::of((0..4_i64, id())),
            0..5_usize
        )
            .prop_map(|(category, owner, before, limit)| StreamQuery::Closed {
                category,
                owner: owner.to_owned(),
                before,
                limit,
            }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => vec(a_write(), 0..4).prop_map(Step::Append),
        4 => (name(), 0..6_u64, 0..6_usize).prop_map(|(s, after, limit)| Step::Read(s, after, limit)),
        4 => query().prop_map(Step::Find),
        2 => vec(name(), 0..6).prop_map(Step::Versions),
        2 => (name(), 0..6_u64).prop_map(|(s, up_to)| Step::Erase(s, up_to)),
        1 => Just(Step::Reopen),
    ]
}

async fn follow<P: Place>(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let place = P::new().await;
    let mut log = place.open().await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(writes) => {
                let mut batch = Batch::default();
                for (error, mut write) in writes {
                    if batch
                        .writes
                        .iter()
                        .all(|other| other.stream != write.stream)
                    {
                        let actual = model.version(&write.stream);
                        write.expected = actual.saturating_add_signed(error);
                        batch.writes.push(write);
                    }
                }
                let expected = model.append(&batch);
                prop_assert_eq!(log.append(batch).await, expected);
            }
            Step::Read(stream, after, limit) => {
                let expected = model.read(&stream, after, limit);
                prop_assert_eq!(log.read(&stream, after, limit).await, Ok(expected));
            }
            Step::Versions(streams) => {
                let expected = streams.iter().map(|name| model.version(name)).collect();
                prop_assert_eq!(log.versions(&streams).await, Ok(expected));
            }
            Step::Find(query) => {
                let expected = model.find(&query);
                prop_assert_eq!(log.find(query).await, Ok(expected));
            }
            Step::Erase(stream, up_to) => {
                let erased = log.erase(&stream, up_to).await;
                if model.erase(&stream, up_to) {
                    prop_assert_eq!(erased, Ok(()));
                } else {
                    prop_assert!(matches!(erased, Err(LogError::Invalid(_))), "{:?}", erased);
                }
            }
            Step::Reopen => {
                drop(log);
                log = place.open().await;
            }
        }
    }
    for name in model.streams.keys() {
        let expected = model.read(name, 0, usize::MAX);
        prop_assert_eq!(log.read(name, 0, usize::MAX).await, Ok(expected));
    }
    Ok(())
}

pub(crate) async fn agrees_with_the_reference_model<P: Place>() {
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&vec(step(), 0..40), |steps| {
            runtime.block_on(follow::<P>(steps))
        })
    })
    .unwrap();
}
