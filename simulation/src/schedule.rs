//! What a seed decides: who is there, what goes wrong, and when. First a storm; then everything heals, and everything
//! must recover.

use crate::{
    database::Faults,
    dice::Dice,
    person::{IM_SERVERS, PRESENCE_SERVERS, SESSION_SERVERS},
    shared_bus::Manners,
};

/// The hosts at which people sit.
pub(crate) const SCREENS: [&str; 2] = ["screens-1", "screens-2"];

/// How long it may take until the last words are in the log.
pub(crate) const SPOKEN_MS: u64 = 1_500;
/// How long it may take after that until everybody has them (I8).
pub(crate) const REPAIRED_MS: u64 = 10_000;

/// A fault of hosts or of the links between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing passes in either direction.
    Partition(&'static str, &'static str),
    /// Nothing passes in one direction.
    PartitionOneWay(&'static str, &'static str),
    /// A link that was cut works again; what was sent meanwhile is lost.
    Repair(&'static str, &'static str),
    /// Everything sent is held back.
    Hold(&'static str, &'static str),
    /// What was held back passes.
    Release(&'static str, &'static str),
    /// A server dies.
    Crash(&'static str),
    /// A server starts again.
    Restart(&'static str),
    /// A server can't reach the database for this many milliseconds.
    CutOff(&'static str, u64),
    /// The bus loses everything for this many milliseconds.
    Silence(u64),
    /// The store of leases can't be reached for this many milliseconds.
    NoLeases(u64),
}

/// One seed's plan.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// How many patrons ask.
    pub(crate) patrons: u64,
    /// When the storm ends.
    pub(crate) heals_at_ms: u64,
    /// When the last words are said.
    pub(crate) last_word_at_ms: u64,
    /// When everybody must have them.
    pub(crate) ends_at_ms: u64,
    /// How the bus behaves in the storm, and after it.
    pub(crate) bus: [Manners; 2],
    /// How the database behaves in the storm.
    pub(crate) database: Faults,
    /// Whether staff say the last words, rather than the patrons. Nobody answers them, so whatever is lost of them must
    /// be found without anything later.
    pub(crate) staff_speak_last: bool,
    /// Whether presence-svc and im-svc take part.
    pub(crate) has_desk: bool,
    /// Whether a reader stops reading while much is said, after the storm.
    pub(crate) has_slow_reader: bool,
    /// The faults and when they happen, in order.
    pub(crate) faults: Vec<(u64, Fault)>,
    /// The longest time that a segment takes on the network, in milliseconds.
    pub(crate) slowest_segment_ms: u64,
    clocks_ahead_ms: [i64; 2],
}

impl Schedule {
    /// Returns the plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "schedule");
        let heals_at_ms = dice.between(18_000, 32_000);
        let has_slow_reader = dice.happens(250);
        let has_desk = dice.happens(250);
        // A librarian who leaves at the end of the storm must be seen as gone (I15).
        let settles_ms = if has_slow_reader || has_desk {
            14_000
        } else {
            6_000
        };
        let last_word_at_ms = heals_at_ms + settles_ms;
        let honest = dice.happens(500);
        let loses = *dice.one_of(&[0, 50, 300, 1000]).unwrap_or(&0);
        let storm = Manners {
            loses,
            repeats: dice.between(0, 200),
            slowest_ms: dice.between(5, 800),
            honest,
        };
        let calm = Manners {
            loses: *dice.one_of(&[0, 300, 1000]).unwrap_or(&0),
            slowest_ms: 20,
            ..storm
        };
        let trouble = *dice.one_of(&[0, 5, 20, 50]).unwrap_or(&0);
        let database = Faults {
            refused: dice.between(0, trouble),
            lost: dice.between(0, trouble),
            unconfirmed: dice.between(0, trouble),
            deadly: dice.between(0, trouble / 4),
            unread: dice.between(0, trouble / 2),
            slowest_ms: dice.between(1, 60),
        };
        let count = dice.between(2, 12);
        let mut faults = Vec::new();
        for _ in 0..count {
            let at_ms = dice.between(1_500, heals_at_ms - 1_000);
            let lasts_ms = dice.between(200, 9_000);
            plan_fault(&mut dice, servers(has_desk), at_ms, lasts_ms, &mut faults);
        }
        faults.sort_by_key(|(at_ms, _)| *at_ms);
        Self {
            patrons: dice.between(1, 3),
            heals_at_ms,
            last_word_at_ms,
            ends_at_ms: last_word_at_ms + SPOKEN_MS + REPAIRED_MS,
            bus: [storm, calm],
            database,
            staff_speak_last: dice.happens(500),
            has_desk,
            has_slow_reader,
            faults,
            slowest_segment_ms: dice.between(2, 60),
            clocks_ahead_ms: [0, 0]
                .map(|_: i64| i64::try_from(dice.between(0, 3_000)).unwrap_or(0) - 1_500),
        }
    }

    /// Returns how far a server's clock is ahead of the right time, in milliseconds.
    pub(crate) fn clock_ahead_ms(&self, host: &str) -> i64 {
        let place = usize::from(host.ends_with('2'));
        self.clocks_ahead_ms.get(place).copied().unwrap_or(0)
    }

    /// Returns all servers.
    pub(crate) fn servers(&self) -> &'static [&'static str] {
        servers(self.has_desk)
    }
}

fn servers(has_desk: bool) -> &'static [&'static str] {
    const ALL: [&str; 6] = {
        let ([a, b], [c, d], [e, f]) = (SESSION_SERVERS, PRESENCE_SERVERS, IM_SERVERS);
        [a, b, c, d, e, f]
    };
    if has_desk { &ALL } else { &SESSION_SERVERS }
}

fn plan_fault(
    dice: &mut Dice,
    servers: &[&'static str],
    at_ms: u64,
    lasts_ms: u64,
    faults: &mut Vec<(u64, Fault)>,
) {
    let server = dice.one_of(servers).copied().unwrap_or_default();
    let screen = dice.one_of(&SCREENS).copied().unwrap_or_default();
    let ends_ms = at_ms + lasts_ms;
    match dice.between(0, 8) {
        0 => faults.extend([
            (at_ms, Fault::Partition(screen, server)),
            (ends_ms, Fault::Repair(screen, server)),
        ]),
        1 => {
            let (from, to) = if dice.happens(500) {
                (screen, server)
            } else {
                (server, screen)
            };
            faults.extend([
                (at_ms, Fault::PartitionOneWay(from, to)),
                (ends_ms, Fault::Repair(from, to)),
            ]);
        }
        2 | 3 => faults.extend([
            (at_ms, Fault::Hold(screen, server)),
            (ends_ms, Fault::Release(screen, server)),
        ]),
        4 | 5 => faults.extend([
            (at_ms, Fault::Crash(server)),
            (ends_ms, Fault::Restart(server)),
        ]),
        6 => faults.push((at_ms, Fault::CutOff(server, lasts_ms))),
        7 => faults.push((at_ms, Fault::Silence(lasts_ms * 2))),
        _ => faults.push((at_ms, Fault::NoLeases(lasts_ms))),
    }
}
