//! Librarians at their monitors see each other come, go and change their status.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use carrel_proto::{
    gateway::v1::{client_frame::Frame as Request, server_frame::Frame},
    presence::v1::{
        Announcement, LibrarianRow, MonitoredQueues, Status, WatchDeskRequest,
        watch_desk_response::Change,
    },
};
use hdrhistogram::Histogram;
use tokio::{
    select,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Size, complain, rest};
use crate::{
    client::{Browser, Meter, Wire},
    cost,
    figures::{Figures, quantiles},
    ledger::{histogram, record},
    member::Order,
    moment::Moment,
    pacer::{Beat, Due, pace},
    room::log_in,
    server::{LIBRARY, Server},
};

const SETTLES_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(5);

/// What all librarians share.
#[derive(Debug)]
struct Board {
    changes: Mutex<Changes>,
    /// How many rows of others all librarians together have.
    rows: AtomicUsize,
    meter: Meter,
}

#[derive(Debug)]
struct Changes {
    /// When each librarian's last change was due.
    due: HashMap<String, Moment>,
    made: u64,
    seen: u64,
    times: Histogram<u64>,
}

pub(super) async fn play(
    server: &Server,
    size: Size,
    librarians: usize,
) -> anyhow::Result<Figures> {
    let board = Arc::new(Board {
        changes: Mutex::new(Changes {
            due: HashMap::new(),
            made: 0,
            seen: 0,
            times: histogram(),
        }),
        rows: AtomicUsize::new(0),
        meter: Meter::default(),
    });
    let staff = log_in(server, librarians).await?;
    let mut tasks = JoinSet::new();
    let mut orders = Vec::new();
    for (number, one) in staff.iter().skip(1).take(librarians).enumerate() {
        let (browser, _) = Browser::open(
            server.gateway(number)?,
            Wire::Proto,
            &one.token,
            &board.meter,
        )
        .await?;
        let (sender, receiver) = unbounded_channel();
        orders.push(sender);
        let librarian = Librarian {
            browser,
            id: one.profile.librarian_id.clone(),
            monitor: format!("monitor-{number}"),
            status: Status::Available,
            known: HashMap::new(),
            board: Arc::clone(&board),
        };
        tasks.spawn(librarian.run(receiver));
    }
    let others = librarians - 1;
    let until = Instant::now() + SETTLES_WITHIN;
    while board.rows.load(Ordering::Relaxed) < librarians * others {
        ensure!(Instant::now() < until, "not all see all others in time");
        sleep(LOOK).await;
    }
    rest(size).await;
    let before = cost::of_servers()?;
    let began = Moment::now();
    let time = size.seconds(20, 6, 600);
    // Together there are 50 changes a second.
    let apart = Duration::from_millis(20);
    let beats: Vec<Beat> = (0..)
        .zip(&orders)
        .map(|(place, to)| Beat {
            first: began.after(apart * place),
            every: apart * u32::try_from(librarians).unwrap_or(u32::MAX),
            to: to.clone(),
            what: Due::Say,
        })
        .collect();
    pace(beats, began.after(time)).await?;
    let until = Instant::now() + SETTLES_WITHIN;
    while Instant::now() < until && !board.changes().is_settled(others) {
        sleep(LOOK).await;
    }
    let cpu = (cost::of_servers()?.cpu - before.cpu).as_secs_f64();
    tasks.abort_all();
    while let Some(ended) = tasks.join_next().await {
        if let Ok(Err(error)) = ended {
            complain(&format!("{error:#}"));
        }
    }
    let changes = board.changes();
    let mut figures = Figures::from([
        (
            "lost".to_owned(),
            (changes.made * others as u64).saturating_sub(changes.seen) as f64,
        ),
        (
            "server CPU s per 1,000 seen".to_owned(),
            cpu * 1e3 / changes.seen.max(1) as f64,
        ),
        ("changes".to_owned(), changes.made as f64),
    ]);
    quantiles(&mut figures, "seen", &changes.times);
    Ok(figures)
}

impl Board {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    fn is_settled(&self, others: usize) -> bool {
        self.seen >= self.made * others as u64
    }
}

/// A librarian at a monitor.
struct Librarian {
    browser: Browser,
    id: String,
    monitor: String,
    status: Status,
    /// The status of each other librarian, as this one was shown it.
    known: HashMap<String, Status>,
    board: Arc<Board>,
}

impl Librarian {
    async fn run(mut self, mut orders: UnboundedReceiver<Order>) -> anyhow::Result<()> {
        self.announce().await?;
        self.browser
            .send(Request::WatchDesk(WatchDeskRequest {}))
            .await?;
        loop {
            select! {
                biased;
                frame = self.browser.next() => match frame? {
                    Frame::Desk(desk) => match desk.change {
                        Some(Change::Snapshot(snapshot)) => {
                            for row in snapshot.librarians {
                                self.look(row);
                            }
                        }
                        Some(Change::Librarian(row)) => self.look(row),
                        _ => {}
                    },
                    Frame::Refused(refused) => anyhow::bail!("refused: {refused:?}"),
                    _ => {}
                },
                order = orders.recv() => match order {
                    None => return Ok(()),
                    Some(Order::Say(due)) => {
                        self.status = match self.status {
                            Status::Available => Status::Busy,
                            _ => Status::Available,
                        };
                        {
                            let mut changes = self.board.changes();
                            changes.made += 1;
                            changes.due.insert(self.id.clone(), due);
                        }
                        self.announce().await?;
                    }
                    Some(_) => {}
                },
            }
        }
    }

    async fn announce(&mut self) -> anyhow::Result<()> {
        self.browser
            .send(Request::Announce(Announcement {
                monitor_id: self.monitor.clone(),
                status: self.status.into(),
                queues: Some(MonitoredQueues {
                    queue_ids: vec![LIBRARY.to_owned()],
                }),
                returning: false,
            }))
            .await
    }

    /// Takes in a row of the desk. If the status differs from the one before, a change was seen.
    fn look(&mut self, row: LibrarianRow) {
        let status = row.status();
        if row.librarian_id == self.id {
            return;
        }
        match self.known.insert(row.librarian_id.clone(), status) {
            None => {
                self.board.rows.fetch_add(1, Ordering::Relaxed);
            }
            Some(before) if before != status => {
                let now = Moment::now();
                let mut changes = self.board.changes();
                if let Some(due) = changes.due.get(&row.librarian_id).copied() {
                    changes.seen += 1;
                    record(&mut changes.times, now.since(due));
                }
            }
            Some(_) => {}
        }
    }
}
