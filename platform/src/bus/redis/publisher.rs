//! Sends what waits, many publications at a time.

use std::{
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    sync::Arc,
    task::Poll,
};

use futures::{FutureExt as _, future::pending};
use redis::{Pipeline, Value};
use tokio::{
    task::consume_budget,
    time::{Instant, sleep_until},
};

use super::{
    in_flight::{Answers, InFlight},
    outbox::{BUDGET, Outbox, Publication},
    topics::{Channel, channels_of},
};
use crate::{
    redis::{Address, Line, Map, Nodes, slot_of},
    seal::{Key, Keyring},
};

/// About how many publications go into one write.
const BATCH: usize = 256;

/// The only task that sends what is published.
pub(super) struct Publisher {
    outbox: Arc<Outbox>,
    keyring: Arc<Keyring>,
    nodes: Nodes,
    /// The unanswered writes to each master. No entry is empty.
    in_flight: HashMap<Address, InFlight<Line>>,
}

/// A write that was answered.
struct Answered {
    master: Address,
    publications: Vec<Arc<Publication>>,
    answers: Answers,
}

impl Publisher {
    pub(super) fn new(outbox: Arc<Outbox>, keyring: Arc<Keyring>, nodes: Nodes) -> Self {
        Self {
            outbox,
            keyring,
            nodes,
            in_flight: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            // Nothing below has to wait while there is something to send, so other tasks get their turn here.
            consume_budget().await;
            // A busy master is waited for. A stuck one is not, so that the other masters get their publications.
            let busy_until = self.busy_until();
            let overdue_at = self.in_flight.values().filter_map(InFlight::overdue_at);
            let wake_at = overdue_at.chain(busy_until).min();
            tokio::select! {
                // Before anything else is sent, answers make room and losses are recorded.
                biased;
                answered = answered(&mut self.in_flight) => self.settle_all(answered),
                () = at(wake_at) => self.give_up_what_is_overdue(),
                publications = self.outbox.take(BATCH), if busy_until.is_none() => self.send(publications),
            }
        }
    }

    /// Returns until when to wait for a busy master, if one is busy and not stuck.
    fn busy_until(&self) -> Option<Instant> {
        let full = self.in_flight.values().filter(|writes| writes.is_full());
        let until = full.filter_map(|writes| Some(writes.began()? + BUDGET));
        until.filter(|until| *until > Instant::now()).min()
    }

    fn send(&mut self, publications: Vec<Arc<Publication>>) {
        let map = self.nodes.topology().now();
        let keyring = Arc::clone(&self.keyring);
        let mut copies: BTreeMap<Address, Vec<Copy<'_>>> = BTreeMap::new();
        for publication in publications {
            publication.is_sent_in(keyring.keys().len());
            let channels = channels_of(&keyring, &publication.topic);
            for (key, channel) in keyring.keys().iter().zip(channels) {
                let Some(master) = map.master_of(slot_of(channel.as_bytes())) else {
                    self.nodes.topology().hint();
                    self.outbox.owe(&publication, "dropped");
                    continue;
                };
                copies.entry(master.clone()).or_default().push(Copy {
                    publication: Arc::clone(&publication),
                    key,
                    channel,
                });
            }
        }
        for (master, copies) in copies {
            self.write(&map, master, copies);
        }
    }

    /// Sends one master its copies. What can't be sent is not sealed: while Redis is away, that is everything.
    fn write(&mut self, map: &Map, master: Address, copies: Vec<Copy<'_>>) {
        match self.nodes.line(&master) {
            Some(line) if self.has_room(&master, &line) => self.put(map, master, line, copies),
            _ => {
                for copy in copies {
                    self.outbox.owe(&copy.publication, "dropped");
                }
            }
        }
    }

    /// Returns whether this connection to a master has room for a write now.
    fn has_room(&mut self, master: &Address, line: &Line) -> bool {
        match self.in_flight.get(master) {
            None => true,
            Some(writes) if writes.line().is(line) => !writes.is_full(),
            Some(_) => {
                // What was lost with the previous connection is announced first.
                self.give_up(master);
                false
            }
        }
    }

    fn put(&mut self, map: &Map, master: Address, line: Line, copies: Vec<Copy<'_>>) {
        let mut commands = redis::pipe();
        let mut publications = Vec::with_capacity(copies.len());
        for copy in copies {
            match copy
                .publication
                .message
                .seal(copy.key, &copy.publication.topic)
            {
                Ok(sealed) => {
                    add(&mut commands, map, &copy.channel, &sealed);
                    publications.push(copy.publication);
                }
                Err(_) => self.outbox.owe(&copy.publication, "dropped"),
            }
        }
        if publications.is_empty() {
            return;
        }
        let mut connection = line.connection.clone();
        let count = publications.len();
        let writes = self
            .in_flight
            .entry(master)
            .or_insert_with(|| InFlight::new(line));
        writes.put(publications, async move {
            connection.send_packed_commands(&commands, 0, count).await
        });
    }

    fn settle_all(&mut self, answered: Vec<Answered>) {
        answered
            .into_iter()
            .for_each(|answered| self.settle(answered));
    }

    fn settle(&mut self, answered: Answered) {
        let Answered {
            master,
            publications,
            answers,
        } = answered;
        let Ok(answers) = answers else {
            // Nothing that follows will fare better on this connection.
            self.lose(publications);
            self.give_up(&master);
            return;
        };
        if self.in_flight.get(&master).is_some_and(InFlight::is_empty) {
            self.in_flight.remove(&master);
        }
        let refused = |answer: &Value| matches!(answer, Value::ServerError(_));
        // The slot may have moved to another master.
        if answers.iter().any(refused) {
            self.nodes.topology().hint();
        }
        for (publication, answer) in publications.into_iter().zip(&answers) {
            if refused(answer) {
                self.outbox.owe(&publication, "failed");
            } else {
                publication.sent();
            }
        }
    }

    fn give_up_what_is_overdue(&mut self) {
        // The answer may have come unnoticed.
        if let Some(answered) = answered(&mut self.in_flight).now_or_never() {
            self.settle_all(answered);
        }
        let now = Instant::now();
        let overdue = |writes: &InFlight<Line>| writes.overdue_at().is_some_and(|at| at <= now);
        let masters = self.in_flight.iter().filter(|(_, writes)| overdue(writes));
        let masters: Vec<Address> = masters.map(|(master, _)| master.clone()).collect();
        for master in masters {
            self.give_up(&master);
        }
    }

    fn give_up(&mut self, master: &Address) {
        if let Some(mut writes) = self.in_flight.remove(master) {
            self.lose(writes.give_up());
        }
    }

    fn lose(&self, publications: Vec<Arc<Publication>>) {
        for publication in publications {
            self.outbox.owe(&publication, "failed");
        }
    }
}

/// Waits until a write is answered, and returns all answered ones. Cancel-safe.
async fn answered(in_flight: &mut HashMap<Address, InFlight<Line>>) -> Vec<Answered> {
    poll_fn(|cx| {
        let mut all = Vec::new();
        for (master, writes) in &mut *in_flight {
            while let Poll::Ready((publications, answers)) = writes.poll_answered(cx) {
                all.push(Answered {
                    master: master.clone(),
                    publications,
                    answers,
                });
            }
        }
        if all.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(all)
        }
    })
    .await
}

/// Waits until that moment, or for ever.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// A publication to be sent under one of the keys.
struct Copy<'a> {
    publication: Arc<Publication>,
    key: &'a Key,
    channel: Channel,
}

/// Adds the command that publishes a message.
fn add(commands: &mut Pipeline, map: &Map, channel: &Channel, sealed: &[u8]) {
    commands.cmd(publish(map)).arg(&**channel).arg(sealed);
}

/// Returns the command that publishes.
pub(super) fn publish(map: &Map) -> &'static str {
    if map.sharded { "SPUBLISH" } else { "PUBLISH" }
}
