//! The rules of a conversation, apart from all I/O.

pub mod conversation;
pub mod event;
pub mod names;
