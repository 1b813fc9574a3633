//! How well something is on which a process depends and without which it goes on.

/// How well it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it should be.
    Well,
    /// Less is done than should be, for this reason. It is for operators: no name, no address of a person, no id.
    Degraded(String),
}

impl Condition {
    /// The reason, if it is not as it should be.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Well => None,
            Self::Degraded(problem) => Some(problem),
        }
    }
}
