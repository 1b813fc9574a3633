//! The work on a message without any I/O: it is decided, shown to both audiences, and encoded for the log and for a
//! browser.

use std::collections::BTreeSet;

use bytes::Bytes;
use carrel_gateway::frame::SubProtocol;
use carrel_platform::log::{
    Command as LogCommand,
    stored::{Stored, encode},
};
use carrel_session::{
    domain::{
        access::Times,
        audience::Audience,
        decide::{Command, decide},
        event::Event,
        people::{Actor, LibrarianActor, PatronActor, Role, StaffMember, StaffNaming},
    },
    history::History,
};
use divan::Bencher;
use prost::Message as _;

use crate::text;

const SESSION: &str = "5e5510115e5510115e5510115e551011";
const NOON_MS: i64 = 1_764_000_000_000;
const TIMES: Times = Times {
    wrap_up_ms: 600_000,
    transfer_lapse_ms: 60_000,
    abandoned_waiting_ms: 1_800_000,
    abandoned_active_ms: 43_200_000,
};

fn patron() -> Actor {
    Actor::Patron(PatronActor {
        session_id: SESSION.into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: Vec::new(),
    })
}

fn librarian() -> Actor {
    Actor::Librarian(LibrarianActor {
        member: StaffMember {
            librarian_id: "map".into(),
            screen_name: "Ms Map".into(),
            institution_id: "harbor".into(),
            institution_name: "Harbor Library".into(),
        },
        role: Role::Librarian,
        queues: BTreeSet::from(["maple".to_owned()]),
        practice_queues: BTreeSet::new(),
        warning_version: "w1".into(),
    })
}

/// Returns a session in which a librarian answers a patron.
fn active() -> History {
    let mut history = History::empty(SESSION.into());
    let open = Command::Open {
        question: text(),
        patron_name: "Ricky".into(),
        patron_email: "ricky@example.org".into(),
        language: String::new(),
    };
    for (actor, command) in [(patron(), open), (librarian(), Command::PickUp)] {
        let situation = history.situation(NOON_MS, TIMES);
        for event in decide(&situation, &actor, &command).unwrap().session {
            let stored = next(&history, event);
            history.record(stored);
        }
    }
    history
}

fn next(history: &History, event: Event) -> Stored<Event> {
    Stored {
        version: history.session_version() + 1,
        at_ms: NOON_MS,
        event,
        command: Some(command()),
    }
}

fn command() -> LogCommand {
    LogCommand {
        key: "librarian/map:0190b5a0-0000-4000-8000-000000000001".into(),
        fingerprint: 42,
    }
}

fn message(history: &History) -> Event {
    let command = Command::PostMessage { text: text() };
    let situation = history.situation(NOON_MS, TIMES);
    let mut decision = decide(&situation, &librarian(), &command).unwrap();
    decision.session.remove(0)
}

/// Returns a message as staff are shown it, encoded.
fn shown() -> Bytes {
    let mut history = active();
    let event = message(&history);
    let stored = next(&history, event);
    history.record(stored);
    let shown = history.view(Audience::Staff).transcript().unwrap().pop();
    shown.unwrap().encode_to_vec().into()
}

#[divan::bench]
fn decide_message(bencher: Bencher<'_, '_>) {
    let (history, librarian) = (active(), librarian());
    let command = Command::PostMessage { text: text() };
    bencher.bench_local(|| decide(&history.situation(NOON_MS, TIMES), &librarian, &command));
}

/// Projects a message for both audiences.
#[divan::bench]
fn project_message(bencher: Bencher<'_, '_>) {
    let history = active();
    let event = message(&history);
    bencher
        .with_inputs(|| (history.clone(), next(&history, event.clone())))
        .bench_local_values(|(mut history, stored)| {
            let shown = history.record(stored);
            (history, shown)
        });
}

#[divan::bench]
fn encode_for_log(bencher: Bencher<'_, '_>) {
    let event = message(&active());
    bencher.bench_local(|| encode(&event, NOON_MS, Some(command())));
}

#[divan::bench]
fn encode_for_browser(bencher: Bencher<'_, '_>) {
    let shown = shown();
    bencher.bench_local(|| SubProtocol::Proto.encode_event(SESSION, shown.clone()));
}

#[divan::bench]
fn encode_for_browser_as_json(bencher: Bencher<'_, '_>) {
    let shown = shown();
    bencher.bench_local(|| SubProtocol::Json.encode_event(SESSION, shown.clone()));
}
