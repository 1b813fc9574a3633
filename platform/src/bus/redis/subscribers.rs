//! Keeps a subscription connection to each master, and replaces it when it fails.

use std::{collections::HashMap, sync::Arc};

use tokio_util::task::AbortOnDropHandle;

use super::{figures::Counters, subscriber::Subscriber, topics::Topics};
use crate::{
    backoff::Backoff,
    redis::{Address, Health, Nodes, Part, Report},
    seal::Keyring,
};

/// What all subscription connections share, cheap to clone.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) topics: Arc<Topics>,
    pub(super) nodes: Nodes,
    pub(super) keyring: Arc<Keyring>,
    pub(super) counters: Arc<Counters>,
    pub(super) health: Health,
}

/// Listens to the current masters, and to no other server.
pub(super) async fn listen(shared: Shared) {
    let mut map = shared.nodes.topology().watch();
    let mut tasks: HashMap<Address, AbortOnDropHandle<()>> = HashMap::new();
    loop {
        let now = Arc::clone(&map.borrow_and_update());
        let masters = now.masters();
        tasks.retain(|address, _| masters.contains(address));
        for address in masters {
            tasks.entry(address.clone()).or_insert_with(|| {
                let task = listen_to(address.clone(), shared.clone());
                AbortOnDropHandle::new(tokio::spawn(task))
            });
        }
        if map.changed().await.is_err() {
            return;
        }
    }
}

/// Listens to one master, reconnecting whenever that ends.
async fn listen_to(master: Address, shared: Shared) {
    let report = Report::new(&shared.health, Part::Subscriptions(master.clone()));
    let mut backoff = Backoff::new();
    loop {
        let problem = match Subscriber::begin(&master, &shared).await {
            Ok(mut subscriber) => {
                report.well();
                let problem = subscriber.go_on(&mut backoff).await;
                shared.counters.reconnects.add(1);
                format!("{master}: {problem}")
            }
            Err(problem) => problem,
        };
        report.amiss(problem);
        shared.nodes.topology().hint();
        backoff.pause().await;
    }
}
