//! Copies sessions within the log, under other ids and at other times.

use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use carrel_platform::log::{
    Batch, Command, EventLog, IndexEntry, NewEvent, RecordedEvent, StreamHead, StreamName, Write,
    stored::encode,
};
use carrel_session::domain::audit::{AuditEntry, AuditFact};

use super::model::{Held, Model};

/// How many sessions are written side by side, so that the events of one lie apart, as at a real desk.
const TOGETHER: u64 = 500;
/// In how many turns they are written. Each turn is a transaction.
const TURNS: usize = 5;
/// The time over which the copies are spread, in milliseconds: a year.
const SPREAD_MS: u64 = 365 * 24 * 60 * 60 * 1000;

/// Copies the sessions of a model until there are `copies` copies. The last copy is the newest, but older than the
/// model.
pub(super) async fn copy(log: &dyn EventLog, model: &Model, copies: u64) -> anyhow::Result<()> {
    let mut audit = Audit {
        stream: model.audit.clone(),
        version: model.audit_version,
        hash: model.audit_hash.clone(),
    };
    let mut begun = 0;
    while begun < copies {
        let together: Vec<Copy> = (begun..copies.min(begun + TOGETHER))
            .zip(model.held.iter().cycle())
            .map(|(number, of)| Copy {
                of,
                id: id(number, of.id.len()),
                earlier_ms: (copies - number) * (SPREAD_MS / copies.max(1)),
            })
            .collect();
        begun += together.len() as u64;
        for turn in 0..TURNS {
            let writes = together.iter().filter_map(|copy| copy.session(turn));
            log.append(Batch {
                writes: writes.collect(),
            })
            .await?;
        }
        let conferences = together.iter().map(Copy::conference);
        let mut writes: Vec<Write> = conferences.collect();
        writes.push(audit.write(&together)?);
        log.append(Batch { writes }).await?;
    }
    Ok(())
}

/// Returns the id of a copy: as long as those of real sessions, and in no order, so that indexes grow everywhere.
fn id(number: u64, length: usize) -> String {
    let mut id = String::new();
    for part in 0.. {
        if id.len() >= length {
            break;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(number);
        hasher.write_u64(part);
        id.push_str(&format!("{:016x}", hasher.finish()));
    }
    id.truncate(length);
    id
}

/// A copy that is about to be written.
struct Copy<'a> {
    of: &'a Held,
    id: String,
    /// How much earlier than the model it happened.
    earlier_ms: u64,
}

impl Copy<'_> {
    /// Returns what is written to the session's stream in a turn.
    fn session(&self, turn: usize) -> Option<Write> {
        let (head, events) = &self.of.session;
        let share = events.len().div_ceil(TURNS);
        let begin = (turn * share).min(events.len());
        let part = &events[begin..events.len().min(begin + share)];
        self.write(head, part)
    }

    /// Returns what is written to the conference's stream.
    fn conference(&self) -> Write {
        let (head, events) = &self.of.conference;
        self.write(head, events).unwrap_or_else(|| Write {
            stream: StreamName::new(head.stream.category, self.id.clone()),
            expected: 0,
            events: Vec::new(),
            index_entry: None,
        })
    }

    /// Returns a write of some of a stream's events, with the stream's index entry if the last event is among them.
    fn write(&self, head: &StreamHead, events: &[RecordedEvent]) -> Option<Write> {
        let (first, last) = (events.first()?, events.last()?);
        let index_entry = (last.version == head.version).then(|| IndexEntry {
            owner: head.index_entry.owner.clone(),
            closed_at_ms: head
                .index_entry
                .closed_at_ms
                .map(|at_ms| self.earlier(at_ms)),
        });
        Some(Write {
            stream: StreamName::new(head.stream.category, self.id.clone()),
            expected: first.version - 1,
            events: events.iter().map(|event| self.event(event)).collect(),
            index_entry,
        })
    }

    fn event(&self, event: &RecordedEvent) -> NewEvent {
        NewEvent {
            at_ms: self.earlier(event.at_ms),
            payload: self.renamed(&event.payload),
            command: event.command.as_ref().map(|command| Command {
                key: command.key.replace(&self.of.id, &self.id),
                fingerprint: command.fingerprint,
            }),
        }
    }

    fn earlier(&self, at_ms: i64) -> i64 {
        at_ms.saturating_sub_unsigned(self.earlier_ms)
    }

    /// Returns a payload with the copy's id in place of the model's, which is equally long.
    fn renamed(&self, payload: &Bytes) -> Bytes {
        let (from, to) = (self.of.id.as_bytes(), self.id.as_bytes());
        let mut copy = payload.to_vec();
        let mut at = 0;
        while let Some(rest) = copy.get(at..at + from.len()) {
            if rest == from {
                copy[at..at + from.len()].copy_from_slice(to);
            }
            at += 1;
        }
        copy.into()
    }
}

/// A library's audit as it grows.
struct Audit {
    stream: StreamName,
    version: u64,
    hash: String,
}

impl Audit {
    /// Returns the write of all these copies' entries, chained to the entries before.
    fn write(&mut self, copies: &[Copy<'_>]) -> anyhow::Result<Write> {
        let expected = self.version;
        let mut events = Vec::new();
        for copy in copies {
            for (at_ms, fact) in &copy.of.audit {
                let at_ms = copy.earlier(*at_ms);
                let fact = AuditFact {
                    session_id: copy.id.clone(),
                    ..fact.clone()
                };
                let entry = AuditEntry::chain(fact, at_ms, &self.hash);
                events.push(encode(&entry, at_ms, None)?);
                self.hash = entry.chain_hash;
                self.version += 1;
            }
        }
        Ok(Write {
            stream: self.stream.clone(),
            expected,
            events,
            index_entry: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use carrel_platform::log::{sqlite::SqliteLog, stored::Stored, stored::read_after};
    use carrel_session::{
        domain::audit::{AuditAct, CHAIN_START},
        storage::{AUDIT, CONFERENCE, SESSION},
    };

    use super::*;

    const OF: &str = "00000000000000000000000000000001";

    fn events(kind: &str, count: u64) -> Vec<RecordedEvent> {
        let event = |version| RecordedEvent {
            version,
            at_ms: 1_700_000_000_000 + i64::try_from(version).unwrap_or_default(),
            payload: format!("{{\"kind\":\"{kind}\",\"session\":\"{OF}\"}}").into(),
            command: Some(Command {
                key: format!("somebody/say-{version}-{OF}"),
                fingerprint: version,
            }),
        };
        (1..=count).map(event).collect()
    }

    fn stream(category: &'static str, count: u64) -> (StreamHead, Vec<RecordedEvent>) {
        let events = events(category, count);
        let head = StreamHead {
            stream: StreamName::new(category, OF),
            version: count,
            index_entry: IndexEntry {
                owner: "library".to_owned(),
                closed_at_ms: events.last().map(|last| last.at_ms),
            },
            index_version: count,
        };
        (head, events)
    }

    fn model() -> Model {
        let fact = AuditFact {
            act: AuditAct::ConferenceEntered,
            librarian_id: "librarian".to_owned(),
            librarian_name: "Ada".to_owned(),
            session_id: OF.to_owned(),
            detail: String::new(),
        };
        Model {
            held: vec![Held {
                id: OF.to_owned(),
                session: stream(SESSION, 7),
                conference: stream(CONFERENCE, 2),
                audit: vec![(1_700_000_000_002, fact)],
            }],
            audit: StreamName::new(AUDIT, "library"),
            audit_version: 0,
            audit_hash: CHAIN_START.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_copy_is_the_model_under_another_id_and_before_it() -> anyhow::Result<()> {
        let log = SqliteLog::in_memory()?;
        let copies = TOGETHER + 3;
        copy(&log, &model(), copies).await?;
        for category in [SESSION, CONFERENCE] {
            let (of, expected) = stream(category, if category == SESSION { 7 } else { 2 });
            let found = log
                .find(carrel_platform::log::StreamQuery::Closed {
                    category,
                    owner: "library".to_owned(),
                    before: None,
                    limit: usize::MAX,
                })
                .await?;
            assert_eq!(found.len() as u64, copies);
            let head = &found[0];
            assert_eq!((head.version, head.index_version), (of.version, of.version));
            assert!(head.index_entry.closed_at_ms < of.index_entry.closed_at_ms);
            let id = &head.stream.id;
            assert_eq!((id.len(), *id == OF), (OF.len(), false));
            let read = log.read(&head.stream, 0, usize::MAX).await?;
            assert_eq!(read.len(), expected.len());
            for (copied, model) in read.iter().zip(&expected) {
                let back = String::from_utf8(copied.payload.to_vec())?.replace(id, OF);
                assert_eq!(back.as_bytes(), &model.payload[..]);
                let key = |event: &RecordedEvent| event.command.clone().map(|command| command.key);
                assert_eq!(key(copied).map(|key| key.replace(id, OF)), key(model));
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn the_audit_of_copies_is_a_chain() -> anyhow::Result<()> {
        let log = SqliteLog::in_memory()?;
        copy(&log, &model(), TOGETHER + 3).await?;
        let audit = StreamName::new(AUDIT, "library");
        let entries: Vec<Stored<AuditEntry>> = read_after(&log, &audit, 0).await?;
        assert_eq!(entries.len() as u64, TOGETHER + 3);
        let mut before = CHAIN_START;
        for entry in &entries {
            assert!(entry.event.follows(entry.at_ms, before));
            before = &entry.event.chain_hash;
        }
        Ok(())
    }
}
