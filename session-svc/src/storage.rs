//! How sessions are stored in the log: seven kinds of streams, with their events as JSON.
//!
//! - `session/<session id>`: what happened in the session. Every event is for staff at least. When the session is
//!   erased, so is the beginning of the stream, and when who the patron is is erased, so is the first event; the stream
//!   itself stays.
//! - `conference/<session id>`: who entered and left in conference mode. For nobody in the session.
//! - `retention/<session id>`: whether the text of the session, which has ended, is still kept. The stream's index
//!   entry tells which sessions are to be erased (see `retention`).
//! - `library/<institution id>`: that a session of a patron of this library has ended. Never closed.
//! - `audit/<institution id>`: the library's audit.
//! - `own_audit/<institution id>/<librarian id>`: the part of that audit that one librarian did, for those who may see
//!   no more of it.
//! - `cut_off/<replica>`: that a server can't tell the others who attends sessions on it (see `cut_off`). Open while that
//!   is so.

pub(crate) use carrel_platform::log::stored::{Stored, encode, read_after, read_between};

/// The category of session streams.
pub const SESSION: &str = "session";
/// The category of conference streams.
pub const CONFERENCE: &str = "conference";
/// The category of streams that say whether ended sessions are still kept.
pub const RETENTION: &str = "retention";
/// The category of streams that list the libraries of whose patrons sessions have ended.
pub const LIBRARY: &str = "library";
/// The category of audit streams.
pub const AUDIT: &str = "audit";
/// The category of streams that say that a server is cut off from the store of leases.
pub const CUT_OFF: &str = "cut_off";
/// The category of the streams of librarians' own audit entries.
pub const OWN_AUDIT: &str = "own_audit";
