//! What a server tells the others on the bus about a session that it has changed.
//!
//! A message carries the events as they were written. A server that has all earlier events takes them in as if they had
//! been read from the log; any other server reads the log. So a message that is lost, late or repeated costs a read of
//! the log and no more.

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

/// How many bytes of events a message carries at most. A longer message says only how far the log goes.
const MAX_BYTES: usize = 64 * 1024;

/// What was written to a session's streams with one append.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AppendMessage {
    /// The epoch of the log that it is about.
    #[prost(string, tag = "1")]
    epoch: String,
    #[prost(message, optional, tag = "2")]
    session: Option<StreamAppend>,
    #[prost(message, optional, tag = "3")]
    conference: Option<StreamAppend>,
    /// The trace of sending it; empty if it is not kept.
    #[prost(string, tag = "4")]
    trace: String,
}

/// A stream that has grown.
#[derive(Clone, PartialEq, prost::Message)]
struct StreamAppend {
    /// Its version now.
    #[prost(uint64, tag = "1")]
    version: u64,
    /// Its last events; none if they are too long for a message.
    #[prost(message, repeated, tag = "2")]
    events: Vec<AppendedEvent>,
}

/// An event as it was written.
#[derive(Clone, PartialEq, prost::Message)]
struct AppendedEvent {
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

/// What a message has of which a server's history knows nothing yet.
#[derive(Debug)]
pub struct MissingEvents {
    /// The events.
    pub news: News,
    /// The traces of the session's events in `news`, one for each.
    pub traces: Vec<String>,
}

impl AppendMessage {
    /// Describes these writes to a session's stream and its conference's, with the traces of the session's events.
    pub(crate) fn of<'a>(
        epoch: &str,
        session: &Write,
        conference: &Write,
        traces: impl Iterator<Item = &'a str>,
    ) -> Self {
        let size =
            |write: &Write| -> usize { write.events.iter().map(|event| event.payload.len()).sum() };
        let carries = size(session) + size(conference) <= MAX_BYTES;
        Self {
            epoch: epoch.to_owned(),
            session: Some(StreamAppend::by(
                session,
                traces.map(str::to_owned),
                carries,
            )),
            conference: Some(StreamAppend::by(
                conference,
                std::iter::repeat(String::new()),
                carries,
            )),
            trace: String::new(),
        }
    }

    /// Returns the message with the trace of sending it.
    pub(crate) fn with_trace(mut self, trace: String) -> Self {
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

    /// Decodes a message. Returns `None` if it is not one, or is about another epoch.
    #[must_use]
    pub fn decode(bytes: &[u8], epoch: &str) -> Option<Self> {
        let message = <Self as prost::Message>::decode(bytes).ok()?;
        (message.epoch == epoch).then_some(message)
    }

    /// Returns what the message has and a history lacks. `None` if the history must read the log, since it lacks
    /// something before that.
    ///
    /// # Errors
    /// [`LogError::Damaged`] when an event can't be decoded.
    pub fn missing_from(&self, history: &History) -> Result<Option<MissingEvents>, LogError> {
        let (Some(session), Some(conference)) = (&self.session, &self.conference) else {
            return Ok(None);
        };
        let appended = session.after(history.session_version());
        let conferred = conference.after(history.conference_version());
        let (Some(appended), Some(conferred)) = (appended, conferred) else {
            return Ok(None);
        };
        let stream = history.session_stream();
        let traces = appended
            .events
            .iter()
            .map(|event| event.trace.clone())
            .collect();
        let news = News {
            session: appended.decode::<Event>(&stream)?,
            conference: conferred.decode::<ConferenceEvent>(&history.conference_stream())?,
        };
        Ok(Some(MissingEvents { news, traces }))
    }
}

impl StreamAppend {
    fn by(write: &Write, traces: impl Iterator<Item = String>, carries: bool) -> Self {
        let appended = |(event, trace): (&NewEvent, String)| AppendedEvent {
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
            events: if carries {
                write.events.iter().zip(traces).map(appended).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Returns the events after a version; `None` if something between is missing.
    fn after(&self, known: u64) -> Option<Suffix<'_>> {
        let first = self
            .version
            .checked_add(1)?
            .checked_sub(self.events.len() as u64)?;
        let skip = (known + 1).checked_sub(first)?;
        let skip = usize::try_from(skip).ok()?;
        Some(Suffix {
            first: first + skip as u64,
            events: self.events.get(skip..).unwrap_or_default(),
        })
    }
}

/// Events and the version of the first of them.
struct Suffix<'a> {
    first: u64,
    events: &'a [AppendedEvent],
}

impl Suffix<'_> {
    fn decode<E: serde::de::DeserializeOwned>(
        &self,
        stream: &StreamName,
    ) -> Result<Vec<Stored<E>>, LogError> {
        let decode = |(version, appended): (u64, &AppendedEvent)| {
            let command = appended.command_key.as_ref().map(|key| Command {
                key: key.clone(),
                fingerprint: appended.command_fingerprint,
            });
            let recorded = RecordedEvent {
                version,
                at_ms: appended.at_ms,
                payload: appended.payload.clone(),
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
            index_entry: None,
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

    /// Returns the versions that a message with events 3 and 4 adds to a history that knows the first `known` events.
    fn added(known: u64, padding: usize) -> Option<Vec<u64>> {
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
        let message = AppendMessage::of("e", &session, &conference, ["t3", "t4"].into_iter());
        assert_eq!(AppendMessage::decode(&message.encode(), "another"), None);
        let message = AppendMessage::decode(&message.encode(), "e").unwrap();
        let missing = message.missing_from(&history).unwrap()?;
        for (stored, trace) in missing.news.session.iter().zip(&missing.traces) {
            assert_eq!(*trace, format!("t{}", stored.version));
            assert_eq!(stored.at_ms, -7);
            assert_eq!(stored.command.as_ref().unwrap().fingerprint, u64::MAX);
        }
        assert_eq!(missing.news.session.len(), missing.traces.len());
        Some(
            missing
                .news
                .session
                .iter()
                .map(|stored| stored.version)
                .collect(),
        )
    }

    #[test]
    fn a_message_is_taken_in_as_far_as_it_is_news_and_not_if_something_before_is_missing() {
        assert_eq!(added(1, 0), None);
        assert_eq!(added(2, 0), Some(vec![3, 4]));
        assert_eq!(added(3, 0), Some(vec![4]));
        assert_eq!(added(4, 0), Some(vec![]));
        assert_eq!(added(5, 0), Some(vec![]));
    }

    #[test]
    fn what_is_too_long_for_a_message_is_read_from_the_log() {
        assert_eq!(added(2, MAX_BYTES), None);
        assert_eq!(added(4, MAX_BYTES), Some(vec![]));
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [&b""[..], b"session/1", &[0xff; 40]] {
            assert_eq!(AppendMessage::decode(bytes, "e"), None);
        }
    }

    /// A version that no stream can have, as a broken peer might send, is not taken for one that is already known.
    #[test]
    fn the_last_number_of_all_is_looked_up_in_the_log() {
        let history = History::empty("s".into());
        let session = write(&history, 0, Vec::new());
        let conference = write(&history, 0, Vec::new());
        let mut message = AppendMessage::of("e", &session, &conference, std::iter::empty());
        if let Some(session) = &mut message.session {
            session.version = u64::MAX;
        }
        let message = AppendMessage::decode(&message.encode(), "e").unwrap();
        assert!(message.missing_from(&history).unwrap().is_none());
    }
}
