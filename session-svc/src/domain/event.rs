//! What can happen in a session, as the log keeps it.

use serde::{Deserialize, Serialize};

use super::people::{StaffMember, StaffNaming};

/// Something that happened in a session.
///
/// Silent entering and leaving are not among them: they happen in the conference (see [`super::conference`]), so that
/// not even the chatting librarian's numbering has a trace of them (S11, R4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The patron asked. The first event of each session.
    Opened(Opened),
    /// A librarian picked the patron up.
    PickedUp {
        /// Who.
        by: StaffMember,
    },
    /// Somebody wrote to everyone in the session.
    MessagePosted {
        /// Who.
        by: Speaker,
        /// What.
        text: String,
    },
    /// A librarian sent a web page.
    PagePushed {
        /// Who. Never the patron.
        by: Speaker,
        /// Its address, normalised.
        address: String,
        /// The host in it.
        host: String,
    },
    /// A librarian wrote a note.
    NoteWritten {
        /// Who. Never the patron.
        by: Speaker,
        /// What.
        text: String,
    },
    /// A colleague who had shown themselves left.
    ColleagueLeft {
        /// Who.
        by: StaffMember,
    },
    /// The owner was gone for too long, and the patron waits again.
    Returned {
        /// Who owned the session until then.
        from: StaffMember,
    },
    /// The session ended.
    Ended {
        /// Who ended it.
        by: Speaker,
    },
}

/// The question and all that is fixed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The patron's library.
    pub institution_id: String,
    /// Its name, as it was then.
    pub institution_name: String,
    /// The queue in which the patron waits.
    pub queue_id: String,
    /// How this library names staff to its patrons.
    pub staff_naming: StaffNaming,
    /// The patron's name as given, or empty.
    pub patron_name: String,
    /// The patron's e-mail address as given, or empty.
    pub patron_email: String,
    /// What the patron asked.
    pub question: String,
}

/// Who did something in a session, and in what part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", content = "who", rename_all = "snake_case")]
pub enum Speaker {
    /// The patron.
    Patron,
    /// The librarian who owned the session then.
    Owner(StaffMember),
    /// Another librarian.
    Colleague(StaffMember),
}
