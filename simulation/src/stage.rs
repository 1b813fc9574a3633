//! All that the hosts of one simulated world share: what would lie on other machines, and what the referee looks at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use carrel_platform::auth::{
    Librarian, Patron, Role, RouteStep, StaffNaming, Who,
    keys::KeyRing,
    statement::{self, Introduction},
    token::{self, Lifetimes},
};
use carrel_proto::{im::v1 as im, session::v1 as wire};
use tokio_util::sync::CancellationToken;

use crate::{
    commands::Commands,
    database::Database,
    lease_store::LeaseStore,
    observations::Observations,
    projection::{self, Projections},
    schedule::Schedule,
    shared_bus::SharedBus,
    time,
};

/// The library whose patrons ask.
pub(crate) const LIBRARY: &str = "maple";
/// The queue in which they wait at first, and the one that their wait reaches.
pub(crate) const QUEUES: [&str; 2] = ["maple", "coop"];
/// The version of the warning before conference mode.
pub(crate) const WARNING: &str = "1";
/// Stands in each note, and must never reach a patron.
pub(crate) const CANARY: &str = "CANARY";
/// Stands in the name and id of the administrator who never says a word, and must never reach anybody else.
pub(crate) const SILENT: &str = "silent";

/// Longer than any simulation lasts.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// One person's view of one session.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) audience: wire::Audience,
    /// The last position that they were shown.
    pub(crate) position: u64,
    /// Whether they want to see more and nobody has sent them away.
    pub(crate) attends: bool,
}

/// An offer that people told each other of.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) session_id: String,
    pub(crate) offer_id: String,
}

/// The shared part of one world.
pub(crate) struct Stage {
    pub(crate) seed: u64,
    pub(crate) schedule: Schedule,
    pub(crate) observations: Arc<Observations>,
    pub(crate) database: Arc<Database>,
    pub(crate) bus: SharedBus,
    pub(crate) leases: LeaseStore,
    pub(crate) keys: KeyRing,
    pub(crate) commands: Commands,
    lives: Mutex<BTreeMap<&'static str, CancellationToken>>,
    board: Mutex<Board>,
}

/// What people and the referee have in view.
#[derive(Default)]
struct Board {
    projections: Projections,
    /// By who looks and at which session.
    views: BTreeMap<(String, String), View>,
    offers: Vec<Offer>,
    /// How far each session went for the patron and for staff, when it was noted last.
    heads: BTreeMap<String, [u64; 2]>,
    /// By sender and session: the commands whose effects must be in this order.
    said: BTreeMap<(String, String), Vec<String>>,
    /// The librarians whose monitors are open.
    present: BTreeSet<String>,
    /// By watcher: whom they are shown at the desk.
    desks: BTreeMap<String, BTreeSet<String>>,
    /// By listener and conversation: the last message that arrived.
    heard: BTreeMap<(String, String), u64>,
    /// By listener and conversation: the last message that there was when it was noted.
    talk_due: BTreeMap<(String, String), u64>,
}

impl Stage {
    pub(crate) fn new(seed: u64, schedule: Schedule, keys: KeyRing, verbose: bool) -> Arc<Self> {
        let observations = Arc::new(Observations::new(verbose));
        Arc::new(Self {
            seed,
            schedule,
            database: Arc::new(Database::new(seed, Arc::clone(&observations))),
            bus: SharedBus::new(seed),
            leases: LeaseStore::default(),
            keys,
            commands: Commands::default(),
            lives: Mutex::default(),
            board: Mutex::default(),
            observations,
        })
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server has started. What this returns tells it that it is about to die.
    pub(crate) fn begin_life(&self, host: &'static str) -> CancellationToken {
        let doomed = CancellationToken::new();
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.insert(host, doomed.clone());
        doomed
    }

    /// Tells a server that it is about to die.
    pub(crate) fn end_life(&self, host: &'static str) {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(doomed) = lives.remove(host) {
            doomed.cancel();
        }
    }

    /// Whether the storm is still on. Afterwards nobody begins anything new.
    pub(crate) fn is_stormy(&self) -> bool {
        time::now_ms() < self.schedule.heals_at_ms
    }

    /// How long the storm goes on. Nobody stays offline for longer.
    pub(crate) fn storm_left(&self) -> Duration {
        Duration::from_millis(self.schedule.heals_at_ms.saturating_sub(time::now_ms()))
    }

    /// Notes that somebody attends from now on, and where they go on.
    pub(crate) fn begin_view(&self, who: &str, session_id: &str, audience: wire::Audience) -> u64 {
        let mut board = self.board();
        let place = (who.to_owned(), session_id.to_owned());
        let view = board.views.entry(place).or_insert(View {
            audience,
            position: 0,
            attends: true,
        });
        view.attends = true;
        view.position
    }

    /// Notes that somebody attends no longer.
    pub(crate) fn end_view(&self, who: &str, session_id: &str) {
        let place = (who.to_owned(), session_id.to_owned());
        if let Some(view) = self.board().views.get_mut(&place) {
            view.attends = false;
        }
    }

    /// Whether somebody attends a session.
    pub(crate) fn attends(&self, who: &str, session_id: &str) -> bool {
        let place = (who.to_owned(), session_id.to_owned());
        self.board()
            .views
            .get(&place)
            .is_some_and(|view| view.attends)
    }

    /// Everybody's view of each session.
    pub(crate) fn views(&self) -> Vec<(String, String, View)> {
        let board = self.board();
        let views = board.views.iter();
        views
            .map(|((who, session_id), view)| (who.clone(), session_id.clone(), view.clone()))
            .collect()
    }

    /// Takes in an event that somebody was shown, and holds it against the log (I4, I6, I7, I17).
    pub(crate) fn take_in(&self, who: &str, session_id: &str, event: &wire::SessionEvent) {
        let seen = projection::shown(event);
        let place = (who.to_owned(), session_id.to_owned());
        let mut board = self.board();
        let Board {
            projections, views, ..
        } = &mut *board;
        let Some(view) = views.get_mut(&place) else {
            return;
        };
        let expected = view.position + 1;
        view.position = event.position;
        let index = usize::try_from(event.position.saturating_sub(1)).unwrap_or(usize::MAX);
        let projection = projections.of(session_id, &self.database);
        let due = projection.to(view.audience).get(index).cloned();
        drop(board);
        if event.position != expected {
            self.observations.violation(
                "I6",
                &format!(
                    "{who} was shown {} of {session_id} after {}",
                    event.position,
                    expected - 1
                ),
            );
        } else if due.as_ref() != Some(&seen) {
            self.observations.violation(
                "I4",
                &format!(
                    "{who} was shown {seen:?} as {expected} of {session_id}; the log has {due:?}"
                ),
            );
        }
    }

    /// How far an audience's view of a session goes now.
    pub(crate) fn head(&self, session_id: &str, audience: wire::Audience) -> u64 {
        let mut board = self.board();
        let projection = board.projections.of(session_id, &self.database);
        projection.to(audience).len() as u64
    }

    /// Notes how far all sessions go now: so far everybody must come who listens (I8).
    pub(crate) fn note_heads(&self) {
        let mut board = self.board();
        for (session_id, _) in self.database.streams("session") {
            let projection = board.projections.of(&session_id, &self.database);
            let heads = [
                projection.patron.len() as u64,
                projection.staff.len() as u64,
            ];
            board.heads.insert(session_id, heads);
        }
    }

    /// Notes how far all conversations go now, for those who listen.
    pub(crate) fn note_talk(&self) {
        let conversations = projection::conversations(&self.database);
        let mut board = self.board();
        // Whoever monitors no queue any more is in no staff room.
        let listeners = board.present.clone();
        for conversation in conversations {
            let members = listeners.iter().filter(|id| conversation.reaches(id));
            for id in members {
                let place = (id.clone(), conversation.id.clone());
                board
                    .talk_due
                    .insert(place, conversation.texts.len() as u64);
            }
        }
    }

    /// How far listeners must have come.
    pub(crate) fn talk_due(&self) -> Vec<((String, String), u64)> {
        self.board().talk_due.clone().into_iter().collect()
    }

    /// How far a listener has come.
    pub(crate) fn heard(&self, who: &str, conversation_id: &str) -> u64 {
        let place = (who.to_owned(), conversation_id.to_owned());
        self.board().heard.get(&place).copied().unwrap_or(0)
    }

    /// Takes in a message that arrived, and holds it against the log (I4, I6).
    pub(crate) fn hear(
        &self,
        who: &str,
        conversation_id: &str,
        expected: u64,
        message: &im::Message,
    ) {
        let place = (who.to_owned(), conversation_id.to_owned());
        self.board().heard.insert(place, message.position);
        let index = usize::try_from(expected.saturating_sub(1)).unwrap_or(usize::MAX);
        let conversations = projection::conversations(&self.database);
        let conversation = conversations.iter().find(|one| one.id == conversation_id);
        let logged = conversation.and_then(|one| one.texts.get(index));
        if message.position != expected || logged != Some(&message.text) {
            self.observations.violation(
                "I6",
                &format!(
                    "{who} got {} of {conversation_id} as {expected}; the log has {logged:?}",
                    message.position
                ),
            );
        }
    }

    /// Notes that a librarian's monitor was opened, or that it is gone.
    pub(crate) fn set_present(&self, id: &str, present: bool) {
        let mut board = self.board();
        if present {
            board.present.insert(id.to_owned());
        } else {
            board.present.remove(id);
        }
    }

    /// Whose monitors are open.
    pub(crate) fn present(&self) -> BTreeSet<String> {
        self.board().present.clone()
    }

    /// Notes whom somebody is shown at the desk.
    pub(crate) fn show_desk(&self, who: &str, shown: BTreeSet<String>) {
        self.board().desks.insert(who.to_owned(), shown);
    }

    /// Whom each watcher is shown at the desk.
    pub(crate) fn desks(&self) -> Vec<(String, BTreeSet<String>)> {
        self.board().desks.clone().into_iter().collect()
    }

    /// How far a session went for an audience when it was noted.
    pub(crate) fn noted_head(&self, session_id: &str, audience: wire::Audience) -> u64 {
        let board = self.board();
        let [patron, staff] = board.heads.get(session_id).copied().unwrap_or_default();
        match audience {
            wire::Audience::Staff => staff,
            _ => patron,
        }
    }

    /// Notes in what order somebody says things in a session.
    pub(crate) fn say(&self, who: &str, session_id: &str, command_key: &str) {
        let place = (who.to_owned(), session_id.to_owned());
        let mut board = self.board();
        board
            .said
            .entry(place)
            .or_default()
            .push(command_key.to_owned());
    }

    /// What everybody said, in order.
    pub(crate) fn said(&self) -> Vec<((String, String), Vec<String>)> {
        self.board().said.clone().into_iter().collect()
    }

    /// Tells everybody of an offer.
    pub(crate) fn post_offer(&self, offer: Offer) {
        self.board().offers.push(offer);
    }

    /// All offers that people were told of.
    pub(crate) fn offers(&self) -> Vec<Offer> {
        self.board().offers.clone()
    }

    /// The token of a patron, good for one session.
    pub(crate) fn patrons_token(&self, session_id: &str) -> anyhow::Result<String> {
        let [queue_id, further] = QUEUES.map(str::to_owned);
        self.token(&Who::Patron(Patron {
            session_id: session_id.to_owned(),
            institution_id: LIBRARY.into(),
            institution_name: "Maple County Library".into(),
            queue_id,
            staff_naming: StaffNaming::ScreenName,
            practice: false,
            route: vec![RouteStep {
                queue_id: further,
                after_ms: 15_000,
            }],
        }))
    }

    /// The token of a librarian.
    pub(crate) fn librarians_token(&self, id: &str, role: Role) -> anyhow::Result<String> {
        self.token(&Who::Librarian(Librarian {
            librarian_id: id.to_owned(),
            screen_name: screen_name(id),
            institution_id: LIBRARY.into(),
            institution_name: "Maple County Library".into(),
            role,
            queues: QUEUES.map(str::to_owned).into(),
            practice_queues: BTreeSet::new(),
            warning_version: WARNING.into(),
        }))
    }

    fn token(&self, who: &Who) -> anyhow::Result<String> {
        let lifetimes = Lifetimes {
            access: DAY,
            renewal: DAY,
        };
        let issued = token::issue(&self.keys, who, time::unix_ms(), lifetimes)?;
        Ok(issued.access_token)
    }

    /// A librarian's introduction to others.
    pub(crate) fn introduction(&self, id: &str) -> anyhow::Result<String> {
        let introduction = Introduction {
            librarian_id: id.to_owned(),
            screen_name: screen_name(id),
            institution_id: LIBRARY.into(),
            institution_name: "Maple County Library".into(),
            queues: QUEUES.map(str::to_owned).into(),
        };
        Ok(statement::introduce(
            &self.keys,
            &introduction,
            time::unix_ms(),
            DAY,
        )?)
    }
}

fn screen_name(id: &str) -> String {
    format!("Name of {id}")
}
