//! Keeps track of which masters hold which slots.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Dialer, Health, Part, RedisError, RedisTopology, Report, Settings,
    dial::ask,
    slots::{Address, Map},
};
use crate::backoff::Backoff;

/// How often to ask for changes when nothing hints at one.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long to wait before asking when something hints at a change.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long one server may take to answer; connecting has as long again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The current map of masters and slots, kept up to date.
#[derive(Debug)]
pub(crate) struct Topology {
    map: watch::Sender<Arc<Map>>,
    hints: Arc<Notify>,
    _task: Option<AbortOnDropHandle<()>>,
}

impl Topology {
    /// Finds the masters and their slots, and keeps the map up to date from then on.
    pub(crate) async fn find(settings: &Settings, health: Health) -> Result<Self, RedisError> {
        let hints = Arc::new(Notify::new());
        let Some(mut oracle) = Oracle::new(settings) else {
            let single = settings.addresses.first().cloned();
            let address = single.ok_or_else(|| RedisError::Unreachable("no address".to_owned()))?;
            return Ok(Self {
                map: watch::Sender::new(Arc::new(Map::whole(address))),
                hints,
                _task: None,
            });
        };
        let found = oracle.ask().await.map_err(RedisError::Unreachable)?;
        let map = watch::Sender::new(Arc::new(found));
        let task = keep_up(oracle, map.clone(), Arc::clone(&hints), health);
        Ok(Self {
            map,
            hints,
            _task: Some(AbortOnDropHandle::new(tokio::spawn(task))),
        })
    }

    /// Subscribes to changes of the map.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Map>> {
        self.map.subscribe()
    }

    /// Returns the last known map.
    pub(crate) fn now(&self) -> Arc<Map> {
        Arc::clone(&self.map.borrow())
    }

    /// Hints that a server did not behave as the map says, so that the map is checked soon.
    pub(crate) fn hint(&self) {
        self.hints.notify_one();
    }
}

async fn keep_up(
    mut oracle: Oracle,
    map: watch::Sender<Arc<Map>>,
    hints: Arc<Notify>,
    health: Health,
) {
    let report = Report::new(&health, Part::Topology);
    let mut backoff = Backoff::new();
    loop {
        // The server that gave the map may be the one that is wrong.
        if timeout(ASK_EVERY, hints.notified()).await.is_ok() {
            oracle.turn();
            sleep(ASK_AGAIN_AFTER).await;
        }
        while let Err(problem) = ask_and_tell(&mut oracle, &map).await {
            report.amiss(problem);
            backoff.pause().await;
        }
        backoff.reset();
        report.well();
    }
}

async fn ask_and_tell(oracle: &mut Oracle, map: &watch::Sender<Arc<Map>>) -> Result<(), String> {
    let found = Arc::new(oracle.ask().await?);
    map.send_if_modified(|known| {
        let changed = **known != *found;
        if changed {
            *known = found;
        }
        changed
    });
    Ok(())
}

/// The servers that know the map: the Sentinels, or the nodes of a cluster.
struct Oracle {
    seeds: Vec<Address>,
    /// The masters of a cluster, as last learned.
    told: Vec<Address>,
    /// Whose turn it is; advanced to ask a different server.
    turn: usize,
    connection: Option<(Address, MultiplexedConnection)>,
    dialer: Dialer,
    question: Question,
}

enum Question {
    Master(String),
    Slots,
}

impl Oracle {
    /// Returns `None` for a single server, which needs none.
    fn new(settings: &Settings) -> Option<Self> {
        let (dialer, question) = match settings.topology {
            RedisTopology::Single => return None,
            RedisTopology::Sentinel => (
                settings.sentinel_dialer.clone(),
                Question::Master(settings.sentinel_master.clone()),
            ),
            RedisTopology::Cluster => (settings.dialer.clone(), Question::Slots),
        };
        Some(Self {
            seeds: settings.addresses.clone(),
            told: Vec::new(),
            turn: 0,
            connection: None,
            dialer,
            question,
        })
    }

    /// Asks a different server next time.
    fn turn(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        self.connection = None;
    }

    /// Asks one server after another until one answers.
    async fn ask(&mut self) -> Result<Map, String> {
        let mut problem = "there is nobody to ask".to_owned();
        let begun = Instant::now();
        for _ in 0..self.seeds.len() + self.told.len() {
            match timeout(2 * ANSWER_WITHIN, self.ask_one()).await {
                Ok(Ok(map)) => {
                    if let Question::Slots = self.question {
                        self.told = map.masters().into_iter().cloned().collect();
                    }
                    return Ok(map);
                }
                Ok(Err(why)) => problem = why,
                Err(_) => problem = "no answer in time".to_owned(),
            }
            self.turn();
            if begun.elapsed() > 5 * ANSWER_WITHIN {
                break;
            }
        }
        Err(problem)
    }

    async fn ask_one(&mut self) -> Result<Map, String> {
        let (address, mut connection) = match self.connection.take() {
            Some(known) => known,
            None => {
                let known = self.seeds.len() + self.told.len();
                let address = self
                    .seeds
                    .iter()
                    .chain(&self.told)
                    .nth(self.turn % known.max(1))
                    .ok_or("there is nobody to ask")?
                    .clone();
                let connection = self.dialer.dial(&address, |_| {}).await?;
                (address, connection)
            }
        };
        let command = match &self.question {
            Question::Master(name) => {
                let mut command = redis::cmd("SENTINEL");
                command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
                command
            }
            Question::Slots => {
                let mut command = redis::cmd("CLUSTER");
                command.arg("SLOTS");
                command
            }
        };
        let answer = ask(&mut connection, &command)
            .await
            .map_err(|error| format!("{address}: {error}"))?;
        let map = match &self.question {
            Question::Master(name) => master(&answer)
                .map(Map::whole)
                .ok_or_else(|| format!("the Sentinel {address} knows no master {name:?}"))?,
            Question::Slots => Map::from_cluster_slots(&answer, &address)
                .ok_or_else(|| format!("{address} knows no slots of a cluster"))?,
        };
        self.connection = Some((address, connection));
        Ok(map)
    }
}

/// Parses the master from a Sentinel's answer.
fn master(answer: &Value) -> Option<Address> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [Value::BulkString(host), Value::BulkString(port)] = parts.as_slice() else {
        return None;
    };
    Some(Address {
        host: String::from_utf8(host.clone()).ok()?,
        port: std::str::from_utf8(port).ok()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentinel_names_a_master_or_none() {
        let text = |text: &str| Value::BulkString(text.into());
        let named = Value::Array(vec![text("10.0.0.1"), text("6379")]);
        let address = Address {
            host: "10.0.0.1".to_owned(),
            port: 6379,
        };
        assert_eq!(master(&named), Some(address));
        assert_eq!(master(&Value::Nil), None);
        assert_eq!(master(&Value::Array(vec![text("h"), text("x")])), None);
    }
}
