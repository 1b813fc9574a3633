//! A history, sorted the way the checks need it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Figures;
use crate::history::{Action, Audience, Entry, Role, Seen, What};

/// The kind of fault after which histories begin anew, since a standby has taken over.
const FAIL_OVER: &str = "F14";

/// A command and what became of it.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) who: &'a str,
    pub(super) session: &'a str,
    pub(super) action: &'a Action,
    /// When it was first sent.
    pub(super) at: u64,
    /// The time of the first answer that said it happened, and the position in it.
    pub(super) ok: Option<(u64, u64)>,
    /// The position in a later answer, if it named another one.
    pub(super) other_place: Option<u64>,
    /// The reason in the answer that said it never happened.
    pub(super) failed: Option<&'a str>,
}

/// A time in which somebody attended a session.
#[derive(Debug)]
pub(super) struct Spell {
    pub(super) from: u64,
    /// `None` if it lasted until the end of the run.
    pub(super) until: Option<u64>,
}

/// What a viewer was shown of one session.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) audience: Audience,
    pub(super) spells: Vec<Spell>,
    /// Time, position and event.
    pub(super) shown: Vec<(u64, u64, &'a Seen)>,
    /// How many times the history was replaced though no standby had taken over.
    pub(super) resyncs: usize,
}

/// A person of the run.
#[derive(Debug)]
pub(super) struct Person<'a> {
    pub(super) role: Role,
    pub(super) librarian_id: &'a str,
}

/// A whole history.
#[derive(Debug, Default)]
pub(super) struct SortedHistory<'a> {
    pub(super) people: HashMap<&'a str, Person<'a>>,
    /// In the order in which they were first sent.
    pub(super) commands: Vec<Command<'a>>,
    /// By viewer and session.
    pub(super) views: BTreeMap<(&'a str, &'a str), View<'a>>,
    /// Times in which something was broken, in order and disjoint.
    pub(super) broken: Vec<(u64, u64)>,
    /// Times in which Redis was stopped, in order.
    without_redis: Vec<(u64, u64)>,
    pub(super) end: u64,
    unknown: u64,
    /// By session: the indices of the commands that made somebody its owner.
    taking: HashMap<&'a str, Vec<usize>>,
}

impl<'a> SortedHistory<'a> {
    pub(super) fn read(history: &'a [Entry]) -> Self {
        let mut sorted = Self {
            end: history.last().map_or(0, |entry| entry.at),
            broken: broken(history),
            ..Self::default()
        };
        let mut places = HashMap::new();
        let mut attended: HashMap<&str, HashSet<&str>> = HashMap::new();
        let mut unknown = HashSet::new();
        let mut failed_over = false;
        for entry in history {
            let who = entry.who.as_str();
            match &entry.what {
                What::Person { role, librarian_id } => {
                    let person = Person {
                        role: *role,
                        librarian_id,
                    };
                    sorted.people.insert(who, person);
                }
                What::Invoke {
                    session,
                    command,
                    action,
                } => {
                    places.insert((who, command.as_str()), sorted.commands.len());
                    sorted.commands.push(Command {
                        who,
                        session,
                        action,
                        at: entry.at,
                        ok: None,
                        other_place: None,
                        failed: None,
                    });
                }
                What::Ok {
                    command, position, ..
                } => {
                    if let Some(place) = places.get(&(who, command.as_str())) {
                        sorted.commands[*place].happened(entry.at, *position);
                    }
                }
                What::Fail {
                    command, reason, ..
                } => {
                    if let Some(place) = places.get(&(who, command.as_str())) {
                        sorted.commands[*place].failed = Some(reason);
                    }
                }
                What::Unknown { command, .. } => {
                    unknown.insert((who, command.as_str()));
                }
                What::Attending {
                    session,
                    audience,
                    resync,
                } => {
                    attended.entry(who).or_default().insert(session);
                    sorted.attend(who, session, entry.at, *audience);
                    if *resync {
                        sorted.start_anew(who, session, failed_over);
                    }
                }
                What::Event {
                    session,
                    position,
                    seen,
                } => {
                    if let Some(view) = sorted.views.get_mut(&(who, session.as_str())) {
                        view.shown.push((entry.at, *position, seen));
                    }
                }
                What::Detached { session, .. } => {
                    if let Some(sessions) = attended.get_mut(who) {
                        sessions.remove(session.as_str());
                    }
                    sorted.leave(who, session, entry.at);
                }
                What::Redis { there: false } => sorted.without_redis.push((entry.at, u64::MAX)),
                What::Redis { there: true } => {
                    if let Some((_, until)) = sorted.without_redis.last_mut() {
                        *until = entry.at;
                    }
                }
                What::Fault { kind, .. } => failed_over |= kind == FAIL_OVER,
                What::Closed { .. } => {
                    for session in attended.remove(who).unwrap_or_default() {
                        sorted.leave(who, session, entry.at);
                    }
                }
                _ => {}
            }
        }
        sorted.unknown = unknown.len() as u64;
        for (place, command) in sorted.commands.iter().enumerate() {
            if command.ok.is_some() && matches!(command.action, Action::PickUp | Action::Accept(_))
            {
                sorted
                    .taking
                    .entry(command.session)
                    .or_default()
                    .push(place);
            }
        }
        sorted
    }

    fn attend(&mut self, who: &'a str, session: &'a str, at: u64, audience: Audience) {
        self.leave(who, session, at);
        let view = self.views.entry((who, session)).or_insert_with(|| View {
            audience,
            spells: Vec::new(),
            shown: Vec::new(),
            resyncs: 0,
        });
        view.spells.push(Spell {
            from: at,
            until: None,
        });
    }

    /// Discards what a viewer was shown, which is only right if the log itself was replaced.
    fn start_anew(&mut self, who: &'a str, session: &'a str, failed_over: bool) {
        if let Some(view) = self.views.get_mut(&(who, session)) {
            view.shown.clear();
            view.resyncs += usize::from(!failed_over);
        }
    }

    fn leave(&mut self, who: &'a str, session: &'a str, at: u64) {
        let view = self.views.get_mut(&(who, session));
        if let Some(last) = view.and_then(|view| view.spells.last_mut()) {
            last.until.get_or_insert(at);
        }
    }

    /// Returns the commands that made somebody the owner of a session.
    pub(super) fn taking(&self, session: &str) -> impl Iterator<Item = &Command<'a>> {
        let places = self.taking.get(session).map_or(&[][..], Vec::as_slice);
        places.iter().map(|place| &self.commands[*place])
    }

    /// Returns since when nothing was broken at `at`; `None` if something is broken then.
    pub(super) fn calm_since(&self, at: u64) -> Option<u64> {
        let next = self.broken.partition_point(|(from, _)| *from <= at);
        match next.checked_sub(1).and_then(|last| self.broken.get(last)) {
            Some((_, until)) if at < *until => None,
            Some((_, until)) => Some(*until),
            None => Some(0),
        }
    }

    /// Returns whether Redis was stopped at that time.
    pub(super) fn is_without_redis(&self, at: u64) -> bool {
        let mut times = self.without_redis.iter();
        times.any(|(from, until)| *from <= at && at < *until)
    }

    pub(super) fn figures(&self, history: &[Entry]) -> Figures {
        let mut figures = Figures {
            unknown: self.unknown,
            delivered: self
                .views
                .values()
                .map(|view| view.shown.len() as u64)
                .sum(),
            ..Figures::default()
        };
        for command in &self.commands {
            let happened = u64::from(command.ok.is_some());
            match command.action {
                Action::Message(_) | Action::Note(_) => figures.acknowledged += happened,
                Action::Open(_) => figures.sessions += happened,
                Action::PickUp => {
                    figures.pick_ups.0 += 1;
                    figures.pick_ups.1 += happened;
                }
                Action::Accept(_) => {
                    figures.transfers.0 += 1;
                    figures.transfers.1 += happened;
                }
                _ => {}
            }
        }
        let lost = |entry: &&Entry| matches!(entry.what, What::Closed { .. });
        figures.sockets_lost = history.iter().filter(lost).count() as u64;
        figures
    }
}

impl Command<'_> {
    fn happened(&mut self, at: u64, position: u64) {
        let (_, first) = *self.ok.get_or_insert((at, position));
        if first != position {
            self.other_place = Some(position);
        }
    }
}

/// Returns the times from the beginning of each fault to its recovery, with overlapping ones merged.
fn broken(history: &[Entry]) -> Vec<(u64, u64)> {
    let mut broken = Vec::new();
    let mut open = HashSet::new();
    let mut since = 0;
    for entry in history {
        match entry.what {
            What::Fault { number, .. } => {
                if open.is_empty() {
                    since = entry.at;
                }
                open.insert(number);
            }
            What::Recovered { number } if open.remove(&number) && open.is_empty() => {
                broken.push((since, entry.at));
            }
            _ => {}
        }
    }
    if !open.is_empty() {
        broken.push((since, u64::MAX));
    }
    broken
}
