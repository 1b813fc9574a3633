//! The flood on several servers, in turns of a second each. Other work of the machine changes a rate by more than the
//! effect to be measured, but changes little within some seconds, so each server's turn is compared to the first
//! server's turn beside it.

use std::time::Duration;

use super::{Size, complain, flood, rest};
use crate::{
    figures::{Figures, mean_and_error},
    ledger::Ledger,
    member::Order,
    moment::Moment,
    pacer::wait_until,
    room::Crowd,
    server::Server,
};

/// The figure of a server's rate compared to the first server's, averaged over turns.
pub(crate) const TO_THE_FIRST: &str = "delivered/s to the first's";

/// How long a flood runs before its turn is measured.
const RUN_UP: Duration = Duration::from_millis(200);

/// A server, the crowd that floods it, and the results.
struct Side<'a> {
    server: &'a Server,
    crowd: Crowd,
    /// The processor time that the server had used before the first turn.
    cpu_before: Duration,
    /// How many messages had arrived by then.
    before: u64,
    /// How many messages arrived in the measured time of each turn.
    arrived: Vec<u64>,
}

/// Plays the scenario on servers that do nothing else meanwhile. The figures are in the order of the servers.
///
/// # Errors
/// If a server refuses something before the clock starts.
pub(super) async fn play(servers: &[Server], size: Size) -> anyhow::Result<Vec<Figures>> {
    let mut sides = Vec::new();
    for server in servers {
        sides.push(Side {
            server,
            crowd: Crowd::gather(server, flood::shape(size)).await?,
            cpu_before: Duration::ZERO,
            before: 0,
            arrived: Vec::new(),
        });
    }
    rest(size).await;
    let turn = size.seconds(1, 1, 100);
    for side in &mut sides {
        side.flood(size.warm_up(), turn).await;
        side.begin()?;
    }
    let count = sides.len();
    // A session is full after a minute of this.
    for number in 0..size.pick(20, 10, 1) {
        for place in 0..count {
            // The order changes, so that no server always follows the same one.
            sides[(number + place) % count].flood(RUN_UP, turn).await;
        }
    }
    let first = sides.first().map(|side| side.arrived.clone());
    let first = first.unwrap_or_default();
    sides
        .iter()
        .map(|side| side.figures(turn, &first))
        .collect()
}

impl Side<'_> {
    /// Lets the members talk as fast as they are acknowledged, and measures a part of that. Everything that is said
    /// must arrive.
    async fn flood(&mut self, run_up: Duration, time: Duration) {
        let ledger = &self.crowd.ledger;
        let from = Moment::now().after(run_up);
        let before = ledger.count_arrived_in_window();
        ledger.measure(from, time);
        Crowd::tell(self.crowd.talkers(), flood::ORDER);
        wait_until(from.after(time)).await;
        Crowd::tell(self.crowd.members.iter(), Order::Hush);
        self.crowd.settle().await;
        self.arrived.push(ledger.count_arrived_in_window() - before);
    }

    /// Discards what was measured before the first turn.
    fn begin(&mut self) -> anyhow::Result<()> {
        self.arrived.clear();
        self.cpu_before = self.server.cpu()?;
        self.before = self.crowd.ledger.count_arrived();
        Ok(())
    }

    fn figures(&self, turn: Duration, first: &[u64]) -> anyhow::Result<Figures> {
        let ledger: &Ledger = &self.crowd.ledger;
        for words in ledger.words() {
            complain(&words);
        }
        let mut figures = ledger.figures();
        let in_turns: u64 = self.arrived.iter().sum();
        let seconds = turn.as_secs_f64() * self.arrived.len() as f64;
        // All work of the server, including what it sent to the collector between turns, for everything that arrived.
        let cpu = (self.server.cpu()? - self.cpu_before).as_secs_f64();
        let all = (ledger.count_arrived() - self.before).max(1) as f64;
        figures.insert("delivered/s".to_owned(), in_turns as f64 / seconds);
        figures.insert(
            "server CPU s per 1,000 delivered".to_owned(),
            cpu * 1e3 / all,
        );
        let ratios: Vec<f64> = self
            .arrived
            .iter()
            .zip(first)
            .map(|(arrived, first)| *arrived as f64 / (*first).max(1) as f64)
            .collect();
        let (mean, error) = mean_and_error(&ratios);
        figures.insert(TO_THE_FIRST.to_owned(), mean);
        figures.insert(format!("{TO_THE_FIRST}: standard error"), error);
        Ok(figures)
    }
}
