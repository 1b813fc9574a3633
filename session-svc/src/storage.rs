//! How sessions are stored in the log: four kinds of streams, with their events as JSON.
//!
//! - `session/<session id>`: what happened in the session. Every event is for staff at least.
//! - `conference/<session id>`: who entered and left in conference mode. For nobody in the session.
//! - `audit/<institution id>`: the library's audit.
//! - `own_audit/<institution id>/<librarian id>`: the part of that audit that one librarian did, for those who may see
//!   no more of it.

pub(crate) use carrel_platform::log::stored::{Stored, encode, read_after, read_between};

/// The category of session streams.
pub const SESSION: &str = "session";
/// The category of conference streams.
pub const CONFERENCE: &str = "conference";
/// The category of audit streams.
pub const AUDIT: &str = "audit";
/// The category of the streams of librarians' own audit entries.
pub const OWN_AUDIT: &str = "own_audit";
