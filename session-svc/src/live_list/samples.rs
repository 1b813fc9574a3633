//! Sessions for the tests of lists.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::row::Entry;
use crate::domain::{
    audience::Audience,
    event::{Event, Opened},
    people::StaffMember,
    samples::opened,
    session::Session,
};

/// A librarian.
pub(super) fn mr_lee() -> StaffMember {
    StaffMember {
        librarian_id: "lee".to_owned(),
        screen_name: "Mr Lee".to_owned(),
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
    }
}

/// Returns a session that was opened at this time, for practice or not, with these further events.
pub(super) fn entry(session_id: &str, at_ms: i64, practice: bool, further: &[Event]) -> Entry {
    let opened = Event::Opened(Opened {
        practice,
        ..opened()
    });
    let events = std::iter::once(&opened).chain(further);
    let session = events.fold(None, |session, event| {
        Session::apply(session, Audience::Staff, event, at_ms)
    });
    Entry {
        session_id: session_id.to_owned(),
        session: Arc::new(session.unwrap()),
        inside: Vec::new(),
        versions: (1 + further.len() as u64, 0),
    }
}
