//! What a page does to keep its user in the conversation: reconnects, resumes from its positions, sends again until it
//! knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use carrel_proto::{
    directory::v1::Profile,
    gateway::v1::{
        Attend, Detach, Ping, RenewToken, client_frame::Frame as Request, server_frame::Frame,
    },
    refusal::v1::Refusal,
    session::v1::{Audience as WireAudience, Joined, Position, SessionEvent},
};
use tokio::{
    select,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use super::{
    Scene, http,
    outbox::{Outbox, act},
    sight::seen,
    socket::{BROKEN, Ended, Socket},
    words::{self, CANARY},
};
use crate::{
    history::{Audience, Deed, Role, What},
    seed::Dice,
};

/// How often a browser looks at what is due.
const TICK: Duration = Duration::from_millis(50);
/// A token is renewed when it is so old.
const RENEW_AFTER: Duration = Duration::from_secs(240);
/// How soon something that the service gave up is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// The longest wait between two tries to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A browser and its user.
#[derive(Debug)]
pub struct Browser {
    /// The user's name in the history.
    pub who: String,
    /// What all share.
    pub scene: Arc<Scene>,
    /// The user's chance.
    pub dice: Dice,
    /// The profile of a librarian, once it is known.
    pub profile: Option<Profile>,
    role: Role,
    token: String,
    renewed: Instant,
    renew_first: bool,
    line: Line,
    failures: u32,
    heard: Instant,
    pinged: Instant,
    silence_limit: Duration,
    /// What is said on each new socket.
    greeting: Vec<Request>,
    /// When what the service has given up is asked for again: places in the greeting.
    again: BTreeMap<usize, Instant>,
    attended: BTreeMap<String, View>,
    /// Sessions that are attended or once were.
    known: BTreeSet<String>,
    outbox: Outbox,
    commands: u64,
}

/// The connection.
#[derive(Debug)]
enum Line {
    /// None, until then.
    Waiting(Instant),
    /// About to be.
    Connecting(JoinHandle<Result<Opened, Ended>>),
    /// There.
    Open(Box<Socket>),
}

#[derive(Debug)]
struct Opened {
    socket: Socket,
    token: String,
    profile: Option<Profile>,
    silence_limit: Duration,
}

/// A session that is attended, or wanted.
#[derive(Debug)]
struct View {
    epoch: String,
    last: u64,
    joined: bool,
    again: Option<Instant>,
    failures: u32,
}

/// What a browser tells its user.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is looked at where it is made"
)]
pub enum News {
    /// A frame came in, and what a page does with it is done.
    Frame(Frame),
    /// A moment has passed.
    Tick,
}

impl Browser {
    /// A browser of somebody with a token. It connects when it is first asked for news.
    #[must_use]
    pub fn new(scene: &Arc<Scene>, who: String, role: Role, token: String) -> Self {
        let now = Instant::now();
        Self {
            dice: scene.dice(&who),
            who,
            scene: Arc::clone(scene),
            profile: None,
            role,
            token,
            renewed: now,
            renew_first: false,
            line: Line::Waiting(now),
            failures: 0,
            heard: now,
            pinged: now,
            silence_limit: Duration::from_secs(50),
            greeting: Vec::new(),
            again: BTreeMap::new(),
            attended: BTreeMap::new(),
            known: BTreeSet::new(),
            outbox: Outbox::default(),
            commands: 0,
        }
    }

    /// Says something on each new socket.
    pub fn greet(&mut self, frame: Request) {
        self.greeting.push(frame);
    }

    /// Writes a line into the history.
    pub fn record(&self, what: What) {
        self.scene.recorder.write(&self.who, what);
    }

    /// Does something in a session, again and again until it is settled.
    pub fn act(&mut self, session: &str, deed: Deed) {
        self.commands += 1;
        let command = format!("{}-{}", self.who, self.commands);
        let warning = self
            .profile
            .as_ref()
            .and_then(|profile| profile.conference_warning.as_ref());
        let warning = warning.map_or("", |warning| &warning.version);
        self.outbox
            .push(act(&command, session, &deed, warning), deed.clone());
        self.record(What::Invoke {
            session: session.to_owned(),
            command,
            deed,
        });
    }

    /// How many acts in a session are not settled.
    #[must_use]
    pub fn unsettled(&self, session: &str) -> usize {
        self.outbox.count(session)
    }

    /// Whether nothing at all is unsettled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outbox.is_empty()
    }

    /// The last position that was shown of a session.
    #[must_use]
    pub fn position(&self, session: &str) -> u64 {
        self.attended.get(session).map_or(0, |view| view.last)
    }

    /// Takes part in a session from its beginning on.
    pub async fn attend(&mut self, session: &str) {
        let view = View {
            epoch: String::new(),
            last: 0,
            joined: false,
            again: None,
            failures: 0,
        };
        self.known.insert(session.to_owned());
        self.attended.entry(session.to_owned()).or_insert(view);
        self.join(session).await;
    }

    /// Takes part in a session no longer.
    pub async fn release(&mut self, session: &str) {
        if self.attended.remove(session).is_some() {
            self.record(What::Detached {
                session: session.to_owned(),
                reason: String::new(),
            });
            let session_id = session.to_owned();
            self.send(Request::Detach(Detach { session_id })).await;
        }
    }

    /// Closes the socket.
    pub fn close(&mut self) {
        self.line = Line::Waiting(Instant::now() + Duration::from_secs(3_600));
        self.record(What::Closed { code: Some(1000) });
    }

    /// Waits for the next news. Comes back after a moment at the latest.
    pub async fn next(&mut self) -> News {
        let tick = Instant::now() + TICK;
        self.send_due().await;
        loop {
            match &mut self.line {
                Line::Waiting(until) => {
                    let until = *until;
                    if until > tick {
                        sleep_until(tick).await;
                        return News::Tick;
                    }
                    sleep_until(until).await;
                    self.connect();
                }
                Line::Connecting(task) => {
                    let opened = select! {
                        opened = task => opened.unwrap_or(Err(BROKEN)),
                        () = sleep_until(tick) => return News::Tick,
                    };
                    match opened {
                        Ok(opened) => self.opened(opened).await,
                        Err(ended) => self.lost(ended),
                    }
                }
                Line::Open(socket) => {
                    let frame = select! {
                        frame = socket.receive() => frame,
                        () = sleep_until(tick) => {
                            self.tick().await;
                            return News::Tick;
                        }
                    };
                    match frame {
                        Ok((frame, bytes)) => {
                            self.guard(&bytes);
                            self.heard = Instant::now();
                            if let Some(frame) = self.take(frame).await {
                                return News::Frame(frame);
                            }
                        }
                        Err(ended) => self.lost(ended),
                    }
                }
            }
        }
    }

    fn connect(&mut self) {
        let gateway = self.dice.pick(&self.scene.gateways).copied();
        let token = self.token.clone();
        let renew = self.renew_first || self.renewed.elapsed() > RENEW_AFTER;
        self.line = Line::Connecting(tokio::spawn(async move {
            open(gateway.ok_or(BROKEN)?, token, renew).await
        }));
    }

    async fn opened(&mut self, opened: Opened) {
        if opened.token != self.token {
            self.renewed = Instant::now();
        }
        self.token = opened.token;
        self.renew_first = false;
        self.profile = opened.profile.or(self.profile.take());
        self.silence_limit = opened.silence_limit;
        self.line = Line::Open(Box::new(opened.socket));
        self.failures = 0;
        self.heard = Instant::now();
        self.again.clear();
        for frame in self.greeting.clone() {
            self.send(frame).await;
        }
        let sessions: Vec<String> = self.attended.keys().cloned().collect();
        for session in sessions {
            self.join(&session).await;
        }
        if self.scene.is_mischievous() {
            for act in self.outbox.settled() {
                self.send(Request::Act(act)).await;
            }
        }
        self.outbox.renew(None);
        self.send_due().await;
    }

    fn lost(&mut self, ended: Ended) {
        if matches!(self.line, Line::Open(_)) {
            self.record(What::Closed { code: ended.code });
        }
        self.renew_first |= ended.code == Some(4401);
        let mean = Duration::from_millis(200) * 2_u32.saturating_pow(self.failures.min(8));
        self.failures += 1;
        let wait = ended.retry.unwrap_or(mean).min(LONGEST_WAIT);
        self.line = Line::Waiting(Instant::now() + self.dice.around(wait));
        for view in self.attended.values_mut() {
            view.joined = false;
            view.again = None;
        }
    }

    /// What is due though nothing was heard.
    async fn tick(&mut self) {
        let now = Instant::now();
        let silence = now - self.heard;
        if silence > self.silence_limit {
            return self.lost(BROKEN);
        }
        if silence > self.silence_limit / 2 && now - self.pinged > self.silence_limit / 4 {
            self.pinged = now;
            self.send(Request::Ping(Ping { number: 1 })).await;
        }
        if self.renewed.elapsed() > RENEW_AFTER {
            // If it is not answered, the next socket begins with a renewal.
            self.renewed = now;
            self.renew_first = true;
            self.send(Request::RenewToken(RenewToken {})).await;
        }
        let due = self.again.extract_if(.., |_, again| *again <= now);
        for place in due.map(|(place, _)| place).collect::<Vec<_>>() {
            self.send(self.greeting[place].clone()).await;
        }
        let due = self.attended.iter();
        let due = due.filter(|(_, view)| view.again.is_some_and(|again| again <= now));
        let due: Vec<String> = due.map(|(session, _)| session.clone()).collect();
        for session in due {
            self.join(&session).await;
            self.outbox.renew(Some(&session));
        }
        self.send_due().await;
    }

    async fn join(&mut self, session: &str) {
        let Some(view) = self.attended.get_mut(session) else {
            return;
        };
        view.again = None;
        view.joined = false;
        let after = (!view.epoch.is_empty()).then(|| Position {
            epoch: view.epoch.clone(),
            number: view.last,
        });
        let session_id = session.to_owned();
        self.send(Request::Attend(Attend { session_id, after }))
            .await;
    }

    async fn send_due(&mut self) {
        if !matches!(self.line, Line::Open(_)) {
            return;
        }
        let twice = self.scene.is_mischievous();
        // What is sent while a session is not attended is carried out apart from what was sent on it before, and could
        // overtake it.
        let attended = &self.attended;
        let detached = |session: &str| {
            attended
                .get(session)
                .is_some_and(|view| view.again.is_some())
        };
        for act in self.outbox.due(Instant::now(), detached) {
            if twice {
                self.send(Request::Act(act.clone())).await;
            }
            self.send(Request::Act(act)).await;
        }
    }

    /// Sends a frame. Without a connection it is dropped: what must not be lost is in the outbox.
    pub async fn send(&mut self, frame: Request) {
        if let Line::Open(socket) = &mut self.line
            && let Err(ended) = socket.send(frame).await
        {
            self.lost(ended);
        }
    }

    /// Looks for what no patron may be sent, in the bytes themselves.
    fn guard(&self, bytes: &[u8]) {
        let canary = CANARY.as_bytes();
        if self.role == Role::Patron && bytes.windows(canary.len()).any(|bytes| bytes == canary) {
            self.record(What::Leak {
                canary: CANARY.to_owned(),
            });
        }
    }

    /// Does with a frame what a page does with it. Returns it unless it is to be taken for not received.
    async fn take(&mut self, frame: Frame) -> Option<Frame> {
        match &frame {
            Frame::Attending(attending) => {
                let joined = attending.joined.clone().unwrap_or_default();
                self.joined(&attending.session_id, &joined);
            }
            Frame::Event(event) => {
                let shown = event.event.clone().unwrap_or_default();
                if !self.event(&event.session_id, &shown) {
                    return None;
                }
            }
            Frame::Head(head) => {
                let missing = self.attended.get(&head.session_id);
                let missing = missing.is_some_and(|view| view.joined && view.last < head.number);
                if missing {
                    self.join(&head.session_id).await;
                }
            }
            Frame::Accepted(accepted) => {
                self.record(What::Ok {
                    session: accepted.session_id.clone(),
                    command: accepted.command_id.clone(),
                    position: accepted.position,
                    replayed: accepted.replayed,
                });
                let settled = self.outbox.settle(&accepted.command_id);
                if let Some(Deed::Message(text) | Deed::Note(text)) = settled {
                    self.scene.acknowledged.fetch_add(1, Ordering::Relaxed);
                    if let (Role::Patron, Some(sent)) = (self.role, words::sent_at(&text)) {
                        self.scene.pulse.acknowledged(&accepted.session_id, sent);
                    }
                }
            }
            Frame::Refused(refused) => {
                let refusal = refused.refusal.clone().unwrap_or_default();
                self.refused(&refused.command_id, &refused.session_id, &refusal);
            }
            Frame::Detached(detached) => {
                let refusal = detached.refusal.clone().unwrap_or_default();
                self.detached(&detached.session_id, &refusal);
            }
            Frame::Renewed(renewed) => {
                if let Some(token) = &renewed.token {
                    self.token.clone_from(&token.access_token);
                    self.renewed = Instant::now();
                    self.renew_first = false;
                }
            }
            _ => {}
        }
        Some(frame)
    }

    fn joined(&mut self, session: &str, joined: &Joined) {
        let Some(view) = self.attended.get_mut(session) else {
            return;
        };
        if let Some(head) = &joined.head {
            view.epoch.clone_from(&head.epoch);
        }
        if joined.resync {
            view.last = 0;
        }
        view.joined = true;
        view.failures = 0;
        let audience = match joined.audience() {
            WireAudience::Staff => Audience::Staff,
            _ => Audience::Patron,
        };
        self.record(What::Attending {
            session: session.to_owned(),
            audience,
            resync: joined.resync,
        });
    }

    /// Takes up an event, unless it is of a stream that was given up.
    fn event(&mut self, session: &str, event: &SessionEvent) -> bool {
        let Some(view) = self.attended.get_mut(session) else {
            return false;
        };
        if !view.joined {
            return false;
        }
        view.last = event.position;
        self.record(What::Event {
            session: session.to_owned(),
            position: event.position,
            seen: seen(event),
        });
        true
    }

    fn refused(&mut self, command: &str, session: &str, refusal: &Refusal) {
        let code = refusal.code;
        let reason = refusal.reason.clone();
        self.renew_first |= code == UNAUTHENTICATED;
        if command.is_empty() {
            let request = refusal.metadata.get("request").map_or("", String::as_str);
            if !is_definite(code) || code == UNAUTHENTICATED {
                let retry = Duration::from_millis(refusal.retry_after_ms.into()).max(ASK_AGAIN);
                let places = self.greeting.iter().enumerate();
                let given_up = places.filter(|(_, frame)| name_of(frame) == request);
                let again = given_up.map(|(place, _)| (place, Instant::now() + retry));
                self.again.extend(again);
            }
            return;
        }
        let command = command.to_owned();
        // Of the definite ones, these two pass: one with patience, one with a fresh token.
        if is_definite(code) && !matches!(code, RESOURCE_EXHAUSTED | UNAUTHENTICATED) {
            if self.outbox.settle(&command).is_some() {
                self.record(What::Fail {
                    session: session.to_owned(),
                    command,
                    code,
                    reason,
                });
            }
            return;
        }
        let retry = Duration::from_millis(refusal.retry_after_ms.into());
        let retry = (!retry.is_zero()).then_some(retry);
        self.outbox.wait(&command, retry, Instant::now());
        self.record(What::Unknown {
            command,
            code,
            reason,
        });
    }

    fn detached(&mut self, session: &str, refusal: &Refusal) {
        let Some(view) = self.attended.get_mut(session) else {
            return;
        };
        view.joined = false;
        self.renew_first |= refusal.code == UNAUTHENTICATED;
        let comes_back = !is_definite(refusal.code)
            || refusal.code == UNAUTHENTICATED
            || refusal.reason == "TOO_SLOW";
        if comes_back {
            let wait = Duration::from_millis(100) * 2_u32.saturating_pow(view.failures.min(6));
            view.failures += 1;
            let retry = Duration::from_millis(refusal.retry_after_ms.into());
            view.again = Some(Instant::now() + wait.min(LONGEST_WAIT).max(retry));
        } else {
            self.attended.remove(session);
        }
        self.record(What::Detached {
            session: session.to_owned(),
            reason: refusal.reason.clone(),
        });
    }

    /// Whether a session is attended, or about to be.
    #[must_use]
    pub fn attends(&self, session: &str) -> bool {
        self.attended.contains_key(session)
    }

    /// Whether a session was ever attended.
    #[must_use]
    pub fn knows(&self, session: &str) -> bool {
        self.known.contains(session)
    }

    /// Whether something is unsettled in a session.
    #[must_use]
    pub fn is_busy(&self, session: &str) -> bool {
        self.outbox.holds(session)
    }
}

const RESOURCE_EXHAUSTED: i32 = 8;
const UNAUTHENTICATED: i32 = 16;

/// Whether a code says that it did not happen and never will.
fn is_definite(code: i32) -> bool {
    matches!(
        code,
        3 | 5 | 6 | 7 | RESOURCE_EXHAUSTED | 9 | UNAUTHENTICATED
    )
}

/// The name of a request that is not a command, as a refusal of it has it.
fn name_of(frame: &Request) -> &'static str {
    match frame {
        Request::Watch(_) => "watch",
        Request::WatchDesk(_) => "watch_desk",
        Request::Announce(_) => "announce",
        _ => "",
    }
}

async fn open(gateway: SocketAddr, mut token: String, renew: bool) -> Result<Opened, Ended> {
    if renew {
        let renewed = http::renew(gateway, &token).await.map_err(|_| Ended {
            // Tried again with the next connection.
            code: Some(4401),
            retry: None,
        })?;
        token = renewed.token.ok_or(BROKEN)?.access_token;
    }
    let (socket, welcome) = Socket::open(gateway, &token).await?;
    Ok(Opened {
        socket,
        token,
        profile: welcome.profile,
        silence_limit: Duration::from_millis(welcome.silence_limit_ms.into()),
    })
}
