//! Which replicas of a service there are, and which of them looks after what.
//!
//! Any replica may do anything; the log settles who was first. But work that is due by time alone must be done even if
//! no client asks, and not by all replicas at once. So each replica holds a lease, and which one looks after a thing
//! follows from the set of leases, without any coordination and with the same result for all replicas that see the same
//! set. While they see different sets, some things are looked after twice, or for a moment by no replica.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    lease::{Lease, Leases},
    replicas::rendezvous,
};

/// How often a replica renews its lease.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// How long the lease holds.
const HOLDS: Duration = Duration::from_secs(15);

/// The replicas of one service, as seen by one of them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Members {
    own: Arc<str>,
    known: watch::Receiver<Arc<[Arc<str>]>>,
}

impl Members {
    /// Joins the replicas of a service under a name that no other has, until `stop`. While the leases can't be read,
    /// the replicas that were last known still count; if they never could be read, only this one does.
    pub async fn join(
        leases: Arc<dyn Leases>,
        service: &str,
        own: Arc<str>,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let (told, known) = watch::channel(Arc::from([Arc::clone(&own)]));
        let membership = Membership {
            leases,
            space: format!("members/{service}"),
            own: Arc::clone(&own),
            told,
        };
        membership.say_and_look().await;
        tasks.spawn(membership.keep(stop));
        Self { own, known }
    }

    /// Returns whether this replica is the one that looks after the thing of this name.
    #[must_use]
    pub fn is_mine(&self, name: &str) -> bool {
        let known = self.known.borrow();
        rendezvous::meet(name, known.iter(), |member| member).is_none_or(|at| *at == self.own)
    }
}

struct Membership {
    leases: Arc<dyn Leases>,
    space: String,
    own: Arc<str>,
    told: watch::Sender<Arc<[Arc<str>]>>,
}

impl Membership {
    async fn keep(self, stop: CancellationToken) {
        let pause = || tokio::time::sleep(SAY_EVERY);
        while stop.run_until_cancelled(pause()).await.is_some() {
            self.say_and_look().await;
        }
        // If the release does not arrive, the lease runs out.
        let _ = self.leases.release(&self.space, &self.own, 1).await;
    }

    async fn say_and_look(&self) {
        let lease = Lease {
            space: self.space.clone(),
            key: self.own.to_string(),
            incarnation: 1,
            value: Bytes::new(),
        };
        let looked = async {
            self.leases.hold(lease, HOLDS).await?;
            self.leases.active(&self.space).await
        };
        match looked.await {
            Ok(active) => {
                let members = active.into_iter().map(|lease| lease.key.into());
                self.told.send_replace(members.collect());
            }
            Err(error) => {
                tracing::debug!(%error, "the other replicas could not be looked up");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::memory::MemoryLeases;

    fn shares(members: &[&Members]) -> Vec<usize> {
        let count = |member: &&Members| (0..300).filter(|n| member.is_mine(&n.to_string())).count();
        members.iter().map(count).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_thing_is_looked_after_by_one_and_by_another_when_that_one_is_gone() {
        let leases: Arc<dyn Leases> = Arc::new(MemoryLeases::default());
        let tasks = TaskTracker::new();
        let stop_b = CancellationToken::new();
        let join = |name: &str, stop: &CancellationToken| {
            let leases = Arc::clone(&leases);
            let (name, stop, tasks) = (name.into(), stop.clone(), &tasks);
            async move { Members::join(leases, "test", name, stop, tasks).await }
        };
        let a = join("a", &CancellationToken::new()).await;
        // Alone, it looks after everything from the start.
        assert_eq!(shares(&[&a]), [300]);
        let b = join("b", &stop_b).await;
        tokio::time::sleep(SAY_EVERY * 2).await;
        let both = shares(&[&a, &b]);
        assert_eq!(both.iter().sum::<usize>(), 300);
        assert!(both.iter().all(|share| *share > 90), "{both:?}");
        stop_b.cancel();
        tokio::time::sleep(SAY_EVERY * 2).await;
        assert_eq!(shares(&[&a]), [300]);
    }
}
