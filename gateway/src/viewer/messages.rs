//! A user's messages to other librarians, and requests about them.

use std::sync::Arc;

use carrel_platform::telemetry::LazySpan;
use carrel_proto::{
    gateway::v1::server_frame::Frame,
    im::v1::{ListMessagesRequest, MarkReadRequest, SendMessageRequest, SendTypingRequest},
};
use futures::future::FutureExt;
use tokio::sync::Semaphore;

use super::{Viewer, too_fast};
use crate::{
    frame_time::FrameTime,
    im,
    job_queue::{Full, Job},
};

impl Viewer {
    pub(super) fn im_send(&self, request: SendMessageRequest, span: LazySpan, time: FrameTime) {
        let command_id = request.command_id.clone();
        let work = im::send(
            self.context.upstream.clone(),
            self.context.caller.clone(),
            request,
        );
        if let Err(Full(time)) = self.message(&self.acts, work, span, time) {
            self.too_fast(command_id, String::new(), time);
        }
    }

    pub(super) fn im_list(&self, request: ListMessagesRequest, span: LazySpan, time: FrameTime) {
        let work = im::list(
            self.context.upstream.clone(),
            self.context.caller.clone(),
            request.clone(),
        );
        if let Err(Full(time)) = self.message(&self.acts, work, span, time) {
            let frame = im::not_listed(&request, too_fast());
            time.answered(&frame);
            self.context.outbox.push(frame);
        }
    }

    /// Tells im-svc what was read. If that fails, the next such request makes up for it.
    pub(super) fn im_mark_read(&self, request: MarkReadRequest, span: LazySpan, time: FrameTime) {
        let work = im::mark_read(
            self.context.upstream.clone(),
            self.context.caller.clone(),
            request,
        );
        if let Err(Full(time)) = self.message(&self.acts, work, span, time) {
            time.refused(&too_fast());
        }
    }

    /// Tells im-svc that the user is typing. Kept in order with sent messages, so that nobody seems to be typing what
    /// they have just sent.
    pub(super) fn im_typing(&self, request: SendTypingRequest, span: LazySpan, time: FrameTime) {
        let work = im::typing(
            self.context.upstream.clone(),
            self.context.caller.clone(),
            request,
        );
        if let Err(Full(time)) = self.message(&self.typed, work, span, time) {
            time.refused(&too_fast());
        }
    }

    /// Queues a request to im-svc, after all that were queued before: a message names its addressee and other requests
    /// their conversation, so which of them belong together is known to im-svc only.
    fn message(
        &self,
        permits: &Arc<Semaphore>,
        work: impl Future<Output = Option<Frame>> + Send + 'static,
        span: LazySpan,
        time: FrameTime,
    ) -> Result<(), Full> {
        let Ok(under_way) = Arc::clone(permits).try_acquire_owned() else {
            return Err(Full(time));
        };
        let job = Job {
            work: work.boxed(),
            span,
            time,
            under_way,
        };
        self.messages.push("", job)
    }
}
