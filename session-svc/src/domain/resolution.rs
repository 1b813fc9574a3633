//! How an ended session came out (R16). Ending does not wait for it: the resolution is set when there is time, and can
//! be corrected.

use serde::{Deserialize, Serialize};

use super::{
    access::{Relation, Situation},
    decide::Decision,
    event::{Event, Speaker},
    people::LibrarianActor,
    refused::Refused,
    session::{ROOM, Session},
};

/// How a session came out, as staff judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The patron has their answer.
    Answered,
    /// The librarian who sets this resolution follows up.
    FollowUpByMe,
    /// The patron's library follows up.
    FollowUpByLibrary,
    /// The patron was lost before they could be helped.
    LostCall,
    /// There was no real question: staff practised or tried something out.
    Practice,
}

/// The resolution that was set last, and who set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Who set it; `None` once the session was erased.
    pub by: Option<Speaker>,
    /// The resolution.
    pub resolution: Resolution,
}

impl Resolved {
    /// Returns whether setting this resolution would change nothing. With [`Resolution::FollowUpByMe`] it also matters
    /// who set it.
    fn is(&self, resolution: Resolution, librarian: &LibrarianActor) -> bool {
        self.resolution == resolution
            && (resolution != Resolution::FollowUpByMe
                || (self.by.as_ref().and_then(Speaker::member))
                    .is_some_and(|by| by.librarian_id == librarian.member.librarian_id))
    }
}

/// Decides on setting or correcting the resolution. Each change is an event, so that the staff transcript has the
/// history.
pub(super) fn set(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
    resolution: Resolution,
) -> Result<Decision, Refused> {
    let (by, session) = coder(situation, librarian)?;
    match &session.resolved {
        Some(resolved) if resolved.is(resolution, librarian) => Ok(Decision::default()),
        _ if session.notes_size >= ROOM => Err(Refused::Full),
        _ => Ok(Decision::happens(Event::ResolutionSet { by, resolution })),
    }
}

/// Returns the ended session, and as whom a librarian says how it came out and what it was about. The last owner may do
/// so while they can read the session, reviewers always.
pub(super) fn coder<'a>(
    situation: &Situation<'a>,
    librarian: &LibrarianActor,
) -> Result<(Speaker, &'a Session), Refused> {
    let relation = situation.relation_of(librarian).ok_or(Refused::NotFound)?;
    let session = situation.session.ok_or(Refused::NotFound)?;
    let member = librarian.member.clone();
    let by = match relation {
        Relation::Owner => Speaker::Owner(member),
        Relation::Supervisor | Relation::Reviewer => Speaker::Colleague(member),
        Relation::FormerOwner => return Err(situation.no_longer_owner()),
        Relation::Patron | Relation::Candidate => return Err(Refused::NotFound),
    };
    match session {
        Session { end: None, .. } => Err(Refused::NotEnded),
        Session {
            erased: Some(_), ..
        } => Err(Refused::Erased),
        session => Ok((by, session)),
    }
}

#[cfg(test)]
#[path = "resolution_tests.rs"]
mod tests;
