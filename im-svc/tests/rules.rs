//! Tests the rules of a conversation over generated histories.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use carrel_im::{
    domain::{
        conversation::{Conversation, Limit},
        event::{Event, Member, Participants},
    },
    history::History,
    storage::Stored,
};
use carrel_platform::log::Command;
use proptest::prelude::*;

const NAMES: [&str; 2] = ["ann", "ben"];

#[derive(Clone, Debug)]
enum Step {
    Write { by: usize, name: u8 },
    Deliver { to: usize, up_to: u64 },
    Read { by: usize, up_to: u64 },
    Erase { old: usize, at_most: usize },
    EraseAll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..2_usize, 0..3_u8).prop_map(|(by, name)| Step::Write { by, name }),
        2 => (0..2_usize, 0..20_u64).prop_map(|(to, up_to)| Step::Deliver { to, up_to }),
        2 => (0..2_usize, 0..20_u64).prop_map(|(by, up_to)| Step::Read { by, up_to }),
        1 => (0..8_usize, 1..8_usize).prop_map(|(old, at_most)| Step::Erase { old, at_most }),
        1 => Just(Step::EraseAll),
    ]
}

fn member(by: usize, name: u8) -> Member {
    Member {
        librarian_id: NAMES[by].into(),
        screen_name: format!("{} {name}", NAMES[by]),
        institution_name: "Harbor".into(),
    }
}

/// A conversation as a server learns it, event by event.
#[derive(Default)]
struct Server {
    history: History,
    log: Vec<Stored<Event>>,
}

impl Server {
    fn append(&mut self, event: Event, at_ms: i64, command: Option<Command>) {
        let stored = Stored {
            version: self.history.version() + 1,
            at_ms,
            event,
            command,
        };
        self.history.record(stored.clone());
        self.log.push(stored);
    }

    fn conversation(&self) -> &Conversation {
        self.history.conversation().unwrap()
    }

    fn take(&mut self, step: &Step, now: i64) {
        let head = self.conversation().head();
        match *step {
            Step::Write { by, name } => {
                let text = format!("text {}", head + 1);
                let by = member(by, name);
                let command = Command {
                    key: format!("c{}", head + 1),
                    fingerprint: head,
                };
                self.append(Event::Written { by, text }, now, Some(command));
            }
            Step::Deliver { to, up_to } => {
                let (to, up_to) = (NAMES[to].into(), up_to.min(head));
                self.append(Event::Delivered { to, up_to }, now, None);
            }
            Step::Read { by, up_to } => {
                let (by, up_to) = (NAMES[by].into(), up_to.min(head));
                self.append(Event::Read { by, up_to }, now, None);
            }
            Step::Erase { old, at_most } => {
                let before_ms = now - i64::try_from(old).unwrap();
                self.erase(Limit::Old { before_ms, at_most }, now);
            }
            Step::EraseAll => self.erase(Limit::All, now),
        }
    }

    fn erase(&mut self, limit: Limit, now: i64) {
        let version = self.history.version();
        if let Some(checkpoint) = self.conversation().checkpoint(limit, version) {
            self.append(Event::Erased(checkpoint), now, None);
        }
    }
}

fn begun() -> Server {
    let mut server = Server::default();
    let between = Participants::librarians(member(1, 0), member(0, 0));
    server.append(Event::Began { between }, 0, None);
    server
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A server that reads the log before, during or after the erasing knows the same as one that saw every event.
    #[test]
    fn what_is_read_after_erasing_is_what_was_known(
        steps in proptest::collection::vec(step(), 1..60),
        cut in 0..60_usize,
    ) {
        let mut server = begun();
        for (now, step) in steps.iter().enumerate() {
            server.take(step, i64::try_from(now).unwrap());
            let up_to = server.history.to_erase().unwrap_or(0);
            // All states in which the log can be: nothing erased yet, or everything that some checkpoint stands for.
            let mut states = vec![0, up_to];
            let earlier = server.log.iter().take(cut).filter_map(|stored| match &stored.event {
                Event::Erased(checkpoint) => Some(checkpoint.erase_up_to),
                _ => None,
            });
            states.extend(earlier);
            for erased in states {
                let left: Vec<_> = server
                    .log
                    .iter()
                    .filter(|stored| stored.version > erased)
                    .cloned()
                    .collect();
                let read = History::of(left).expect("a checkpoint tells the rest");
                prop_assert_eq!(read.conversation(), server.history.conversation());
                prop_assert_eq!(read.version(), server.history.version());
                for position in 1..=server.conversation().head() {
                    let key = format!("c{position}");
                    prop_assert_eq!(
                        read.done(&key).map(|done| (done.position, done.fingerprint)),
                        server.history.done(&key).map(|done| (done.position, done.fingerprint))
                    );
                }
            }
        }
    }

    /// Messages are numbered without gaps, marks never go back, and the unread messages are those that others wrote
    /// after the mark.
    #[test]
    fn numbers_marks_and_counts_hold(steps in proptest::collection::vec(step(), 1..60)) {
        let mut server = begun();
        for (now, step) in steps.iter().enumerate() {
            let before = server.conversation().clone();
            server.take(step, i64::try_from(now).unwrap());
            let after = server.conversation();
            let kept: Vec<_> = after.messages(0, u64::MAX).cloned().collect();
            let positions: Vec<_> = kept.iter().map(|message| message.position).collect();
            let wanted: Vec<_> = (after.first_kept()..=after.head()).collect();
            prop_assert_eq!(positions, wanted);
            for message in &kept {
                prop_assert_eq!(&message.text, &format!("text {}", message.position));
            }
            prop_assert!(after.head() >= before.head());
            prop_assert!(after.first_kept() >= before.first_kept());
            for name in NAMES {
                let (was, is) = (before.marks(name), after.marks(name));
                prop_assert!(is.read >= was.read && is.delivered >= was.delivered);
                prop_assert!(is.read <= is.delivered && is.delivered <= after.head());
                let unread = kept
                    .iter()
                    .filter(|message| message.position > is.read && message.by.librarian_id != name)
                    .count();
                prop_assert_eq!(after.unread(name, u64::MAX) as usize, unread);
            }
        }
    }

    /// A limit removes exactly what it says.
    #[test]
    fn a_limit_takes_what_it_says(steps in proptest::collection::vec(step(), 1..40), old in 0..40_i64, at_most in 1..10_usize) {
        let mut server = begun();
        for (now, step) in steps.iter().enumerate() {
            server.take(step, i64::try_from(now).unwrap());
        }
        let before = server.conversation().clone();
        server.erase(Limit::Old { before_ms: old, at_most }, 100);
        let kept: Vec<_> = server.conversation().messages(0, u64::MAX).cloned().collect();
        prop_assert!(kept.len() <= at_most);
        prop_assert!(kept.iter().all(|message| message.at_ms >= old));
        let wanted: Vec<_> = before.messages(0, u64::MAX).filter(|message| message.at_ms >= old).cloned().collect();
        let wanted = &wanted[wanted.len().saturating_sub(at_most)..];
        prop_assert_eq!(kept.as_slice(), wanted);
    }
}

/// A log whose beginning is missing without a checkpoint is damaged, not an empty conversation.
#[test]
fn a_missing_beginning_is_noticed() {
    let mut server = begun();
    server.take(&Step::Write { by: 0, name: 0 }, 1);
    server.log.remove(0);
    assert!(History::of(server.log).is_none());
}
