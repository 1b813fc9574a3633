//! One browser's user: the sessions attended and everything watched on one socket, the open monitor, and the requests
//! to the services.

mod messages;
mod sessions;

use std::{collections::HashMap, sync::Arc, time::Duration};

use carrel_platform::{
    clock::Clock,
    refusal::Refusal,
    telemetry::{LazySpan, Scope},
};
use carrel_proto::{
    directory::v1::{RenewTokenRequest, Token},
    gateway::v1::{Pong, Renewed, client_frame::Frame as ClientFrame, server_frame::Frame},
    im::v1::WatchConversationsRequest,
    presence::v1::{Announcement, WatchDeskRequest},
    session::v1 as session,
};
use futures::future::{BoxFuture, FutureExt};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;

use crate::{
    attendance::Attendance,
    claims::Claims,
    config::SocketConfig,
    frame::{bad_frame, refused},
    frame_time::FrameTime,
    greeting::Greeted,
    job_queue::JobQueue,
    monitor::Monitor,
    outbox::Outbox,
    upstream::Upstream,
    viewer_context::ViewerContext,
    watching::Watching,
};

/// One browser's user.
pub(crate) struct Viewer {
    context: ViewerContext,
    expires_at_ms: i64,
    attended: HashMap<String, Attendance>,
    lists: Watching<session::WatchSessionsRequest>,
    desk: Watching<WatchDeskRequest>,
    conversations: Watching<WatchConversationsRequest>,
    monitor: Monitor,
    renewal: Option<BoxFuture<'static, Result<Token, Refusal>>>,
    /// Measures the frame that asked for the renewal.
    renewing: Option<FrameTime>,
    /// Acts that do not go on an Attend stream, by their sessions.
    jobs: JobQueue,
    /// Messages to other librarians, and requests about them.
    messages: JobQueue,
    /// One permit for each act that may be under way, of any kind.
    acts: Arc<Semaphore>,
    /// One permit for typing to another librarian: while one notice is under way, further ones are dropped.
    typed: Arc<Semaphore>,
    act_limit: usize,
    session_limit: usize,
    ping_interval: Duration,
    monitor_ping_interval: Duration,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Viewer {
    pub(crate) fn new(
        upstream: Upstream,
        outbox: Outbox,
        greeted: Greeted,
        config: &SocketConfig,
        clock: Clock,
    ) -> Self {
        let act_limit = config.acts.get();
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        // There is room for as many jobs as there are permits.
        let queue = |room| JobQueue::new(room, outbox.clone(), stop.clone(), &tasks);
        let (jobs, messages) = (queue(act_limit), queue(act_limit + 1));
        Self {
            context: ViewerContext {
                upstream,
                // Everything that a patron sends is about their one session.
                caller: greeted.caller.about(&greeted.welcome.session_id),
                outbox,
                user: greeted.user,
                clock,
            },
            expires_at_ms: greeted.claims.expires_at_ms,
            attended: HashMap::new(),
            lists: Watching::nothing(),
            desk: Watching::nothing(),
            conversations: Watching::nothing(),
            monitor: Monitor::closed(config.here_interval.get()),
            renewal: None,
            renewing: None,
            jobs,
            messages,
            acts: Arc::new(Semaphore::new(act_limit)),
            typed: Arc::new(Semaphore::new(1)),
            act_limit,
            session_limit: config.sessions.get(),
            ping_interval: config.ping_interval.get(),
            monitor_ping_interval: config.monitor_ping_interval.get(),
            stop,
            tasks,
        }
    }

    /// Returns when the socket must end unless the token is renewed, in Unix milliseconds.
    pub(crate) fn expires_at_ms(&self) -> i64 {
        self.expires_at_ms
    }

    /// Carries out one frame. `span` is the frame's own, and `time` measures the frame.
    ///
    /// Work that is rare and has to wait is returned, to be awaited before the next frame. It is boxed, so that a
    /// socket at rest keeps no room for it.
    pub(crate) fn carry_out(
        &mut self,
        frame: ClientFrame,
        span: LazySpan,
        time: FrameTime,
    ) -> Option<BoxFuture<'_, ()>> {
        match frame {
            ClientFrame::Watch(request) => {
                let watch = self.lists.watch(&self.context, request, Some(time));
                return Some(lasting(span, watch));
            }
            ClientFrame::WatchDesk(request) => {
                let watch = self.desk.watch(&self.context, request, Some(time));
                return Some(lasting(span, watch));
            }
            ClientFrame::WatchConversations(request) => {
                let watch = self.conversations.watch(&self.context, request, Some(time));
                return Some(lasting(span, watch));
            }
            ClientFrame::Attend(attend) => return Some(lasting(span, self.attend(attend, time))),
            ClientFrame::Detach(detach) => {
                return Some(lasting(span, self.detach(detach.session_id, time)));
            }
            // These are answered later.
            ClientFrame::RenewToken(_) => self.renew(time),
            ClientFrame::Act(act) => self.act(act, span, time),
            ClientFrame::ImSend(request) => self.im_send(request, span, time),
            ClientFrame::ImList(request) => self.im_list(request, span, time),
            ClientFrame::ImMarkRead(request) => self.im_mark_read(request, span, time),
            ClientFrame::ImTyping(request) => self.im_typing(request, span, time),
            ClientFrame::Hello(_) => {
                let refusal = bad_frame(
                    "Hello was said already. Open a new socket to come as somebody else.",
                );
                time.refused(&refusal);
                self.refuse(refusal);
            }
            ClientFrame::Typing(typing) => {
                self.typing(&typing);
                time.done();
            }
            ClientFrame::Ping(ping) => {
                let number = ping.number;
                self.context.outbox.push(Frame::Pong(Pong { number }));
                time.done();
            }
            ClientFrame::Announce(announcement) => {
                self.announce(announcement);
                time.done();
            }
            ClientFrame::Goodbye(_) => {
                self.monitor.goodbye();
                self.context.outbox.ping_every(self.ping_interval);
                time.done();
            }
        }
        None
    }

    /// Notes a sign of life from the browser, whatever it was.
    pub(crate) fn heard(&mut self) {
        self.monitor.heard();
    }

    /// Waits for the renewal that is under way, or for ever if there is none.
    pub(crate) async fn renewal(&mut self) -> Result<Token, Refusal> {
        match &mut self.renewal {
            Some(renewal) => {
                let outcome = renewal.await;
                self.renewal = None;
                outcome
            }
            None => std::future::pending().await,
        }
    }

    /// Goes on with the fresh token, or tells the browser why there is none.
    pub(crate) async fn renewed(&mut self, outcome: Result<Token, Refusal>) {
        let time = self.renewing.take();
        let renewed = outcome.and_then(|token| {
            let claims = Claims::of_accepted(&token.access_token).ok_or_else(|| {
                Refusal::unavailable("UNAVAILABLE", "The fresh token can't be read. Try again.")
            })?;
            Ok((token, claims))
        });
        let (token, claims) = match renewed {
            Ok(renewed) => renewed,
            Err(refusal) => {
                if let Some(time) = time {
                    time.refused(&refusal);
                }
                return self.refuse(refusal.with("request", "renew_token"));
            }
        };
        if let Some(time) = time {
            time.done();
        }
        self.expires_at_ms = claims.expires_at_ms;
        let access_token = &token.access_token;
        self.context.caller = self.context.caller.clone().with_token(access_token);
        self.attended
            .retain(|_, attendance| !attendance.is_settled_for_good());
        for attendance in self.attended.values() {
            attendance.renew(access_token.clone());
        }
        self.monitor.renew(access_token.clone());
        self.context
            .outbox
            .push(Frame::Renewed(Renewed { token: Some(token) }));
        self.lists.renew(&self.context).await;
        self.desk.renew(&self.context).await;
        self.conversations.renew(&self.context).await;
    }

    /// Waits until no act is under way, but no longer than `patience`.
    pub(crate) fn quiet(&self, patience: Duration) -> impl Future<Output = ()> + use<> {
        let acts = Arc::clone(&self.acts);
        let all = u32::try_from(self.act_limit).unwrap_or(u32::MAX);
        async move {
            let _ = timeout(patience, acts.acquire_many(all)).await;
        }
    }

    /// Ends everything that runs for this user, and nothing for anyone else.
    pub(crate) async fn leave(mut self) {
        self.stop.cancel();
        for (_, attendance) in self.attended {
            attendance.stop().await;
        }
        self.lists.stop().await;
        self.desk.stop().await;
        self.conversations.stop().await;
        self.monitor.stop().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn renew(&mut self, time: FrameTime) {
        if self.renewal.is_some() {
            return time.done();
        }
        self.renewing = Some(time);
        let upstream = self.context.upstream.clone();
        let caller = self.context.caller.clone();
        let request = RenewTokenRequest {
            access_token: self.context.caller.token().to_owned(),
        };
        let renewal = async move {
            let mut directory = upstream.directory.clone();
            let answer = upstream
                .call(
                    "carrel.directory.v1.DirectoryService/RenewToken",
                    caller,
                    request,
                    |request| directory.renew_token(request),
                )
                .await?;
            answer.token.ok_or_else(|| {
                Refusal::unavailable("UNAVAILABLE", "There was no token. Try again.")
            })
        };
        self.renewal = Some(Scope::current().around(renewal).boxed());
    }

    /// Announces the monitor, and pings the browser often, so that it gives signs of life often enough.
    fn announce(&mut self, announcement: Announcement) {
        self.context.outbox.ping_every(self.monitor_ping_interval);
        self.monitor.announce(&self.context, announcement);
    }

    fn too_fast(&self, command_id: String, session_id: String, time: FrameTime) {
        let refusal = too_fast();
        time.refused(&refusal);
        let frame = refused(command_id, session_id, refusal);
        self.context.outbox.push(Frame::Refused(frame));
    }

    fn refuse(&self, refusal: Refusal) {
        let frame = refused(String::new(), String::new(), refusal);
        self.context.outbox.push(Frame::Refused(frame));
    }
}

/// The refusal of a frame when too much is under way already. Nothing happened.
fn too_fast() -> Refusal {
    Refusal::new(
        Code::ResourceExhausted,
        "TOO_FAST",
        "Too much of what you sent has not been answered yet. Wait for answers, then send this again.",
    )
    .retry_after(Duration::from_secs(1))
}

/// Wraps work for a frame so that the frame's span lasts until the work is done.
fn lasting<'a>(span: LazySpan, work: impl Future<Output = ()> + Send + 'a) -> BoxFuture<'a, ()> {
    async move {
        work.await;
        drop(span);
    }
    .boxed()
}
