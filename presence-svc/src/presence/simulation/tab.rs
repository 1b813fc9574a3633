//! One open monitor, driven as its stream would drive it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use carrel_platform::auth::Librarian;
use carrel_proto::presence::v1 as wire;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use crate::{
    error::Error,
    presence::{desk::Desk, monitor::Monitor},
};

/// How often a monitor gives a sign of life.
const HERE: Duration = Duration::from_secs(5);

pub(super) struct Tab {
    orders: mpsc::Sender<Order>,
    last_sign: Arc<Mutex<Instant>>,
    task: JoinHandle<Result<(), Error>>,
}

enum Order {
    Choose(wire::Announcement),
    Goodbye,
}

impl Tab {
    pub(super) async fn open(
        desk: Desk,
        librarian: Librarian,
        announcement: wire::Announcement,
    ) -> Self {
        let (orders, ordered) = mpsc::channel(8);
        let changes = desk.changes();
        let last_sign = Arc::new(Mutex::new(Instant::now()));
        let monitor = Monitor::open(desk, librarian, announcement).await.unwrap();
        let task = tokio::spawn(stay(monitor, ordered, changes, Arc::clone(&last_sign)));
        Self {
            orders,
            last_sign,
            task,
        }
    }

    pub(super) async fn choose(&self, announcement: wire::Announcement) {
        self.orders.send(Order::Choose(announcement)).await.unwrap();
    }

    pub(super) async fn goodbye(self) {
        self.orders.send(Order::Goodbye).await.unwrap();
        self.task.await.unwrap().unwrap();
    }

    /// Cuts the stream and returns when its last sign of life came.
    pub(super) async fn crash(self) -> Instant {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        *self.last_sign.lock().unwrap()
    }

    /// Waits until the stream has ended because the same monitor announced itself on another one.
    pub(super) async fn superseded(self) {
        let end = self.task.await.unwrap();
        assert!(matches!(end, Err(Error::Superseded)), "{end:?}");
    }
}

async fn stay(
    mut monitor: Monitor,
    mut orders: mpsc::Receiver<Order>,
    mut changes: tokio::sync::watch::Receiver<u64>,
    last_sign: Arc<Mutex<Instant>>,
) -> Result<(), Error> {
    loop {
        let due = *last_sign.lock().unwrap() + HERE;
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Choose(announcement)) => {
                    *last_sign.lock().unwrap() = Instant::now();
                    monitor.announce(&announcement).await?;
                }
                Some(Order::Goodbye) => {
                    monitor.goodbye().await;
                    return Ok(());
                }
                None => return Ok(()),
            },
            () = tokio::time::sleep_until(due) => {
                *last_sign.lock().unwrap() = Instant::now();
                monitor.here().await?;
            }
            Ok(()) = changes.changed() => monitor.keep_up().await?,
        }
    }
}
