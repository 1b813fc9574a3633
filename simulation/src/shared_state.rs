//! What all hosts of one simulated world share: what would run on other machines, and what the referee looks at.

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
/// The queue in which patrons wait first, and the one that a longer wait reaches.
pub(crate) const QUEUES: [&str; 2] = ["maple", "coop"];
/// The version of the warning about conference mode.
pub(crate) const WARNING: &str = "1";
/// A text that is in each note and must never reach a patron.
pub(crate) const CANARY: &str = "CANARY";
/// A text in the name and id of the administrator who never says a word. It must never reach anybody else.
pub(crate) const SILENT: &str = "silent";

/// Longer than any simulation lasts.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// One person's view of one session.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) audience: wire::Audience,
    /// The last position that the viewer was shown.
    pub(crate) position: u64,
    /// Whether the viewer attends: they want to see more and were not refused.
    pub(crate) attends: bool,
}

/// An offer that was announced to everybody.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) session_id: String,
    pub(crate) offer_id: String,
}

/// The shared part of one world.
pub(crate) struct SharedState {
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

/// What the people and the referee keep track of.
#[derive(Default)]
struct Board {
    projections: Projections,
    /// By viewer and session.
    views: BTreeMap<(String, String), View>,
    offers: Vec<Offer>,
    /// Each session's heads for the patron and for staff, when they were noted last.
    heads: BTreeMap<String, [u64; 2]>,
    /// By sender and session: the commands, in the order in which their effects must be.
    said: BTreeMap<(String, String), Vec<String>>,
    /// The librarians whose monitors are open.
    present: BTreeSet<String>,
    /// By watcher: the librarians that they are shown at the desk.
    desks: BTreeMap<String, BTreeSet<String>>,
    /// By listener and conversation: the last message that arrived.
    heard: BTreeMap<(String, String), u64>,
    /// By listener and conversation: the last message that existed when it was noted.
    talk_due: BTreeMap<(String, String), u64>,
}

impl SharedState {
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

    /// Begins a server's life. The token that this returns tells the server that it is about to die.
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

    /// Returns whether the storm is still on. After it, nobody begins anything new.
    pub(crate) fn is_stormy(&self) -> bool {
        time::now_ms() < self.schedule.heals_at_ms
    }

    /// Returns how long the storm goes on. Nobody stays offline for longer.
    pub(crate) fn storm_left(&self) -> Duration {
        Duration::from_millis(self.schedule.heals_at_ms.saturating_sub(time::now_ms()))
    }

    /// Records that a viewer attends from now on. Returns the position from which they resume.
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

    /// Records that a viewer no longer attends.
    pub(crate) fn end_view(&self, who: &str, session_id: &str) {
        let place = (who.to_owned(), session_id.to_owned());
        if let Some(view) = self.board().views.get_mut(&place) {
            view.attends = false;
        }
    }

    /// Returns whether a viewer attends a session.
    pub(crate) fn attends(&self, who: &str, session_id: &str) -> bool {
        let place = (who.to_owned(), session_id.to_owned());
        self.board()
            .views
            .get(&place)
            .is_some_and(|view| view.attends)
    }

    /// Returns everybody's view of each session.
    pub(crate) fn views(&self) -> Vec<(String, String, View)> {
        let board = self.board();
        let views = board.views.iter();
        views
            .map(|((who, session_id), view)| (who.clone(), session_id.clone(), view.clone()))
            .collect()
    }

    /// Takes in an event that a viewer was shown, and checks it against the log (I4, I6, I7, I17).
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

    /// Returns the head of a session for an audience now.
    pub(crate) fn head(&self, session_id: &str, audience: wire::Audience) -> u64 {
        let mut board = self.board();
        let projection = board.projections.of(session_id, &self.database);
        projection.to(audience).len() as u64
    }

    /// Notes the heads of all sessions: everybody who attends must get that far (I8).
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

    /// Notes the heads of all conversations, for those who listen.
    pub(crate) fn note_talk(&self) {
        let conversations = projection::conversations(&self.database);
        let mut board = self.board();
        // Librarians who no longer monitor a queue are in no staff room.
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

    /// Returns how far each listener must have come.
    pub(crate) fn talk_due(&self) -> Vec<((String, String), u64)> {
        self.board().talk_due.clone().into_iter().collect()
    }

    /// Returns how far a listener has come.
    pub(crate) fn heard(&self, who: &str, conversation_id: &str) -> u64 {
        let place = (who.to_owned(), conversation_id.to_owned());
        self.board().heard.get(&place).copied().unwrap_or(0)
    }

    /// Takes in a message that arrived, and checks it against the log (I4, I6).
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

    /// Records that a librarian's monitor was opened, or is gone.
    pub(crate) fn set_present(&self, id: &str, present: bool) {
        let mut board = self.board();
        if present {
            board.present.insert(id.to_owned());
        } else {
            board.present.remove(id);
        }
    }

    /// Returns the librarians whose monitors are open.
    pub(crate) fn present(&self) -> BTreeSet<String> {
        self.board().present.clone()
    }

    /// Records whom a watcher is shown at the desk.
    pub(crate) fn show_desk(&self, who: &str, shown: BTreeSet<String>) {
        self.board().desks.insert(who.to_owned(), shown);
    }

    /// Returns whom each watcher is shown at the desk.
    pub(crate) fn desks(&self) -> Vec<(String, BTreeSet<String>)> {
        self.board().desks.clone().into_iter().collect()
    }

    /// Returns a session's head for an audience when it was last noted.
    pub(crate) fn noted_head(&self, session_id: &str, audience: wire::Audience) -> u64 {
        let board = self.board();
        let [patron, staff] = board.heads.get(session_id).copied().unwrap_or_default();
        match audience {
            wire::Audience::Staff => staff,
            _ => patron,
        }
    }

    /// Records the order in which a person says things in a session.
    pub(crate) fn say(&self, who: &str, session_id: &str, command_key: &str) {
        let place = (who.to_owned(), session_id.to_owned());
        let mut board = self.board();
        board
            .said
            .entry(place)
            .or_default()
            .push(command_key.to_owned());
    }

    /// Returns what everybody said, in order.
    pub(crate) fn said(&self) -> Vec<((String, String), Vec<String>)> {
        self.board().said.clone().into_iter().collect()
    }

    /// Announces an offer to everybody.
    pub(crate) fn post_offer(&self, offer: Offer) {
        self.board().offers.push(offer);
    }

    /// Returns all offers that were announced.
    pub(crate) fn offers(&self) -> Vec<Offer> {
        self.board().offers.clone()
    }

    /// Makes the token of a patron, good for one session.
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

    /// Makes the token of a librarian.
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

    /// Makes a librarian's introduction to others.
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
