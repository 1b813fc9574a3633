//! The browser's connection: made, lost, and made again after a pause.

use std::{net::SocketAddr, time::Duration};

use carrel_proto::{directory::v1::Profile, gateway::v1::client_frame::Frame as Request};
use tokio::{task::JoinHandle, time::Instant};

use super::{
    super::{
        http,
        socket::{BROKEN, Ended, Socket},
    },
    Browser, LONGEST_WAIT, RENEW_AFTER,
};
use crate::history::What;

/// The state of the connection.
#[derive(Debug)]
pub(super) enum Line {
    /// There is none until this time.
    Waiting(Instant),
    /// It is being made.
    Connecting(JoinHandle<Result<Opened, Ended>>),
    /// It is open.
    Open(Box<Socket>),
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) socket: Socket,
    pub(super) token: String,
    pub(super) profile: Option<Profile>,
    pub(super) silence_limit: Duration,
}

impl Browser {
    pub(super) fn connect(&mut self) {
        let gateway = self.dice.pick(&self.shared.gateways).copied();
        let token = self.token.clone();
        let renew = self.renew_first || self.renewed.elapsed() > RENEW_AFTER;
        self.line = Line::Connecting(tokio::spawn(async move {
            open(gateway.ok_or(BROKEN)?, token, renew).await
        }));
    }

    pub(super) async fn opened(&mut self, opened: Opened) {
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
        if self.shared.is_mischievous() {
            for act in self.outbox.settled() {
                self.send(Request::Act(act)).await;
            }
        }
        self.outbox.renew(None);
        self.send_due().await;
    }

    pub(super) fn lost(&mut self, ended: Ended) {
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
}

async fn open(gateway: SocketAddr, mut token: String, renew: bool) -> Result<Opened, Ended> {
    if renew {
        let renewed = http::renew(gateway, &token).await.map_err(|_| Ended {
            // The renewal is tried again with the next connection.
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
