//! Which ended sessions still have their text, and the name of their patron (R20).
//!
//! Beside each ended session lies a stream of its own, which says how far its erasing has come. The stream's index
//! entry says the same, with the time since when: so the log's index of closed streams gives just those sessions whose
//! time is over, and those whose erasing was begun and not finished, however many others there are. Since libraries may
//! have times of their own, the sessions of each library are found apart.

mod libraries;

use carrel_platform::log::{
    EventLog, IndexEntry, LogError, StreamHead, StreamName, StreamQuery, Write,
};
use serde::{Deserialize, Serialize};

use crate::storage::{self, encode, read_after};

pub(crate) use libraries::Libraries;

/// How far the erasing of an ended session has come. A later one of these never gives way to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Mark {
    /// The session has ended and says who its patron is.
    Kept,
    /// The patron's name and e-mail address were erased, and the log may still have them.
    ErasingIdentity,
    /// It has its text and nothing of who the patron is.
    Nameless,
    /// It was erased, and the log may still have the events of before.
    Erasing,
    /// The log has nothing of it any more.
    Erased,
}

/// The last mark of a session, and the version of the stream with it: 0 if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) version: u64,
    pub(crate) mark: Option<Mark>,
}

impl Marked {
    /// No mark yet.
    pub(crate) const NOT: Self = Self {
        version: 0,
        mark: None,
    };

    /// Reads the last mark of a session.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn read(log: &dyn EventLog, session_id: &str) -> Result<Self, LogError> {
        let marks = read_after::<Mark>(log, &stream(session_id), 0).await?;
        Ok(marks.last().map_or(Self::NOT, |last| Self {
            version: last.version,
            mark: Some(last.event),
        }))
    }

    /// Returns what to write for the next mark of a library's session, which holds since `at_ms`.
    ///
    /// # Errors
    /// As [`encode`].
    pub(crate) fn next(
        self,
        session_id: &str,
        mark: Mark,
        institution_id: &str,
        at_ms: i64,
    ) -> Result<Write, LogError> {
        Ok(Write {
            stream: stream(session_id),
            expected: self.version,
            events: vec![encode(&mark, at_ms, None)?],
            index_entry: Some(IndexEntry {
                owner: mark.owner(Some(institution_id)),
                closed_at_ms: Some(at_ms),
            }),
        })
    }
}

impl Mark {
    /// The owner of the streams with this mark, by which the log finds them. Where it is time that decides, each
    /// library has its own. Servers of an earlier version did not say whose a session is.
    fn owner(self, institution_id: Option<&str>) -> String {
        match (self, institution_id) {
            (Self::Kept, Some(institution_id)) => ["kept/", institution_id].concat(),
            (Self::Kept, None) => "kept".to_owned(),
            (Self::Nameless, Some(institution_id)) => ["nameless/", institution_id].concat(),
            (Self::Nameless, None) => "nameless".to_owned(),
            (Self::ErasingIdentity, _) => "erasing_identity".to_owned(),
            (Self::Erasing, _) => "erasing".to_owned(),
            (Self::Erased, _) => "erased".to_owned(),
        }
    }

    /// Finds a library's sessions with this mark, the last marked first, before a place in that order. Those whose
    /// erasing was begun are found for all libraries together.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn find(
        self,
        log: &dyn EventLog,
        institution_id: Option<&str>,
        before: Option<(i64, String)>,
        limit: usize,
    ) -> Result<Vec<StreamHead>, LogError> {
        let query = StreamQuery::Closed {
            category: storage::RETENTION,
            owner: self.owner(institution_id),
            before,
            limit,
        };
        log.find(query).await
    }
}

fn stream(session_id: &str) -> StreamName {
    StreamName::new(storage::RETENTION, session_id)
}
