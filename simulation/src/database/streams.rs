//! The database's contents: streams of events, each with its version. Obviously right.

use std::collections::{BTreeMap, BTreeSet};

use carrel_platform::log::{
    Batch, IndexEntry, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
};

use crate::time;

/// All streams, and the commands that they contain.
#[derive(Debug, Default)]
pub(super) struct Streams {
    kept: BTreeMap<StreamName, Kept>,
    commands: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    erased: u64,
    rows: Vec<Row>,
    /// The index entry that a writer set last, and the stream's version at that time.
    index_entry: Option<(IndexEntry, u64)>,
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

impl Streams {
    /// Puts events into a stream unchecked.
    pub(super) fn restore(&mut self, stream: StreamName, events: Vec<RecordedEvent>) {
        let rows = events.into_iter().map(|recorded| Row {
            recorded,
            written_at_ms: 0,
        });
        let kept = Kept {
            rows: rows.collect(),
            ..Kept::default()
        };
        self.kept.insert(stream, kept);
    }

    /// Returns the streams of a category, by id, with all their events.
    pub(super) fn of(&self, category: &str) -> Vec<(String, Vec<RecordedEvent>)> {
        let of_category = self
            .kept
            .iter()
            .filter(|(name, _)| name.category == category);
        of_category
            .map(|(name, kept)| {
                let events = kept.rows.iter().map(|row| row.recorded.clone());
                (name.id.clone(), events.collect())
            })
            .collect()
    }

    /// Returns the events of a stream after a version, including those whose write is not answered yet.
    pub(super) fn all_after(&self, stream: &StreamName, version: u64) -> Vec<RecordedEvent> {
        let rows = self
            .kept
            .get(stream)
            .into_iter()
            .flat_map(|kept| &kept.rows);
        rows.map(|row| &row.recorded)
            .filter(|recorded| recorded.version > version)
            .cloned()
            .collect()
    }

    /// Returns whether a command has left an event.
    pub(super) fn has_command(&self, command_key: &str) -> bool {
        self.commands.contains(command_key)
    }

    pub(super) fn check(&self, batch: &Batch) -> Result<(), LogError> {
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

    /// Writes a batch. Returns a command in it that had been written before, if there is one.
    pub(super) fn write(&mut self, batch: Batch) -> Option<String> {
        let mut repeated = None;
        for write in batch.writes {
            if write.events.is_empty() {
                continue;
            }
            let kept = self.kept.entry(write.stream).or_default();
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
            if let Some(index_entry) = write.index_entry {
                kept.index_entry = Some((index_entry, kept.version()));
            }
        }
        repeated
    }

    pub(super) fn version(&self, stream: &StreamName) -> u64 {
        self.kept.get(stream).map_or(0, Kept::version)
    }

    pub(super) fn read(&self, stream: &StreamName, after: u64, limit: usize) -> Vec<RecordedEvent> {
        let rows = self
            .kept
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

    pub(super) fn find(&self, query: &StreamQuery) -> Vec<StreamHead> {
        let heads = self.kept.iter().filter_map(|(name, kept)| {
            let (index_entry, index_version) = kept.index_entry.clone()?;
            Some(StreamHead {
                stream: name.clone(),
                version: kept.version(),
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
                .filter(|head| {
                    head.stream.category == *category && head.index_entry.closed_at_ms.is_none()
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
                    .filter(|head| head.index_entry.owner == *owner)
                    .filter_map(|head| {
                        let place = (head.index_entry.closed_at_ms?, head.stream.id.clone());
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

    pub(super) fn erase(&mut self, stream: &StreamName, up_to: u64) -> Result<(), LogError> {
        if up_to > self.version(stream) {
            return Err(LogError::Invalid("there is no such version".into()));
        }
        if let Some(kept) = self.kept.get_mut(stream) {
            let gone = usize::try_from(up_to.saturating_sub(kept.erased)).unwrap_or(0);
            kept.rows.drain(..gone);
            kept.erased = kept.erased.max(up_to);
        }
        Ok(())
    }
}
