//! The state of queues: who waits, who is there for them, and whether they are open.

use std::collections::BTreeMap;

use super::{
    directory::{Directory, Institution, Queue},
    hours::HoursState,
    roster::{People, Person},
};

/// How much there is to do, as session-svc tells it. What is missing counts as none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// The patrons who wait in each queue, by its id.
    pub queues: BTreeMap<String, Waiting>,
    /// How many running sessions each librarian owns, by their id.
    pub active: BTreeMap<String, u32>,
}

/// The patrons who wait in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub patrons: u32,
    /// Since when the patron who has waited longest has been waiting, in Unix milliseconds.
    pub oldest_ms: Option<i64>,
}

/// The state of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Whether it is for practice.
    pub practice: bool,
    /// The patrons who wait in it.
    pub waiting: Waiting,
    /// How many librarians monitor it, whatever their status.
    pub librarians: u32,
    /// Whether one of them takes new patrons.
    pub staffed: bool,
    /// Whether it is open, and until when that holds.
    pub hours: HoursState,
}

impl QueueState {
    /// Whether it is open, patrons wait in it, and no librarian there takes new ones. Out of hours nobody is expected,
    /// and nobody must be called for practice.
    #[must_use]
    pub fn lacks_staff(&self) -> bool {
        !self.practice && self.hours.open && !self.staffed && self.waiting.patrons > 0
    }
}

/// The state of all queues, by id.
pub type Queues = BTreeMap<String, QueueState>;

/// Whether patrons of a library can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is not known.
    Unknown,
    /// A queue that they can reach is open and staffed.
    Open,
    /// Queues that they can reach are open, but none of these is staffed.
    Unstaffed,
    /// It is out of hours until this time, in Unix milliseconds. `None` if the hours never begin.
    Closed(Option<i64>),
}

/// How well it is known who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// Everyone who is there is known.
    Whole,
    /// Everyone who is known is there, but others may not have been heard of yet: the service has just started.
    Growing,
    /// This is how it was once; the present state can't be read.
    Stale,
}

/// Returns the state of each queue of a directory.
#[must_use]
pub fn queues(directory: &Directory, people: &People, load: &Load, now_ms: i64) -> Queues {
    let mut monitored: BTreeMap<&str, Vec<&Person>> = BTreeMap::new();
    for person in people.values() {
        for queue_id in person.queues() {
            monitored.entry(queue_id).or_default().push(person);
        }
    }
    let state = |queue: &Queue| {
        let librarians = monitored.get(queue.id.as_str());
        let librarians = librarians.map_or(&[][..], Vec::as_slice);
        QueueState {
            name: queue.name.clone(),
            practice: queue.practice,
            waiting: load.queues.get(&queue.id).copied().unwrap_or_default(),
            librarians: u32::try_from(librarians.len()).unwrap_or(u32::MAX),
            staffed: librarians.iter().any(|person| person.status.takes_new()),
            hours: hours(queue, now_ms),
        }
    };
    directory
        .queues
        .values()
        .map(|queue| (queue.id.clone(), state(queue)))
        .collect()
}

fn hours(queue: &Queue, now_ms: i64) -> HoursState {
    const ALWAYS: HoursState = HoursState {
        open: true,
        next_change_ms: None,
    };
    queue
        .hours
        .as_ref()
        .map_or(ALWAYS, |hours| hours.at(now_ms))
}

/// Returns whether patrons of a library can be answered: in their primary queue or in any that their wait goes on to.
///
/// Patrons are not told that a desk is empty, or that somebody is there, when that is not known. Whether it is out of
/// hours is always known.
#[must_use]
pub fn availability(
    directory: &Directory,
    institution: &Institution,
    queues: &Queues,
    knowledge: Knowledge,
) -> Availability {
    let reachable = || {
        let queues = directory
            .reachable_queues(institution)
            .map(|queue| queues.get(&queue.id));
        queues.flatten()
    };
    if !reachable().any(|queue| queue.hours.open) {
        let next = reachable().filter_map(|queue| queue.hours.next_change_ms);
        return Availability::Closed(next.min());
    }
    let staffed = reachable().any(|queue| queue.hours.open && queue.staffed);
    match (staffed, knowledge) {
        (_, Knowledge::Stale) | (false, Knowledge::Growing) => Availability::Unknown,
        (true, _) => Availability::Open,
        (false, Knowledge::Whole) => Availability::Unstaffed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample;

    fn state(open: bool, staffed: bool, next_change_ms: i64) -> QueueState {
        QueueState {
            name: String::new(),
            practice: false,
            waiting: Waiting::default(),
            librarians: 0,
            staffed,
            hours: HoursState {
                open,
                next_change_ms: Some(next_change_ms),
            },
        }
    }

    // D36, D42: nobody is called to the desk for practice, nor out of hours.
    #[test]
    fn somebody_must_come_where_real_patrons_wait_and_nobody_is() {
        let practice = Queue {
            practice: true,
            ..sample::queue("practice", &["maple"], &["maple"])
        };
        let maple = sample::queue("maple", &["maple"], &["maple"]);
        let empty = sample::queue("empty", &[], &["maple"]);
        let directory =
            sample::directory([sample::institution("maple")], [maple, practice, empty], []);
        let one = Waiting {
            patrons: 1,
            oldest_ms: Some(0),
        };
        let load = Load {
            queues: ["maple", "practice"].map(|id| (id.to_owned(), one)).into(),
            active: BTreeMap::new(),
        };
        let mut queues = queues(&directory, &People::default(), &load, 0);
        let left = |queues: &Queues| {
            let left = queues.iter().filter(|(_, queue)| queue.lacks_staff());
            left.map(|(id, _)| id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(left(&queues), ["maple"]);
        // Librarians who practise see it all the same.
        assert_eq!(queues["practice"].waiting, one);
        let mut closed = queues.clone();
        for queue in closed.values_mut() {
            queue.hours.open = false;
        }
        assert_eq!(left(&closed), Vec::<String>::new());
        // Patrons who waited before it closed are still seen.
        assert_eq!(closed["maple"].waiting, one);
        for queue in queues.values_mut() {
            queue.staffed = true;
        }
        assert_eq!(left(&queues), Vec::<String>::new());
    }

    // D33: maple's wait goes on to coop; harbor does not concern its patrons.
    #[test]
    fn one_queue_that_is_open_and_staffed_is_enough_among_those_that_a_wait_reaches() {
        let mut maple = sample::queue("maple", &["maple"], &["maple"]);
        maple.escalate = sample::steps(&[("coop", 40)]);
        let institution = sample::institution("maple");
        let directory = sample::directory(
            [institution.clone()],
            [
                maple,
                sample::queue("coop", &[], &["maple"]),
                sample::queue("harbor", &[], &[]),
            ],
            [],
        );
        for bits in 0..16 {
            let [maple_open, maple_staffed, coop_open, coop_staffed] =
                [1, 2, 4, 8].map(|bit| bits & bit != 0);
            let queues = Queues::from([
                ("maple".to_owned(), state(maple_open, maple_staffed, 300)),
                ("coop".to_owned(), state(coop_open, coop_staffed, 200)),
                ("harbor".to_owned(), state(true, true, 100)),
            ]);
            let answered = (maple_open && maple_staffed) || (coop_open && coop_staffed);
            for knowledge in [Knowledge::Whole, Knowledge::Growing, Knowledge::Stale] {
                let expected = match (maple_open || coop_open, answered, knowledge) {
                    (false, ..) => Availability::Closed(Some(200)),
                    (true, true, Knowledge::Whole | Knowledge::Growing) => Availability::Open,
                    (true, false, Knowledge::Whole) => Availability::Unstaffed,
                    (true, ..) => Availability::Unknown,
                };
                assert_eq!(
                    availability(&directory, &institution, &queues, knowledge),
                    expected,
                    "{bits:04b} {knowledge:?}"
                );
            }
        }
    }
}
