//! How much room the events of a session take up in its transcript.

use super::people::StaffMember;

/// How many bytes the messages and pages of one session may take up, and how many its notes: both together can still be
/// sent as one transcript of 16 MiB.
pub const ROOM: usize = 6 * 1024 * 1024;

/// What an event takes up beside its texts, at least: most people's names, the time and the position fit into it.
const ALLOWANCE: usize = 256;
/// What an event takes up beside its texts and long names: the time, the position, and the numbers and lengths of all
/// fields.
const FRAME: usize = 64;
/// What each text in a list takes up beside its bytes.
pub(super) const CODE_FRAME: usize = 4;

/// Returns the room that an event takes up whose texts, and whose names of people, have so many bytes.
pub(super) fn size(texts: usize, names: usize) -> usize {
    texts + ALLOWANCE.max(names + FRAME)
}

/// Returns how many bytes a librarian's names take up.
pub(super) fn names(member: &StaffMember) -> usize {
    member.librarian_id.len() + member.screen_name.len() + member.institution_name.len()
}
