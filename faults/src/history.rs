//! A history of what people did and saw, one line of JSON each.
//!
//! A command has one `Invoke`, when it is first sent, and then outcomes. `Ok` means that it happened, `Fail` that it
//! did not and never will, and `Unknown` that nobody knows, so that it is sent again. The checker reads nothing else.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The time in microseconds since the run began, by CLOCK_MONOTONIC.
    pub at: u64,
    /// The person; empty for the harness itself.
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
    /// A person joins the run.
    Person {
        /// Their role.
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
        /// What the command is to do.
        action: Action,
    },
    /// The command happened.
    Ok {
        /// The session.
        session: String,
        /// The command's id.
        command: String,
        /// The position of its event in the sender's audience; 0 if the answer did not say.
        position: u64,
        /// Whether an earlier sending of it had the effect.
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
    /// The outcome of the command is unknown.
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
        /// Whether everything seen before must be thrown away.
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
    /// A session is no longer attended, by the service's decision or the person's own.
    Detached {
        /// The session.
        session: String,
        /// The reason; empty if the person wanted it.
        reason: String,
    },
    /// The socket is gone.
    Closed {
        /// The close code, if there was one.
        code: Option<u16>,
    },
    /// A watching librarian was shown who is at the desk.
    Desk {
        /// Everybody at the desk, by librarian id.
        present: Vec<String>,
    },
    /// A watching librarian was shown that somebody is no longer at the desk.
    Gone {
        /// The librarian.
        librarian_id: String,
    },
    /// A librarian is about to leave the desk for good.
    Leaves {
        /// The librarian.
        librarian_id: String,
    },
    /// The bytes of a frame to a patron contained something that only staff may know.
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
        /// Whether it is running.
        there: bool,
    },
    /// A fault is over and everybody is served again.
    Recovered {
        /// Its number in the schedule.
        number: usize,
    },
}

/// The role of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks a question.
    Patron,
    /// Picks up and answers.
    Librarian,
    /// Watches silently and never writes. Nobody else may see that they are there.
    Supervisor,
}

/// The audience of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Sees what everybody in the session sees.
    Patron,
    /// Sees that, and what only staff see.
    Staff,
}

/// What a command is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
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
    /// Its text, or the id that it is about; empty if it has neither.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Its author's librarian id. Only staff are shown it, and only of librarians.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
}

/// Writes a history. Cheap to clone: all clones write to the same file.
#[derive(Clone, Debug)]
pub struct Recorder {
    began: Instant,
    file: Arc<Mutex<BufWriter<File>>>,
}

impl Recorder {
    /// Begins a history in a new file.
    ///
    /// # Errors
    /// If the file can't be created.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("can't make {}", path.display()))?;
        Ok(Self {
            began: Instant::now(),
            file: Arc::new(Mutex::new(BufWriter::new(file))),
        })
    }

    /// Returns the microseconds since the history began.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Writes a line. A failing disk is reported by [`Recorder::finish`].
    pub fn write(&self, who: &str, what: What) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken under the lock, so that lines are in the order of their times.
        let entry = Entry {
            at: self.now(),
            who: who.to_owned(),
            what,
        };
        let _ = serde_json::to_writer(&mut *file, &entry);
        let _ = file.write_all(b"\n");
    }

    /// Makes sure that the whole history is in the file.
    ///
    /// # Errors
    /// If it is not.
    pub fn finish(&self) -> anyhow::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().context("the history could not be written")
    }
}

/// Reads a history.
///
/// # Errors
/// If it can't be read, or a line is not one of a history.
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
                action: Action::Message("good day".to_owned()),
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
