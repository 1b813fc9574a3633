//! What people did and saw, as it happened: one line of JSON each.
//!
//! A command has one `Invoke`, when it is first sent, and then outcomes. `Ok` says that it happened, `Fail` that it did
//! not and never will, `Unknown` that nobody knows, so that it is sent again. The checker reads nothing else.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in microseconds since the run began, by CLOCK_MONOTONIC.
    pub at: u64,
    /// Whose line it is; empty for the harness itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// Somebody takes the stage.
    Person {
        /// In what role.
        role: Role,
        /// A librarian's or supervisor's id; empty for a patron.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        librarian_id: String,
    },
    /// A command is sent for the first time.
    Invoke {
        /// The session.
        session: String,
        /// The command's id.
        command: String,
        /// What is to be done.
        deed: Deed,
    },
    /// The command happened.
    Ok {
        /// The session.
        session: String,
        /// The command's id.
        command: String,
        /// Where its event is in the sender's audience; 0 when that was not said.
        position: u64,
        /// Whether an earlier sending did it.
        replayed: bool,
    },
    /// The command did not happen and never will.
    Fail {
        /// The session.
        session: String,
        /// The command's id.
        command: String,
        /// The canonical status code.
        code: i32,
        /// The stable reason.
        reason: String,
    },
    /// Nobody knows whether the command happened.
    Unknown {
        /// The command's id.
        command: String,
        /// The canonical status code.
        code: i32,
        /// The stable reason.
        reason: String,
    },
    /// A session is attended from here on.
    Attending {
        /// The session.
        session: String,
        /// Whose view it is: the patron's, or staff's.
        audience: Audience,
        /// Whether all that was seen before is to be thrown away.
        resync: bool,
    },
    /// An event was shown.
    Event {
        /// The session.
        session: String,
        /// Its position.
        position: u64,
        /// What it is.
        seen: Seen,
    },
    /// A session is not attended any longer, by the service's word or the person's own.
    Detached {
        /// The session.
        session: String,
        /// Why; empty when the person wanted it.
        reason: String,
    },
    /// The socket is gone.
    Closed {
        /// The close code, if one was said.
        code: Option<u16>,
    },
    /// A watching librarian was shown who is at the desk.
    Desk {
        /// Everybody there is, by librarian id.
        present: Vec<String>,
    },
    /// A watching librarian was shown that somebody is no longer at the desk.
    Gone {
        /// Who.
        librarian_id: String,
    },
    /// A librarian is about to leave the desk for good.
    Leaves {
        /// Who.
        librarian_id: String,
    },
    /// The bytes of a frame to a patron held what only staff may know.
    Leak {
        /// The canary that was found.
        canary: String,
    },
    /// A fault begins.
    Fault {
        /// Its number in the schedule.
        number: usize,
        /// Its kind.
        kind: String,
    },
    /// Redis was stopped, or is about to start again.
    Redis {
        /// Whether it is there.
        there: bool,
    },
    /// A fault is over and everybody is served again.
    Recovered {
        /// Its number in the schedule.
        number: usize,
    },
}

/// In what role somebody is on the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks.
    Patron,
    /// Picks up and answers.
    Librarian,
    /// Watches silently and never writes: nobody may see that they are there.
    Supervisor,
}

/// Whose view a view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// What everybody in the session sees.
    Patron,
    /// That and what only staff see.
    Staff,
}

/// What a command is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Ask the question.
    Open(String),
    /// Write a message.
    Message(String),
    /// Write a note.
    Note(String),
    /// Pick the patron up.
    PickUp,
    /// Offer the session to a queue.
    Offer(String),
    /// Accept an offer.
    Accept(String),
    /// Enter conference mode.
    Enter,
    /// Leave conference mode.
    Leave,
    /// End the session.
    End,
}

/// An event as somebody was shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its kind, by its name in the protos: "message", "note", "picked_up" …
    pub kind: String,
    /// Its text, or the id that it is about; empty if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Its author's librarian id: staff are shown it of librarians, patrons never.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
}

/// Writes a history. Cheap to clone; all clones write to the same file.
#[derive(Clone, Debug)]
pub struct Recorder {
    began: Instant,
    file: Arc<Mutex<BufWriter<File>>>,
}

impl Recorder {
    /// Begins a history in a new file.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("can't make {}", path.display()))?;
        Ok(Self {
            began: Instant::now(),
            file: Arc::new(Mutex::new(BufWriter::new(file))),
        })
    }

    /// Microseconds since the history began.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Writes a line. A disk that does not take it shows when the history is finished.
    pub fn write(&self, who: &str, what: What) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that lines are in the order of their times.
        let entry = Entry {
            at: self.now(),
            who: who.to_owned(),
            what,
        };
        let _ = serde_json::to_writer(&mut *file, &entry);
        let _ = file.write_all(b"\n");
    }

    /// Makes sure that all of it is in the file.
    ///
    /// # Errors
    /// When it is not.
    pub fn finish(&self) -> anyhow::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().context("the history could not be written")
    }
}

/// Reads a history.
///
/// # Errors
/// When it can't be read, or a line is not one of a history.
pub fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
    let mut entries = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let entry = serde_json::from_str(&line?)
            .with_context(|| format!("{}:{}", path.display(), number + 1))?;
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let recorder = Recorder::begin(&path).unwrap();
        let what = [
            What::Invoke {
                session: "s".to_owned(),
                command: "c".to_owned(),
                deed: Deed::Message("good day".to_owned()),
            },
            What::Closed { code: Some(1012) },
            What::Fault {
                number: 1,
                kind: "F1".to_owned(),
            },
        ];
        for what in what.clone() {
            recorder.write("patron", what);
        }
        recorder.finish().unwrap();
        let entries = read(&path).unwrap();
        assert!(entries.is_sorted_by_key(|entry| entry.at));
        assert!(entries.into_iter().map(|entry| entry.what).eq(what));
    }
}
