//! How long a browser's frame takes, from when it is read until its answer is queued.

use std::time::Instant;

use carrel_platform::{
    refusal::Refusal,
    telemetry::{grpc::code_name, metric::FRAME_DURATION},
};
use carrel_proto::gateway::v1::server_frame::Frame;
use tonic::Code;

/// The kind of a frame that could not be understood.
const UNKNOWN: &str = "unknown";

/// A frame that is being worked on. If its browser has gone and nobody answers it any more, it is dropped and does not
/// count.
#[derive(Debug)]
pub(crate) struct FrameTime {
    kind: &'static str,
    read: Instant,
}

impl FrameTime {
    /// Starts at a frame of this kind, read just now.
    pub(crate) fn of(kind: &'static str) -> Self {
        Self {
            kind,
            read: Instant::now(),
        }
    }

    /// Starts at a message that is not a frame, read just now.
    pub(crate) fn of_unknown() -> Self {
        Self::of(UNKNOWN)
    }

    /// Ends: the frame was done, or handed on, and has no answer of its own.
    pub(crate) fn done(self) {
        self.ended("ok");
    }

    /// Ends with the frame's answer.
    pub(crate) fn answered(self, answer: &Frame) {
        let refusal = match answer {
            Frame::Refused(refused) => refused.refusal.as_ref(),
            Frame::Detached(detached) => detached.refusal.as_ref(),
            _ => None,
        };
        match refusal {
            None => self.done(),
            Some(refusal) => self.ended(code_name(Code::from_i32(refusal.code))),
        }
    }

    /// Ends: the frame was refused.
    pub(crate) fn refused(self, refusal: &Refusal) {
        self.failed(refusal.code);
    }

    /// Ends: the frame failed with this code.
    pub(crate) fn failed(self, code: Code) {
        self.ended(code_name(code));
    }

    fn ended(self, outcome: &'static str) {
        let took = self.read.elapsed().as_secs_f64();
        FRAME_DURATION.record(took, [self.kind.into(), outcome.into()]);
    }
}
