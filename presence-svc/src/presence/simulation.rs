//! Librarians who come, go, crash, come back and choose anew at random, over two servers: every watcher must hold what
//! is true.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use carrel_platform::{
    auth::{Librarian, Role, keys::KeyRing, statement::verify_introduction},
    bus::local::LocalBus,
    clock::Clock,
    lease::memory::MemoryLeases,
    log::EventLog,
};
use carrel_proto::presence::v1 as wire;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, DeskParts};
use crate::{
    config::Config,
    directory::storage::{self, Snapshot},
    domain::{directory::Directory, queues::Waiting, role_change::Means, roster::Watcher, sample},
};

mod model;
mod plain_log;
mod screen;
mod tab;

use model::{Choice, Model, Truth};
use plain_log::PlainLog;
use screen::Screen;
use tab::Tab;

const LIBRARIANS: usize = 200;
const LIBRARIES: usize = 6;
const QUEUES: usize = 9;
const NOW: i64 = 1_800_000_000_000;
/// The time in which presence must have settled, whatever happened (R18, D25, I15).
const SETTLED: Duration = Duration::from_secs(20);
const INTRODUCTION: Duration = Duration::from_secs(60);

/// Something that a librarian does, or that happens to them.
#[derive(Clone, Debug)]
struct Action {
    librarian: usize,
    kind: Kind,
    /// Picks the monitor, the server, the status and the queues.
    pick: u32,
    /// How long nothing else happens afterwards.
    pause: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Opens another monitor.
    Open,
    /// Makes a new choice of status and queues.
    Choose,
    /// Closes a monitor on purpose.
    Goodbye,
    /// A monitor's stream is cut.
    Crash,
    /// A monitor whose stream was cut comes back in time.
    Return,
    /// A monitor announces itself on another stream while the previous one still stands.
    Again,
    /// Starts a new watch of the desk.
    Watch,
    /// Takes a patron, or lets one go.
    Work,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let kind = prop_oneof![
        6 => Just(Kind::Open),
        5 => Just(Kind::Choose),
        3 => Just(Kind::Goodbye),
        3 => Just(Kind::Crash),
        3 => Just(Kind::Return),
        1 => Just(Kind::Again),
        1 => Just(Kind::Watch),
        2 => Just(Kind::Work),
    ];
    // Few pauses are long: most actions come close together.
    let pause = prop_oneof![4 => Just(0_u64), 3 => 1..500_u64, 2 => 500..4_000_u64];
    let action =
        (0..LIBRARIANS, kind, any::<u32>(), pause).prop_map(|(librarian, kind, pick, pause)| {
            Action {
                librarian,
                kind,
                pick,
                pause: Duration::from_millis(pause),
            }
        });
    prop::collection::vec(action, 150..300)
}

fn rosters() -> u32 {
    std::env::var("CARREL_ROSTERS")
        .ok()
        .and_then(|rosters| rosters.parse().ok())
        .unwrap_or(2)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: rosters(),
        failure_persistence: None,
        max_shrink_iters: 40,
        ..ProptestConfig::default()
    })]

    // R18, D19, D20, D25, I15
    #[test]
    fn every_roster_is_what_is_true(actions in actions()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            // Most of them are there from the beginning.
            for librarian in 0..LIBRARIANS * 2 / 3 {
                let pick = u32::try_from(librarian).unwrap().wrapping_mul(2_654_435_761);
                world.happen(Action { librarian, kind: Kind::Open, pick, pause: Duration::ZERO }).await;
            }
            world.check_all();
            for (number, action) in actions.into_iter().enumerate() {
                world.happen(action).await;
                if number % 25 == 0 {
                    world.check_all();
                }
            }
            world.pass(SETTLED).await;
            world.check_all();
            assert!(world.model.all_settled());
            world.end().await;
        });
    }
}

/// Two servers, the librarians, and what is true of them.
struct World {
    desks: [Desk; 2],
    clock: Clock,
    keys: KeyRing,
    librarians: Vec<Librarian>,
    screens: Vec<Screen>,
    tabs: BTreeMap<String, Tab>,
    model: Model,
    opened: usize,
    active: Vec<u32>,
    stop: CancellationToken,
    followers: Vec<tokio::task::JoinHandle<()>>,
}

impl World {
    async fn new() -> Self {
        let directory = directory();
        let log = PlainLog::default();
        let events = Directory::default().changes_to(&directory);
        storage::append(&log, &Snapshot::default(), &events, Means::Command, NOW)
            .await
            .unwrap();
        let log: Arc<dyn EventLog> = Arc::new(log);
        let keys = KeyRing::generate().unwrap();
        let clock = Clock::manual(NOW);
        let leases = Arc::new(MemoryLeases::default());
        let bus = Arc::new(LocalBus::default());
        let stop = CancellationToken::new();
        let config = Config {
            introduction_lifetime: INTRODUCTION.into(),
            ..Config::default()
        };
        let desk = async || {
            let parts = DeskParts {
                log: Arc::clone(&log),
                bus: Arc::clone(&bus) as _,
                leases: Arc::clone(&leases) as _,
                clock: clock.clone(),
                keys: keys.clone(),
            };
            Desk::new(config.clone(), parts).await.unwrap()
        };
        let ((one, news_of_one), (other, news_of_other)) = (desk().await, desk().await);
        let followers = vec![
            tokio::spawn(one.clone().follow(news_of_one, stop.clone())),
            tokio::spawn(other.clone().follow(news_of_other, stop.clone())),
        ];
        let desks = [one, other];
        let librarians: Vec<Librarian> = (0..LIBRARIANS).map(|n| token(&directory, n)).collect();
        let screens = librarians
            .iter()
            .enumerate()
            .map(|(n, librarian)| Screen::watch(&desks[n % 2], watcher(librarian)))
            .collect();
        Self {
            desks,
            clock,
            keys,
            librarians,
            screens,
            tabs: BTreeMap::new(),
            model: Model::default(),
            opened: 0,
            active: vec![0; LIBRARIANS],
            stop,
            followers,
        }
    }

    async fn happen(&mut self, action: Action) {
        let Action {
            librarian: n,
            kind,
            pick,
            pause,
        } = action;
        let librarian = self.librarians[n].clone();
        let desk = self.desks[pick as usize % 2].clone();
        let choice = Choice::picked(pick, &librarian);
        let mut may_go = BTreeSet::new();
        match kind {
            Kind::Open if self.model.monitors(n) < 3 => {
                self.opened += 1;
                let monitor_id = format!("monitor-{}", self.opened);
                let tab = Tab::open(desk, librarian, choice.announcement(&monitor_id)).await;
                self.tabs.insert(monitor_id.clone(), tab);
                self.model.open(n, &monitor_id);
                self.model.choose(n, choice);
                may_go.insert(n);
            }
            Kind::Open | Kind::Choose => {
                if let Some(monitor_id) = self.model.pick_live(n, pick) {
                    self.tabs[&monitor_id]
                        .choose(choice.announcement("ignored"))
                        .await;
                    self.model.choose(n, choice);
                    may_go.insert(n);
                }
            }
            Kind::Goodbye => {
                if let Some(monitor_id) = self.model.pick_live(n, pick) {
                    self.tabs.remove(&monitor_id).unwrap().goodbye().await;
                    self.model.close(&monitor_id);
                    may_go.insert(n);
                }
            }
            Kind::Crash => {
                if let Some(monitor_id) = self.model.pick_live(n, pick) {
                    let last_sign = self.tabs.remove(&monitor_id).unwrap().crash().await;
                    self.model.crash(&monitor_id, last_sign);
                }
            }
            Kind::Return => {
                if let Some(monitor_id) = self.model.pick_crashed(n) {
                    let tab = Tab::open(desk, librarian, as_it_is(&monitor_id)).await;
                    self.tabs.insert(monitor_id.clone(), tab);
                    self.model.come_back(n, &monitor_id);
                }
            }
            Kind::Again => {
                if let Some(monitor_id) = self.model.pick_live(n, pick) {
                    let tab = Tab::open(desk, librarian, as_it_is(&monitor_id)).await;
                    let before = self.tabs.insert(monitor_id, tab);
                    before.unwrap().superseded().await;
                }
            }
            Kind::Watch => self.screens[n] = Screen::watch(&desk, watcher(&librarian)),
            Kind::Work => self.work(n, pick),
        }
        self.pass(Duration::from_millis(1)).await;
        self.refresh(&may_go);
        if !pause.is_zero() {
            self.pass(pause).await;
            self.refresh(&BTreeSet::new());
        }
    }

    /// A librarian takes a patron of a queue or lets one go, as session-svc would tell both servers.
    fn work(&mut self, n: usize, pick: u32) {
        self.active[n] = pick % 4;
        let queue_id = format!("q{}", pick as usize % QUEUES);
        let waiting = Waiting {
            patrons: pick % 3,
            oldest_ms: (!pick.is_multiple_of(3)).then_some(NOW),
        };
        for desk in &self.desks {
            desk.set_load(|load| {
                load.active
                    .insert(self.librarians[n].librarian_id.clone(), pick % 4);
                load.queues.insert(queue_id.clone(), waiting);
            });
        }
        self.model.wait(&queue_id, waiting.patrons);
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
        self.clock.advance_ms(time.as_millis().try_into().unwrap());
    }

    /// Every screen takes in what has come. A librarian may disappear from a screen only if `may_go` has them or the
    /// watcher, or if a lease of either has run out.
    fn refresh(&mut self, may_go: &BTreeSet<usize>) {
        let fading = self.model.fading();
        let may_go: BTreeSet<&str> = may_go
            .iter()
            .chain(&fading)
            .map(|n| self.librarians[*n].librarian_id.as_str())
            .collect();
        for (n, screen) in self.screens.iter_mut().enumerate() {
            let own = self.librarians[n].librarian_id.as_str();
            for gone in screen.refresh() {
                assert!(
                    may_go.contains(own) || may_go.contains(gone.as_str()),
                    "{gone} flickered on the screen of {own}"
                );
            }
        }
        self.model.forget_faded();
    }

    /// Every screen shows what is true, except of librarians of whom nobody can know yet whether they have crashed.
    fn check_all(&mut self) {
        self.refresh(&BTreeSet::new());
        let truth: Vec<Truth> = (0..LIBRARIANS).map(|n| self.model.truth(n)).collect();
        for (n, screen) in self.screens.iter().enumerate() {
            if let Truth::Uncertain = truth[n] {
                continue;
            }
            for (other, state) in truth.iter().enumerate() {
                let shown = screen.librarian(&self.librarians[other].librarian_id);
                let expected = match state {
                    Truth::Uncertain => continue,
                    Truth::Gone => None,
                    Truth::There(choice) => self.expected(n, &truth[n], other, choice),
                };
                assert_eq!(shown, expected, "librarian {other} on the screen of {n}");
            }
            for queue in screen.queues() {
                let Some((librarians, staffed, waiting)) =
                    self.model.recount(&queue.queue_id, &truth)
                else {
                    continue;
                };
                assert_eq!(
                    (queue.librarians, queue.staffed, queue.waiting),
                    (librarians, staffed, waiting),
                    "queue {} on the screen of {n}",
                    queue.queue_id
                );
            }
        }
        self.check_introductions();
    }

    fn expected(
        &self,
        watcher: usize,
        own: &Truth,
        other: usize,
        choice: &Choice,
    ) -> Option<screen::Shown> {
        let (watcher, librarian) = (&self.librarians[watcher], &self.librarians[other]);
        let own_queues = match own {
            Truth::There(own) => own.queues.clone(),
            _ => BTreeSet::new(),
        };
        let shared: Vec<String> = own_queues.intersection(&choice.queues).cloned().collect();
        let supervised =
            watcher.role != Role::Librarian && watcher.institution_id == librarian.institution_id;
        let visible =
            watcher.librarian_id != librarian.librarian_id && (!shared.is_empty() || supervised);
        visible.then(|| screen::Shown {
            status: choice.status,
            queue_count: choice.queues.len(),
            active: self.active[other],
            shared,
        })
    }

    /// The introductions on one screen verify, and will for a while yet.
    fn check_introductions(&self) {
        let soon = self.clock.unix_ms() + i64::try_from(INTRODUCTION.as_millis()).unwrap() / 4;
        let Some(screen) = self.screens.iter().max_by_key(|screen| screen.rows().len()) else {
            return;
        };
        for row in screen.rows().values().take(20) {
            let introduction = verify_introduction(&self.keys, &row.introduction, soon).unwrap();
            assert_eq!(introduction.librarian_id, row.librarian_id);
            assert_eq!(introduction.queues.len(), row.queue_count as usize);
        }
    }

    async fn end(self) {
        self.stop.cancel();
        for follower in self.followers {
            follower.await.unwrap();
        }
    }
}

fn as_it_is(monitor_id: &str) -> wire::Announcement {
    wire::Announcement {
        monitor_id: monitor_id.to_owned(),
        ..Default::default()
    }
}

/// Each library staffs its own queue, the next one's, and some that several share.
fn directory() -> Directory {
    let name = |n: usize| format!("library{}", n % LIBRARIES);
    let institutions = (0..LIBRARIES).map(|n| {
        let mut institution = sample::institution(&name(n));
        institution.primary_queue = format!("q{n}");
        institution
    });
    let queues = (0..QUEUES).map(|n| {
        let staff = [name(n), name(n + 1), name(n * 2)];
        sample::queue(
            &format!("q{n}"),
            &[&name(n)],
            &staff.each_ref().map(String::as_str),
        )
    });
    let librarians = (0..LIBRARIANS).map(|n| {
        let mut librarian = sample::librarian();
        librarian.id = format!("id-{n}");
        librarian.log_in_name = format!("name-{n}");
        librarian.institution_id = name(n);
        librarian
    });
    sample::directory(institutions, queues, librarians)
}

fn token(directory: &Directory, n: usize) -> Librarian {
    let account = directory.librarian(&format!("id-{n}")).unwrap();
    let queues = directory.queues_staffed_by(&account.institution_id);
    Librarian {
        librarian_id: account.id.clone(),
        screen_name: account.screen_name.clone(),
        institution_id: account.institution_id.clone(),
        institution_name: account.institution_id.clone(),
        role: match n % 20 {
            0 => Role::Administrator,
            7 => Role::AskAdministrator,
            _ => Role::Librarian,
        },
        queues: queues.map(|queue| queue.id.clone()).collect(),
        practice_queues: Default::default(),
        warning_version: String::new(),
    }
}

fn watcher(librarian: &Librarian) -> Watcher {
    Watcher {
        librarian_id: librarian.librarian_id.clone(),
        institution_id: librarian.institution_id.clone(),
        role: librarian.role,
        queues: librarian.queues.clone(),
    }
}

// Bounded: a watcher who does not read costs no more than the backlog.
#[tokio::test(start_paused = true)]
async fn a_watcher_who_does_not_read_is_let_go() {
    let world = World::new().await;
    let desk = &world.desks[0];
    let mut slow = desk.watch(watcher(&world.librarians[0]));
    let mut quick = Screen::watch(desk, watcher(&world.librarians[0]));
    for patrons in 1..=u32::try_from(desk.config().backlog).unwrap() + 1 {
        let waiting = Waiting {
            patrons,
            oldest_ms: Some(NOW),
        };
        desk.set_load(|load| {
            load.queues.insert("q0".into(), waiting);
        });
        quick.refresh();
    }
    while slow.changes.recv().await.is_some() {}
    assert_eq!(
        slow.ending.get().map(ToString::to_string).as_deref(),
        Some("the reader was too slow")
    );
    world.end().await;
}
