//! Says when things are due, to some microseconds: tokio's own timer is good to a millisecond, which is more than what
//! is measured takes.

use std::{cmp::Reverse, collections::BinaryHeap, num::NonZeroU64, thread, time::Duration};

use rustix::thread::set_current_timer_slack;
use tokio::{sync::mpsc::UnboundedSender, task::spawn_blocking, time::sleep};

use crate::{member::Order, moment::Moment};

/// Something that is due again and again.
#[derive(Clone, Debug)]
pub struct Beat {
    /// The first time.
    pub first: Moment,
    /// How long after each time it is due again.
    pub every: Duration,
    /// Whom it is told.
    pub to: UnboundedSender<Order>,
    /// What it is.
    pub what: Due,
}

/// What is due.
#[derive(Clone, Copy, Debug)]
pub enum Due {
    /// To say something.
    Say,
    /// To type.
    Type,
}

/// Says what is due until then. Each thing is told as due when it was due, however late that is.
///
/// # Errors
/// When the system gives no exact timer.
pub async fn pace(beats: Vec<Beat>, until: Moment) -> anyhow::Result<()> {
    spawn_blocking(move || keep_time(&beats, until)).await?
}

/// Waits until it is that time, or a millisecond later.
pub async fn wait_until(moment: Moment) {
    sleep(moment.since(Moment::now())).await;
}

/// Keeps time on a thread of its own, which sleeps as exactly as the system can.
fn keep_time(beats: &[Beat], until: Moment) -> anyhow::Result<()> {
    set_current_timer_slack(NonZeroU64::new(1))?;
    let mut due: BinaryHeap<_> = beats
        .iter()
        .enumerate()
        .map(|(place, beat)| Reverse((beat.first, place)))
        .collect();
    while let Some(Reverse((moment, place))) = due.pop() {
        if moment >= until {
            continue;
        }
        thread::sleep(moment.since(Moment::now()));
        let beat = &beats[place];
        // Who has gone is told nothing more.
        let _ = beat.to.send(match beat.what {
            Due::Say => Order::Say(moment),
            Due::Type => Order::Type,
        });
        due.push(Reverse((moment.after(beat.every), place)));
    }
    thread::sleep(until.since(Moment::now()));
    Ok(())
}
