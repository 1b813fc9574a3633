//! The program is killed in mid-conversation, at random points. I1, I2, I4, I5, I6, R4.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
};

use carrel_proto::{
    gateway::v1::server_frame::Frame,
    session::v1::{
        GetTranscriptRequest, OpenSessionRequest, PickUpSessionRequest, Position,
        session_event::Payload,
    },
};
use tokio::sync::watch;

use crate::{
    door::{Door, command_id, on_behalf},
    history::{Account, judge},
    process::Process,
    socket::{Ended, Socket, message},
};

/// How many acts of one client are under way at once.
const PIPELINE: usize = 4;

/// Limits that the clients here, who do not type but fire, would run into.
const SETTINGS: [(&str, &str); 2] = [
    ("CARREL_GATEWAY__SOCKET__FRAMES_PER_SECOND", "100000"),
    ("CARREL_GATEWAY__SOCKET__FRAMES_BURST", "100000"),
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_shows_twice() {
    let kills = std::env::var("CARREL_KILLS").map_or(10, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        tokio::task::block_in_place(|| Process::start(&folder.path().join("data"), &SETTINGS))
    };
    let mut process = start();
    let (patron, librarian) = begin(&process.door).await;
    let session_id = patron.session_id.clone();
    let staff_token = librarian.token.clone();

    let (doors, door) = watch::channel(Some(process.door.clone()));
    let (accepted, mut progress) = watch::channel(0);
    let (talk, talking) = watch::channel(true);
    let converse = |talker: Talker| {
        tokio::spawn(talker.converse(door.clone(), talking.clone(), accepted.clone()))
    };
    let talkers = [converse(patron), converse(librarian)];

    for _ in 0..kills {
        let enough = *progress.borrow() + random(12);
        progress.wait_for(|accepted| *accepted >= enough).await.unwrap();
        for _ in 0..random(400) {
            tokio::task::yield_now().await;
        }
        doors.send_replace(None);
        process.kill();
        process = start();
        doors.send_replace(Some(process.door.clone()));
    }
    let enough = *progress.borrow() + 20;
    progress.wait_for(|accepted| *accepted >= enough).await.unwrap();
    talk.send_replace(false);

    let request = GetTranscriptRequest {
        session_id,
        audience: 0,
    };
    let mut settled = Vec::new();
    for talker in talkers {
        settled.push(talker.await.unwrap());
    }
    let transcript = process
        .door
        .sessions()
        .get_transcript(on_behalf(&staff_token, request))
        .await
        .unwrap()
        .into_inner();
    let transcript: Vec<_> = transcript
        .events
        .into_iter()
        .map(|event| (event.position, text_of(event.payload)))
        .collect();
    let mut accounts = Vec::new();
    for mut talker in settled {
        talker.catch_up(&process.door, transcript.len()).await.unwrap();
        assert_eq!(talker.account.seen.len(), transcript.len());
        assert_eq!(talker.account.accepted.len(), talker.account.sent.len());
        accounts.push(talker.account);
    }
    assert_eq!(judge(&accounts, &transcript), Vec::<String>::new());
    assert!(process.terminate().success());
}

/// A patron and the librarian who picked them up.
async fn begin(door: &Door) -> (Talker, Talker) {
    let patron = door.admit("maple").await;
    let map = door.log_in("map@harbor").await;
    let open = OpenSessionRequest {
        command_id: command_id(),
        question: "How often can this be killed?".to_owned(),
        ..OpenSessionRequest::default()
    };
    let mut sessions = door.sessions();
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
    };
    (talker("patron", patron.token.clone()), talker("librarian", map))
}

/// A browser that talks on and on and comes back whenever it was cut off.
struct Talker {
    name: &'static str,
    token: String,
    session_id: String,
    epoch: Option<String>,
    /// Sent, and neither accepted nor refused yet: command ids and texts.
    pending: VecDeque<(String, String)>,
    account: Account,
}

impl Talker {
    /// Talks until it shall not, and all that it said is settled.
    async fn converse(
        mut self,
        mut door: watch::Receiver<Option<Door>>,
        mut talking: watch::Receiver<bool>,
        accepted: watch::Sender<u64>,
    ) -> Self {
        loop {
            let open = door.wait_for(Option::is_some).await.unwrap().clone();
            let Some(open) = open else { continue };
            match self.talk(&open, &mut talking, &accepted).await {
                Ok(()) => return self,
                // Not again before something changed, unless it was the gateway that asked us to come back.
                Err(Ended(None)) => door.changed().await.unwrap(),
                Err(Ended(Some(_))) => {}
            }
        }
    }

    async fn talk(
        &mut self,
        door: &Door,
        talking: &mut watch::Receiver<bool>,
        accepted: &watch::Sender<u64>,
    ) -> Result<(), Ended> {
        let mut socket = self.attend(door).await?;
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
                frame = socket.next() => self.take(frame?, accepted),
                _ = talking.changed() => {}
            }
        }
    }

    async fn attend(&self, door: &Door) -> Result<Socket, Ended> {
        let mut socket = Socket::open(door.http, &self.token).await?;
        let after = self.epoch.clone().map(|epoch| Position {
            epoch,
            number: self.account.seen.last().map_or(0, |(position, _)| *position),
        });
        socket.attend(&self.session_id, after).await?;
        Ok(socket)
    }

    /// Sees what it has not seen yet of `length` events.
    async fn catch_up(&mut self, door: &Door, length: usize) -> Result<(), Ended> {
        let mut socket = self.attend(door).await?;
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

/// A number below `limit`, another one each time.
fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(limit) % limit
}
