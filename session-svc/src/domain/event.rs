//! What can happen in a session, as the log keeps it.

use std::ops::Not;

use serde::{Deserialize, Serialize};

use super::{
    erasure::{Erasure, IdentityErasure},
    people::{RouteStep, StaffMember, StaffNaming},
    resolution::Resolution,
    transfer::{Offer, TransferOutcome},
};

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
        /// The librarian.
        by: StaffMember,
    },
    /// A participant wrote to everyone in the session.
    MessagePosted {
        /// The author.
        by: Speaker,
        /// The text.
        text: String,
    },
    /// A librarian sent a web page.
    PagePushed {
        /// The sender. Never the patron.
        by: Speaker,
        /// Its address, normalised.
        address: String,
        /// The host in it.
        host: String,
    },
    /// A librarian wrote a note.
    NoteWritten {
        /// The author. Never the patron.
        by: Speaker,
        /// The text.
        text: String,
    },
    /// A colleague who had shown themselves left.
    ColleagueLeft {
        /// The colleague.
        by: StaffMember,
    },
    /// The owner was gone for too long, and the patron waits again.
    Returned {
        /// Who owned the session until then.
        from: StaffMember,
    },
    /// The owner offered the session to a librarian or to a queue, and keeps it until somebody accepts.
    TransferOffered(Offer),
    /// An offer came to nothing.
    TransferClosed {
        /// The offer's id.
        offer_id: String,
        /// How it ended.
        outcome: TransferOutcome,
        /// Who declined, or else the owner.
        by: StaffMember,
        /// The reason given for declining, or empty.
        reason: String,
    },
    /// A librarian accepted an offer and owns the session.
    Transferred {
        /// The new owner.
        by: StaffMember,
        /// Who owned it until then.
        from: StaffMember,
        /// The offer's id.
        offer_id: String,
    },
    /// The waiting patron may be picked up from a further queue.
    Escalated {
        /// The queue.
        queue_id: String,
    },
    /// The patron's connection was lost, or is back.
    PatronConnectionChanged {
        /// Its state now.
        connection: PatronConnection,
    },
    /// The session ended.
    Ended {
        /// Who ended it; `None` if it ended by itself, since nobody was there any more.
        by: Option<Speaker>,
    },
    /// A librarian set the resolution of the ended session, or corrected it.
    ResolutionSet {
        /// Who. Never the patron.
        by: Speaker,
        /// The resolution from then on.
        resolution: Resolution,
    },
    /// A librarian set the descriptive codes of the ended session, or corrected them.
    DescriptiveCodesSet {
        /// Who. Never the patron.
        by: Speaker,
        /// The codes from then on.
        codes: Vec<String>,
    },
    /// The patron's name and e-mail address were erased from the ended session. Once this event is in the log, the
    /// first is erased from there.
    IdentityErased(IdentityErasure),
    /// The ended session was erased. Once this event is in the log, all before it are erased from there.
    Erased(Erasure),
}

impl Event {
    /// Returns the new owner, if the event makes somebody the owner.
    #[must_use]
    pub fn new_owner(&self) -> Option<&StaffMember> {
        match self {
            Self::PickedUp { by } | Self::Transferred { by, .. } => Some(by),
            _ => None,
        }
    }

    /// Returns whether the event changes the session's state in lists and for rights, rather than only being said in
    /// it.
    #[must_use]
    pub fn is_turning_point(&self) -> bool {
        match self {
            Self::Opened(_)
            | Self::PickedUp { .. }
            | Self::Returned { .. }
            | Self::TransferOffered(_)
            | Self::TransferClosed { .. }
            | Self::Transferred { .. }
            | Self::Escalated { .. }
            | Self::PatronConnectionChanged { .. }
            | Self::Ended { .. }
            | Self::Erased(_) => true,
            Self::MessagePosted { .. }
            | Self::PagePushed { .. }
            | Self::NoteWritten { .. }
            | Self::ColleagueLeft { .. }
            | Self::ResolutionSet { .. }
            | Self::DescriptiveCodesSet { .. }
            | Self::IdentityErased(_) => false,
        }
    }
}

/// The question, and all that is fixed when it is asked.
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
    /// The language in which the patron reads the page, or empty. Only for staff.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// What the patron asked.
    pub question: String,
    /// Whether the patron practises, and has no real question.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub practice: bool,
    /// The further queues that the wait reaches, the soonest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteStep>,
}

impl Opened {
    /// Returns whether it says who the patron is.
    #[must_use]
    pub fn has_identity(&self) -> bool {
        !(self.patron_name.is_empty() && self.patron_email.is_empty())
    }
}

/// Whether the patron is there (R8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatronConnection {
    /// Connected, or only just gone.
    #[default]
    Connected,
    /// Gone for a while.
    Away,
    /// Gone for long. They may still come back.
    Lost,
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

impl Speaker {
    /// The librarian, if it is one.
    #[must_use]
    pub fn member(&self) -> Option<&StaffMember> {
        match self {
            Self::Patron => None,
            Self::Owner(member) | Self::Colleague(member) => Some(member),
        }
    }
}
