//! The checker finds nothing in good histories, and each kind of violation in spoilt ones.

#![allow(clippy::unwrap_used, clippy::panic)]

mod story;

use super::{TAIL_REPAIR_US, Wrong, check};
use crate::{
    history::{Audience, Deed, What},
    seed::Dice,
};
use story::{LIBRARIAN, PATRON, SUPERVISOR, Story};

const SEEDS: u64 = 50;

/// Checks that good stories pass, and that each one that is spoilt in this way is found to be wrong.
fn spoil(wrong: Wrong, spoil: impl Fn(&mut Story, &mut Dice)) {
    for seed in 0..SEEDS {
        let mut dice = Dice::new(seed);
        let mut story = Story::good(&mut dice);
        assert_eq!(
            check(&story.history, &story.log).violations,
            [],
            "seed {seed}"
        );
        spoil(&mut story, &mut dice);
        let verdict = check(&story.history, &story.log);
        let found = verdict.violations.iter().any(|found| found.wrong == wrong);
        assert!(found, "seed {seed}: {:?}", verdict.violations);
    }
}

#[test]
fn good_histories_pass_and_are_counted() {
    let story = Story::good(&mut Dice::new(1));
    let verdict = check(&story.history, &story.log);
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.figures.sessions, 1);
    assert_eq!(verdict.figures.pick_ups, (2, 1));
    assert!(verdict.figures.acknowledged > 10);
}

#[test]
fn an_acknowledged_message_that_is_not_there() {
    spoil(Wrong::Lost, |story, dice| {
        let place = story.any_staff(dice, &["message", "note"]);
        story.transcripts().staff.remove(place);
    });
}

#[test]
fn an_acknowledged_message_that_is_elsewhere() {
    spoil(Wrong::Lost, |story, dice| {
        let line = story.any(dice, |what| matches!(what, What::Ok { position: 1.., .. }));
        let What::Ok { position, .. } = &mut story.history[line].what else {
            panic!();
        };
        *position += 1;
    });
}

#[test]
fn a_lost_session() {
    spoil(Wrong::Lost, |story, _| story.log.clear());
}

#[test]
fn a_message_that_is_there_twice() {
    spoil(Wrong::Repeated, |story, dice| {
        let place = story.any_staff(dice, &["message", "note"]);
        let (_, again) = story.transcripts().staff[place].clone();
        let last = story.transcripts().staff.len() as u64;
        story.transcripts().staff.push((last + 1, again));
    });
}

#[test]
fn an_event_that_is_shown_twice() {
    spoil(Wrong::Repeated, |story, dice| {
        let line = story.any(dice, |what| matches!(what, What::Event { .. }));
        let again = story.history[line].clone();
        story.history.insert(line + 1, again);
    });
}

#[test]
fn messages_of_one_sender_in_another_order() {
    spoil(Wrong::Reordered, |story, dice| {
        let said = story.sent_by(if dice.once_in(2) { PATRON } else { LIBRARIAN });
        let first = dice.below(said.len() - 1);
        story.swap_invokes(said[first], said[first + 1]);
    });
}

#[test]
fn a_hole_in_the_log() {
    spoil(Wrong::Gap, |story, dice| {
        let length = story.transcripts().patron.len();
        let place = dice.below(length - 1);
        story.transcripts().patron.remove(place);
    });
}

#[test]
fn a_hole_in_what_is_shown() {
    spoil(Wrong::Gap, |story, dice| {
        let last = story.last_event_of(SUPERVISOR);
        let line = story.any(
            dice,
            |what| matches!(what, What::Event { position, .. } if *position < 3),
        );
        assert!(line < last);
        story.history.remove(line);
    });
}

#[test]
fn something_else_is_shown() {
    spoil(Wrong::Divergence, |story, dice| {
        let line = story.any(dice, |what| matches!(what, What::Event { .. }));
        let What::Event { seen, .. } = &mut story.history[line].what else {
            panic!();
        };
        seen.text.push('!');
    });
}

#[test]
fn the_views_disagree() {
    spoil(Wrong::Divergence, |story, dice| {
        let place = story.any_staff(dice, &["message"]);
        story.transcripts().staff[place].1.text.push('!');
    });
}

#[test]
fn a_message_that_nobody_sent() {
    spoil(Wrong::Phantom, |story, dice| {
        let place = story.any_staff(dice, &["message", "note"]);
        let text = story.transcripts().staff[place].1.text.clone();
        let sent = |what: &What| matches!(what, What::Invoke { deed: Deed::Message(sent) | Deed::Note(sent), .. } if *sent == text);
        story.history.retain(|entry| !sent(&entry.what));
    });
}

#[test]
fn a_refused_message_that_is_there() {
    spoil(Wrong::Phantom, |story, dice| {
        let line = story.any(dice, |what| matches!(what, What::Ok { position: 1.., .. }));
        let What::Ok {
            session, command, ..
        } = story.history[line].what.clone()
        else {
            panic!();
        };
        story.history[line].what = What::Fail {
            session,
            command,
            code: 9,
            reason: "ENDED".to_owned(),
        };
    });
}

#[test]
fn a_command_without_an_outcome() {
    spoil(Wrong::Unsettled, |story, dice| {
        let line = story.any(dice, |what| matches!(what, What::Ok { .. }));
        story.history.remove(line);
    });
}

#[test]
fn an_event_that_comes_too_late() {
    spoil(Wrong::Stale, |story, _| {
        story.delay_last_event_of(SUPERVISOR)
    });
}

#[test]
fn the_last_event_that_never_comes() {
    spoil(Wrong::Stale, |story, _| {
        // Positions 1 to n-1 remain, so there is no gap.
        let line = story.last_said_to(SUPERVISOR);
        let after = story.history.split_off(line);
        let others = after
            .into_iter()
            .filter(|entry| !(entry.who == SUPERVISOR && matches!(entry.what, What::Event { .. })));
        story.history.extend(others);
        story.history.last_mut().unwrap().at += TAIL_REPAIR_US + 1_000_000;
    });
}

#[test]
fn what_comes_late_while_something_is_broken_is_no_fault_of_anybody() {
    let mut story = Story::good(&mut Dice::new(3));
    let line = story.last_event_of(SUPERVISOR);
    let at = story.history[line].at;
    story.insert(
        line,
        at,
        What::Fault {
            number: 1,
            kind: "F1".to_owned(),
        },
    );
    story.delay_last_event_of(SUPERVISOR);
    let end = story.history.len();
    let at = story.history[end - 1].at;
    story.insert(end, at, What::Recovered { number: 1 });
    assert_eq!(check(&story.history, &story.log).violations, []);
}

#[test]
fn a_canary_on_a_patrons_connection() {
    spoil(Wrong::Leak, |story, dice| {
        let line = dice.below(story.history.len());
        let at = story.history[line].at;
        story.insert(
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
    spoil(Wrong::Leak, |story, dice| {
        let place = story.any_staff(dice, &["note"]);
        let (_, note) = story.transcripts().staff[place].clone();
        let last = story.transcripts().patron.len() as u64;
        story.transcripts().patron.push((last + 1, note));
    });
}

#[test]
fn a_patron_who_is_given_the_view_of_staff() {
    spoil(Wrong::Leak, |story, _| {
        for entry in &mut story.history {
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
    spoil(Wrong::Leak, |story, dice| {
        let place = story.any_staff(dice, &["note"]);
        story.transcripts().staff[place].1.author = SUPERVISOR.to_owned();
    });
}

#[test]
fn two_winners() {
    spoil(Wrong::Ownership, |story, _| {
        for entry in &mut story.history {
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
    spoil(Wrong::Ownership, |story, dice| {
        let place = story.any_staff(dice, &["message", "note"]);
        story.transcripts().staff[place].1.kind = "picked_up".to_owned();
    });
}

#[test]
fn a_word_of_somebody_who_is_not_the_owner() {
    spoil(Wrong::Ownership, |story, dice| {
        let place = story.any_staff(dice, &["note"]);
        story.transcripts().staff[place].1.author = "other".to_owned();
    });
}

#[test]
fn a_message_after_the_end() {
    spoil(Wrong::AfterEnd, |story, dice| {
        let place = story.any_staff(dice, &["message"]);
        let staff = &mut story.transcripts().staff;
        let last = staff.len() - 1;
        let said = staff[place].1.clone();
        staff[place].1 = std::mem::replace(&mut staff[last].1, said);
    });
}

#[test]
fn a_history_that_is_replaced() {
    spoil(Wrong::Resync, |story, dice| {
        let line = story.any(dice, |what| matches!(what, What::Attending { .. }));
        let What::Attending { resync, .. } = &mut story.history[line].what else {
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
        spoil(Wrong::Flicker, |story, dice| {
            let (begin, end) = story.roll(dice);
            let line = begin + dice.below(end - begin);
            story.insert_of(SUPERVISOR, line, what.clone());
        });
    }
}

#[test]
fn somebody_who_seems_gone_while_redis_is_away_or_when_it_is_back() {
    spoil(Wrong::Flicker, |story, dice| {
        let (begin, end) = story.suffer("F7", dice);
        // Also after everybody is served again.
        let line = begin + dice.below(end + 4 - begin);
        story.insert_of(SUPERVISOR, line, gone());
    });
}

#[test]
fn who_leaves_may_be_seen_to_go() {
    let dice = &mut Dice::new(5);
    for kind in ["F6", "F7"] {
        let mut story = Story::good(dice);
        let (_, end) = story.suffer(kind, dice);
        story.insert_of(SUPERVISOR, end, gone());
        let librarian_id = LIBRARIAN.to_owned();
        story.insert_of("librarian", end, What::Leaves { librarian_id });
        assert_eq!(check(&story.history, &story.log).violations, []);
    }
}

#[test]
fn who_seems_gone_in_another_fault_may_have_been_cut_off() {
    let dice = &mut Dice::new(6);
    let mut story = Story::good(dice);
    let (_, end) = story.suffer("F7", dice);
    story.insert_of(SUPERVISOR, end + 1, gone());
    let other = What::Fault {
        number: 2,
        kind: "F22".to_owned(),
    };
    story.insert_of("", end + 1, other);
    assert_eq!(check(&story.history, &story.log).violations, []);
}

fn gone() -> What {
    What::Gone {
        librarian_id: LIBRARIAN.to_owned(),
    }
}

#[test]
fn a_socket_that_breaks_in_a_rolling_restart() {
    spoil(Wrong::Rude, |story, dice| {
        let (begin, end) = story.roll(dice);
        let line = begin + dice.below(end - begin);
        story.insert_of("somebody else", line, What::Closed { code: None });
    });
}
