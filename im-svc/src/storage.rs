//! How conversations are stored in the log: two kinds of streams, with events as JSON.
//!
//! - `im/<conversation id>`: what happened in the conversation. Its beginning is erased when it need no longer be kept;
//!   the stream itself stays.
//! - `im-member/<librarian id>`: which conversations with other librarians the librarian is in.

pub use carrel_platform::log::stored::Stored;
pub(crate) use carrel_platform::log::stored::{encode, read_after};
use carrel_platform::log::{EventLog, IndexEntry, LogError, StreamName, Write};
use serde::{Deserialize, Serialize};

/// The category of conversations' streams.
pub(crate) const CONVERSATION: &str = "im";
/// The category of librarians' streams.
const MEMBER: &str = "im-member";

/// The event that a librarian is now in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Joined {
    conversation_id: String,
}

/// The conversations that a librarian is in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Membership {
    /// The version of the librarian's stream.
    pub(crate) version: u64,
    /// The conversations, oldest first.
    pub(crate) conversations: Vec<String>,
}

impl Membership {
    /// Reads which conversations a librarian has joined after a version of their stream.
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

    /// Returns what to write when the librarian joins one more conversation.
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
            index_entry: Some(open(librarian_id)),
        })
    }
}

/// Returns the name of a conversation's stream.
pub(crate) fn conversation_stream(conversation_id: &str) -> StreamName {
    StreamName::new(CONVERSATION, conversation_id)
}

/// Returns the name of a librarian's stream.
pub(crate) fn member_stream(librarian_id: &str) -> StreamName {
    StreamName::new(MEMBER, librarian_id)
}

/// Returns the index entry of every stream here: none is ever closed.
pub(crate) fn open(owner: &str) -> IndexEntry {
    IndexEntry {
        owner: owner.to_owned(),
        closed_at_ms: None,
    }
}
