//! What a server tells the others on the bus about a session that it has changed.
//!
//! A word carries the events as they were written. A server that has all earlier events takes them in as if they had
//! been read from the log; any other server reads the log. So a word that is lost, late or repeated costs a read of the
//! log and no more.

use bytes::Bytes;
use carrel_platform::log::{
    Command, LogError, NewEvent, RecordedEvent, StreamName, Write,
    stored::{self, Stored},
};
use prost::Message as _;

use crate::{
    domain::{conference::ConferenceEvent, event::Event},
    history::{History, News},
};

/// How many bytes of events a word carries at most. A longer word says only how far the log goes.
const ROOM: usize = 64 * 1024;

/// What was written to a session's streams with one append.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Word {
    /// The epoch of the log that it is about.
    #[prost(string, tag = "1")]
    epoch: String,
    #[prost(message, optional, tag = "2")]
    session: Option<Grown>,
    #[prost(message, optional, tag = "3")]
    conference: Option<Grown>,
    /// The trace of sending it; empty if it is not kept.
    #[prost(string, tag = "4")]
    trace: String,
}

/// A stream that has grown.
#[derive(Clone, PartialEq, prost::Message)]
struct Grown {
    /// Its version now.
    #[prost(uint64, tag = "1")]
    version: u64,
    /// Its last events; none if they are too long for a word.
    #[prost(message, repeated, tag = "2")]
    events: Vec<Told>,
}

/// An event as it was written.
#[derive(Clone, PartialEq, prost::Message)]
struct Told {
    #[prost(sint64, tag = "1")]
    at_ms: i64,
    #[prost(bytes = "bytes", tag = "2")]
    payload: Bytes,
    #[prost(string, optional, tag = "3")]
    command_key: Option<String>,
    #[prost(fixed64, tag = "4")]
    command_fingerprint: u64,
    /// The trace of the act that caused it; empty if it is not kept.
    #[prost(string, tag = "5")]
    trace: String,
}

/// What a word tells a server that has not heard it yet.
#[derive(Debug)]
pub struct Heard {
    /// The events.
    pub news: News,
    /// The traces of the session's events in `news`, one for each.
    pub traces: Vec<String>,
}

impl Word {
    /// Describes these writes to a session's stream and its conference's, with the traces of the session's events.
    pub(crate) fn of<'a>(
        epoch: &str,
        session: &Write,
        conference: &Write,
        traces: impl Iterator<Item = &'a str>,
    ) -> Self {
        let size =
            |write: &Write| -> usize { write.events.iter().map(|event| event.payload.len()).sum() };
        let tells = size(session) + size(conference) <= ROOM;
        Self {
            epoch: epoch.to_owned(),
            session: Some(Grown::by(session, traces.map(str::to_owned), tells)),
            conference: Some(Grown::by(
                conference,
                std::iter::repeat(String::new()),
                tells,
            )),
            trace: String::new(),
        }
    }

    /// Returns the word with the trace of sending it.
    pub(crate) fn told_in(mut self, trace: String) -> Self {
        self.trace = trace;
        self
    }

    /// The trace of sending it; empty if it is not kept.
    pub(crate) fn trace(&self) -> &str {
        &self.trace
    }

    pub(crate) fn encode(&self) -> Bytes {
        Bytes::from(self.encode_to_vec())
    }

    /// Decodes a word. Returns `None` if it is not one, or is about another epoch.
    #[must_use]
    pub fn decode(said: &[u8], epoch: &str) -> Option<Self> {
        let word = <Self as prost::Message>::decode(said).ok()?;
        (word.epoch == epoch).then_some(word)
    }

    /// Returns what the word tells that a history lacks. `None` if the history must read the log, since it lacks
    /// something before that.
    ///
    /// # Errors
    /// [`LogError::Damaged`] when an event can't be decoded.
    pub fn beyond(&self, history: &History) -> Result<Option<Heard>, LogError> {
        let (Some(session), Some(conference)) = (&self.session, &self.conference) else {
            return Ok(None);
        };
        let told = session.after(history.session_version());
        let conferred = conference.after(history.conference_version());
        let (Some(told), Some(conferred)) = (told, conferred) else {
            return Ok(None);
        };
        let stream = history.session_stream();
        let traces = told.events.iter().map(|told| told.trace.clone()).collect();
        let news = News {
            session: told.decode::<Event>(&stream)?,
            conference: conferred.decode::<ConferenceEvent>(&history.conference_stream())?,
        };
        Ok(Some(Heard { news, traces }))
    }
}

impl Grown {
    fn by(write: &Write, traces: impl Iterator<Item = String>, tells: bool) -> Self {
        let told = |(event, trace): (&NewEvent, String)| Told {
            at_ms: event.at_ms,
            payload: event.payload.clone(),
            command_key: event.command.as_ref().map(|command| command.key.clone()),
            command_fingerprint: event
                .command
                .as_ref()
                .map_or(0, |command| command.fingerprint),
            trace,
        };
        Self {
            version: write.expected + write.events.len() as u64,
            events: if tells {
                write.events.iter().zip(traces).map(told).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Returns the events after a version; `None` if something between is missing.
    fn after(&self, known: u64) -> Option<Later<'_>> {
        let first = self
            .version
            .checked_add(1)?
            .checked_sub(self.events.len() as u64)?;
        let skip = (known + 1).checked_sub(first)?;
        let skip = usize::try_from(skip).ok()?;
        Some(Later {
            first: first + skip as u64,
            events: self.events.get(skip..).unwrap_or_default(),
        })
    }
}

/// Events and the version of the first of them.
struct Later<'a> {
    first: u64,
    events: &'a [Told],
}

impl Later<'_> {
    fn decode<E: serde::de::DeserializeOwned>(
        &self,
        stream: &StreamName,
    ) -> Result<Vec<Stored<E>>, LogError> {
        let decode = |(version, told): (u64, &Told)| {
            let command = told.command_key.as_ref().map(|key| Command {
                key: key.clone(),
                fingerprint: told.command_fingerprint,
            });
            let recorded = RecordedEvent {
                version,
                at_ms: told.at_ms,
                payload: told.payload.clone(),
                command,
            };
            stored::decode(stream, recorded)
        };
        (self.first..).zip(self.events).map(decode).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{domain::people::StaffMember, storage};

    fn write(history: &History, expected: u64, events: Vec<NewEvent>) -> Write {
        Write {
            stream: history.session_stream(),
            expected,
            events,
            standing: None,
        }
    }

    fn event() -> NewEvent {
        let by = StaffMember {
            librarian_id: "1".into(),
            screen_name: "Ms Map".into(),
            institution_id: "harbor".into(),
            institution_name: "Harbor".into(),
        };
        let command = Command {
            key: "librarian:1:a".into(),
            fingerprint: u64::MAX,
        };
        storage::encode(&Event::PickedUp { by }, -7, Some(command)).unwrap()
    }

    /// Returns the versions that a word about events 3 and 4 tells a history that knows the first `known` events.
    fn told(known: u64, padding: usize) -> Option<Vec<u64>> {
        let mut history = History::empty("s".into());
        for version in 1..=known {
            let recorded = RecordedEvent {
                version,
                at_ms: -7,
                payload: event().payload,
                command: None,
            };
            history.record(stored::decode(&history.session_stream(), recorded).unwrap());
        }
        let mut events = vec![event(), event()];
        if padding > 0 {
            events[0].payload = Bytes::from(vec![b' '; padding]);
        }
        let session = write(&history, 2, events);
        let conference = write(&history, 0, Vec::new());
        let word = Word::of("e", &session, &conference, ["t3", "t4"].into_iter());
        assert_eq!(Word::decode(&word.encode(), "another"), None);
        let word = Word::decode(&word.encode(), "e").unwrap();
        let heard = word.beyond(&history).unwrap()?;
        for (stored, trace) in heard.news.session.iter().zip(&heard.traces) {
            assert_eq!(*trace, format!("t{}", stored.version));
            assert_eq!(stored.at_ms, -7);
            assert_eq!(stored.command.as_ref().unwrap().fingerprint, u64::MAX);
        }
        assert_eq!(heard.news.session.len(), heard.traces.len());
        Some(
            heard
                .news
                .session
                .iter()
                .map(|stored| stored.version)
                .collect(),
        )
    }

    #[test]
    fn a_word_is_taken_in_as_far_as_it_is_news_and_not_if_something_before_is_missing() {
        assert_eq!(told(1, 0), None);
        assert_eq!(told(2, 0), Some(vec![3, 4]));
        assert_eq!(told(3, 0), Some(vec![4]));
        assert_eq!(told(4, 0), Some(vec![]));
        assert_eq!(told(5, 0), Some(vec![]));
    }

    #[test]
    fn what_is_too_long_for_a_word_is_read_from_the_log() {
        assert_eq!(told(2, ROOM), None);
        assert_eq!(told(4, ROOM), Some(vec![]));
    }

    #[test]
    fn what_is_no_word_is_none() {
        for said in [&b""[..], b"session/1", &[0xff; 40]] {
            assert_eq!(Word::decode(said, "e"), None);
        }
    }

    /// A version that no stream can have, as a broken peer might send, is not taken for one that is already known.
    #[test]
    fn the_last_number_of_all_is_looked_up_in_the_log() {
        let history = History::empty("s".into());
        let session = write(&history, 0, Vec::new());
        let conference = write(&history, 0, Vec::new());
        let mut word = Word::of("e", &session, &conference, std::iter::empty());
        if let Some(session) = &mut word.session {
            session.version = u64::MAX;
        }
        let word = Word::decode(&word.encode(), "e").unwrap();
        assert!(word.beyond(&history).unwrap().is_none());
    }
}
