//! Librarians contend for patrons.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use carrel_faults::{people::http, seed::Dice};
use carrel_proto::{
    gateway::v1::{
        Act, OpenSession, PickUp, act, client_frame::Frame as Request, server_frame::Frame,
    },
    session::v1::{
        SessionList, WatchSessionsRequest, session_event::Payload, watch_sessions_response::Change,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{Size, rest};
use crate::{
    client::{Browser, Meter, Wire},
    cost,
    figures::{Figures, quantiles},
    ledger::{histogram, record},
    moment::Moment,
    room::{Staff, log_in},
    server::{LIBRARY, Server},
};

const WITHIN: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(2);
/// How long it may take until all patrons are told. A patron who has not been told by then counts as lost.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// What all librarians share.
struct Contest {
    patrons: usize,
    picked: AtomicUsize,
    began: watch::Sender<bool>,
}

/// What one librarian got.
struct Catch {
    times: hdrhistogram::Histogram<u64>,
    late: u64,
}

pub(super) async fn play(
    server: &Server,
    size: Size,
    librarians: usize,
) -> anyhow::Result<Figures> {
    let meter = Meter::default();
    let staff = log_in(server, librarians).await?;
    let patrons = size.pick(1_000, 1_000, 20);
    let waiting: Vec<Browser> = stream::iter(0..patrons)
        .map(|number| ask(server, number, &meter))
        .buffer_unordered(16)
        .try_collect()
        .await?;
    let shown = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for browser in waiting {
        tasks.spawn(wait(browser, Arc::clone(&shown)));
    }
    let contest = Arc::new(Contest {
        patrons,
        picked: AtomicUsize::new(0),
        began: watch::Sender::new(false),
    });
    let mut contenders = JoinSet::new();
    for (number, librarian) in staff.iter().skip(1).take(librarians).enumerate() {
        let browser = watching(server, number, librarian, &meter).await?;
        contenders.spawn(contend(browser, number, Arc::clone(&contest)));
    }
    rest(size).await;
    let before = cost::of_servers()?;
    let began = Moment::now();
    contest.began.send_replace(true);
    let picked = timeout(WITHIN, async {
        while contest.picked.load(Ordering::Relaxed) < patrons {
            sleep(LOOK).await;
        }
    })
    .await;
    let took = Moment::now().since(began);
    let cpu = cost::of_servers()?.cpu - before.cpu;
    ensure!(picked.is_ok(), "not all patrons were picked up in time");
    // Patrons are told on their own sockets, and so perhaps later than the librarian who picked them up.
    let until = Instant::now() + SETTLES_WITHIN;
    while Instant::now() < until && shown.load(Ordering::Relaxed) < patrons {
        sleep(LOOK).await;
    }
    // Each patron must be told once, and none picked up twice.
    rest(size).await;
    contest.began.send_replace(false);
    let (mut times, mut late) = (histogram(), 0);
    while let Some(catch) = contenders.join_next().await {
        let catch = catch??;
        times.add(&catch.times)?;
        late += catch.late;
    }
    let shown = shown.load(Ordering::Relaxed);
    let mut figures = Figures::from([
        (
            "picked up/s".to_owned(),
            patrons as f64 / took.as_secs_f64(),
        ),
        ("all after s".to_owned(), took.as_secs_f64()),
        (
            "too late, per patron".to_owned(),
            late as f64 / patrons as f64,
        ),
        (
            "server CPU ms per patron".to_owned(),
            cpu.as_secs_f64() * 1e3 / patrons as f64,
        ),
        ("lost".to_owned(), patrons.saturating_sub(shown) as f64),
        (
            "repeated".to_owned(),
            (shown.saturating_sub(patrons)
                + contest
                    .picked
                    .load(Ordering::Relaxed)
                    .saturating_sub(patrons)) as f64,
        ),
    ]);
    quantiles(&mut figures, "pick-up", &times);
    Ok(figures)
}

/// Lets a patron ask a question and attend their session.
async fn ask(server: &Server, number: usize, meter: &Meter) -> anyhow::Result<Browser> {
    let gateway = server.gateway(number)?;
    let admitted = http::admit(gateway, LIBRARY).await?;
    let token = admitted.token.context("no token")?.access_token;
    let (mut browser, _) = Browser::open(gateway, Wire::Proto, &token, meter).await?;
    let open = act::Act::OpenSession(OpenSession {
        question: "Who was first on the moon?".to_owned(),
        patron_name: "Ricky".to_owned(),
        patron_email: String::new(),
        language: String::new(),
    });
    browser.act(&admitted.session_id, "ask", open).await?;
    browser.attend(&admitted.session_id, None).await?;
    Ok(browser)
}

/// Counts how many times a patron is picked up.
async fn wait(mut browser: Browser, shown: Arc<AtomicUsize>) {
    while let Ok(frame) = browser.next().await {
        if let Frame::Event(event) = frame
            && let Some(Payload::PickedUp(_)) = event.event.and_then(|event| event.payload)
        {
            shown.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn watching(
    server: &Server,
    number: usize,
    librarian: &Staff,
    meter: &Meter,
) -> anyhow::Result<Browser> {
    let gateway = server.gateway(number)?;
    let (mut browser, _) = Browser::open(gateway, Wire::Proto, &librarian.token, meter).await?;
    browser
        .send(Request::Watch(WatchSessionsRequest {
            queue_ids: vec![LIBRARY.to_owned()],
            all: false,
        }))
        .await?;
    Ok(browser)
}

/// Picks up waiting patrons, one after the other, in an order of the librarian's own.
async fn contend(
    mut browser: Browser,
    number: usize,
    contest: Arc<Contest>,
) -> anyhow::Result<Catch> {
    let mut dice = Dice::new(number as u64);
    let mut began = contest.began.subscribe();
    let mut waiting = BTreeSet::new();
    let mut trying: Option<(String, Moment)> = None;
    let mut tries = 0_u32;
    let mut catch = Catch {
        times: histogram(),
        late: 0,
    };
    loop {
        let goes = *began.borrow_and_update();
        if goes && trying.is_none() && !waiting.is_empty() {
            let session: Option<&String> = waiting.iter().nth(dice.below(waiting.len()));
            if let Some(session) = session.cloned() {
                tries += 1;
                browser
                    .send(Request::Act(Act {
                        command_id: format!("pick-{number}-{tries}"),
                        session_id: session.clone(),
                        act: Some(act::Act::PickUp(PickUp {})),
                    }))
                    .await?;
                trying = Some((session, Moment::now()));
            }
        }
        let frame = tokio::select! {
            biased;
            frame = browser.next() => frame?,
            changed = began.changed() => {
                if changed.is_err() || (!*began.borrow() && contest.is_over()) {
                    return Ok(catch);
                }
                continue;
            }
        };
        match frame {
            Frame::Lists(lists) => match lists.change {
                Some(Change::Snapshot(rows)) => waiting.extend(
                    rows.rows
                        .into_iter()
                        .filter(|row| row.list() == SessionList::New)
                        .map(|row| row.session_id),
                ),
                Some(Change::Changed(row)) if row.list() == SessionList::New => {
                    waiting.insert(row.session_id);
                }
                Some(Change::Removed(row)) if row.list() == SessionList::New => {
                    waiting.remove(&row.session_id);
                }
                _ => {}
            },
            Frame::Accepted(_) => {
                if let Some((session, since)) = trying.take() {
                    waiting.remove(&session);
                    record(&mut catch.times, Moment::now().since(since));
                    contest.picked.fetch_add(1, Ordering::Relaxed);
                }
            }
            Frame::Refused(refused) => {
                let reason = refused.refusal.unwrap_or_default().reason;
                ensure!(reason == "ALREADY_PICKED_UP", "refused with {reason}");
                if let Some((session, _)) = trying.take() {
                    waiting.remove(&session);
                    catch.late += 1;
                }
            }
            _ => {}
        }
    }
}

impl Contest {
    fn is_over(&self) -> bool {
        self.picked.load(Ordering::Relaxed) >= self.patrons
    }
}
