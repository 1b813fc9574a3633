//! What servers send each other over the bus, as bytes.

use bytes::Bytes;

use crate::{
    bus::Origin,
    seal::{Key, NotSealed},
};

const PUBLISHED: u8 = 1;
const LOST: u8 = 2;
/// The length of what comes before a payload, in bytes.
const HEAD: usize = 17;

/// A message on a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A payload was published.
    Published {
        /// Who published it.
        origin: Origin,
        /// When, in Unix milliseconds by the publisher's clock.
        at_ms: i64,
        /// The payload.
        payload: Bytes,
    },
    /// Payloads were published before this and could not be sent.
    Lost,
}

impl Message {
    /// Returns the payload, if there is one.
    #[must_use]
    pub fn payload(&self) -> Option<&Bytes> {
        match self {
            Self::Published { payload, .. } => Some(payload),
            Self::Lost => None,
        }
    }

    /// Seals the message for its topic.
    ///
    /// # Errors
    ///
    /// If the payload is too long, or the system gives no random bytes.
    pub fn seal(&self, key: &Key, topic: &str) -> Result<Vec<u8>, NotSealed> {
        let plain = match self {
            Self::Published {
                origin,
                at_ms,
                payload,
            } => {
                let mut plain = Vec::with_capacity(HEAD + payload.len());
                plain.push(PUBLISHED);
                plain.extend_from_slice(&origin.0.to_be_bytes());
                plain.extend_from_slice(&at_ms.to_be_bytes());
                plain.extend_from_slice(payload);
                plain
            }
            Self::Lost => vec![LOST],
        };
        key.seal(&place(topic), &plain)
    }

    /// Opens a message of this topic. Returns `None` for anything else.
    #[must_use]
    pub fn open(key: &Key, topic: &str, sealed: &[u8]) -> Option<Self> {
        let plain = Bytes::from(key.open(&place(topic), sealed)?);
        match plain.split_first()? {
            (&PUBLISHED, rest) => {
                let (origin, rest) = rest.split_first_chunk()?;
                let (at_ms, _) = rest.split_first_chunk()?;
                Some(Self::Published {
                    origin: Origin(u64::from_be_bytes(*origin)),
                    at_ms: i64::from_be_bytes(*at_ms),
                    payload: plain.slice(HEAD..),
                })
            }
            (&LOST, []) => Some(Self::Lost),
            _ => None,
        }
    }
}

fn place(topic: &str) -> [&[u8]; 2] {
    [b"bus", topic.as_bytes()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn key() -> Key {
        Key::parse(&"7a".repeat(32)).unwrap()
    }

    #[test]
    fn a_message_is_opened_on_its_own_topic() {
        let messages = [
            Message::Lost,
            Message::Published {
                origin: Origin(u64::MAX),
                at_ms: i64::MIN,
                payload: Bytes::from_static(b"news"),
            },
            Message::Published {
                origin: Origin(0),
                at_ms: 1,
                payload: Bytes::new(),
            },
        ];
        for message in messages {
            let sealed = message.seal(&key(), "session/1").unwrap();
            assert_eq!(Message::open(&key(), "session/1", &sealed), Some(message));
            assert_eq!(Message::open(&key(), "session/2", &sealed), None);
        }
    }

    #[test]
    fn what_is_sealed_and_yet_no_message_is_none() {
        for plain in [
            &[][..],
            &[PUBLISHED],
            &[PUBLISHED, 0, 0],
            &[PUBLISHED; 16],
            &[LOST, 0],
            &[9; 20],
        ] {
            let sealed = key().seal(&place("t"), plain).unwrap();
            assert_eq!(Message::open(&key(), "t", &sealed), None);
        }
    }
}
