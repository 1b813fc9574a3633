//! What a session is after all that happened in it.

use super::{
    audience::{Audience, project},
    event::{Event, Opened, Speaker},
    people::StaffMember,
};

/// A session as one audience knows it: the fold over the events that the audience was shown, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The audience.
    pub audience: Audience,
    /// How many events the audience was shown. Also the position of the last one.
    pub position: u64,
    /// The question and all that is fixed with it.
    pub opened: Opened,
    /// When the patron asked, in Unix milliseconds.
    pub opened_at_ms: i64,
    /// Who picked the patron up, and when.
    pub owner: Option<Owner>,
    /// Whether the patron lost their librarian and waits again, first in line.
    pub returned: bool,
    /// Who ended the session, and when.
    pub end: Option<End>,
    /// How much room messages and pages take up, see [`ROOM`].
    pub open_size: usize,
    /// How much room notes take up. Counted apart: a message must not be refused because of notes.
    pub notes_size: usize,
    /// The librarians beside the owner who have shown themselves to this audience, first come first.
    pub colleagues: Vec<StaffMember>,
}

/// How much messages and pages of one session may take up, and how much its notes, in bytes: so much that both together
/// can still be sent as one transcript of 16 MiB.
pub const ROOM: usize = 6 * 1024 * 1024;

/// What an event takes up: its text, and something for who and when.
fn size(text: &str) -> usize {
    text.len() + 256
}

/// The chatting librarian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub member: StaffMember,
    /// Since when, in Unix milliseconds.
    pub since_ms: i64,
}

/// The end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Who ended it.
    pub by: Speaker,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asked or returned, not picked up.
    Waiting,
    /// Picked up.
    Active,
    /// Over.
    Ended,
}

impl Session {
    /// The session after one more event, or as it was if the event is not for its audience.
    ///
    /// `None` stands for a session that was not opened yet; any event but the opening leaves it so.
    #[must_use]
    pub fn apply(
        session: Option<Self>,
        audience: Audience,
        event: &Event,
        at_ms: i64,
    ) -> Option<Self> {
        let Some(event) = project(event, audience) else {
            return session;
        };
        match (session, event) {
            (None, Event::Opened(opened)) => Some(Self {
                audience,
                position: 1,
                opened: opened.clone(),
                opened_at_ms: at_ms,
                owner: None,
                returned: false,
                end: None,
                open_size: 0,
                notes_size: 0,
                colleagues: Vec::new(),
            }),
            (None, _) => None,
            (Some(mut session), event) => {
                session.position += 1;
                session.change(event, at_ms);
                Some(session)
            }
        }
    }

    fn change(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Opened(_) => {}
            Event::PickedUp { by } => {
                self.owner = Some(Owner {
                    member: by.clone(),
                    since_ms: at_ms,
                });
                self.returned = false;
                self.colleagues
                    .retain(|colleague| colleague.librarian_id != by.librarian_id);
            }
            Event::Returned { .. } => {
                self.owner = None;
                self.returned = true;
            }
            Event::MessagePosted { by, text } => {
                self.open_size += size(text);
                self.notice(by);
            }
            Event::PagePushed { by, address, .. } => {
                self.open_size += size(address);
                self.notice(by);
            }
            Event::NoteWritten { by, text } => {
                self.notes_size += size(text);
                self.notice(by);
            }
            Event::ColleagueLeft { by } => {
                self.colleagues
                    .retain(|colleague| colleague.librarian_id != by.librarian_id);
            }
            Event::Ended { by } => {
                self.end = Some(End {
                    by: by.clone(),
                    at_ms,
                })
            }
        }
    }

    /// A colleague is known from the first thing that the audience was shown of them (R4). Who reviews after the end
    /// is no longer in the session.
    fn notice(&mut self, speaker: &Speaker) {
        if let Speaker::Colleague(member) = speaker
            && self.end.is_none()
            && !self.knows(&member.librarian_id)
        {
            self.colleagues.push(member.clone());
        }
    }

    /// Whether the audience knows of this colleague.
    #[must_use]
    pub fn knows(&self, librarian_id: &str) -> bool {
        self.colleagues
            .iter()
            .any(|colleague| colleague.librarian_id == librarian_id)
    }

    /// Where the session stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (&self.owner, &self.end) {
            (_, Some(_)) => Phase::Ended,
            (Some(_), None) => Phase::Active,
            (None, None) => Phase::Waiting,
        }
    }

    /// Whether this librarian owns the session, or owned it when it ended.
    #[must_use]
    pub fn is_owned_by(&self, librarian_id: &str) -> bool {
        self.owner
            .as_ref()
            .is_some_and(|owner| owner.member.librarian_id == librarian_id)
    }
}
