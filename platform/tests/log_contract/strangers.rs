//! What every log that others can reach promises while they interfere with it: it shares commits, waits, and fails.

use carrel_platform::log::{EventLog, Figures, LogError};
use futures::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt as _},
};

use crate::{
    Place,
    sentences::{batch, payloads, stream, write},
};

/// A place that a stranger can reach, too.
pub(crate) trait Reachable: Place {
    /// Another user of the log.
    type Stranger: Stranger;

    /// How many commits may be under way at once.
    const WRITERS: usize;

    /// Returns a stranger that is connected.
    async fn visit(&self) -> Self::Stranger;

    /// Opens the log in this place, with a short queue and with patience for strangers.
    async fn open_narrow(&self) -> Self::Log;

    /// Returns what a log has done.
    fn figures(log: &Self::Log) -> Figures;
}

/// What a stranger can do to a log.
pub(crate) trait Stranger {
    /// Keeps every other session from writing.
    async fn lock(&self);

    /// Lets the others write again.
    async fn unlock(&self);

    /// Makes a write with the payload `refuse` fail before its commit.
    async fn set_trap(&self);

    /// Removes the second event of every stream.
    async fn remove_second_events(&self);
}

pub(crate) fn unavailable(result: &Result<(), LogError>) -> bool {
    matches!(result, Err(LogError::Unavailable(_)))
}

pub(crate) async fn appends_that_arrive_together_share_a_commit<P: Reachable>() {
    let place = P::new().await;
    let log = place.open().await;
    // While a stranger holds the lock, all appends have to wait.
    let stranger = place.visit().await;
    stranger.lock().await;
    let ids: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let appends = ids
        .iter()
        .map(|id| log.append(batch([write(id, 0, ["e"])])));
    // All arrive at once: with a coop budget, tokio would make the later ones wait for the next turn.
    let mut appends = tokio::task::unconstrained(join_all(appends));
    assert!(futures::poll!(&mut appends).is_pending());
    stranger.unlock().await;
    for result in appends.await {
        result.unwrap();
    }
    let figures = P::figures(&log);
    assert_eq!((figures.batches, figures.events), (200, 200));
    // One for each writer that took what was there first, and one for all the rest.
    assert!(figures.commits <= P::WRITERS as u64 + 1, "{figures:?}");
}

pub(crate) async fn a_full_queue_refuses_instead_of_growing<P: Reachable>() {
    // More than the commits under way and the queue can take.
    let flood = 1_100 * P::WRITERS;
    let place = P::new().await;
    let log = place.open_narrow().await;
    let stranger = place.visit().await;
    stranger.lock().await;
    let ids: Vec<String> = (0..flood).map(|n| n.to_string()).collect();
    let mut appends: FuturesUnordered<_> = ids
        .iter()
        .map(|id| log.append(batch([write(id, 0, ["e"])])))
        .collect();
    let first = appends.next().await.unwrap();
    assert!(unavailable(&first), "{first:?}");
    stranger.unlock().await;
    let rest: Vec<_> = appends.collect().await;
    assert!(
        rest.iter()
            .all(|result| result.is_ok() || unavailable(result))
    );
    let written = rest.iter().filter(|result| result.is_ok()).count();
    assert_eq!(P::figures(&log).events, written as u64);
}

pub(crate) async fn what_fails_before_the_commit_is_not_written_and_over<P: Reachable>() {
    let place = P::new().await;
    let log = place.open().await;
    place.visit().await.set_trap().await;
    let result = log
        .append(batch([write("t", 0, ["e1"]), write("s", 0, ["refuse"])]))
        .await;
    assert!(unavailable(&result), "{result:?}");
    assert!(payloads(&log, "t").await.is_empty());
    log.append(batch([write("t", 0, ["e1"])])).await.unwrap();
    assert_eq!(payloads(&log, "t").await, ["e1"]);
}

pub(crate) async fn a_missing_event_is_damage_and_not_silence<P: Reachable>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["1", "2", "3"])]))
        .await
        .unwrap();
    place.visit().await.remove_second_events().await;
    let read = log.read(&stream("s"), 0, 10).await;
    assert!(matches!(read, Err(LogError::Damaged(_))), "{read:?}");
    assert_eq!(log.read(&stream("s"), 2, 10).await.unwrap().len(), 1);
}
