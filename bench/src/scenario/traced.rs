//! The flood on several servers by turns of a second each. What else the machine does changes a rate by more than what is
//! asked for, but within some seconds it changes little, so each server's turn is compared to the first's beside it.

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

/// How each server's rate compares to the first's, on an average over turns.
pub(crate) const TO_THE_FIRST: &str = "delivered/s to the first's";

/// How long a flood runs before its turn is measured.
const RUN_UP: Duration = Duration::from_millis(200);

/// A server, who floods it, and what came of it.
struct Side<'a> {
    server: &'a Server,
    crowd: Crowd,
    /// What the server had used before the first turn.
    cpu_before: Duration,
    /// How much had arrived by then.
    before: u64,
    /// How much arrived within the measured time of each turn.
    arrived: Vec<u64>,
}

/// Plays it on servers that do nothing else meanwhile. The figures are in the order of the servers.
///
/// # Errors
/// When a server refuses what comes before the clock starts.
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
            // Nobody always comes after the same one.
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
    /// Has them talk as fast as they are acknowledged, and measures a part of that. All that is said must arrive.
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

    /// Forgets what there was before the first turn.
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
        // All that the server did, what it sent to the collector between its turns too, for all that arrived.
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
