//! Sends what waits, many at a time.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use redis::{Pipeline, Value};
use tokio::{
    task::{consume_budget, unconstrained},
    time::{Instant, sleep_until, timeout},
};

use super::{
    outbox::{BUDGET, Letter, Outbox},
    topics::{Channel, channels_of},
};
use crate::{
    redis::{Address, Map, Nodes, slot_of},
    seal::{Key, Keyring},
};

/// About how many letters go into one write.
const BATCH: usize = 256;
/// How many writes to one master may be unanswered before the next waits.
const IN_FLIGHT: usize = 4;
/// After how long an unanswered write counts as lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The one task that sends what is published.
pub(super) struct Publisher {
    outbox: Arc<Outbox>,
    keyring: Arc<Keyring>,
    nodes: Nodes,
    /// When each unanswered write to a master began, the oldest first.
    unanswered: HashMap<Address, VecDeque<Instant>>,
    in_flight: FuturesUnordered<BoxFuture<'static, Answered>>,
}

/// A write that was answered, or was not answered in time.
struct Answered {
    master: Address,
    failed: Vec<Arc<Letter>>,
    /// Whether the master said that it is not the one to ask.
    misdirected: bool,
}

impl Publisher {
    pub(super) fn new(outbox: Arc<Outbox>, keyring: Arc<Keyring>, nodes: Nodes) -> Self {
        Self {
            outbox,
            keyring,
            nodes,
            unanswered: HashMap::new(),
            in_flight: FuturesUnordered::new(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            // Nothing below has to wait as long as there is something to say. Others have their turn all the same.
            consume_budget().await;
            // A master that is busy is waited for; one that is stuck is not, since the others' turn comes, too.
            match self.busy_until() {
                Some(until) => tokio::select! {
                    Some(answered) = self.in_flight.next() => self.settle(answered),
                    () = sleep_until(until) => {}
                },
                None => tokio::select! {
                    Some(answered) = self.in_flight.next() => self.settle(answered),
                    letters = self.outbox.take(BATCH) => self.send(letters),
                },
            }
        }
    }

    /// Until when a busy master is waited for, if one is busy and not stuck.
    fn busy_until(&self) -> Option<Instant> {
        let full = self
            .unanswered
            .values()
            .filter(|began| began.len() >= IN_FLIGHT);
        let until = full.filter_map(|began| Some(*began.front()? + BUDGET));
        until.filter(|until| *until > Instant::now()).min()
    }

    fn send(&mut self, letters: Vec<Arc<Letter>>) {
        let map = self.nodes.topology().now();
        let keyring = Arc::clone(&self.keyring);
        let mut copies: BTreeMap<Address, Vec<Copy<'_>>> = BTreeMap::new();
        for letter in letters {
            letter.is_sent_in(keyring.keys().len());
            let channels = channels_of(&keyring, &letter.topic);
            for (key, channel) in keyring.keys().iter().zip(channels) {
                let Some(master) = map.master_of(slot_of(channel.as_bytes())) else {
                    self.nodes.topology().hint();
                    self.outbox.owe(&letter, "dropped");
                    continue;
                };
                copies.entry(master.clone()).or_default().push(Copy {
                    letter: Arc::clone(&letter),
                    key,
                    channel,
                });
            }
        }
        for (master, copies) in copies {
            self.write(&map, master, copies);
        }
    }

    /// Sends to one master what goes there. What can't be sent is not sealed: while Redis is away, that is everything.
    fn write(&mut self, map: &Map, master: Address, copies: Vec<Copy<'_>>) {
        let unanswered = self.unanswered.get(&master).map_or(0, VecDeque::len);
        let connection = self.nodes.connection(&master);
        let (Some(mut connection), true) = (connection, unanswered < IN_FLIGHT) else {
            for copy in copies {
                self.outbox.owe(&copy.letter, "dropped");
            }
            return;
        };
        let mut write = Write::default();
        for Copy {
            letter,
            key,
            channel,
        } in copies
        {
            match letter.word.seal(key, &letter.topic) {
                Ok(sealed) => write.add(map, &channel, &sealed, letter),
                Err(_) => self.outbox.owe(&letter, "dropped"),
            }
        }
        let count = write.letters.len();
        if count == 0 {
            return;
        }
        let began = self.unanswered.entry(master.clone()).or_default();
        began.push_back(Instant::now());
        let sent = async move {
            let answers = connection.send_packed_commands(&write.commands, 0, count);
            match timeout(ANSWER_WITHIN, answers).await {
                Ok(Ok(answers)) => write.answered(master, answers),
                Ok(Err(_)) | Err(_) => Answered {
                    master,
                    failed: write.letters,
                    misdirected: false,
                },
            }
        };
        // It takes its place among the connection's writes now. Left to the group, it may begin after a later one: those
        // that have used up the task's turn before they began are woken the last one first.
        let mut sent = unconstrained(sent).boxed();
        match (&mut sent).now_or_never() {
            Some(answered) => self.settle(answered),
            None => self.in_flight.push(sent),
        }
    }

    fn settle(&mut self, answered: Answered) {
        if let Some(unanswered) = self.unanswered.get_mut(&answered.master) {
            unanswered.pop_front();
            if unanswered.is_empty() {
                self.unanswered.remove(&answered.master);
            }
        }
        if answered.misdirected {
            self.nodes.topology().hint();
        }
        for letter in answered.failed {
            self.outbox.owe(&letter, "failed");
        }
    }
}

/// A letter, to be sent under one of the keys.
struct Copy<'a> {
    letter: Arc<Letter>,
    key: &'a Key,
    channel: Channel,
}

/// What goes to one master in one write.
struct Write {
    commands: Pipeline,
    letters: Vec<Arc<Letter>>,
}

impl Default for Write {
    fn default() -> Self {
        Self {
            commands: redis::pipe(),
            letters: Vec::new(),
        }
    }
}

impl Write {
    fn add(&mut self, map: &Map, channel: &Channel, sealed: &[u8], letter: Arc<Letter>) {
        self.commands.cmd(publish(map)).arg(&**channel).arg(sealed);
        self.letters.push(letter);
    }

    fn answered(self, master: Address, answers: Vec<Value>) -> Answered {
        let refused = |answer: &Value| matches!(answer, Value::ServerError(_));
        let misdirected = answers.iter().any(refused);
        let mut failed = Vec::new();
        for (letter, answer) in self.letters.into_iter().zip(&answers) {
            if refused(answer) {
                failed.push(letter);
            } else {
                letter.sent();
            }
        }
        Answered {
            master,
            failed,
            misdirected,
        }
    }
}

/// The command that publishes.
pub(super) fn publish(map: &Map) -> &'static str {
    if map.sharded { "SPUBLISH" } else { "PUBLISH" }
}
