//! What somebody was told, whichever way they asked.

use carrel_platform::refusal::Refusal;
use carrel_proto::refusal::v1 as wire;
use prost::Message as _;
use tonic::{Code, Status};

/// An answer, as far as the matrix looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was done.
    Done,
    /// It was done: a list in which the session stands, or does not.
    List { has_it: bool },
    /// It was refused.
    Refused(Said),
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: Code,
    pub(crate) reason: String,
    /// All that the caller was told, byte for byte: two refusals that tell the same have the same bytes.
    pub(crate) bytes: Vec<u8>,
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        let mut bytes = status.message().as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(status.details());
        Self::Refused(Said {
            code: status.code(),
            reason: Refusal::from(&status).reason,
            bytes,
        })
    }
}

impl From<wire::Refusal> for Answer {
    fn from(refusal: wire::Refusal) -> Self {
        Self::Refused(Said {
            code: Code::from_i32(refusal.code),
            bytes: refusal.encode_to_vec(),
            reason: refusal.reason,
        })
    }
}

impl<T> From<Result<T, Status>> for Answer {
    fn from(result: Result<T, Status>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(status) => status.into(),
        }
    }
}

/// All that somebody was told in answer to several questions, byte for byte, once if it was always the same.
#[derive(Debug, Default)]
pub(crate) struct Heard(Vec<(Code, String, Vec<u8>)>);

impl Heard {
    /// Takes note of a refusal.
    pub(crate) fn add(&mut self, status: &Status) {
        let told = (
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        );
        if self.0.last() != Some(&told) {
            self.0.push(told);
        }
    }

    /// I24: what does not exist and what is not the caller's are the same to them.
    pub(crate) fn assert_one_not_found(&self) {
        assert!(
            matches!(self.0.as_slice(), [(Code::NotFound, _, _)]),
            "{self:?}"
        );
    }
}
