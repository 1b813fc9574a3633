//! Which replicas of a service there are, and which of them looks after what.
//!
//! Any replica may do anything; the log settles who was first. But what time alone brings must be done by somebody even
//! if nobody asks, and not by all at once. So each replica holds a lease, and what one of them has to look after
//! follows from who holds one: without a word, and the same for all who know the same. While they do not, some things
//! are looked after twice, or for a moment by nobody.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    lease::{Lease, Leases},
    replicas::rendezvous,
};

/// How often a replica says that it is there.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// How long that holds.
const HOLDS: Duration = Duration::from_secs(15);

/// The replicas of one service, as one of them knows them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Members {
    own: Arc<str>,
    known: watch::Receiver<Arc<[Arc<str>]>>,
}

impl Members {
    /// Joins the replicas of a service under a name that no other has, until `stop`. While the leases can't be read,
    /// everybody counts as they were last known, and nobody else if they never could be.
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

    /// Whether this replica is the one to look after what has this name.
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
        // Should it not arrive, the lease runs out.
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
            self.leases.standing(&self.space).await
        };
        match looked.await {
            Ok(standing) => {
                let members = standing.into_iter().map(|lease| lease.key.into());
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
