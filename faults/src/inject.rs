//! Carries out faults, and heals them again.

mod clients;
mod links;
mod postgres;
mod redis;
mod servers;

use std::{sync::Arc, time::Duration};

use crate::{
    cluster::{Cluster, Service},
    people::SharedState,
    schedule::Kind,
    seed::Dice,
};

/// Everything that injecting a fault needs.
#[derive(Debug)]
pub struct Injector<'a> {
    /// The cluster under test.
    pub cluster: &'a mut Cluster,
    /// The people in it.
    pub shared: &'a Arc<SharedState>,
    /// The dice that decide details of faults.
    pub dice: &'a mut Dice,
    /// Whether the run is short: faults last less long, and rounds are fewer.
    pub short: bool,
}

/// The outcome of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Injected {
    /// It was done, and healed.
    Done,
    /// It was done and healed, but what had to follow did not.
    Wrong(String),
    /// It can't be done here; says why.
    NotHere(&'static str),
}

/// There is no such link or engine.
const NO_ENGINES: Injected = Injected::NotHere("all is in one process");

impl Injector<'_> {
    /// Injects a fault, waits as long as it lasts, and heals it.
    ///
    /// # Errors
    /// If the harness itself fails, for example because a program does not start again.
    pub async fn inject(&mut self, kind: Kind) -> anyhow::Result<Injected> {
        let lasts = kind.lasts(self.short);
        match kind {
            Kind::F1 => self.kill_one(Service::Session).await?,
            Kind::F2 => self.kill_one(Service::Presence).await?,
            Kind::F3 => self.kill_one(Service::Im).await?,
            Kind::F4 => self.kill_one(Service::Gateway).await?,
            Kind::F5 => return self.restart_gateways().await,
            Kind::F6 => self.roll().await?,
            Kind::F20 => return self.step_clock(lasts).await,
            Kind::F21 => self.pause(lasts).await?,
            Kind::F22 => self.half_open_clients(lasts).await,
            Kind::F23 => return self.slow_consumer().await,
            Kind::F24 => self.mischief(lasts).await,
            Kind::F7 => return self.redis_outage(lasts).await,
            Kind::F8 => return self.redis_forgets(lasts).await,
            Kind::F9 => return Ok(self.redis_partition(lasts).await),
            Kind::F10 => return self.redis_pause(lasts).await,
            Kind::F11 => return self.redis_lies(lasts).await,
            Kind::F12 => return self.redis_cuts_listeners(lasts).await,
            Kind::F13 => return self.postgres_crash(lasts).await,
            Kind::F14 => return self.postgres_failover().await,
            Kind::F16 => return self.postgres_slow(lasts).await,
            Kind::F30 => return Ok(self.break_links(lasts).await),
        }
        Ok(Injected::Done)
    }

    /// Waits for about `mean`.
    async fn wait(&mut self, mean: Duration) {
        tokio::time::sleep(self.dice.around(mean)).await;
    }
}
