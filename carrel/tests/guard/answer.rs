//! The answer to an operation, in whichever way it was tried.

use carrel_platform::refusal::Refusal;
use carrel_proto::refusal::v1 as wire;
use prost::Message as _;
use tonic::{Code, Status};

/// An answer, reduced to what the matrix checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The operation was done.
    Done,
    /// The operation was done and gave a list, which has the session or not.
    List { has_it: bool },
    /// The operation was refused.
    Refused(ObservedRefusal),
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObservedRefusal {
    pub(crate) code: Code,
    pub(crate) reason: String,
    /// Everything that the caller was told: two refusals are indistinguishable exactly if these bytes are equal.
    pub(crate) bytes: Vec<u8>,
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        let mut bytes = status.message().as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(status.details());
        Self::Refused(ObservedRefusal {
            code: status.code(),
            reason: Refusal::from(&status).reason,
            bytes,
        })
    }
}

impl From<wire::Refusal> for Answer {
    fn from(refusal: wire::Refusal) -> Self {
        Self::Refused(ObservedRefusal {
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

/// The refusals of several requests, byte for byte, without consecutive repetitions.
#[derive(Debug, Default)]
pub(crate) struct ObservedRefusals(Vec<(Code, String, Vec<u8>)>);

impl ObservedRefusals {
    /// Records a refusal.
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

    /// I24: the caller can't tell what does not exist from what is not theirs.
    pub(crate) fn assert_one_not_found(&self) {
        assert!(
            matches!(self.0.as_slice(), [(Code::NotFound, _, _)]),
            "{self:?}"
        );
    }
}
