//! The people and what they do. Each decides what to do next with dice of their own.

use std::{collections::BTreeMap, time::Duration};

use carrel_proto::session::v1::{self as wire, act::Act, offer_transfer_request::To};
use tokio::sync::mpsc;

use crate::{
    attendance::{self, Work},
    commands::Kind,
    person::{Person, saying},
    shared_state::{CANARY, Offer, QUEUES, WARNING},
    time,
};

/// How many messages make a flood: more than can be held for a reader that has stopped reading.
const FLOOD: u64 = 260;

/// A patron asks, waits, chats, loses their connection, and may end the session.
pub(crate) async fn patron(mut me: Person, session_id: String) {
    me.pause(0, 4_000).await;
    let (command_id, given) = me.command(Kind::Write);
    let opened = me
        .settle(&given, async |mut clients, request| {
            let message = wire::OpenSessionRequest {
                command_id: command_id.clone(),
                question: "Where are the maps?".into(),
                patron_name: "Ricky".into(),
                patron_email: String::new(),
                language: String::new(),
            };
            clients
                .sessions
                .open_session(saying(request, message))
                .await
        })
        .await;
    if opened.is_none() {
        me.shared
            .observations
            .violation("I13", "a patron could not ask");
        return;
    }
    let window = me.another_window("chat");
    let work = attendance::open(
        window,
        me.name.clone(),
        session_id.clone(),
        wire::Audience::Patron,
    );
    while me.shared.is_stormy() {
        me.pause(200, 3_000).await;
        match me.dice.between(0, 99) {
            0..=79 => burst(&mut me, &work, 6),
            80..=92 => lose_connection(&mut me, &work),
            93 => end(&mut me, &session_id).await,
            _ => {}
        }
    }
    if me.shared.schedule.has_slow_reader {
        until(me.shared.schedule.heals_at_ms + 6_500).await;
        for _ in 0..FLOOD / 20 {
            for _ in 0..20 {
                say(
                    &mut me,
                    &work,
                    "flood, and flood, and flood, and flood, and flood, and flood, and flood",
                );
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let speaks = !me.shared.schedule.staff_speak_last;
    last_words(&mut me, &[work], speaks).await;
}

/// A librarian picks patrons up, chats, takes notes, hands sessions over, and sometimes acts without permission.
pub(crate) async fn librarian(
    mut me: Person,
    id: String,
    sessions: Vec<String>,
    others: Vec<String>,
) {
    let mut windows = BTreeMap::new();
    while me.shared.is_stormy() {
        me.pause(200, 2_000).await;
        let Some(session_id) = me.dice.one_of(&sessions).cloned() else {
            return;
        };
        let window = windows
            .get(&session_id)
            .filter(|_| me.shared.attends(&id, &session_id));
        let roll = me.dice.between(0, 99);
        match (window, roll) {
            (Some(work), 0..=49) => burst(&mut me, work, 5),
            (Some(work), 50..=69) => note(&mut me, work),
            (Some(work), 70..=74) => push_page(&mut me, work),
            (Some(work), 75..=79) => lose_connection(&mut me, work),
            (Some(_), 80..=97) => offer(&mut me, &session_id, &others).await,
            (Some(_), _) => end(&mut me, &session_id).await,
            (None, 0..=69) => {
                if pick_up(&mut me, &session_id).await {
                    attend(&mut me, &id, session_id, &mut windows);
                }
            }
            (None, 70..=89) => {
                if let Some(session_id) = answer_an_offer(&mut me).await {
                    attend(&mut me, &id, session_id, &mut windows);
                }
            }
            (None, _) => post(&mut me, &session_id).await,
        }
    }
    let attended = windows
        .iter()
        .filter(|(session_id, _)| me.shared.attends(&id, session_id));
    let attended: Vec<_> = attended.map(|(_, work)| work.clone()).collect();
    let speaks = me.shared.schedule.staff_speak_last;
    last_words(&mut me, &attended, speaks).await;
}

/// A supervisor enters sessions, writes notes and messages, and leaves. A `silent` one only watches.
pub(crate) async fn supervisor(mut me: Person, id: String, sessions: Vec<String>, silent: bool) {
    let mut windows = BTreeMap::new();
    while me.shared.is_stormy() {
        me.pause(500, 3_000).await;
        let Some(session_id) = me.dice.one_of(&sessions).cloned() else {
            return;
        };
        let window = windows
            .get(&session_id)
            .filter(|_| me.shared.attends(&id, &session_id));
        match (window, me.dice.between(0, 99)) {
            (None, _) => {
                if enter(&mut me, &session_id).await {
                    attend(&mut me, &id, session_id, &mut windows);
                }
            }
            (Some(_), 0..=24) => leave(&mut me, &session_id).await,
            (Some(_), _) if silent => {}
            (Some(work), 25..=69) => note(&mut me, work),
            (Some(work), 70..=94) => burst(&mut me, work, 3),
            (Some(work), _) => lose_connection(&mut me, work),
        }
    }
    last_words(&mut me, &[], false).await;
}

/// A supervisor whose window hangs while a patron sends a flood of messages (I26).
pub(crate) async fn slow_reader(mut me: Person, id: String, session_id: String) {
    until(me.shared.schedule.heals_at_ms + 3_000).await;
    if !enter(&mut me, &session_id).await {
        return;
    }
    let mut windows = BTreeMap::new();
    attend(&mut me, &id, session_id.clone(), &mut windows);
    until(me.shared.schedule.heals_at_ms + 6_000).await;
    if let Some(work) = windows.get(&session_id) {
        let _ = work.try_send(Work::Hang(Duration::from_millis(5_500)));
    }
    last_words(&mut me, &[], false).await;
}

fn attend(
    me: &mut Person,
    id: &str,
    session_id: String,
    windows: &mut BTreeMap<String, mpsc::Sender<Work>>,
) {
    if me.shared.attends(id, &session_id) {
        return;
    }
    let window = me.another_window(&session_id);
    let work = attendance::open(
        window,
        id.to_owned(),
        session_id.clone(),
        wire::Audience::Staff,
    );
    windows.insert(session_id, work);
}

fn burst(me: &mut Person, work: &mpsc::Sender<Work>, at_most: u64) {
    for _ in 0..me.dice.between(1, at_most) {
        say(me, work, "a word");
    }
}

fn say(me: &mut Person, work: &mpsc::Sender<Work>, what: &str) {
    let text = format!("{what} of {}, {}", me.name, me.dice.roll());
    let act = Act::PostMessage(wire::PostMessage { text });
    let _ = work.try_send(Work::Act(Kind::Write, act));
}

fn note(me: &mut Person, work: &mpsc::Sender<Work>) {
    for _ in 0..me.dice.between(1, 3) {
        let text = format!("{CANARY} of {}, {}", me.name, me.dice.roll());
        let act = Act::WriteNote(wire::WriteNote { text });
        let _ = work.try_send(Work::Act(Kind::Write, act));
    }
}

fn push_page(me: &mut Person, work: &mpsc::Sender<Work>) {
    let address = format!("https://maps.example/{}", me.dice.roll());
    let act = Act::PushPage(wire::PushPage { address });
    let _ = work.try_send(Work::Act(Kind::Write, act));
}

/// Says the last words, after which nothing more is said: whatever is lost of them must be found without later events.
/// Never returns, since a window stays open as long as its sender of work exists.
async fn last_words(me: &mut Person, windows: &[mpsc::Sender<Work>], speaks: bool) {
    until(me.shared.schedule.last_word_at_ms).await;
    for work in windows.iter().filter(|_| speaks) {
        say(me, work, "the last word");
    }
    std::future::pending::<()>().await;
}

fn lose_connection(me: &mut Person, work: &mpsc::Sender<Work>) {
    let gone = Duration::from_millis(me.dice.between(300, 16_000));
    let _ = work.try_send(Work::Offline(gone));
}

async fn until(at_ms: u64) {
    let left = at_ms.saturating_sub(time::now_ms());
    tokio::time::sleep(Duration::from_millis(left)).await;
}

async fn pick_up(me: &mut Person, session_id: &str) -> bool {
    let (command_id, given) = me.command(Kind::Change);
    let picked_up = me.settle(&given, async |mut clients, request| {
        let message = wire::PickUpSessionRequest {
            command_id: command_id.clone(),
            session_id: session_id.to_owned(),
        };
        clients
            .sessions
            .pick_up_session(saying(request, message))
            .await
    });
    picked_up.await.is_some()
}

async fn post(me: &mut Person, session_id: &str) {
    let (command_id, given) = me.command(Kind::Write);
    let text = format!("by the way, {}", me.dice.roll());
    me.settle(&given, async |mut clients, request| {
        let message = wire::PostMessageRequest {
            command_id: command_id.clone(),
            session_id: session_id.to_owned(),
            text: text.clone(),
        };
        clients
            .sessions
            .post_message(saying(request, message))
            .await
    })
    .await;
}

async fn end(me: &mut Person, session_id: &str) {
    let (command_id, given) = me.command(Kind::End);
    me.settle(&given, async |mut clients, request| {
        let message = wire::EndSessionRequest {
            command_id: command_id.clone(),
            session_id: session_id.to_owned(),
        };
        clients.sessions.end_session(saying(request, message)).await
    })
    .await;
}

async fn enter(me: &mut Person, session_id: &str) -> bool {
    let (command_id, given) = me.command(Kind::Change);
    let entered = me.settle(&given, async |mut clients, request| {
        let message = wire::EnterConferenceRequest {
            command_id: command_id.clone(),
            session_id: session_id.to_owned(),
            warning_version: WARNING.into(),
        };
        clients
            .sessions
            .enter_conference(saying(request, message))
            .await
    });
    entered.await.is_some()
}

async fn leave(me: &mut Person, session_id: &str) {
    let (command_id, given) = me.command(Kind::Change);
    me.settle(&given, async |mut clients, request| {
        let message = wire::LeaveConferenceRequest {
            command_id: command_id.clone(),
            session_id: session_id.to_owned(),
        };
        clients
            .sessions
            .leave_conference(saying(request, message))
            .await
    })
    .await;
}

async fn offer(me: &mut Person, session_id: &str, others: &[String]) {
    let to = match me.dice.one_of(others) {
        Some(other) if me.dice.clone().happens(700) => {
            me.shared.introduction(other).map(To::Introduction)
        }
        _ => Ok(To::QueueId(QUEUES[1].into())),
    };
    let _ = me.dice.roll();
    let Ok(to) = to else {
        return;
    };
    let (command_id, given) = me.command(Kind::Change);
    let offered = me.settle(&given, async |mut clients, request| {
        let message = wire::OfferTransferRequest {
            command_id: command_id.clone(),
            session_id: session_id.to_owned(),
            message: "You know maps".into(),
            to: Some(to.clone()),
        };
        clients
            .transfers
            .offer_transfer(saying(request, message))
            .await
    });
    if let Some(offered) = offered.await {
        me.shared.post_offer(Offer {
            session_id: session_id.to_owned(),
            offer_id: offered.into_inner().offer_id,
        });
    }
}

/// Accepts or declines one of the newest offers, no matter to whom it was made. Returns the session's id if the session
/// is theirs now.
async fn answer_an_offer(me: &mut Person) -> Option<String> {
    let offers = me.shared.offers();
    let newest = offers.get(offers.len().saturating_sub(3)..)?;
    let Offer {
        session_id,
        offer_id,
    } = me.dice.one_of(newest).cloned()?;
    let (command_id, given) = me.command(Kind::Change);
    if me.dice.happens(750) {
        let accepted = me.settle(&given, async |mut clients, request| {
            let message = wire::AcceptTransferRequest {
                command_id: command_id.clone(),
                session_id: session_id.clone(),
                offer_id: offer_id.clone(),
            };
            clients
                .transfers
                .accept_transfer(saying(request, message))
                .await
        });
        accepted.await.map(|_| session_id.clone())
    } else {
        me.settle(&given, async |mut clients, request| {
            let message = wire::DeclineTransferRequest {
                command_id: command_id.clone(),
                session_id: session_id.clone(),
                offer_id: offer_id.clone(),
                reason: "My hands are full".into(),
            };
            clients
                .transfers
                .decline_transfer(saying(request, message))
                .await
        })
        .await;
        None
    }
}
