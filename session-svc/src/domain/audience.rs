//! Who may see what: the one place where this is decided.
//!
//! [`project`] is the only way from what happened to what a viewer is shown: live, in a refill, in a transcript, in a
//! list. It is total: a new kind of event does not compile until it has an audience here, and an event that is not for
//! a viewer's audience is not shown to them.
//!
//! Positions are not stored or handed out: a viewer's position *is* the number of events that they were shown
//! ([`super::session::Session::position`]). So a patron's positions can't have a hole where a note is (S21, I17).

use serde::{Deserialize, Serialize};

use super::{
    event::{Event, Speaker},
    people::{StaffMember, StaffNaming},
};

/// A group of people who may see the same events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Audience {
    /// Everyone in the session, the patron included.
    Patron,
    /// Librarians in the session and readers of the staff transcript. Sees all that a patron sees.
    Staff,
}

/// Returns the audience that an event is for.
#[must_use]
pub fn audience_of(event: &Event) -> Audience {
    match event {
        Event::Opened(_)
        | Event::PickedUp { .. }
        | Event::MessagePosted { .. }
        | Event::PagePushed { .. }
        | Event::Returned { .. }
        | Event::Transferred { .. }
        | Event::Ended { .. }
        | Event::IdentityErased(_)
        | Event::Erased(_) => Audience::Patron,
        Event::NoteWritten { .. }
        | Event::ColleagueLeft { .. }
        | Event::TransferOffered(_)
        | Event::TransferClosed { .. }
        | Event::Escalated { .. }
        | Event::PatronConnectionChanged { .. }
        | Event::ResolutionSet { .. }
        | Event::DescriptiveCodesSet { .. } => Audience::Staff,
    }
}

/// Shows an event to a viewer, or nothing if it is not for them.
#[must_use]
pub fn project(event: &Event, viewer: Audience) -> Option<&Event> {
    (viewer >= audience_of(event)).then_some(event)
}

/// The part in which a person is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The patron who asked.
    Patron,
    /// The chatting librarian.
    Owner,
    /// Another librarian.
    Colleague,
}

/// A person as a viewer may know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPerson {
    /// The part in which they act.
    pub part: Part,
    /// The name to show.
    pub name: String,
    /// Their library's name, or empty.
    pub institution_name: String,
    /// The librarian's id, or empty.
    pub librarian_id: String,
}

/// Shows a librarian to a viewer: to staff as they are, to a patron as the patron's library wants it (R12).
#[must_use]
pub fn show_staff(
    member: &StaffMember,
    part: Part,
    viewer: Audience,
    naming: StaffNaming,
) -> SeenPerson {
    match (viewer, naming) {
        (Audience::Staff, _) => SeenPerson {
            part,
            name: member.screen_name.clone(),
            institution_name: member.institution_name.clone(),
            librarian_id: member.librarian_id.clone(),
        },
        (Audience::Patron, StaffNaming::ScreenName) => nameless(part, &member.screen_name, ""),
        (Audience::Patron, StaffNaming::Librarian) => nameless(part, "Librarian", ""),
        (Audience::Patron, StaffNaming::ScreenNameAndLibrary) => {
            nameless(part, &member.screen_name, &member.institution_name)
        }
    }
}

/// Shows a speaker to a viewer.
#[must_use]
pub fn show_speaker(
    speaker: &Speaker,
    patron_name: &str,
    viewer: Audience,
    naming: StaffNaming,
) -> SeenPerson {
    match speaker {
        Speaker::Patron => nameless(Part::Patron, patron_name, ""),
        Speaker::Owner(member) => show_staff(member, Part::Owner, viewer, naming),
        Speaker::Colleague(member) => show_staff(member, Part::Colleague, viewer, naming),
    }
}

fn nameless(part: Part, name: &str, institution_name: &str) -> SeenPerson {
    SeenPerson {
        part,
        name: name.to_owned(),
        institution_name: institution_name.to_owned(),
        librarian_id: String::new(),
    }
}
