//! One socket of the swarm: connects, stays, and resumes from its last position when it is lost.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use carrel_proto::{
    gateway::v1::{OpenSession, act, server_frame::Frame},
    session::v1::{Position, SessionEvent, session_event::Payload},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::tally::Tally;
use crate::{
    people::socket::{BROKEN, Ended, Socket},
    seed::Dice,
};

/// How long to wait on average after a failed try.
const PAUSE: Duration = Duration::from_millis(500);

/// A patron, who may have several sockets open.
#[derive(Clone, Debug)]
pub(super) struct Patron {
    pub(super) token: String,
    pub(super) session: String,
    /// The message that is written to them while they are away.
    pub(super) news: String,
}

/// One socket.
pub(super) struct Member {
    pub(super) patron: Arc<Patron>,
    pub(super) gateways: Vec<SocketAddr>,
    pub(super) dice: Dice,
    pub(super) tally: Arc<Tally>,
    /// Limits how many sockets connect for the first time at once.
    pub(super) door: Arc<Semaphore>,
    /// The last position that it was shown.
    pub(super) position: Option<Position>,
}

impl Member {
    /// Connects and stays until it is dropped.
    pub(super) async fn stay(mut self) {
        // Since when it has been away, after it was there.
        let mut away = None;
        loop {
            let ended = match self.connect(away.is_some()).await {
                Ok(socket) => self.listen(socket, &mut away).await,
                Err(ended) => ended,
            };
            let pause = ended.retry.unwrap_or(PAUSE);
            sleep(self.dice.around(pause)).await;
        }
    }

    async fn connect(&mut self, again: bool) -> Result<Socket, Ended> {
        let gateway = self.dice.pick(&self.gateways).copied();
        let gateway = gateway.ok_or(BROKEN)?;
        let door = Arc::clone(&self.door);
        // Only first connections wait in line: a socket that comes back does so at once.
        let _turn = match again {
            false => door.acquire().await.ok(),
            true => None,
        };
        let (mut socket, _) = Socket::open(gateway, &self.patron.token).await?;
        let session = &self.patron.session;
        if self.position.is_none() {
            let open = OpenSession {
                question: "Are you all there?".to_owned(),
                ..OpenSession::default()
            };
            // All sockets of a patron send the same command, which takes effect once.
            socket
                .act(session, "open", act::Act::OpenSession(open))
                .await?;
            let accepted = |frame| match frame {
                Frame::Accepted(_) => Some(()),
                _ => None,
            };
            socket.wait_for(accepted).await?;
        }
        socket.attend(session, self.position.clone()).await?;
        Ok(socket)
    }

    /// Listens until the socket ends.
    async fn listen(&mut self, mut socket: Socket, away: &mut Option<Instant>) -> Ended {
        let mut there = false;
        let ended = loop {
            match socket.next().await {
                Ok(Frame::Attending(attending)) => {
                    let joined = attending.joined.unwrap_or_default();
                    if joined.resync {
                        self.tally.wrong("a history was replaced");
                    }
                    let epoch = joined.head.unwrap_or_default().epoch;
                    let beginning = Position { epoch, number: 0 };
                    self.position.get_or_insert(beginning);
                    there = true;
                    self.tally.there(away.take().map(|since| since.elapsed()));
                }
                Ok(Frame::Event(event)) => self.see(&event.event.unwrap_or_default()),
                Ok(Frame::Detached(detached)) => {
                    let refusal = detached.refusal.unwrap_or_default();
                    if std::mem::take(&mut there) {
                        *away = Some(Instant::now());
                        self.tally.gone();
                    }
                    self.tally.detached(&refusal.reason);
                    let pause = Duration::from_millis(refusal.retry_after_ms.into());
                    sleep(self.dice.around(pause.max(PAUSE))).await;
                    let session = &self.patron.session;
                    if let Err(ended) = socket.attend(session, self.position.clone()).await {
                        break ended;
                    }
                }
                Ok(_) => {}
                Err(ended) => break ended,
            }
        };
        if there {
            *away = Some(Instant::now());
            self.tally.gone();
        }
        ended
    }

    fn see(&mut self, event: &SessionEvent) {
        let Some(position) = &mut self.position else {
            return self.tally.wrong("an event came before the session");
        };
        if event.position != position.number + 1 {
            let what = format!("{} was shown after {}", event.position, position.number);
            self.tally.wrong(&what);
        }
        position.number = event.position;
        if matches!(&event.payload, Some(Payload::Message(message)) if message.text == self.patron.news)
        {
            self.tally.caught_up();
        }
    }
}
