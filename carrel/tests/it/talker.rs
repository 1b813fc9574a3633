//! Two people who keep talking, and come back whenever their connection is lost.

use std::collections::VecDeque;

use carrel_proto::{
    gateway::v1::server_frame::Frame,
    session::v1::{
        GetTranscriptRequest, OpenSessionRequest, PickUpSessionRequest, Position,
        session_event::Payload,
    },
};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    access::{Access, command_id, on_behalf},
    history::{Account, judge},
    socket::{Ended, Socket, message},
};

/// How many acts a client has under way at once.
const PIPELINE: usize = 4;

/// Raises the limits that these clients would exceed, which send far faster than people type.
pub(crate) const SETTINGS: [(&str, &str); 2] = [
    ("CARREL_GATEWAY__SOCKET__FRAMES_PER_SECOND", "100000"),
    ("CARREL_GATEWAY__SOCKET__FRAMES_BURST", "100000"),
];

/// How to reach a Carrel, and how many there were so far: two in succession may have the same port.
#[derive(Clone)]
struct Opened(Access, u64);

/// A patron and a librarian in one session.
pub(crate) struct Conversation {
    reachable: watch::Sender<Option<Opened>>,
    talk: watch::Sender<bool>,
    accepted: watch::Receiver<u64>,
    /// The number of the Carrel at which each of them attends the session.
    attending: [watch::Receiver<u64>; 2],
    opened: u64,
    talkers: [JoinHandle<Talker>; 2],
    session_id: String,
    staff_token: String,
}

impl Conversation {
    /// Starts the conversation.
    pub(crate) async fn begin(access: &Access) -> Self {
        let (patron, librarian) = meet(access).await;
        let session_id = patron.session_id.clone();
        let staff_token = librarian.token.clone();
        let opened = 1;
        let (reachable, open) = watch::channel(Some(Opened(access.clone(), opened)));
        let (accept, accepted) = watch::channel(0);
        let (talk, talking) = watch::channel(true);
        let attending = [&patron, &librarian].map(|talker| talker.attending.subscribe());
        let converse = |talker: Talker| {
            tokio::spawn(talker.converse(open.clone(), talking.clone(), accept.clone()))
        };
        Self {
            reachable,
            talk,
            accepted,
            attending,
            opened,
            talkers: [converse(patron), converse(librarian)],
            session_id,
            staff_token,
        }
    }

    /// Waits until this many more messages were accepted.
    pub(crate) async fn accepted(&mut self, more: u64) {
        let enough = *self.accepted.borrow() + more;
        self.accepted
            .wait_for(|accepted| *accepted >= enough)
            .await
            .unwrap();
    }

    /// Waits until both attend the session at the Carrel that was opened last: the messages that `accepted` counts
    /// may all be from one of them.
    pub(crate) async fn both_attend(&mut self) {
        for attending in &mut self.attending {
            attending
                .wait_for(|number| *number == self.opened)
                .await
                .unwrap();
        }
    }

    /// Tells them not to try to come back for now.
    pub(crate) fn shut(&self) {
        self.reachable.send_replace(None);
    }

    /// Tells them at which Carrel they can go on.
    pub(crate) fn open(&mut self, access: &Access) {
        self.opened += 1;
        self.reachable
            .send_replace(Some(Opened(access.clone(), self.opened)));
    }

    /// Lets them settle the acts under way, and judges the conversation. Returns how each of their sockets ended.
    pub(crate) async fn settle(self, access: &Access) -> Vec<Ended> {
        self.talk.send_replace(false);
        let mut talkers = Vec::new();
        for talker in self.talkers {
            talkers.push(talker.await.unwrap());
        }
        let transcript = transcript(access, &self.staff_token, self.session_id).await;
        let (mut accounts, mut ends) = (Vec::new(), Vec::new());
        for mut talker in talkers {
            talker.catch_up(access, transcript.len()).await.unwrap();
            assert_eq!(talker.account.seen.len(), transcript.len());
            assert_eq!(talker.account.accepted.len(), talker.account.sent.len());
            accounts.push(talker.account);
            ends.extend(talker.ends);
        }
        assert_eq!(judge(&accounts, &transcript), Vec::<String>::new());
        ends
    }
}

async fn transcript(access: &Access, token: &str, session_id: String) -> Vec<(u64, String)> {
    let request = GetTranscriptRequest {
        session_id,
        audience: 0,
    };
    let answer = access
        .sessions()
        .get_transcript(on_behalf(token, request))
        .await
        .unwrap();
    let events = answer.into_inner().events.into_iter();
    events
        .map(|event| (event.position, text_of(event.payload)))
        .collect()
}

/// Opens a session, and returns its patron and the librarian who picked them up.
async fn meet(access: &Access) -> (Talker, Talker) {
    let patron = access.admit("maple").await;
    let map = access.log_in("map@harbor").await;
    let open = OpenSessionRequest {
        command_id: command_id(),
        question: "How often can this be killed?".to_owned(),
        ..OpenSessionRequest::default()
    };
    let mut sessions = access.sessions();
    sessions
        .open_session(on_behalf(&patron.token, open))
        .await
        .unwrap();
    let pick_up = PickUpSessionRequest {
        command_id: command_id(),
        session_id: patron.session_id.clone(),
    };
    sessions
        .pick_up_session(on_behalf(&map, pick_up))
        .await
        .unwrap();
    let talker = |name, token| Talker {
        name,
        token,
        session_id: patron.session_id.clone(),
        epoch: None,
        pending: VecDeque::new(),
        account: Account::default(),
        attending: watch::Sender::new(0),
        ends: Vec::new(),
    };
    (
        talker("patron", patron.token.clone()),
        talker("librarian", map),
    )
}

/// A browser that keeps talking, and comes back whenever its connection is lost.
struct Talker {
    name: &'static str,
    token: String,
    session_id: String,
    epoch: Option<String>,
    /// Messages sent, and neither accepted nor refused yet: command ids and texts.
    pending: VecDeque<(String, String)>,
    account: Account,
    attending: watch::Sender<u64>,
    /// How each of its sockets ended.
    ends: Vec<Ended>,
}

impl Talker {
    /// Talks until it is told to stop, and until everything that it sent is settled.
    async fn converse(
        mut self,
        mut access: watch::Receiver<Option<Opened>>,
        mut talking: watch::Receiver<bool>,
        accepted: watch::Sender<u64>,
    ) -> Self {
        loop {
            let open = access.wait_for(Option::is_some).await.unwrap().clone();
            let Some(open) = open else { continue };
            let Err(ended) = self.talk(&open, &mut talking, &accepted).await else {
                return self;
            };
            self.ends.push(ended);
            access.changed().await.unwrap();
        }
    }

    async fn talk(
        &mut self,
        Opened(access, opened): &Opened,
        talking: &mut watch::Receiver<bool>,
        accepted: &watch::Sender<u64>,
    ) -> Result<(), Ended> {
        let mut socket = self.attend(access).await?;
        for (command_id, text) in &self.pending {
            socket
                .act(&self.session_id, command_id, message(text))
                .await?;
        }
        loop {
            let talk = *talking.borrow_and_update();
            if !talk && self.pending.is_empty() {
                return Ok(());
            }
            if talk && self.pending.len() < PIPELINE {
                let text = format!("{} {}", self.name, self.account.sent.len() + 1);
                let command_id = format!("{}-{}", self.name, self.account.sent.len() + 1);
                self.account.sent.push(text.clone());
                self.pending.push_back((command_id.clone(), text.clone()));
                socket
                    .act(&self.session_id, &command_id, message(text))
                    .await?;
                continue;
            }
            tokio::select! {
                frame = socket.next() => {
                    let frame = frame?;
                    if matches!(frame, Frame::Attending(_)) {
                        self.attending.send_replace(*opened);
                    }
                    self.take(frame, accepted);
                }
                _ = talking.changed() => {}
            }
        }
    }

    async fn attend(&self, access: &Access) -> Result<Socket, Ended> {
        let (mut socket, _) = Socket::open(access.http, &self.token).await?;
        let after = self.epoch.clone().map(|epoch| Position {
            epoch,
            number: self
                .account
                .seen
                .last()
                .map_or(0, |(position, _)| *position),
        });
        socket.attend(&self.session_id, after).await?;
        Ok(socket)
    }

    /// Receives those of the first `length` events that it has not received yet.
    async fn catch_up(&mut self, access: &Access, length: usize) -> Result<(), Ended> {
        let mut socket = self.attend(access).await?;
        let (accepted, _) = watch::channel(0);
        while self.account.seen.len() < length {
            self.take(socket.next().await?, &accepted);
        }
        Ok(())
    }

    fn take(&mut self, frame: Frame, accepted: &watch::Sender<u64>) {
        match frame {
            Frame::Attending(attending) => {
                let joined = attending.joined.unwrap();
                assert!(!joined.resync, "its history was replaced");
                self.epoch = Some(joined.head.unwrap().epoch);
            }
            Frame::Event(event) => {
                let event = event.event.unwrap();
                let text = text_of(event.payload);
                self.account.seen.push((event.position, text));
            }
            Frame::Accepted(outcome) => {
                let place = self
                    .pending
                    .iter()
                    .position(|(command_id, _)| *command_id == outcome.command_id);
                let Some(place) = place else { return };
                let (_, text) = self.pending.remove(place).unwrap();
                self.account.accepted.insert(text, outcome.position);
                accepted.send_modify(|count| *count += 1);
            }
            Frame::Refused(refused) => panic!("{} was refused: {refused:?}", self.name),
            _ => {}
        }
    }
}

fn text_of(payload: Option<Payload>) -> String {
    match payload {
        Some(Payload::Message(message)) => message.text,
        _ => String::new(),
    }
}
