//! The checker finds nothing in good histories, and each kind of violation in spoilt ones.

#![allow(clippy::unwrap_used, clippy::panic)]

mod scenario;

use super::{TAIL_REPAIR_US, Wrong, check};
use crate::{
    history::{Action, Audience, What},
    seed::Dice,
};
use scenario::{LIBRARIAN, PATRON, SUPERVISOR, Scenario};

const SEEDS: u64 = 50;

/// Checks that good stories pass, and that each one that is spoilt in this way is found to be wrong.
fn spoil(wrong: Wrong, spoil: impl Fn(&mut Scenario, &mut Dice)) {
    for seed in 0..SEEDS {
        let mut dice = Dice::new(seed);
        let mut scenario = Scenario::good(&mut dice);
        assert_eq!(
            check(&scenario.history, &scenario.log).violations,
            [],
            "seed {seed}"
        );
        spoil(&mut scenario, &mut dice);
        let verdict = check(&scenario.history, &scenario.log);
        let found = verdict.violations.iter().any(|found| found.wrong == wrong);
        assert!(found, "seed {seed}: {:?}", verdict.violations);
    }
}

#[test]
fn good_histories_pass_and_are_counted() {
    let scenario = Scenario::good(&mut Dice::new(1));
    let verdict = check(&scenario.history, &scenario.log);
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.figures.sessions, 1);
    assert_eq!(verdict.figures.pick_ups, (2, 1));
    assert!(verdict.figures.acknowledged > 10);
}

#[test]
fn an_acknowledged_message_that_is_not_there() {
    spoil(Wrong::Lost, |scenario, dice| {
        let place = scenario.any_staff(dice, &["message", "note"]);
        scenario.transcripts().staff.remove(place);
    });
}

#[test]
fn an_acknowledged_message_that_is_elsewhere() {
    spoil(Wrong::Lost, |scenario, dice| {
        let line = scenario.any(dice, |what| matches!(what, What::Ok { position: 1.., .. }));
        let What::Ok { position, .. } = &mut scenario.history[line].what else {
            panic!();
        };
        *position += 1;
    });
}

#[test]
fn a_lost_session() {
    spoil(Wrong::Lost, |scenario, _| scenario.log.clear());
}

#[test]
fn a_message_that_is_there_twice() {
    spoil(Wrong::Repeated, |scenario, dice| {
        let place = scenario.any_staff(dice, &["message", "note"]);
        let (_, again) = scenario.transcripts().staff[place].clone();
        let last = scenario.transcripts().staff.len() as u64;
        scenario.transcripts().staff.push((last + 1, again));
    });
}

#[test]
fn an_event_that_is_shown_twice() {
    spoil(Wrong::Repeated, |scenario, dice| {
        let line = scenario.any(dice, |what| matches!(what, What::Event { .. }));
        let again = scenario.history[line].clone();
        scenario.history.insert(line + 1, again);
    });
}

#[test]
fn messages_of_one_sender_in_another_order() {
    spoil(Wrong::Reordered, |scenario, dice| {
        let said = scenario.sent_by(if dice.once_in(2) { PATRON } else { LIBRARIAN });
        let first = dice.below(said.len() - 1);
        scenario.swap_invokes(said[first], said[first + 1]);
    });
}

#[test]
fn a_hole_in_the_log() {
    spoil(Wrong::Gap, |scenario, dice| {
        let length = scenario.transcripts().patron.len();
        let place = dice.below(length - 1);
        scenario.transcripts().patron.remove(place);
    });
}

#[test]
fn a_hole_in_what_is_shown() {
    spoil(Wrong::Gap, |scenario, dice| {
        let last = scenario.last_event_of(SUPERVISOR);
        let line = scenario.any(
            dice,
            |what| matches!(what, What::Event { position, .. } if *position < 3),
        );
        assert!(line < last);
        scenario.history.remove(line);
    });
}

#[test]
fn something_else_is_shown() {
    spoil(Wrong::Divergence, |scenario, dice| {
        let line = scenario.any(dice, |what| matches!(what, What::Event { .. }));
        let What::Event { seen, .. } = &mut scenario.history[line].what else {
            panic!();
        };
        seen.text.push('!');
    });
}

#[test]
fn the_views_disagree() {
    spoil(Wrong::Divergence, |scenario, dice| {
        let place = scenario.any_staff(dice, &["message"]);
        scenario.transcripts().staff[place].1.text.push('!');
    });
}

#[test]
fn a_message_that_nobody_sent() {
    spoil(Wrong::Phantom, |scenario, dice| {
        let place = scenario.any_staff(dice, &["message", "note"]);
        let text = scenario.transcripts().staff[place].1.text.clone();
        let sent = |what: &What| matches!(what, What::Invoke { action: Action::Message(sent) | Action::Note(sent), .. } if *sent == text);
        scenario.history.retain(|entry| !sent(&entry.what));
    });
}

#[test]
fn a_refused_message_that_is_there() {
    spoil(Wrong::Phantom, |scenario, dice| {
        let line = scenario.any(dice, |what| matches!(what, What::Ok { position: 1.., .. }));
        let What::Ok {
            session, command, ..
        } = scenario.history[line].what.clone()
        else {
            panic!();
        };
        scenario.history[line].what = What::Fail {
            session,
            command,
            code: 9,
            reason: "ENDED".to_owned(),
        };
    });
}

#[test]
fn a_command_without_an_outcome() {
    spoil(Wrong::Unsettled, |scenario, dice| {
        let line = scenario.any(dice, |what| matches!(what, What::Ok { .. }));
        scenario.history.remove(line);
    });
}

#[test]
fn an_event_that_comes_too_late() {
    spoil(Wrong::Stale, |scenario, _| {
        scenario.delay_last_event_of(SUPERVISOR)
    });
}

#[test]
fn the_last_event_that_never_comes() {
    spoil(Wrong::Stale, |scenario, _| {
        // Positions 1 to n-1 remain, so there is no gap.
        let line = scenario.last_said_to(SUPERVISOR);
        let after = scenario.history.split_off(line);
        let others = after
            .into_iter()
            .filter(|entry| !(entry.who == SUPERVISOR && matches!(entry.what, What::Event { .. })));
        scenario.history.extend(others);
        scenario.history.last_mut().unwrap().at += TAIL_REPAIR_US + 1_000_000;
    });
}

#[test]
fn what_comes_late_while_something_is_broken_is_no_fault_of_anybody() {
    let mut scenario = Scenario::good(&mut Dice::new(3));
    let line = scenario.last_event_of(SUPERVISOR);
    let at = scenario.history[line].at;
    scenario.insert(
        line,
        at,
        What::Fault {
            number: 1,
            kind: "F1".to_owned(),
        },
    );
    scenario.delay_last_event_of(SUPERVISOR);
    let end = scenario.history.len();
    let at = scenario.history[end - 1].at;
    scenario.insert(end, at, What::Recovered { number: 1 });
    assert_eq!(check(&scenario.history, &scenario.log).violations, []);
}

#[test]
fn a_canary_on_a_patrons_connection() {
    spoil(Wrong::Leak, |scenario, dice| {
        let line = dice.below(scenario.history.len());
        let at = scenario.history[line].at;
        scenario.insert(
            line,
            at,
            What::Leak {
                canary: "CANARY".to_owned(),
            },
        );
    });
}

#[test]
fn a_note_in_the_patrons_transcript() {
    spoil(Wrong::Leak, |scenario, dice| {
        let place = scenario.any_staff(dice, &["note"]);
        let (_, note) = scenario.transcripts().staff[place].clone();
        let last = scenario.transcripts().patron.len() as u64;
        scenario.transcripts().patron.push((last + 1, note));
    });
}

#[test]
fn a_patron_who_is_given_the_view_of_staff() {
    spoil(Wrong::Leak, |scenario, _| {
        for entry in &mut scenario.history {
            if let What::Attending { audience, .. } = &mut entry.what
                && entry.who == PATRON
            {
                *audience = Audience::Staff;
            }
        }
    });
}

#[test]
fn a_silent_supervisor_who_is_shown() {
    spoil(Wrong::Leak, |scenario, dice| {
        let place = scenario.any_staff(dice, &["note"]);
        scenario.transcripts().staff[place].1.author = SUPERVISOR.to_owned();
    });
}

#[test]
fn two_winners() {
    spoil(Wrong::Ownership, |scenario, _| {
        for entry in &mut scenario.history {
            if let What::Fail {
                session, command, ..
            } = entry.what.clone()
            {
                entry.what = What::Ok {
                    session,
                    command,
                    position: 0,
                    replayed: false,
                };
            }
        }
    });
}

#[test]
fn a_second_pick_up_of_a_session_that_has_an_owner() {
    spoil(Wrong::Ownership, |scenario, dice| {
        let place = scenario.any_staff(dice, &["message", "note"]);
        scenario.transcripts().staff[place].1.kind = "picked_up".to_owned();
    });
}

#[test]
fn a_word_of_somebody_who_is_not_the_owner() {
    spoil(Wrong::Ownership, |scenario, dice| {
        let place = scenario.any_staff(dice, &["note"]);
        scenario.transcripts().staff[place].1.author = "other".to_owned();
    });
}

#[test]
fn a_message_after_the_end() {
    spoil(Wrong::AfterEnd, |scenario, dice| {
        let place = scenario.any_staff(dice, &["message"]);
        let staff = &mut scenario.transcripts().staff;
        let last = staff.len() - 1;
        let said = staff[place].1.clone();
        staff[place].1 = std::mem::replace(&mut staff[last].1, said);
    });
}

#[test]
fn a_history_that_is_replaced() {
    spoil(Wrong::Resync, |scenario, dice| {
        let line = scenario.any(dice, |what| matches!(what, What::Attending { .. }));
        let What::Attending { resync, .. } = &mut scenario.history[line].what else {
            panic!();
        };
        *resync = true;
    });
}

#[test]
fn somebody_who_seems_gone_in_a_rolling_restart() {
    for what in [
        What::Gone {
            librarian_id: LIBRARIAN.to_owned(),
        },
        What::Desk {
            present: Vec::new(),
        },
    ] {
        spoil(Wrong::Flicker, |scenario, dice| {
            let (begin, end) = scenario.roll(dice);
            let line = begin + dice.below(end - begin);
            scenario.insert_of(SUPERVISOR, line, what.clone());
        });
    }
}

#[test]
fn somebody_who_seems_gone_while_redis_is_away_or_when_it_is_back() {
    spoil(Wrong::Flicker, |scenario, dice| {
        let (begin, end) = scenario.suffer("F7", dice);
        // Also after everybody is served again.
        let line = begin + dice.below(end + 4 - begin);
        scenario.insert_of(SUPERVISOR, line, gone());
    });
}

#[test]
fn who_leaves_may_be_seen_to_go() {
    let dice = &mut Dice::new(5);
    for kind in ["F6", "F7"] {
        let mut scenario = Scenario::good(dice);
        let (_, end) = scenario.suffer(kind, dice);
        scenario.insert_of(SUPERVISOR, end, gone());
        let librarian_id = LIBRARIAN.to_owned();
        scenario.insert_of("librarian", end, What::Leaves { librarian_id });
        assert_eq!(check(&scenario.history, &scenario.log).violations, []);
    }
}

#[test]
fn who_seems_gone_in_another_fault_may_have_been_cut_off() {
    let dice = &mut Dice::new(6);
    let mut scenario = Scenario::good(dice);
    let (_, end) = scenario.suffer("F7", dice);
    scenario.insert_of(SUPERVISOR, end + 1, gone());
    let other = What::Fault {
        number: 2,
        kind: "F22".to_owned(),
    };
    scenario.insert_of("", end + 1, other);
    assert_eq!(check(&scenario.history, &scenario.log).violations, []);
}

fn gone() -> What {
    What::Gone {
        librarian_id: LIBRARIAN.to_owned(),
    }
}

#[test]
fn a_socket_that_breaks_in_a_rolling_restart() {
    spoil(Wrong::Rude, |scenario, dice| {
        let (begin, end) = scenario.roll(dice);
        let line = begin + dice.below(end - begin);
        scenario.insert_of("somebody else", line, What::Closed { code: None });
    });
}
