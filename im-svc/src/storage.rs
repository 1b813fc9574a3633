//! How conversations lie in the log: two kinds of streams, their events as JSON.
//!
//! - `im/<conversation id>`: what happened in the conversation. Its beginning is erased when it need not be kept any
//!   longer; the stream itself stays.
//! - `im-member/<librarian id>`: which conversations with another librarian somebody is in.

use bytes::Bytes;
use carrel_platform::log::{
    Command, EventLog, LogError, NewEvent, RecordedEvent, Standing, StreamName, Write,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The category of conversations' streams.
pub(crate) const CONVERSATION: &str = "im";
/// The category of librarians' streams.
const MEMBER: &str = "im-member";

/// How many events one read of the log asks for.
const PAGE: usize = 512;

/// An event out of the log.
#[derive(Clone, Debug)]
pub struct Stored<E> {
    /// Its number in its stream.
    pub version: u64,
    /// When it happened, in Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub event: E,
    /// The command that brought it about.
    pub command: Option<Command>,
}

/// That a librarian is in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Joined {
    conversation_id: String,
}

/// The conversations that a librarian is in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Membership {
    /// The version of the librarian's stream.
    pub(crate) version: u64,
    /// The conversations, the first begun first.
    pub(crate) conversations: Vec<String>,
}

impl Membership {
    /// Reads which conversations a librarian has come into after a version of their stream.
    ///
    /// # Errors
    /// As [`read_after`].
    pub(crate) async fn read(
        log: &dyn EventLog,
        librarian_id: &str,
        after: u64,
    ) -> Result<Self, LogError> {
        let joined = read_after::<Joined>(log, &member_stream(librarian_id), after).await?;
        Ok(Self {
            version: joined.last().map_or(after, |last| last.version),
            conversations: joined
                .into_iter()
                .map(|stored| stored.event.conversation_id)
                .collect(),
        })
    }

    /// What to write when the librarian comes into one more conversation.
    ///
    /// # Errors
    /// As [`encode`].
    pub(crate) fn join(
        &self,
        librarian_id: &str,
        conversation_id: &str,
        at_ms: i64,
    ) -> Result<Write, LogError> {
        let joined = Joined {
            conversation_id: conversation_id.to_owned(),
        };
        Ok(Write {
            stream: member_stream(librarian_id),
            expected: self.version,
            events: vec![encode(&joined, at_ms, None)?],
            standing: Some(open(librarian_id)),
        })
    }
}

/// The name of a conversation's stream.
pub(crate) fn conversation_stream(conversation_id: &str) -> StreamName {
    StreamName::new(CONVERSATION, conversation_id)
}

fn member_stream(librarian_id: &str) -> StreamName {
    StreamName::new(MEMBER, librarian_id)
}

/// What is said of every stream here: none is ever over.
pub(crate) fn open(owner: &str) -> Standing {
    Standing {
        owner: owner.to_owned(),
        closed_at_ms: None,
    }
}

/// Makes an event ready for the log.
///
/// # Errors
/// Never for the events of this crate; the type says so nevertheless rather than a panic.
pub(crate) fn encode<E: Serialize>(
    event: &E,
    at_ms: i64,
    command: Option<Command>,
) -> Result<NewEvent, LogError> {
    let payload =
        serde_json::to_vec(event).map_err(|error| LogError::Damaged(error.to_string()))?;
    Ok(NewEvent {
        at_ms,
        payload: Bytes::from(payload),
        command,
    })
}

/// Reads all events of a stream after a version, in order. The first ones may have been erased.
///
/// # Errors
/// As the log does, and [`LogError::Damaged`] when an event can't be read.
pub(crate) async fn read_after<E: DeserializeOwned>(
    log: &dyn EventLog,
    stream: &StreamName,
    mut after: u64,
) -> Result<Vec<Stored<E>>, LogError> {
    let mut events = Vec::new();
    loop {
        let page = log.read(stream, after, PAGE).await?;
        let full = page.len() == PAGE;
        for recorded in page {
            after = recorded.version;
            events.push(decode(stream, recorded)?);
        }
        if !full {
            return Ok(events);
        }
    }
}

fn decode<E: DeserializeOwned>(
    stream: &StreamName,
    recorded: RecordedEvent,
) -> Result<Stored<E>, LogError> {
    let RecordedEvent {
        version,
        at_ms,
        payload,
        command,
    } = recorded;
    match serde_json::from_slice(&payload) {
        Ok(event) => Ok(Stored {
            version,
            at_ms,
            event,
            command,
        }),
        // The cause is left out: it could quote what somebody wrote.
        Err(error) => Err(LogError::Damaged(format!(
            "event {version} of {stream} can't be read ({:?} at column {}); was it written by a newer version of Carrel?",
            error.classify(),
            error.column(),
        ))),
    }
}
