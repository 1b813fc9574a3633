//! What the socket, the disk and the engines allow: each does only what nobody can do without.

pub mod disk;
pub mod echo;
pub mod redis;
pub mod room;
