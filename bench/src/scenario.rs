//! What the members do, and what is measured of it.

mod desk;
pub(crate) mod flood;
mod growth;
mod hall;
mod idle;
mod pick_up;
mod redis_away;
mod roster;
mod storm;
mod traced;

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{
    cost::{self, Cost},
    figures::{Figures, MUST_BE_ZERO},
    moment::Moment,
    pacer::wait_until,
    room::Crowd,
    server::Server,
};

pub(crate) use growth::MANY_SESSIONS;
pub(crate) use traced::TO_THE_FIRST;

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// 300 sessions, each with a patron and a librarian who say something every other second and type in between, and a
    /// silent supervisor.
    Desk,
    /// 100 sessions of the same three; both talk as fast as they are acknowledged, with 8 messages under way.
    Flood,
    /// One session with 500 watchers, and 20 messages a second.
    Hall,
    /// Sockets at rest.
    Idle,
    /// 2,000 are cut off and come back at once; then again, with 500 missed events each.
    Storm,
    /// 50 librarians contend for 1,000 patrons.
    PickUp,
    /// 500 librarians, and 50 changes of their presence a second.
    Roster,
    /// The desk with Redis, and after Redis was killed.
    RedisAway,
    /// The flood without traces, with one in a hundred kept, and with all kept, in turns of a second.
    Traced,
    /// The desk on an empty log and on one of ten million events, and on both with ten times the sessions at the same
    /// total rate.
    Growth,
}

/// How large scenarios are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// The sizes that the issue and the goals specify.
    Full,
    /// The same numbers of people, for a shorter time.
    Brief,
    /// A few people for a moment: nothing to measure, but everything has to arrive.
    Tiny,
}

impl Size {
    /// Picks a value by size.
    fn pick<T>(self, full: T, brief: T, tiny: T) -> T {
        match self {
            Self::Full => full,
            Self::Brief => brief,
            Self::Tiny => tiny,
        }
    }

    fn seconds(self, full: u64, brief: u64, tiny_ms: u64) -> Duration {
        self.pick(
            Duration::from_secs(full),
            Duration::from_secs(brief),
            Duration::from_millis(tiny_ms),
        )
    }

    /// Returns how many sessions have ended in the log that has grown.
    pub(crate) fn ended_sessions(self) -> u64 {
        self.pick(200_000, 20_000, 60)
    }

    /// Returns how long a server runs before it is measured, so that its caches fill and its allocator settles.
    fn warm_up(self) -> Duration {
        self.seconds(3, 1, 100)
    }
}

impl Scenario {
    /// Returns the scenario's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Flood => "flood",
            Self::Hall => "hall",
            Self::Idle => "idle",
            Self::Storm => "storm",
            Self::PickUp => "pick-up",
            Self::Roster => "roster",
            Self::RedisAway => "redis-away",
            Self::Traced => "traced",
            Self::Growth => "growth",
        }
    }

    /// Returns how many librarians must work at the library.
    #[must_use]
    pub fn librarians(self, size: Size) -> usize {
        match self {
            Self::PickUp => size.pick(50, 50, 3),
            Self::Roster => size.pick(500, 100, 6),
            _ => 4,
        }
    }

    /// Returns whether all its subjects run at once and take turns within one run.
    pub(crate) const fn is_by_turns(self) -> bool {
        matches!(self, Self::Traced)
    }

    /// Plays the scenario once, on servers with enough librarians: on all in turns if the scenario takes turns,
    /// otherwise on one after the other. The figures are in the order of the servers.
    ///
    /// # Errors
    /// If a server refuses something before the clock starts.
    pub async fn play(self, servers: &mut [Server], size: Size) -> anyhow::Result<Vec<Figures>> {
        if self.is_by_turns() {
            return traced::play(servers, size).await;
        }
        let mut figures = Vec::new();
        for server in servers {
            figures.push(self.play_on(server, size).await?);
        }
        Ok(figures)
    }

    async fn play_on(self, server: &mut Server, size: Size) -> anyhow::Result<Figures> {
        let librarians = self.librarians(size);
        match self {
            Self::Desk => desk::play(server, size).await,
            Self::Flood | Self::Traced => flood::play(server, size).await,
            Self::Hall => hall::play(server, size).await,
            Self::Idle => idle::play(server, size).await,
            Self::Storm => storm::play(server, size).await,
            Self::PickUp => pick_up::play(server, size, librarians).await,
            Self::Roster => roster::play(server, size, librarians).await,
            Self::RedisAway => redis_away::play(server, size).await,
            Self::Growth => growth::play(server, size).await,
        }
    }
}

/// What the servers and the load have used before a measurement.
struct Meters {
    at: Moment,
    servers: Cost,
    load: Duration,
    bytes: u64,
}

impl Meters {
    fn read(crowd: &Crowd) -> anyhow::Result<Self> {
        Ok(Self {
            servers: cost::of_servers()?,
            load: cost::of_load()?,
            bytes: crowd.meter.bytes(),
            at: Moment::now(),
        })
    }
}

/// Measures the crowd for `time`, after the server has warmed up. Everything that is said must arrive.
///
/// `act` makes the members talk and returns at the end of that time.
async fn measure<F>(
    crowd: &Crowd,
    size: Size,
    time: Duration,
    act: impl FnOnce(Moment) -> F,
) -> anyhow::Result<Figures>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let from = Moment::now().after(size.warm_up());
    crowd.ledger.measure(from, time);
    let until = from.after(time);
    let meters = async {
        wait_until(from).await;
        let before = Meters::read(crowd)?;
        wait_until(until).await;
        anyhow::Ok((before, Meters::read(crowd)?))
    };
    let ((before, after), ()) = tokio::try_join!(meters, act(until))?;
    crowd.settle().await;
    let mut figures = crowd.ledger.figures();
    for words in crowd.ledger.words() {
        complain(&words);
    }
    let took = after.at.since(before.at).as_secs_f64();
    let cpu = (after.servers.cpu - before.servers.cpu).as_secs_f64();
    let load = (after.load - before.load).as_secs_f64();
    let arrived = crowd.ledger.count_arrived_in_window().max(1) as f64;
    let sent = crowd.ledger.count_sent_in_window().max(1) as f64;
    let bytes = (after.bytes - before.bytes) as f64;
    for (name, value) in [
        ("server CPU s per 1,000 delivered", cpu * 1e3 / arrived),
        ("server core %", 100.0 * cpu / took),
        ("load core %", 100.0 * load / took),
    ] {
        figures.insert(name.to_owned(), value);
    }
    for (program, cpu) in &after.servers.by_program {
        let before = before.servers.by_program.get(program);
        let cpu = cpu.saturating_sub(before.copied().unwrap_or_default());
        if after.servers.by_program.len() > 1 && !cpu.is_zero() {
            let name = format!("server CPU s per 1,000 delivered, {program}");
            figures.insert(name, cpu.as_secs_f64() * 1e3 / arrived);
        }
    }
    if bytes > 0.0 {
        figures.insert("wire bytes per message".to_owned(), bytes / sent);
    }
    Ok(figures)
}

/// Adds figures under names that start with `when`. Those that must be zero keep their names and are summed.
fn add(figures: &mut Figures, when: &str, of: Figures) {
    for (name, value) in of {
        if MUST_BE_ZERO.contains(&name.as_str()) {
            *figures.entry(name).or_default() += value;
        } else {
            figures.insert(format!("{when}: {name}"), value);
        }
    }
}

/// Waits until the effects of entering have settled.
async fn rest(size: Size) {
    sleep(size.seconds(2, 1, 50)).await;
}

#[expect(clippy::print_stderr, reason = "it is a program's message")]
fn complain(words: &str) {
    eprintln!("  {words}");
}
