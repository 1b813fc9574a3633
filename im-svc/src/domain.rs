//! The rules of a conversation, free of I/O.

pub mod conversation;
pub mod event;
pub mod names;
