//! Why the server closes a browser's socket: the catalogue of close codes.

use std::{borrow::Cow, time::Duration};

use axum::extract::ws::{CloseFrame, Message};

/// One reason to close a socket.
///
/// `docs/websocket.md` lists the same codes for authors of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The peer has gone, or was silent for too long.
    GoingAway,
    /// The peer broke the websocket protocol itself.
    Protocol,
    /// A text message was not UTF-8.
    NotUtf8,
    /// A frame or message was longer than 64 KiB.
    TooLarge,
    /// The gateway failed.
    Internal,
    /// The gateway, or a service that it needs, is being restarted.
    Restart {
        /// How long the client should wait before it comes back; different for each client.
        retry: Duration,
    },
    /// The first frame was not a Hello, a frame had the wrong opcode, or its bytes were not a frame.
    BadFrame,
    /// The token is bad, or has expired without a renewal.
    BadToken,
    /// The client did not read as fast as frames came.
    TooSlow,
    /// The Hello did not come in time.
    HelloLate,
    /// The client sent too many frames, or has too many sockets.
    TooMany,
}

impl Close {
    /// Each reason once; the wait of the restart has no meaning.
    pub const ALL: [Self; 11] = [
        Self::GoingAway,
        Self::Protocol,
        Self::NotUtf8,
        Self::TooLarge,
        Self::Internal,
        Self::Restart {
            retry: Duration::ZERO,
        },
        Self::BadFrame,
        Self::BadToken,
        Self::TooSlow,
        Self::HelloLate,
        Self::TooMany,
    ];

    /// Returns a [`Close::Restart`] with a random wait, so that not all clients come back at the same instant.
    #[must_use]
    pub fn restart() -> Self {
        const SHORTEST_MS: u64 = 500;
        const SPREAD_MS: u64 = 2_500;
        // Without entropy all clients wait equally long, which is unfortunate but harmless.
        let random = getrandom::u64().unwrap_or_default();
        Self::Restart {
            retry: Duration::from_millis(SHORTEST_MS + random % SPREAD_MS),
        }
    }

    /// The websocket close code.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge => 1009,
            Self::Internal => 1011,
            Self::Restart { .. } => 1012,
            Self::BadFrame => 4400,
            Self::BadToken => 4401,
            Self::TooSlow => 4408,
            Self::HelloLate => 4409,
            Self::TooMany => 4429,
        }
    }

    /// The close reason: at most 123 bytes.
    #[must_use]
    pub fn reason(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::GoingAway => "nothing was heard of you",
            Self::Protocol => "not the websocket protocol (RFC 6455)",
            Self::NotUtf8 => "a text message was not UTF-8",
            Self::TooLarge => "a frame may have 64 KiB at the most",
            Self::Internal => "the server failed; come back",
            Self::Restart { retry } => {
                return Cow::Owned(format!("retry_ms={}", retry.as_millis()));
            }
            Self::BadFrame => "not a frame of this sub-protocol; the first is Hello",
            Self::BadToken => "the token is not, or no longer, valid; log in again",
            Self::TooSlow => "you read too slowly; come back and resume",
            Self::HelloLate => "no Hello in time",
            Self::TooMany => "too many frames or sockets; slow down",
        })
    }

    /// Whether frames that wait for the client are still sent before the close.
    pub(crate) fn sends_the_rest(self) -> bool {
        !matches!(self, Self::TooSlow | Self::GoingAway)
    }

    /// Returns the websocket message for this close.
    #[must_use]
    pub fn message(self) -> Message {
        Message::Close(Some(CloseFrame {
            code: self.code(),
            reason: self.reason().into_owned().into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_listed() {
        // A new reason is missing here and does not compile.
        let place = |close: Close| match close {
            Close::GoingAway => 0,
            Close::Protocol => 1,
            Close::NotUtf8 => 2,
            Close::TooLarge => 3,
            Close::Internal => 4,
            Close::Restart { .. } => 5,
            Close::BadFrame => 6,
            Close::BadToken => 7,
            Close::TooSlow => 8,
            Close::HelloLate => 9,
            Close::TooMany => 10,
        };
        assert!(Close::ALL.map(place).into_iter().eq(0..Close::ALL.len()));
    }

    #[test]
    fn every_reason_fits_into_a_close_frame() {
        let longest = Close::Restart {
            retry: Duration::MAX,
        };
        for close in Close::ALL.into_iter().chain([longest]) {
            assert!(close.reason().len() <= 123, "{close:?}");
        }
    }

    #[test]
    fn the_page_for_clients_lists_every_code() {
        let page = include_str!("../../docs/websocket.md");
        for close in Close::ALL {
            assert!(page.contains(&format!("| {} |", close.code())), "{close:?}");
        }
    }

    #[test]
    fn a_restart_names_the_wait() {
        let Close::Restart { retry } = Close::restart() else {
            unreachable!("restart() gives a Restart");
        };
        assert!(retry >= Duration::from_millis(500) && retry < Duration::from_secs(3));
        assert_eq!(
            Close::Restart {
                retry: Duration::from_millis(1234)
            }
            .reason(),
            "retry_ms=1234"
        );
    }
}
