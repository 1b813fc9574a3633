//! What is true, in a model simple enough to be believed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use carrel_platform::auth::Librarian;
use carrel_proto::presence::v1 as wire;
use tokio::time::Instant;

use crate::{domain::presence::Status, presence::convert};

const LEASE: Duration = Duration::from_secs(15);

/// What a librarian chose.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) status: Status,
    pub(super) queues: BTreeSet<String>,
}

/// What is true of a librarian.
#[derive(Debug)]
pub(super) enum Truth {
    There(Choice),
    Gone,
    /// The lease of a monitor that crashed has run out, but not every server has to know it yet.
    Uncertain,
}

#[derive(Default)]
pub(super) struct Model {
    monitors: BTreeMap<String, Known>,
    choices: u64,
    waiting: BTreeMap<String, u32>,
}

struct Known {
    librarian: usize,
    choice: Option<(u64, Choice)>,
    /// When the last sign of life came, if the stream was cut.
    crashed: Option<Instant>,
}

impl Choice {
    pub(super) fn picked(pick: u32, librarian: &Librarian) -> Self {
        let statuses = [
            Status::Available,
            Status::Busy,
            Status::AcceptNoNew,
            Status::Away,
        ];
        let queues = librarian.queues.iter().enumerate();
        Self {
            status: statuses[(pick >> 3) as usize % 4],
            queues: queues
                .filter(|(n, _)| pick >> (5 + n) & 1 == 1)
                .map(|(_, queue_id)| queue_id.clone())
                .collect(),
        }
    }

    pub(super) fn announcement(&self, monitor_id: &str) -> wire::Announcement {
        wire::Announcement {
            monitor_id: monitor_id.to_owned(),
            status: convert::status(self.status),
            queues: Some(wire::MonitoredQueues {
                queue_ids: self.queues.iter().cloned().collect(),
            }),
            returning: false,
        }
    }
}

impl Known {
    fn lease_stands(&self) -> bool {
        self.crashed
            .is_none_or(|last_sign| last_sign.elapsed() < LEASE)
    }
}

impl Model {
    pub(super) fn open(&mut self, librarian: usize, monitor_id: &str) {
        let known = Known {
            librarian,
            choice: None,
            crashed: None,
        };
        self.monitors.insert(monitor_id.to_owned(), known);
    }

    /// A choice on one monitor is a choice on all of the librarian's monitors whose streams stand.
    pub(super) fn choose(&mut self, librarian: usize, choice: Choice) {
        self.choices += 1;
        let live = self
            .monitors
            .values_mut()
            .filter(|known| known.crashed.is_none());
        for known in live.filter(|known| known.librarian == librarian) {
            known.choice = Some((self.choices, choice.clone()));
        }
    }

    pub(super) fn close(&mut self, monitor_id: &str) {
        self.monitors.remove(monitor_id);
    }

    pub(super) fn crash(&mut self, monitor_id: &str, last_sign: Instant) {
        self.monitors.get_mut(monitor_id).unwrap().crashed = Some(last_sign);
    }

    /// A monitor that comes back takes over the choice that stands.
    pub(super) fn come_back(&mut self, librarian: usize, monitor_id: &str) {
        let choice = self.newest(librarian);
        let known = self.monitors.get_mut(monitor_id).unwrap();
        known.crashed = None;
        known.choice = choice;
    }

    pub(super) fn wait(&mut self, queue_id: &str, patrons: u32) {
        self.waiting.insert(queue_id.to_owned(), patrons);
    }

    pub(super) fn monitors(&self, librarian: usize) -> usize {
        self.of(librarian).count()
    }

    pub(super) fn pick_live(&self, librarian: usize, pick: u32) -> Option<String> {
        let live: Vec<&String> = self
            .monitors
            .iter()
            .filter(|(_, known)| known.librarian == librarian && known.crashed.is_none())
            .map(|(monitor_id, _)| monitor_id)
            .collect();
        let picked = (pick >> 20) as usize % live.len().max(1);
        live.get(picked).map(|monitor_id| (*monitor_id).clone())
    }

    /// A monitor whose stream was cut and that can come back in time, if nothing about its librarian is uncertain.
    pub(super) fn pick_crashed(&self, librarian: usize) -> Option<String> {
        let in_time = |last_sign: Instant| last_sign.elapsed() < LEASE - Duration::from_millis(10);
        self.of(librarian).all(Known::lease_stands).then_some(())?;
        let mut monitors = self.monitors.iter();
        let (monitor_id, _) = monitors.find(|(_, known)| {
            known.librarian == librarian && known.crashed.is_some_and(in_time)
        })?;
        Some(monitor_id.clone())
    }

    pub(super) fn truth(&self, librarian: usize) -> Truth {
        if !self.of(librarian).all(Known::lease_stands) {
            return Truth::Uncertain;
        }
        match self.newest(librarian) {
            Some((_, choice)) => Truth::There(choice),
            None => Truth::Gone,
        }
    }

    /// How many librarians monitor a queue, whether it is staffed, and how many patrons wait; `None` if that is
    /// uncertain.
    pub(super) fn recount(&self, queue_id: &str, truth: &[Truth]) -> Option<(u32, bool, u32)> {
        let mut count = (0, false, self.waiting.get(queue_id).copied().unwrap_or(0));
        for (librarian, truth) in truth.iter().enumerate() {
            match truth {
                Truth::Gone => {}
                Truth::There(choice) if choice.queues.contains(queue_id) => {
                    count.0 += 1;
                    count.1 |= matches!(choice.status, Status::Available | Status::Busy);
                }
                Truth::There(_) => {}
                Truth::Uncertain => {
                    let monitors = |known: &Known| {
                        let choice = known.choice.as_ref();
                        choice.is_some_and(|(_, choice)| choice.queues.contains(queue_id))
                    };
                    if self.of(librarian).any(monitors) {
                        return None;
                    }
                }
            }
        }
        Some(count)
    }

    /// The librarians with a monitor whose lease has run out.
    pub(super) fn fading(&self) -> BTreeSet<usize> {
        let faded = self.monitors.values().filter(|known| !known.lease_stands());
        faded.map(|known| known.librarian).collect()
    }

    /// Forgets monitors of which everyone must know by now that they are gone.
    pub(super) fn forget_faded(&mut self) {
        self.monitors.retain(|_, known| {
            let elapsed = known.crashed.map(|last_sign| last_sign.elapsed());
            elapsed.is_none_or(|elapsed| elapsed < super::SETTLED)
        });
    }

    /// Whether nothing is uncertain.
    pub(super) fn all_settled(&self) -> bool {
        self.fading().is_empty()
    }

    fn of(&self, librarian: usize) -> impl Iterator<Item = &Known> {
        let monitors = self.monitors.values();
        monitors.filter(move |known| known.librarian == librarian)
    }

    fn newest(&self, librarian: usize) -> Option<(u64, Choice)> {
        let standing = self.of(librarian).filter(|known| known.lease_stands());
        let choices = standing.filter_map(|known| known.choice.clone());
        choices.max_by_key(|(number, _)| *number)
    }
}
