//! Finding replicas, and following how each of them is.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{Address, Replica};
use crate::{
    backoff::Backoff,
    condition::Condition,
    serve::{CONNECTION_WINDOW, STREAM_WINDOW},
};

/// How often the addresses are looked up.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
/// How long it may take to connect, and to be told how a replica is.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How often a silent replica is asked whether it is there, and how long it has to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many changes may wait to be taken in.
const CHANGES: usize = 64;

/// What is known of a service's replicas.
type Told = (watch::Receiver<Arc<[Replica]>>, watch::Receiver<Condition>);

/// A replica serves from now on, or no longer.
struct Change {
    place: SocketAddr,
    serves: Option<Channel>,
}

/// Begins to look for replicas, until `stop`.
pub(super) fn begin(
    service: &'static str,
    addresses: Vec<Address>,
    tls: Option<ClientTlsConfig>,
    stop: CancellationToken,
) -> Told {
    let unknown = Condition::Degraded(format!("{service}: no replica was found yet"));
    let (serving, told_serving) = watch::channel(Arc::from([]));
    let (condition, told_condition) = watch::channel(unknown);
    let search = Search {
        service,
        addresses,
        tls,
        followed: HashMap::new(),
        channels: BTreeMap::new(),
        serving,
        condition,
    };
    tokio::spawn(async move { stop.run_until_cancelled(search.run()).await });
    (told_serving, told_condition)
}

struct Search {
    service: &'static str,
    addresses: Vec<Address>,
    tls: Option<ClientTlsConfig>,
    /// Those that were found, each with what ends following it.
    followed: HashMap<SocketAddr, tokio_util::sync::DropGuard>,
    /// Those that serve, in one order everywhere.
    channels: BTreeMap<SocketAddr, Channel>,
    serving: watch::Sender<Arc<[Replica]>>,
    condition: watch::Sender<Condition>,
}

impl Search {
    async fn run(mut self) {
        let (changes, mut changed) = mpsc::channel(CHANGES);
        let mut look_up = tokio::time::interval(LOOK_UP_EVERY);
        loop {
            tokio::select! {
                _ = look_up.tick() => self.look_up(&changes).await,
                Some(change) = changed.recv() => self.take_in(change),
            }
        }
    }

    /// Finds which replicas there are, and begins or ends following them.
    async fn look_up(&mut self, changes: &mpsc::Sender<Change>) {
        let mut found = HashMap::new();
        for address in &self.addresses {
            match tokio::net::lookup_host(address.host_and_port()).await {
                Ok(places) => found.extend(places.map(|place| (place, address.clone()))),
                // A resolver in trouble is no reason to leave replicas that serve.
                Err(_) if !self.followed.is_empty() => return,
                Err(error) => self.say(Condition::Degraded(format!(
                    "{}: {address} can't be looked up: {error}",
                    self.service
                ))),
            }
        }
        self.followed.retain(|place, _| found.contains_key(place));
        let before = self.channels.len();
        self.channels.retain(|place, _| found.contains_key(place));
        if self.channels.len() != before {
            self.tell();
        }
        for (place, address) in found {
            if self.followed.contains_key(&place) {
                continue;
            }
            let Some(endpoint) = endpoint(&address, place, self.tls.as_ref()) else {
                tracing::error!(service = self.service, "an address can't be called");
                continue;
            };
            let stop = CancellationToken::new();
            self.followed.insert(place, stop.clone().drop_guard());
            let changes = changes.clone();
            tokio::spawn(async move {
                stop.run_until_cancelled(follow(endpoint, place, changes))
                    .await
            });
        }
    }

    fn take_in(&mut self, Change { place, serves }: Change) {
        // It may have been given up in the meantime.
        match serves.filter(|_| self.followed.contains_key(&place)) {
            Some(channel) => self.channels.insert(place, channel),
            None => self.channels.remove(&place),
        };
        self.tell();
    }

    fn tell(&mut self) {
        let serving = self.channels.iter().map(|(place, channel)| Replica {
            name: place.to_string().into(),
            channel: channel.clone(),
        });
        self.serving.send_replace(serving.collect());
        self.say(if self.channels.is_empty() {
            Condition::Degraded(format!("{}: no replica serves", self.service))
        } else {
            Condition::Well
        });
    }

    fn say(&self, now: Condition) {
        let changed = self.condition.send_if_modified(|before| {
            let changed = *before != now;
            before.clone_from(&now);
            changed
        });
        match (changed, now.problem()) {
            (false, _) => {}
            (true, Some(problem)) => tracing::warn!("{problem}"),
            (true, None) => tracing::info!(service = self.service, "a replica serves"),
        }
    }
}

fn endpoint(
    address: &Address,
    place: SocketAddr,
    tls: Option<&ClientTlsConfig>,
) -> Option<Endpoint> {
    let scheme = if address.https() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{place}"))
        .ok()?
        .connect_timeout(CONNECT_WITHIN)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    if !address.https() {
        return Some(endpoint);
    }
    // Without authorities of our own there is nobody whom a server could be believed for.
    let tls = tls?.clone().domain_name(address.host());
    endpoint.tls_config(tls).ok()
}

/// Follows one replica: while it says that it serves, it is told as serving.
async fn follow(endpoint: Endpoint, place: SocketAddr, changes: mpsc::Sender<Change>) {
    let mut backoff = Backoff::new();
    loop {
        if watch_health(&endpoint, place, &changes).await {
            backoff.reset();
        }
        let change = Change {
            place,
            serves: None,
        };
        if changes.send(change).await.is_err() {
            return;
        }
        backoff.pause().await;
    }
}

/// Watches a replica's health until its connection is lost. Says whether it ever served.
async fn watch_health(
    endpoint: &Endpoint,
    place: SocketAddr,
    changes: &mpsc::Sender<Change>,
) -> bool {
    let Ok(channel) = endpoint.connect().await else {
        return false;
    };
    let mut health = HealthClient::new(channel.clone());
    let watch = health.watch(HealthCheckRequest::default());
    let Ok(Ok(statuses)) = tokio::time::timeout(CONNECT_WITHIN, watch).await else {
        return false;
    };
    let mut statuses = statuses.into_inner();
    let mut ever = false;
    while let Ok(Some(told)) = statuses.message().await {
        let serves = told.status() == ServingStatus::Serving;
        ever |= serves;
        let change = Change {
            place,
            serves: serves.then(|| channel.clone()),
        };
        if changes.send(change).await.is_err() {
            break;
        }
    }
    ever
}
