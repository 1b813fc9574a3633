//! How sessions lie in the log: four kinds of streams, their events as JSON.
//!
//! - `session/<session id>`: what happened in the session. Every event of it is for staff at least.
//! - `conference/<session id>`: who entered it silently and left it. For nobody in the session.
//! - `audit/<institution id>`: the library's audit.
//! - `own_audit/<institution id>/<librarian id>`: of that audit what one librarian did, for whoever may see no more of it.

pub(crate) use carrel_platform::log::stored::{Stored, encode, read_after, read_between};

/// The category of session streams.
pub const SESSION: &str = "session";
/// The category of conference streams.
pub const CONFERENCE: &str = "conference";
/// The category of audit streams.
pub const AUDIT: &str = "audit";
/// The category of the streams of what librarians did themselves.
pub const OWN_AUDIT: &str = "own_audit";
