//! Finds replicas and follows the health of each.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream::select_all};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    Address, Replica,
    look_up::{Answer, Resolver, look_ups},
};
use crate::{
    backoff::Backoff,
    condition::Condition,
    serve::{CONNECTION_WINDOW, STREAM_WINDOW},
};

/// How long connecting may take, and how long opening the health watch may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How often a silent replica is pinged, and how long it has to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many changes may wait to be processed.
const CHANGES: usize = 64;

/// The serving replicas of a service, and its condition.
type Watches = (watch::Receiver<Arc<[Replica]>>, watch::Receiver<Condition>);

/// A replica now serves, or no longer does.
struct Change {
    place: SocketAddr,
    serves: Option<Channel>,
}

/// Starts searching for replicas at the places to which `resolver` resolves the addresses, until `stop` is cancelled.
pub(super) fn begin(
    service: &'static str,
    addresses: Vec<Address>,
    tls: Option<ClientTlsConfig>,
    resolver: Resolver,
    stop: CancellationToken,
) -> Watches {
    let unknown = Condition::Degraded(format!("{service}: no replica was found yet"));
    let (serving, serving_watch) = watch::channel(Arc::from([]));
    let (condition, condition_watch) = watch::channel(unknown);
    let search = Search {
        service,
        names: addresses.into_iter().map(Name::new).collect(),
        tls,
        followed: HashMap::new(),
        channels: BTreeMap::new(),
        serving,
        condition,
    };
    tokio::spawn(async move { stop.run_until_cancelled(search.run(resolver)).await });
    (serving_watch, condition_watch)
}

/// An address, and what is known about it.
struct Name {
    address: Address,
    /// The places from the last successful lookup.
    places: Vec<SocketAddr>,
    /// Why the last lookup failed, if it did.
    problem: Option<String>,
}

impl Name {
    fn new(address: Address) -> Self {
        Self {
            address,
            places: Vec::new(),
            problem: None,
        }
    }
}

struct Search {
    service: &'static str,
    names: Vec<Name>,
    tls: Option<ClientTlsConfig>,
    /// The replicas found, each with a guard that stops following it.
    followed: HashMap<SocketAddr, DropGuard>,
    /// The replicas that serve, in the same order on every server.
    channels: BTreeMap<SocketAddr, Channel>,
    serving: watch::Sender<Arc<[Replica]>>,
    condition: watch::Sender<Condition>,
}

impl Search {
    async fn run(mut self, resolver: Resolver) {
        let (changes, mut changed) = mpsc::channel(CHANGES);
        // Each name is looked up independently, concurrently with everything else: a resolver that is slow or fails for
        // one of them delays neither the others nor health changes.
        let names = self.names.iter().enumerate();
        let look_ups = names.map(|(number, name)| {
            let answers = look_ups(name.address.clone(), Arc::clone(&resolver));
            answers.map(move |answer| (number, answer)).boxed()
        });
        let mut answers = select_all(look_ups);
        loop {
            tokio::select! {
                Some((number, answer)) = answers.next() => self.take_in_answer(number, answer, &changes),
                Some(change) = changed.recv() => self.take_in(change),
            }
        }
    }

    /// Processes the answer of a lookup.
    fn take_in_answer(&mut self, number: usize, answer: Answer, changes: &mpsc::Sender<Change>) {
        let Some(name) = self.names.get_mut(number) else {
            return;
        };
        match answer {
            Ok(places) => {
                name.places = places;
                let recovered = name.problem.take().is_some();
                self.agree(changes);
                if recovered {
                    self.say();
                }
            }
            // A failing resolver is no reason to drop replicas that serve.
            Err(error) => {
                let problem = format!("{} can't be looked up: {error}", name.address);
                let new = name.problem.replace(problem.clone()).is_none();
                if self.channels.is_empty() {
                    self.say();
                } else if new {
                    tracing::warn!("{}: {problem}", self.service);
                }
            }
        }
    }

    /// Starts or stops following replicas so that exactly the places that the names stand for are followed.
    fn agree(&mut self, changes: &mpsc::Sender<Change>) {
        let mut found = HashMap::new();
        for name in &self.names {
            let places = name.places.iter();
            found.extend(places.map(|place| (*place, name.address.clone())));
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
        // The place may no longer be followed.
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
        self.say();
    }

    /// Publishes the service's condition, and logs a change. It is well while any replica serves.
    fn say(&self) {
        let now = if self.channels.is_empty() {
            let problem = self.names.iter().find_map(|name| name.problem.as_deref());
            let problem = problem.unwrap_or("no replica serves");
            Condition::Degraded(format!("{}: {problem}", self.service))
        } else {
            Condition::Well
        };
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
    // Without configured authorities no server certificate can be trusted.
    let tls = tls?.clone().domain_name(address.host());
    endpoint.tls_config(tls).ok()
}

/// Follows one replica and reports when it serves and when it does not.
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

/// Watches a replica's health until its connection is lost. Returns whether it ever served.
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

#[cfg(test)]
mod tests;
