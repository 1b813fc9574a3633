//! What a page does to keep its user in the conversation: it reconnects, resumes from its positions, and sends acts
//! again until their outcome is known.

mod answers;
mod connection;
mod views;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use carrel_proto::{
    directory::v1::Profile,
    gateway::v1::{Ping, RenewToken, client_frame::Frame as Request, server_frame::Frame},
};
use tokio::{
    select,
    time::{Instant, sleep_until},
};

use self::{connection::Line, views::View};
use super::{
    SharedState,
    outbox::{Outbox, act},
    socket::BROKEN,
};
use crate::{
    history::{Action, Role, What},
    seed::Dice,
};

/// How often a browser checks what is due.
const TICK: Duration = Duration::from_millis(50);
/// The age at which a token is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(240);
/// The longest wait between two tries to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A browser and its user.
#[derive(Debug)]
pub struct Browser {
    /// The user's name in the history.
    pub who: String,
    /// The state shared by all people.
    pub shared: Arc<SharedState>,
    /// The user's dice.
    pub dice: Dice,
    /// A librarian's profile, once it is known.
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
    /// The requests that are sent on each new socket.
    greeting: Vec<Request>,
    /// When requests of the greeting that the service gave up are sent again, by their index in the greeting.
    again: BTreeMap<usize, Instant>,
    attended: BTreeMap<String, View>,
    /// Sessions that are attended or were once.
    known: BTreeSet<String>,
    outbox: Outbox,
    commands: u64,
}

/// What a browser reports to its user.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is looked at where it is made"
)]
pub enum News {
    /// A frame arrived, and has been handled as a page handles it.
    Frame(Frame),
    /// Some time has passed.
    Tick,
}

impl Browser {
    /// Creates the browser of a user with a token. It connects on the first call of [`Browser::next`].
    #[must_use]
    pub fn new(shared: &Arc<SharedState>, who: String, role: Role, token: String) -> Self {
        let now = Instant::now();
        Self {
            dice: shared.dice(&who),
            who,
            shared: Arc::clone(shared),
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

    /// Adds a request that is sent on each new socket.
    pub fn greet(&mut self, frame: Request) {
        self.greeting.push(frame);
    }

    /// Writes a line into the history.
    pub fn record(&self, what: What) {
        self.shared.recorder.write(&self.who, what);
    }

    /// Sends an act in a session, again and again until it is settled.
    pub fn act(&mut self, session: &str, action: Action) {
        self.commands += 1;
        let command = format!("{}-{}", self.who, self.commands);
        let warning = self
            .profile
            .as_ref()
            .and_then(|profile| profile.conference_warning.as_ref());
        let warning = warning.map_or("", |warning| &warning.version);
        self.outbox
            .push(act(&command, session, &action, warning), action.clone());
        self.record(What::Invoke {
            session: session.to_owned(),
            command,
            action,
        });
    }

    /// Returns how many acts in a session are not settled.
    #[must_use]
    pub fn unsettled(&self, session: &str) -> usize {
        self.outbox.count(session)
    }

    /// Returns whether no act is unsettled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Closes the socket.
    pub fn close(&mut self) {
        self.line = Line::Waiting(Instant::now() + Duration::from_secs(3_600));
        self.record(What::Closed { code: Some(1000) });
    }

    /// Waits for the next news. Returns after a short while at the latest.
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

    /// Does what is due without any news.
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
            // If this is not answered, the next socket begins with a renewal.
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
        }
        self.send_due().await;
    }

    async fn send_due(&mut self) {
        if !matches!(self.line, Line::Open(_)) {
            return;
        }
        let twice = self.shared.is_mischievous();
        // An act that is sent while its session is not attended is carried out apart from those sent on the stream
        // before, and could overtake them.
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

    /// Sends a frame. Without a connection the frame is dropped: what must not be lost is in the outbox.
    pub async fn send(&mut self, frame: Request) {
        if let Line::Open(socket) = &mut self.line
            && let Err(ended) = socket.send(frame).await
        {
            self.lost(ended);
        }
    }

    /// Returns whether an act in a session is unsettled.
    #[must_use]
    pub fn is_busy(&self, session: &str) -> bool {
        self.outbox.holds(session)
    }
}
