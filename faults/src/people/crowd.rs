//! Many sockets that only stay connected and come back: the load that a restarted gateway has to take in at once.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{http, socket::Socket};
use crate::seed::Dice;

/// How often it is checked whether all are back.
const LOOK: Duration = Duration::from_millis(50);

/// A crowd of patrons who have been let in and have not asked yet. Dropping it disconnects them.
#[derive(Debug)]
pub struct Crowd {
    there: Arc<AtomicUsize>,
    size: usize,
    _tasks: JoinSet<()>,
}

impl Crowd {
    /// Lets in `size` patrons.
    #[must_use]
    pub fn gather(
        gateways: &[SocketAddr],
        institution_id: &str,
        size: usize,
        dice: &mut Dice,
    ) -> Self {
        let there = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..size {
            let gateways = gateways.to_vec();
            let dice = Dice::new(dice.number());
            let institution_id = institution_id.to_owned();
            tasks.spawn(stay(gateways, institution_id, Arc::clone(&there), dice));
        }
        Self {
            there,
            size,
            _tasks: tasks,
        }
    }

    /// Returns how many are connected.
    #[must_use]
    pub fn there(&self) -> usize {
        self.there.load(Ordering::Relaxed)
    }

    /// Waits until all are connected. Returns whether they were within `patience`.
    pub async fn is_complete(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.there() < self.size {
            if Instant::now() > until {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }
}

/// Runs one member of the crowd.
async fn stay(
    gateways: Vec<SocketAddr>,
    institution_id: String,
    there: Arc<AtomicUsize>,
    mut dice: Dice,
) {
    let mut token = None;
    loop {
        let Some(gateway) = dice.pick(&gateways).copied() else {
            return;
        };
        if token.is_none() {
            let admitted = http::admit(gateway, &institution_id).await;
            token = admitted.ok().and_then(|admitted| admitted.token);
        }
        let mut pause = Duration::from_millis(500);
        if let Some(held) = &token
            && let Ok((mut socket, _)) = Socket::open(gateway, &held.access_token).await
        {
            there.fetch_add(1, Ordering::Relaxed);
            let ended = loop {
                if let Err(ended) = socket.next().await {
                    break ended;
                }
            };
            there.fetch_sub(1, Ordering::Relaxed);
            if ended.code == Some(4401) {
                token = None;
            }
            pause = ended.retry.unwrap_or(pause);
        }
        sleep(dice.around(pause)).await;
    }
}
