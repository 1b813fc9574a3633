//! What the socket, the disk and the engines allow: each does only the work that every server must do.

pub mod disk;
pub mod echo;
pub mod redis;
pub mod room;
