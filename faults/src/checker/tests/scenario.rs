//! A correct scenario, to be spoilt: a patron, two librarians who race for them, and a supervisor who watches; sockets
//! are lost, too.

use std::collections::BTreeMap;

use crate::{
    checker::{Log, TAIL_REPAIR_US, Transcripts},
    history::{Action, Audience, Entry, Role, Seen, What},
    seed::Dice,
};

pub(super) const PATRON: &str = "patron";
pub(super) const LIBRARIAN: &str = "librarian";
pub(super) const LOSER: &str = "loser";
pub(super) const SUPERVISOR: &str = "supervisor";
const SESSION: &str = "session";

/// A history and the log that goes with it. Librarians' ids are their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Scenario {
    pub(super) history: Vec<Entry>,
    pub(super) log: Log,
    at: u64,
    commands: u64,
    watching: Vec<(&'static str, Audience, u64)>,
}

impl Scenario {
    pub(super) fn good(dice: &mut Dice) -> Self {
        let mut scenario = Self {
            log: BTreeMap::from([(SESSION.to_owned(), Transcripts::default())]),
            ..Self::default()
        };
        for (who, role) in [
            (PATRON, Role::Patron),
            (LIBRARIAN, Role::Librarian),
            (LOSER, Role::Librarian),
            (SUPERVISOR, Role::Supervisor),
        ] {
            let librarian_id = if role == Role::Patron { "" } else { who };
            scenario.tell(
                who,
                What::Person {
                    role,
                    librarian_id: librarian_id.to_owned(),
                },
            );
        }
        scenario.tell(
            SUPERVISOR,
            What::Desk {
                present: vec![LIBRARIAN.to_owned()],
            },
        );
        scenario.act(
            PATRON,
            Action::Open("a question".to_owned()),
            "opened",
            "a question",
            true,
        );
        scenario.attend(PATRON, Audience::Patron);
        let lost = scenario.invoke(LOSER, Action::PickUp);
        scenario.act(LIBRARIAN, Action::PickUp, "picked_up", "", false);
        scenario.tell(
            LOSER,
            What::Fail {
                session: SESSION.to_owned(),
                command: lost,
                code: 9,
                reason: "ALREADY_PICKED_UP".to_owned(),
            },
        );
        scenario.attend(LIBRARIAN, Audience::Staff);
        scenario.attend(SUPERVISOR, Audience::Staff);
        let length = 20 + dice.below(20);
        for number in 0..length {
            let text = format!("text {number}");
            // The first few of each kind always exist, so that each can be spoilt.
            match if number < 9 {
                number % 3
            } else {
                dice.below(3)
            } {
                0 => scenario.act(
                    PATRON,
                    Action::Message(text.clone()),
                    "message",
                    &text,
                    true,
                ),
                1 => scenario.act(
                    LIBRARIAN,
                    Action::Message(text.clone()),
                    "message",
                    &text,
                    true,
                ),
                _ => scenario.act(LIBRARIAN, Action::Note(text.clone()), "note", &text, true),
            }
            if dice.once_in(8) {
                let (who, audience) =
                    [(PATRON, Audience::Patron), (LIBRARIAN, Audience::Staff)][dice.below(2)];
                scenario.tell(who, What::Closed { code: None });
                scenario.attend(who, audience);
            }
        }
        scenario.act(PATRON, Action::End, "ended", "", true);
        scenario
    }

    pub(super) fn transcripts(&mut self) -> &mut Transcripts {
        self.log.get_mut(SESSION).unwrap()
    }

    fn tell(&mut self, who: &str, what: What) {
        self.at += 1_000;
        let at = self.at;
        self.history.push(Entry {
            at,
            who: who.to_owned(),
            what,
        });
    }

    fn invoke(&mut self, who: &str, action: Action) -> String {
        self.commands += 1;
        let command = format!("command {}", self.commands);
        self.tell(
            who,
            What::Invoke {
                session: SESSION.to_owned(),
                command: command.clone(),
                action,
            },
        );
        command
    }

    /// Performs an act: it is in the log, shown to all who watch, and acknowledged.
    fn act(&mut self, who: &str, action: Action, kind: &str, text: &str, names_position: bool) {
        let command = self.invoke(who, action);
        let author = if who == PATRON { "" } else { who };
        let seen = |author: &str| Seen {
            kind: kind.to_owned(),
            text: text.to_owned(),
            author: author.to_owned(),
        };
        let transcripts = self.transcripts();
        let staff = transcripts.staff.len() as u64 + 1;
        transcripts.staff.push((staff, seen(author)));
        let patron = transcripts.patron.len() as u64 + 1;
        if kind != "note" {
            transcripts.patron.push((patron, seen("")));
        }
        for watching in 0..self.watching.len() {
            self.show(watching);
        }
        let position = if who == PATRON { patron } else { staff };
        self.tell(
            who,
            What::Ok {
                session: SESSION.to_owned(),
                command,
                position: if names_position { position } else { 0 },
                replayed: false,
            },
        );
    }

    fn attend(&mut self, who: &'static str, audience: Audience) {
        self.tell(
            who,
            What::Attending {
                session: SESSION.to_owned(),
                audience,
                resync: false,
            },
        );
        if !self.watching.iter().any(|(watching, ..)| *watching == who) {
            self.watching.push((who, audience, 0));
        }
        for watching in 0..self.watching.len() {
            self.show(watching);
        }
    }

    /// Shows a watcher everything that they have not been shown yet.
    fn show(&mut self, watching: usize) {
        let (who, audience, shown) = self.watching[watching];
        let transcripts = self.transcripts();
        let events = match audience {
            Audience::Patron => &transcripts.patron,
            Audience::Staff => &transcripts.staff,
        };
        let new = events[usize::try_from(shown).unwrap()..].to_vec();
        self.watching[watching].2 += new.len() as u64;
        for (position, seen) in new {
            self.tell(
                who,
                What::Event {
                    session: SESSION.to_owned(),
                    position,
                    seen,
                },
            );
        }
    }

    /// Returns the index in staff's transcript of any event of these kinds.
    pub(super) fn any_staff(&mut self, dice: &mut Dice, kinds: &[&str]) -> usize {
        let staff = &self.transcripts().staff;
        let places =
            (0..staff.len()).filter(|place| kinds.contains(&staff[*place].1.kind.as_str()));
        let places: Vec<usize> = places.collect();
        *dice.pick(&places).unwrap()
    }

    /// Returns the index of any line that matches.
    pub(super) fn any(&self, dice: &mut Dice, like: impl Fn(&What) -> bool) -> usize {
        let lines = (0..self.history.len()).filter(|line| like(&self.history[*line].what));
        let lines: Vec<usize> = lines.collect();
        *dice.pick(&lines).unwrap()
    }

    /// Returns the lines on which a person sends a message or note.
    pub(super) fn sent_by(&self, who: &str) -> Vec<usize> {
        let lines = self.history.iter().enumerate();
        lines
            .filter(|(_, entry)| entry.who == who)
            .filter(|(_, entry)| {
                matches!(
                    &entry.what,
                    What::Invoke {
                        action: Action::Message(_) | Action::Note(_),
                        ..
                    }
                )
            })
            .map(|(line, _)| line)
            .collect()
    }

    pub(super) fn swap_invokes(&mut self, one: usize, other: usize) {
        let what = self.history[one].what.clone();
        self.history[one].what = std::mem::replace(&mut self.history[other].what, what);
    }

    pub(super) fn last_event_of(&self, who: &str) -> usize {
        let shown = |entry: &Entry| entry.who == who && matches!(entry.what, What::Event { .. });
        self.history.iter().rposition(shown).unwrap()
    }

    /// Shows a viewer the last event only after everything else, and too late.
    pub(super) fn delay_last_event_of(&mut self, who: &str) {
        let line = self.last_event_of(who);
        let mut late = self.history.remove(line);
        late.at = self.history[self.history.len() - 1].at + TAIL_REPAIR_US + 1_000_000;
        self.history.push(late);
    }

    /// Returns the line on which a viewer is shown the last message or note.
    pub(super) fn last_said_to(&self, who: &str) -> usize {
        let shown = |entry: &Entry| {
            entry.who == who
                && matches!(&entry.what, What::Event { seen, .. } if matches!(seen.kind.as_str(), "message" | "note"))
        };
        self.history.iter().rposition(shown).unwrap()
    }

    pub(super) fn insert(&mut self, line: usize, at: u64, what: What) {
        self.history.insert(
            line,
            Entry {
                at,
                who: String::new(),
                what,
            },
        );
    }

    pub(super) fn insert_of(&mut self, who: &str, line: usize, what: What) {
        let at = self.history[line].at;
        self.history.insert(
            line,
            Entry {
                at,
                who: who.to_owned(),
                what,
            },
        );
    }

    /// Inserts a rolling restart somewhere after everybody is there. Returns the lines between which it lies.
    pub(super) fn roll(&mut self, dice: &mut Dice) -> (usize, usize) {
        self.suffer("F6", dice)
    }

    /// Inserts a fault of a kind in which sockets may only end in order, like [`Scenario::roll`].
    pub(super) fn suffer(&mut self, kind: &str, dice: &mut Dice) -> (usize, usize) {
        // In good stories sockets are lost without being closed in order.
        self.history
            .retain(|entry| !matches!(entry.what, What::Closed { .. }));
        let begin = 10 + dice.below(10);
        let end = self.history.len() - 2;
        let at = self.history[end].at;
        self.insert(end, at, What::Recovered { number: 1 });
        let at = self.history[begin].at;
        self.insert(
            begin,
            at,
            What::Fault {
                number: 1,
                kind: kind.to_owned(),
            },
        );
        (begin + 1, end)
    }
}
