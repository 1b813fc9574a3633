//! What one browser's user does and sees: the sessions attended and the lists watched on one socket, and the acts.

use std::{collections::HashMap, sync::Arc, time::Duration};

use carrel_platform::{auth::token::MAX_LENGTH, refusal::Refusal};
use carrel_proto::{
    directory::v1::{GetProfileRequest, RenewTokenRequest, Token},
    gateway::v1::{
        Act, Attend, Detached, Pong, Refused, Renewed, Typing, Welcome, act,
        client_frame::Frame as ClientFrame, server_frame::Frame,
    },
    session::v1 as session,
};
use futures::future::{BoxFuture, FutureExt};
use tokio::{
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use tracing::{Instrument, Span};

use crate::{
    acts::{self, Errand},
    attendance::{Attendance, NotSent},
    claims::Claims,
    close::Close,
    config::SocketConfig,
    frame::{bad_frame, refused},
    outbox::Outbox,
    upstream::{Caller, Upstream},
    watching::Watching,
};

/// How long a message may be, in characters, as session_service.proto has it. Told to clients; held by session-svc.
const TEXT_LIMIT: u32 = 4_000;

/// Somebody whose token a service has accepted.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) caller: Caller,
    pub(crate) token: String,
    pub(crate) claims: Claims,
    pub(crate) welcome: Welcome,
}

/// Has a token checked, and learns whose it is.
pub(crate) async fn greet(
    upstream: &Upstream,
    stranger: Caller,
    token: String,
    silence_limit: Duration,
) -> Result<Greeted, Close> {
    if token.len() > MAX_LENGTH {
        return Err(Close::BadToken);
    }
    let caller = stranger.with_token(&token);
    let mut directory = upstream.directory.clone();
    let answer = upstream
        .call(
            "carrel.directory.v1.DirectoryService/GetProfile",
            caller.clone(),
            GetProfileRequest {},
            |request| directory.get_profile(request),
        )
        .await;
    let profile = match answer {
        Ok(answer) => answer.profile,
        // The order of checks is: the token, then what its owner may do. So this is a patron with a good token.
        Err(refusal) if refusal.code == Code::PermissionDenied => None,
        Err(refusal) if refusal.code == Code::Unauthenticated => return Err(Close::BadToken),
        Err(_) => return Err(Close::restart()),
    };
    let claims = Claims::of_accepted(&token).ok_or(Close::Internal)?;
    let welcome = Welcome {
        session_id: match &profile {
            Some(_) => String::new(),
            None => claims.subject.clone(),
        },
        profile,
        silence_limit_ms: u32::try_from(silence_limit.as_millis()).unwrap_or(u32::MAX),
        text_limit: TEXT_LIMIT,
    };
    Ok(Greeted {
        caller,
        token,
        claims,
        welcome,
    })
}

/// One browser's user.
pub(crate) struct Viewer {
    upstream: Upstream,
    outbox: Outbox,
    caller: Caller,
    token: String,
    expires_at_ms: i64,
    attended: HashMap<String, Attendance>,
    watching: Option<Watching>,
    renewal: Option<BoxFuture<'static, Result<Token, Refusal>>>,
    errands: mpsc::Sender<Errand>,
    /// One permit for each act that may be under way.
    acts: Arc<Semaphore>,
    act_limit: usize,
    session_limit: usize,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Viewer {
    pub(crate) fn new(
        upstream: Upstream,
        outbox: Outbox,
        greeted: Greeted,
        config: &SocketConfig,
    ) -> Self {
        let act_limit = config.acts.get();
        let (errands, receiver) = mpsc::channel(act_limit);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(acts::run(
            upstream.clone(),
            outbox.clone(),
            receiver,
            stop.clone(),
        ));
        Self {
            upstream,
            outbox,
            caller: greeted.caller,
            token: greeted.token,
            expires_at_ms: greeted.claims.expires_at_ms,
            attended: HashMap::new(),
            watching: None,
            renewal: None,
            errands,
            acts: Arc::new(Semaphore::new(act_limit)),
            act_limit,
            session_limit: config.sessions.get(),
            stop,
            tasks,
        }
    }

    /// When the socket must end unless the token is renewed, in Unix milliseconds.
    pub(crate) fn expires_at_ms(&self) -> i64 {
        self.expires_at_ms
    }

    /// Carries out one frame. `span` is the frame's own.
    pub(crate) async fn carry_out(&mut self, frame: ClientFrame, span: &Span) {
        match frame {
            ClientFrame::Hello(_) => self.refuse(bad_frame(
                "Hello was said already. Open a new socket to come as somebody else.",
            )),
            ClientFrame::RenewToken(_) => self.renew(),
            ClientFrame::Watch(request) => self.watch(request).await,
            ClientFrame::Attend(attend) => self.attend(attend).await,
            ClientFrame::Detach(detach) => self.detach(detach.session_id).await,
            ClientFrame::Act(act) => self.act(act, span),
            ClientFrame::Typing(typing) => self.typing(&typing),
            ClientFrame::Ping(ping) => {
                let number = ping.number;
                self.outbox.push(Frame::Pong(Pong { number }), None);
            }
        }
    }

    /// Waits for the renewal that is under way, for ever if there is none.
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

    /// Goes on with a fresh token, or says why there is none.
    pub(crate) async fn renewed(&mut self, outcome: Result<Token, Refusal>) {
        let token = match outcome {
            Ok(token) => token,
            Err(refusal) => return self.refuse(refusal.with("request", "renew_token")),
        };
        let Some(claims) = Claims::of_accepted(&token.access_token) else {
            let refusal =
                Refusal::unavailable("UNAVAILABLE", "The fresh token can't be read. Try again.");
            return self.refuse(refusal.with("request", "renew_token"));
        };
        self.expires_at_ms = claims.expires_at_ms;
        self.token = token.access_token.clone();
        self.caller = self.caller.clone().with_token(&self.token);
        self.attended.retain(|_, attendance| !attendance.is_over());
        for attendance in self.attended.values() {
            attendance.renew(self.token.clone());
        }
        self.outbox
            .push(Frame::Renewed(Renewed { token: Some(token) }), None);
        // A watch takes no requests, so it can't be renewed: a new one takes its place and starts with a snapshot.
        if let Some(watching) = self.watching.take()
            && let Some(request) = watching.stop().await
        {
            self.watch(request).await;
        }
    }

    /// Waits until no act is under way, but no longer than `patience`.
    pub(crate) fn quiet(&self, patience: Duration) -> impl Future<Output = ()> + use<> {
        let acts = Arc::clone(&self.acts);
        let all = u32::try_from(self.act_limit).unwrap_or(u32::MAX);
        async move {
            let _ = timeout(patience, acts.acquire_many(all)).await;
        }
    }

    /// Ends all that runs for this user. It ends nothing for anyone else.
    pub(crate) async fn leave(self) {
        self.stop.cancel();
        for (_, attendance) in self.attended {
            attendance.stop().await;
        }
        if let Some(watching) = self.watching {
            watching.stop().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn renew(&mut self) {
        if self.renewal.is_some() {
            return;
        }
        let upstream = self.upstream.clone();
        let caller = self.caller.clone();
        let request = RenewTokenRequest {
            access_token: self.token.clone(),
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
        self.renewal = Some(renewal.instrument(Span::current()).boxed());
    }

    async fn watch(&mut self, request: session::WatchSessionsRequest) {
        if let Some(watching) = self.watching.take() {
            watching.stop().await;
        }
        self.watching = Some(Watching::start(
            &self.upstream,
            &self.caller,
            self.outbox.clone(),
            request,
        ));
    }

    async fn attend(&mut self, attend: Attend) {
        if let Some(attendance) = self.attended.remove(&attend.session_id) {
            attendance.stop().await;
        }
        self.attended.retain(|_, attendance| !attendance.is_over());
        if self.attended.len() >= self.session_limit {
            let refusal = Refusal::new(
                Code::ResourceExhausted,
                "TOO_MANY_SESSIONS",
                format!(
                    "One socket attends {} sessions at the most. Detach from one first.",
                    self.session_limit
                ),
            )
            .with("limit", self.session_limit.to_string());
            return self.outbox.push(
                Frame::Detached(Detached {
                    session_id: attend.session_id,
                    refusal: Some(refusal.into()),
                }),
                None,
            );
        }
        let attendance = Attendance::start(
            &self.upstream,
            &self.caller,
            self.outbox.clone(),
            attend.session_id.clone(),
            attend.after,
            self.act_limit,
        );
        self.attended.insert(attend.session_id, attendance);
    }

    async fn detach(&mut self, session_id: String) {
        if let Some(attendance) = self.attended.remove(&session_id) {
            attendance.stop().await;
        }
        self.outbox.push(
            Frame::Detached(Detached {
                session_id,
                refusal: None,
            }),
            None,
        );
    }

    /// Sends an act on its way: on the session's stream if it is attended and the act has a place there, so that acts
    /// stay in order with each other, else by a call of its own, when those on the stream are settled: a supervisor's
    /// last message must not be overtaken by their leaving.
    fn act(&mut self, act: Act, span: &Span) {
        let (command_id, session_id) = (act.command_id.clone(), act.session_id.clone());
        let Ok(mut permit) = Arc::clone(&self.acts).try_acquire_owned() else {
            return self.too_fast(command_id, session_id);
        };
        if let Some(attendance) = self.attended.get(&session_id)
            && let Some(on_stream) = on_stream(&act)
        {
            let on_stream = session::Act {
                command_id: command_id.clone(),
                act: Some(on_stream),
            };
            match attendance.act(on_stream, permit) {
                Ok(()) => return,
                Err(NotSent::Full) => return self.too_fast(command_id, session_id),
                Err(NotSent::Over(given_back)) => permit = given_back,
            }
            self.attended.remove(&session_id);
        }
        let errand = Errand {
            act,
            after: self
                .attended
                .get(&session_id)
                .map(|attendance| attendance.settled().boxed()),
            caller: self.caller.clone(),
            span: span.clone(),
            under_way: permit,
        };
        // There is room for as many errands as there are permits.
        if self.errands.try_send(errand).is_err() {
            self.too_fast(command_id, session_id);
        }
    }

    fn typing(&self, typing: &Typing) {
        if let Some(attendance) = self.attended.get(&typing.session_id) {
            attendance.typing(typing.r#box);
        }
    }

    fn too_fast(&self, command_id: String, session_id: String) {
        let refusal = Refusal::new(
            Code::ResourceExhausted,
            "TOO_FAST",
            "Too much of what you sent is not answered yet. Wait for answers, then send this again.",
        )
        .retry_after(Duration::from_secs(1));
        self.outbox.push(
            Frame::Refused(refused(command_id, session_id, refusal)),
            None,
        );
    }

    fn refuse(&self, refusal: Refusal) {
        let refused: Refused = refused(String::new(), String::new(), refusal);
        self.outbox.push(Frame::Refused(refused), None);
    }
}

/// The act as an Attend stream takes it, if it does.
fn on_stream(act: &Act) -> Option<session::act::Act> {
    match act.act.clone()? {
        act::Act::PostMessage(message) => Some(session::act::Act::PostMessage(message)),
        act::Act::PushPage(page) => Some(session::act::Act::PushPage(page)),
        act::Act::WriteNote(note) => Some(session::act::Act::WriteNote(note)),
        act::Act::EndSession(end) => Some(session::act::Act::EndSession(end)),
        act::Act::OpenSession(_)
        | act::Act::PickUp(_)
        | act::Act::EnterConference(_)
        | act::Act::LeaveConference(_) => None,
    }
}
