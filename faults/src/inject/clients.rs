//! Faults of browsers' connections, and misbehaviour of browsers.

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::{Context, bail};
use carrel_proto::gateway::v1::{OpenSession, act};
use carrel_proto::session::v1::PostMessage;
use tokio::{
    net::TcpSocket,
    time::{Instant, sleep},
};

use super::{Injected, Injector};
use crate::{
    cluster::{LIBRARIES, Route},
    people::{http, socket::Socket},
};

/// How many messages the history that the slow reader asks for has.
const HISTORY: usize = 120;
/// How often it asks for the whole history.
const ASKS_EVERY: Duration = Duration::from_millis(100);
/// How long the gateway may keep it: the time within which it must have sent something, and some more.
const BORNE_FOR: Duration = Duration::from_secs(60);
/// How small the slow reader's own buffer is, in bytes.
const BUFFER: u32 = 4_096;

impl Injector<'_> {
    /// Makes every existing browser connection deaf both ways. After `lasts`, all are reset.
    pub(super) async fn half_open_clients(&mut self, lasts: Duration) {
        self.cluster
            .proxies(Route::Client)
            .for_each(crate::proxy::Proxy::stall_existing);
        sleep(lasts).await;
        self.reset_clients();
    }

    /// Makes browsers send each act twice, and settled acts once more after each reconnection.
    pub(super) async fn mischief(&mut self, lasts: Duration) {
        self.shared.mischief.store(true, Ordering::Relaxed);
        for _ in 0..2 {
            self.wait(lasts / 2).await;
            self.reset_clients();
        }
        self.wait(lasts / 2).await;
        self.shared.mischief.store(false, Ordering::Relaxed);
    }

    fn reset_clients(&self) {
        self.cluster
            .proxies(Route::Client)
            .for_each(crate::proxy::Proxy::reset);
    }

    /// A patron with a long history asks for it again and again, and reads nothing. The gateway must close their
    /// socket. Whether anybody else suffers shows in the others' conversations.
    pub(super) async fn slow_consumer(&mut self) -> anyhow::Result<Injected> {
        let gateways = self.cluster.gateways();
        let gateway = self.dice.pick(&gateways).copied().context("no gateway")?;
        let library = self.dice.pick(&LIBRARIES).copied().unwrap_or_default();
        let admitted = http::practise(gateway, library).await?;
        let token = admitted.token.unwrap_or_default().access_token;
        let session = admitted.session_id;
        let tcp = TcpSocket::new_v4()?;
        tcp.set_recv_buffer_size(BUFFER)?;
        let tcp = tcp.connect(gateway).await?;
        let opened = Socket::open_on(tcp, gateway, &token).await;
        let (mut socket, _) = opened.map_err(|ended| anyhow::anyhow!("no socket: {ended:?}"))?;
        for number in 0..=HISTORY {
            let act = if number == 0 {
                act::Act::OpenSession(OpenSession {
                    question: "How much can you hold?".to_owned(),
                    ..OpenSession::default()
                })
            } else {
                act::Act::PostMessage(PostMessage {
                    text: "x".repeat(3_900),
                })
            };
            let sent = async {
                socket.act(&session, &number.to_string(), act).await?;
                socket.next().await
            };
            if let Err(ended) = sent.await {
                bail!("the slow reader's socket ended before it was slow: {ended:?}");
            }
        }
        let until = Instant::now() + BORNE_FOR;
        while Instant::now() < until {
            // The gateway closed the socket.
            if socket.attend(&session, None).await.is_err() {
                return Ok(Injected::Done);
            }
            sleep(ASKS_EVERY).await;
        }
        Ok(Injected::Wrong(format!(
            "a gateway bore with who read nothing for {BORNE_FOR:?}"
        )))
    }
}
