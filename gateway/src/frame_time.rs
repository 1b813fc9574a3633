//! How long a browser's frame took, from when it was read until its answer was queued.

use std::time::Instant;

use carrel_platform::{
    refusal::Refusal,
    telemetry::{grpc::code_name, metric::FRAME_DURATION},
};
use carrel_proto::gateway::v1::server_frame::Frame;
use tonic::Code;

/// What a frame is called of which nothing else is known.
const UNKNOWN: &str = "unknown";

/// A frame that is being worked on. One that nobody answers any more, since its browser has gone, is dropped and does not
/// count.
#[derive(Debug)]
pub(crate) struct FrameTime {
    kind: &'static str,
    read: Instant,
}

impl FrameTime {
    /// A frame of this kind was read just now.
    pub(crate) fn of(kind: &'static str) -> Self {
        Self {
            kind,
            read: Instant::now(),
        }
    }

    /// A frame was read just now that is none.
    pub(crate) fn of_unknown() -> Self {
        Self::of(UNKNOWN)
    }

    /// The frame was done, or handed on, and has no answer of its own.
    pub(crate) fn done(self) {
        self.ended("ok");
    }

    /// This is the frame's answer.
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

    /// The frame was refused.
    pub(crate) fn refused(self, refusal: &Refusal) {
        self.failed(refusal.code);
    }

    /// The frame came to nothing.
    pub(crate) fn failed(self, code: Code) {
        self.ended(code_name(code));
    }

    fn ended(self, outcome: &'static str) {
        let took = self.read.elapsed().as_secs_f64();
        FRAME_DURATION.record(took, [self.kind.into(), outcome.into()]);
    }
}
