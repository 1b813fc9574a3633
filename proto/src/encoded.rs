//! Messages that are sent to many and passed on unread.

use std::{fmt, marker::PhantomData};

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType},
};

/// A message `M` as the bytes that it is on the wire.
///
/// What goes to many is encoded once, and all of them share the bytes. Whoever only passes a message on keeps the bytes
/// as they came, without a copy. Nothing is checked before it is [read](Self::read).
pub struct Encoded<M> {
    bytes: Bytes,
    message: PhantomData<fn() -> M>,
}

impl<M: Message + Default> Encoded<M> {
    /// Encodes a message.
    #[must_use]
    pub fn of(message: &M) -> Self {
        Self::from(Bytes::from(message.encode_to_vec()))
    }

    /// The same, and what else `more` says: a message that is encoded in two parts.
    #[must_use]
    pub fn and(&self, more: &M) -> Self {
        let mut both = self.clone();
        both.append(more.encode_to_vec().into());
        both
    }

    /// The message.
    ///
    /// # Errors
    /// When the bytes are no such message.
    pub fn read(&self) -> Result<M, DecodeError> {
        M::decode(self.bytes.clone())
    }
}

impl<M> Encoded<M> {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes, when nothing else is wanted.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl<M> From<Bytes> for Encoded<M> {
    fn from(bytes: Bytes) -> Self {
        Self {
            bytes,
            message: PhantomData,
        }
    }
}

impl<M> Default for Encoded<M> {
    fn default() -> Self {
        Self::from(Bytes::new())
    }
}

impl<M> Clone for Encoded<M> {
    fn clone(&self) -> Self {
        Self::from(self.bytes.clone())
    }
}

impl<M> PartialEq for Encoded<M> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

/// Shows how long it is, and not what it says.
impl<M> fmt::Debug for Encoded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.bytes.len())
    }
}

impl<M> Encoded<M> {
    /// Two encodings one behind the other are that of the merged message.
    fn append(&mut self, more: Bytes) {
        self.bytes = match self.bytes.is_empty() {
            true => more,
            false => [&self.bytes[..], &more].concat().into(),
        };
    }
}

impl<M: Message + Default> Message for Encoded<M> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.bytes);
    }

    fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Keeps all that is left in the buffer as it is.
    fn merge(&mut self, mut buf: impl Buf) -> Result<(), DecodeError> {
        self.append(buf.copy_to_bytes(buf.remaining()));
        Ok(())
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        let mut field = M::default();
        field.merge_field(tag, wire_type, buf, ctx)?;
        self.append(field.encode_to_vec().into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::session::v1::{ActAccepted, AttendResponse, attend_response::Response};

    fn accepted(position: u64) -> AttendResponse {
        AttendResponse {
            response: Some(Response::ActAccepted(ActAccepted {
                command_id: "a".to_owned(),
                position,
                replayed: true,
            })),
            trace_parent: String::new(),
        }
    }

    #[test]
    fn what_was_encoded_is_sent_and_taken_as_the_message_itself_would_be() {
        let message = accepted(7);
        let encoded = Encoded::of(&message);
        let sent = encoded.encode_to_vec();
        assert_eq!(sent, message.encode_to_vec());
        let taken = Encoded::<AttendResponse>::decode(&sent[..]).unwrap();
        assert_eq!(taken, encoded);
        assert_eq!(taken.read().unwrap(), message);
    }

    #[test]
    fn what_came_is_kept_without_a_copy() {
        let sent = Bytes::from(accepted(7).encode_to_vec());
        let taken = Encoded::<AttendResponse>::decode(sent.clone()).unwrap();
        assert_eq!(taken.bytes().as_ptr(), sent.as_ptr());
    }

    #[test]
    fn two_encodings_in_a_row_are_one_message() {
        let traced = AttendResponse {
            response: None,
            trace_parent: "t".to_owned(),
        };
        let both = Encoded::of(&accepted(7)).and(&traced);
        let AttendResponse { response, .. } = accepted(7);
        let trace_parent = "t".to_owned();
        let wanted = AttendResponse {
            response,
            trace_parent,
        };
        assert_eq!(both.read().unwrap(), wanted);
        // And so when it is a part of something else.
        let mut nested = Vec::new();
        prost::encoding::message::encode(3, &both, &mut nested);
        let mut nested = &nested[..];
        let (tag, wire_type) = prost::encoding::decode_key(&mut nested).unwrap();
        assert_eq!(tag, 3);
        let mut taken = Encoded::<AttendResponse>::default();
        let ctx = DecodeContext::default();
        prost::encoding::message::merge(wire_type, &mut taken, &mut nested, ctx).unwrap();
        assert_eq!(taken.read().unwrap(), wanted);
    }

    #[test]
    fn what_is_no_message_is_found_when_it_is_read() {
        let taken = Encoded::<AttendResponse>::decode(&[0xff][..]).unwrap();
        assert!(taken.read().is_err());
        assert_eq!(format!("{taken:?}"), "Encoded(1 bytes)");
    }
}
