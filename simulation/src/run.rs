//! Plays one seed, from the beginning to the verdict.

use std::{
    cell::Cell,
    collections::BTreeMap,
    mem, panic,
    sync::{Arc, Once},
    time::{Duration, Instant, UNIX_EPOCH},
};

use carrel_platform::auth::{Role, keys::KeyRing};
use turmoil::Sim;

use crate::{
    monitor,
    network::Link,
    observations::Violation,
    people,
    person::{IM_SERVERS, Links, PRESENCE_SERVERS, Person, SESSION_SERVERS},
    schedule::{Fault, SCREENS, SPOKEN_MS, Schedule},
    servers,
    shared_state::{SILENT, SharedState},
    talk,
};

/// The simulation's time step. Nothing on the network is faster.
const TICK: Duration = Duration::from_millis(10);
/// How long h2 remembers a stream that was reset, by the machine's clock.
const FORGOTTEN: Duration = Duration::from_secs(1);
/// The seed of the key that signs all tokens.
const KEY: [u8; 32] = [7; 32];

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// The outcome of one seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What happened and must never happen. Empty if all is well.
    pub violations: Vec<Violation>,
    /// A digest of everything that was seen and of the log. If the run `replays`, it is the same whenever the same
    /// program plays this seed.
    pub digest: u64,
    /// Whether everything followed from the seed. Two things do not. Where presence-svc and im-svc take part, tasks
    /// that wait on one `watch` channel of tokio wake in an order that can only be seeded with `--cfg tokio_unstable`.
    /// And h2 forgets streams that were reset after a second of the machine's time, if the run takes that long.
    pub replays: bool,
    /// The end of the trace, or all of it if asked for.
    pub trace: Vec<String>,
    /// The run's counts.
    pub figures: Figures,
}

/// Counts of what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// How many commands people gave.
    pub commands: u64,
    /// How many times they sent them.
    pub tries: u64,
    /// How many lines the trace has.
    pub observations: u64,
    /// How many events the sessions have at the end.
    pub events: u64,
    /// How many faults of hosts, links and stores there were.
    pub faults: u64,
    /// How many calls to the database and the lease store, and words on the bus, were spoilt.
    pub spoilt: u64,
}

impl Figures {
    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.tries += other.tries;
        self.observations += other.observations;
        self.events += other.events;
        self.faults += other.faults;
        self.spoilt += other.spoilt;
    }
}

/// Plays a seed.
///
/// # Errors
/// If the simulation itself can't be set up or breaks. What the services do wrong is in the outcome.
pub fn run(seed: u64, verbose: bool) -> anyhow::Result<Outcome> {
    count_panics();
    let before = PANICS.get();
    let began = Instant::now();
    let keys = KeyRing::from_seed(&KEY)?;
    let shared = SharedState::new(seed, Schedule::of(seed), keys, verbose);
    let faults = play(&shared)?;
    if shared.observations.is_clean() {
        crate::referee::judge(&shared);
    }
    let panics = PANICS.get() - before;
    if panics > 0 {
        shared
            .observations
            .violation("I27", &format!("{panics} tasks panicked"));
    }
    let in_time = began.elapsed() < FORGOTTEN;
    Ok(outcome(&shared, faults, in_time))
}

fn outcome(shared: &SharedState, faults: u64, in_time: bool) -> Outcome {
    let sessions = shared.database.streams("session");
    for (session_id, events) in &sessions {
        for event in events {
            shared
                .observations
                .cover(&format!("{session_id} {event:?}"));
        }
    }
    let (commands, tries) = shared.commands.counts();
    Outcome {
        seed: shared.seed,
        violations: shared.observations.violations(),
        digest: shared.observations.digest(),
        replays: in_time && !shared.schedule.has_desk,
        trace: shared.observations.lines(),
        figures: Figures {
            commands,
            tries,
            observations: shared.observations.count(),
            events: sessions.iter().map(|(_, events)| events.len() as u64).sum(),
            faults,
            spoilt: shared.database.injected() + shared.bus.spoilt() + shared.leases.refused(),
        },
    }
}

/// Counts panics: a task that panics takes nothing else with it, so it would go unnoticed.
fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let show = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            show(info);
        }));
    });
}

/// Plays until the end, or until an invariant is broken. Returns how many faults there were.
fn play(shared: &Arc<SharedState>) -> anyhow::Result<u64> {
    let schedule = &shared.schedule;
    let mut sim = turmoil::Builder::new()
        .rng_seed(shared.seed)
        .tick_duration(TICK)
        .epoch(UNIX_EPOCH)
        .simulation_duration(Duration::from_secs(24 * 60 * 60))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(schedule.slowest_segment_ms))
        .enable_random_order()
        .build();
    crate::directory::restore(&shared.database)?;
    for host in SESSION_SERVERS {
        let shared = Arc::clone(shared);
        sim.host(host, move || servers::session(Arc::clone(&shared), host));
    }
    if schedule.has_desk {
        for host in PRESENCE_SERVERS {
            let shared = Arc::clone(shared);
            sim.host(host, move || servers::presence(Arc::clone(&shared), host));
        }
        for host in IM_SERVERS {
            let shared = Arc::clone(shared);
            sim.host(host, move || servers::im(Arc::clone(&shared), host));
        }
    }
    for (place, host) in SCREENS.into_iter().enumerate() {
        let shared = Arc::clone(shared);
        sim.client(host, async move {
            seat(&shared, place)?;
            std::future::pending().await
        });
    }
    shared.bus.set_manners(schedule.bus[0]);
    shared.database.set_faults(schedule.database);
    let mut world = World {
        shared: Arc::clone(shared),
        sim,
        dying: Vec::new(),
        dead: BTreeMap::new(),
        faults: 0,
    };
    world.storm()?;
    world.heal();
    world.go_on_until(schedule.last_word_at_ms + SPOKEN_MS)?;
    shared.note_heads();
    shared.note_talk();
    world.go_on_until(schedule.ends_at_ms)?;
    Ok(world.faults)
}

struct World<'a> {
    shared: Arc<SharedState>,
    sim: Sim<'a>,
    /// The servers that die at the next step, and when they start again.
    dying: Vec<(&'static str, u64)>,
    /// The servers that are down, and when they start again.
    dead: BTreeMap<&'static str, u64>,
    faults: u64,
}

impl World<'_> {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let now_ms = self.now_ms();
        self.shared.bus.deliver(now_ms);
        self.sim
            .step()
            .map_err(|error| anyhow::anyhow!("the simulation broke: {error}"))?;
        for (host, back_at_ms) in mem::take(&mut self.dying) {
            self.crash(host, back_at_ms);
        }
        for host in self.shared.database.take_doomed() {
            self.doom(host, now_ms + 1_500);
        }
        let due = self.dead.iter().filter(|(_, at_ms)| **at_ms <= now_ms);
        for host in due.map(|(host, _)| *host).collect::<Vec<_>>() {
            self.restart(host);
        }
        Ok(())
    }

    fn go_on_until(&mut self, at_ms: u64) -> anyhow::Result<()> {
        while self.now_ms() < at_ms && self.shared.observations.is_clean() {
            self.step()?;
        }
        Ok(())
    }

    fn storm(&mut self) -> anyhow::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut faults = shared.schedule.faults.iter().peekable();
        while self.now_ms() < shared.schedule.heals_at_ms && shared.observations.is_clean() {
            let now_ms = self.now_ms();
            while let Some((_, fault)) = faults.next_if(|(at_ms, _)| *at_ms <= now_ms) {
                self.inflict(*fault);
            }
            self.step()?;
        }
        Ok(())
    }

    fn inflict(&mut self, fault: Fault) {
        let now_ms = self.now_ms();
        self.shared
            .observations
            .note_at(now_ms, "FAULT", &format!("{fault:?}"));
        self.faults += u64::from(!matches!(
            fault,
            Fault::Repair(..) | Fault::Release(..) | Fault::Restart(_)
        ));
        let sim = &mut self.sim;
        match fault {
            Fault::Partition(a, b) => sim.partition(a, b),
            Fault::PartitionOneWay(from, to) => sim.partition_oneway(from, to),
            Fault::Repair(a, b) => sim.repair(a, b),
            Fault::Hold(a, b) => sim.hold(a, b),
            Fault::Release(a, b) => sim.release(a, b),
            Fault::Crash(host) => self.doom(host, u64::MAX),
            Fault::Restart(host) => self.restart(host),
            Fault::CutOff(host, lasts) => self.shared.database.cut_off(host, now_ms + lasts),
            Fault::Silence(lasts) => self.shared.bus.silence(now_ms + lasts),
            Fault::NoLeases(lasts) => self.shared.leases.fail(now_ms + lasts),
        }
    }

    /// Makes a server die at the next step, and start again at `back_at_ms` if nothing else brings it back before.
    fn doom(&mut self, host: &'static str, back_at_ms: u64) {
        self.shared.end_life(host);
        self.dying.push((host, back_at_ms));
    }

    fn crash(&mut self, host: &'static str, back_at_ms: u64) {
        if self.dead.contains_key(host) {
            return;
        }
        self.shared
            .observations
            .note_at(self.now_ms(), "FAULT", &format!("{host} dies"));
        self.faults += u64::from(back_at_ms != u64::MAX);
        self.sim.crash(host);
        self.dead.insert(host, back_at_ms);
    }

    fn restart(&mut self, host: &'static str) {
        if self.dead.remove(host).is_some() {
            self.shared.observations.note_at(
                self.now_ms(),
                "FAULT",
                &format!("{host} starts again"),
            );
            self.sim.bounce(host);
        }
    }

    /// Ends all faults. From now on the bus only has its ordinary weaknesses.
    fn heal(&mut self) {
        self.shared
            .observations
            .note_at(self.now_ms(), "FAULT", "everything heals");
        for host in self.dead.keys().copied().collect::<Vec<_>>() {
            self.restart(host);
        }
        // A server that dies at the next step comes back at once.
        for (_, back_at_ms) in &mut self.dying {
            *back_at_ms = 0;
        }
        for server in self.shared.schedule.servers() {
            for screen in SCREENS {
                self.sim.repair(screen, *server);
                self.sim.release(screen, *server);
            }
        }
        self.shared.database.heal();
        self.shared.leases.fail(0);
        self.shared.bus.silence(0);
        self.shared.bus.set_manners(self.shared.schedule.bus[1]);
    }
}

/// Starts the people at one host.
fn seat(shared: &Arc<SharedState>, place: usize) -> anyhow::Result<()> {
    let [links, slow_links] =
        [Link::WIDE, Link::NARROW].map(|link| Links::to(shared.schedule.servers(), link));
    let sessions: Vec<_> = (1..=shared.schedule.patrons)
        .map(|n| format!("s{n}"))
        .collect();
    let librarians = ["lee", "map", "oak"].map(str::to_owned);
    let sits_here = |n: usize| n % SCREENS.len() == place;
    for (n, session_id) in sessions.iter().enumerate().filter(|(n, _)| sits_here(*n)) {
        let token = shared.patrons_token(session_id)?;
        let name = format!("patron-{}", n + 1);
        let me = Person::new(shared, &name, format!("patron:{session_id}"), token, &links);
        tokio::task::spawn_local(people::patron(me, session_id.clone()));
    }
    let staff = |id: &str, role, links: &Links| -> anyhow::Result<Person> {
        let token = shared.librarians_token(id, role)?;
        Ok(Person::new(
            shared,
            id,
            format!("librarian:{id}"),
            token,
            links,
        ))
    };
    for (_, id) in librarians.iter().enumerate().filter(|(n, _)| sits_here(*n)) {
        let mut me = staff(id, Role::Librarian, &links)?;
        let others = librarians.iter().filter(|other| *other != id).cloned();
        let others: Vec<_> = others.collect();
        if shared.schedule.has_desk {
            sit_at_desk(&mut me, id, &others);
        }
        tokio::task::spawn_local(people::librarian(me, id.clone(), sessions.clone(), others));
    }
    for (id, is_silent) in [("ask", false), (SILENT, true)] {
        if sits_here(usize::from(is_silent)) {
            let me = staff(id, Role::AskAdministrator, &links)?;
            let (id, sessions) = (id.to_owned(), sessions.clone());
            tokio::task::spawn_local(people::supervisor(me, id, sessions, is_silent));
        }
    }
    if let Some(session_id) = sessions.first()
        && shared.schedule.has_slow_reader
        && sits_here(0)
    {
        let me = staff("slow", Role::AskAdministrator, &slow_links)?;
        tokio::task::spawn_local(people::slow_reader(me, "slow".into(), session_id.clone()));
    }
    Ok(())
}

/// Opens a librarian's monitor. One librarian leaves for good when the storm ends.
fn sit_at_desk(me: &mut Person, id: &str, others: &[String]) {
    let leaves_at_ms = if id == "oak" {
        me.shared.schedule.heals_at_ms
    } else {
        u64::MAX
    };
    let window = me.window_to(PRESENCE_SERVERS, "monitor");
    tokio::task::spawn_local(monitor::announce(window, id.to_owned(), leaves_at_ms));
    let window = me.window_to(PRESENCE_SERVERS, "desk");
    tokio::task::spawn_local(monitor::watch(window, id.to_owned()));
    let window = me.window_to(IM_SERVERS, "im");
    tokio::task::spawn_local(talk::write(window, others.to_vec()));
    let window = me.window_to(IM_SERVERS, "conversations");
    tokio::task::spawn_local(talk::listen(window, id.to_owned()));
}
