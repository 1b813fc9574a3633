//! The decision on a group: which batches are accepted, and which rows follow. Pure, given the versions of the streams.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::log::{Batch, IndexEntry, LogError, StreamName, Write, group::Work};

/// Names of streams as columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names<'a> {
    pub(super) ids: Vec<&'a str>,
    pub(super) categories: Vec<&'a str>,
}

/// The streams that a group names, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needed<'a> {
    pub(super) all: Names<'a>,
    /// Those of them that a writer expects to be new. They are created before they are locked, since a missing row
    /// can't be locked, and two writers that create the same stream must meet.
    pub(super) perhaps_new: Names<'a>,
}

/// The versions of the streams, under their locks.
#[derive(Debug, Default)]
pub(super) struct Locked<'a> {
    pub(super) versions: HashMap<(&'a str, &'a str), i64>,
    /// Those of them that this transaction created. Nobody else has seen them yet.
    pub(super) made: HashSet<(&'a str, &'a str)>,
    /// Whether streams were left out because other sessions hold them locked.
    pub(super) some_left_out: bool,
}

/// What to write, as columns of rows, and the answers once it is written.
#[derive(Debug, Default)]
pub(super) struct Decision<'a> {
    pub(super) results: Vec<Result<(), LogError>>,
    pub(super) events: Events<'a>,
    pub(super) heads: Heads<'a>,
    pub(super) erasures: Erasures<'a>,
    /// Streams that were created to be locked, but which no accepted batch names.
    pub(super) unused: Names<'a>,
}

/// Events to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Events<'a> {
    pub(super) streams: Names<'a>,
    pub(super) versions: Vec<i64>,
    pub(super) times: Vec<i64>,
    pub(super) payloads: Vec<&'a [u8]>,
    pub(super) keys: Vec<Option<&'a str>>,
    pub(super) fingerprints: Vec<Option<i64>>,
}

/// The new state of streams.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heads<'a> {
    pub(super) streams: Names<'a>,
    pub(super) versions: Vec<i64>,
    pub(super) erased: Vec<i64>,
    /// The version at which the following was said; `None` if nothing was said.
    pub(super) index_versions: Vec<Option<i64>>,
    pub(super) owners: Vec<Option<&'a str>>,
    pub(super) closed: Vec<Option<i64>>,
}

/// Events to be erased.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Erasures<'a> {
    pub(super) streams: Names<'a>,
    pub(super) up_to: Vec<i64>,
}

/// The state of a stream while the group is decided.
struct Head<'a> {
    before: i64,
    version: i64,
    erased: i64,
    /// Whether this transaction created it.
    made: bool,
    /// Whether an accepted batch rests on its version without writing to it.
    checked: bool,
    /// What the group said of it last, and at which version.
    index_entry: Option<(&'a IndexEntry, i64)>,
}

impl<'a> Names<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    fn push(&mut self, (id, category): (&'a str, &'a str)) {
        self.ids.push(id);
        self.categories.push(category);
    }
}

impl Locked<'_> {
    /// Returns whether a stream that was created, or was there already, is gone: another session deleted it while this
    /// one waited for its lock.
    pub(super) fn lacks_new_ones(&self, needed: &Needed<'_>) -> bool {
        !self.some_left_out
            && pairs(&needed.perhaps_new).any(|new| !self.versions.contains_key(&new))
    }
}

impl Decision<'_> {
    pub(super) fn changes_nothing(&self) -> bool {
        self.heads.streams.is_empty()
    }

    pub(super) fn erases(&self) -> bool {
        !self.erasures.streams.is_empty()
    }
}

/// Returns the streams that a group names.
pub(super) fn needed<'a>(group: &[&'a Work]) -> Needed<'a> {
    let mut streams: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for work in group {
        match work {
            Work::Append(batch) => {
                for write in &batch.writes {
                    *streams.entry(key(&write.stream)).or_default() |= write.expected == 0;
                }
            }
            Work::Erase { stream, .. } => {
                streams.entry(key(stream)).or_default();
            }
        }
    }
    let mut needed = Needed::default();
    for (key, perhaps_new) in streams {
        needed.all.push(key);
        if perhaps_new {
            needed.perhaps_new.push(key);
        }
    }
    needed
}

/// Decides a group in its order. Each batch is decided on the streams as the batches before leave them.
pub(super) fn decide<'a>(
    group: &[&'a Work],
    needed: &Needed<'a>,
    locked: &Locked<'_>,
) -> Decision<'a> {
    let mut course = Course {
        heads: heads(needed, locked),
        decision: Decision::default(),
    };
    for work in group {
        let result = match work {
            Work::Append(batch) => course.append(batch),
            Work::Erase { stream, up_to } => course.erase(stream, *up_to),
        };
        course.decision.results.push(result);
    }
    course.finish()
}

/// Returns the state of the streams before the group; unknown ones are missing.
fn heads<'a>(needed: &Needed<'a>, locked: &Locked<'_>) -> BTreeMap<(&'a str, &'a str), Head<'a>> {
    let all = pairs(&needed.all);
    let known = all.filter_map(|key| {
        let made = locked.made.contains(&key);
        let version = match locked.versions.get(&key) {
            Some(version) => *version,
            // The stream does not exist, unless another session holds it: those in `perhaps_new` were created.
            None if !locked.some_left_out && !pairs(&needed.perhaps_new).any(|new| new == key) => 0,
            None => return None,
        };
        let head = Head {
            before: version,
            version,
            erased: 0,
            made,
            checked: false,
            index_entry: None,
        };
        Some((key, head))
    });
    known.collect()
}

struct Course<'a> {
    heads: BTreeMap<(&'a str, &'a str), Head<'a>>,
    decision: Decision<'a>,
}

impl<'a> Course<'a> {
    fn append(&mut self, batch: &'a Batch) -> Result<(), LogError> {
        for write in &batch.writes {
            let head = self.heads.get(&key(&write.stream)).ok_or_else(busy)?;
            if u64::try_from(head.version) != Ok(write.expected) {
                return Err(LogError::Conflict {
                    stream: write.stream.clone(),
                    expected: write.expected,
                    actual: head.version.unsigned_abs(),
                });
            }
        }
        for write in &batch.writes {
            self.write(write);
        }
        Ok(())
    }

    fn write(&mut self, write: &'a Write) {
        let key = key(&write.stream);
        let Some(head) = self.heads.get_mut(&key) else {
            return;
        };
        if write.events.is_empty() {
            head.checked = true;
            return;
        }
        let rows = &mut self.decision.events;
        for event in &write.events {
            head.version += 1;
            let command = event.command.as_ref();
            rows.streams.push(key);
            rows.versions.push(head.version);
            rows.times.push(event.at_ms);
            rows.payloads.push(&event.payload);
            rows.keys.push(command.map(|command| command.key.as_str()));
            rows.fingerprints
                .push(command.map(|command| command.fingerprint.cast_signed()));
        }
        if let Some(index_entry) = &write.index_entry {
            head.index_entry = Some((index_entry, head.version));
        }
    }

    fn erase(&mut self, stream: &'a StreamName, up_to: u64) -> Result<(), LogError> {
        let head = self.heads.get_mut(&key(stream)).ok_or_else(busy)?;
        let last = head.version;
        let Some(up_to) = i64::try_from(up_to).ok().filter(|up_to| *up_to <= last) else {
            return Err(LogError::Invalid(format!(
                "{stream} is at version {last} and can't be erased up to {up_to}"
            )));
        };
        head.erased = head.erased.max(up_to);
        Ok(())
    }

    fn finish(self) -> Decision<'a> {
        let mut decision = self.decision;
        for (key, head) in self.heads {
            // The row of a stream that is only checked stays: those who rest on it check it again and again, and would
            // create and delete it each time. A row that was there before stays in any case: another server may be
            // waiting for its lock, and would find it gone.
            if head.made && head.version == 0 && !head.checked {
                decision.unused.push(key);
            }
            if head.erased > 0 {
                decision.erasures.streams.push(key);
                decision.erasures.up_to.push(head.erased);
            }
            if head.version > head.before || head.erased > 0 {
                let rows = &mut decision.heads;
                rows.streams.push(key);
                rows.versions.push(head.version);
                rows.erased.push(head.erased);
                let index_entry = head.index_entry.map(|(index_entry, _)| index_entry);
                rows.index_versions
                    .push(head.index_entry.map(|(_, version)| version));
                rows.owners
                    .push(index_entry.map(|index_entry| index_entry.owner.as_str()));
                rows.closed
                    .push(index_entry.and_then(|index_entry| index_entry.closed_at_ms));
            }
        }
        decision
    }
}

/// Returns the key of a stream, id first as in the tables.
fn key(stream: &StreamName) -> (&str, &str) {
    (&stream.id, stream.category)
}

fn pairs<'a>(names: &Names<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let categories = names.categories.iter().copied();
    names.ids.iter().copied().zip(categories)
}

fn busy() -> LogError {
    LogError::Unavailable(
        "another session of the database holds a stream of the batch locked for too long; nothing was written"
            .to_owned(),
    )
}
