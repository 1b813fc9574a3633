//! The messages that members say. The text alone tells, wherever it arrives, who said it, which of theirs it is and
//! when it was due.

use crate::moment::Moment;

/// The length of each message, in bytes: two lines of a chat.
const LENGTH: usize = 120;
const HEAD: usize = 8 + 8 + 16;

/// A message of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchMessage {
    /// The speaker's number.
    pub speaker: u32,
    /// Which of the speaker's messages it is: 1, 2, 3 …
    pub number: u32,
    /// When it was due to be sent, even if it was sent later.
    pub due: Moment,
}

impl BenchMessage {
    /// Returns it as the text of a message.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            speaker,
            number,
            due: Moment(due),
        } = self;
        format!(
            "{speaker:08x}{number:08x}{due:016x} {:.<width$}",
            "Where can I find the letters",
            width = LENGTH - HEAD - 1
        )
    }

    /// Parses the text of a message. Returns `None` if it is not the bench's.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(text.get(..HEAD)?).ok()?;
        Some(Self {
            speaker: u32::from_str_radix(head.get(..8)?, 16).ok()?,
            number: u32::from_str_radix(head.get(8..16)?, 16).ok()?,
            due: Moment(u64::from_str_radix(head.get(16..)?, 16).ok()?),
        })
    }
}

/// Returns the id of the command for a speaker's nth message, as long as a UUID.
#[must_use]
pub fn command_id(speaker: u32, number: u32) -> String {
    format!("{speaker:08x}-0000-4000-8000-{number:012x}")
}

/// Returns the number of the message that a command's id belongs to.
#[must_use]
pub fn number_of(command_id: &str) -> Option<u32> {
    u32::from_str_radix(command_id.rsplit('-').next()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_was_said() {
        let said = BenchMessage {
            speaker: 7,
            number: 300,
            due: Moment(u64::MAX - 1),
        };
        assert_eq!(said.text().len(), LENGTH);
        assert_eq!(BenchMessage::parse(said.text().as_bytes()), Some(said));
        assert_eq!(BenchMessage::parse(b"Who was first on the moon?"), None);
        assert_eq!(number_of(&command_id(7, 300)), Some(300));
    }
}
