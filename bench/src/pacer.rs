//! Gives orders when they are due, to some microseconds: tokio's own timer is exact to a millisecond, which is longer
//! than what is measured.

use std::{cmp::Reverse, collections::BinaryHeap, num::NonZeroU64, thread, time::Duration};

use rustix::thread::set_current_timer_slack;
use tokio::{sync::mpsc::UnboundedSender, task::spawn_blocking, time::sleep};

use crate::{member::Order, moment::Moment};

/// Something that is due again and again.
#[derive(Clone, Debug)]
pub struct Beat {
    /// When it is due first.
    pub first: Moment,
    /// The time between two occurrences.
    pub every: Duration,
    /// The member who gets the order.
    pub to: UnboundedSender<Order>,
    /// The order.
    pub what: Due,
}

/// An order that becomes due.
#[derive(Clone, Copy, Debug)]
pub enum Due {
    /// To send a message.
    Say,
    /// To type.
    Type,
}

/// Gives orders as they become due, until `until`. Each order names the moment at which it was due, however late it is.
///
/// # Errors
/// If the system has no exact timer.
pub async fn pace(beats: Vec<Beat>, until: Moment) -> anyhow::Result<()> {
    spawn_blocking(move || keep_time(&beats, until)).await?
}

/// Waits until `moment`, or a millisecond longer.
pub async fn wait_until(moment: Moment) {
    sleep(moment.since(Moment::now())).await;
}

/// Gives the orders, on a thread of its own that sleeps as exactly as the system can.
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
        // A member who is gone gets no more orders.
        let _ = beat.to.send(match beat.what {
            Due::Say => Order::Say(moment),
            Due::Type => Order::Type,
        });
        due.push(Reverse((moment.after(beat.every), place)));
    }
    thread::sleep(until.since(Moment::now()));
    Ok(())
}
