//! How well something works that a process depends on but can run without.

/// The condition of such a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Everything works.
    Well,
    /// Something does not work, for this reason. It is for operators: no name, no address of a person, no id.
    Degraded(String),
}

impl Condition {
    /// Returns the reason, if something does not work.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Well => None,
            Self::Degraded(problem) => Some(problem),
        }
    }
}
