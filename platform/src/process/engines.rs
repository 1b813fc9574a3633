//! The log, the bus and the leases that the replicas of all services share.

use std::sync::Arc;

use super::{EngineSettings, Readiness};
use crate::{
    bus::{Bus, redis::RedisBus},
    lease::{Leases, redis::RedisLeases},
    log::{
        EventLog,
        postgres::{OpenError, PostgresLog},
    },
    redis::RedisError,
};

/// What a service is built on, shared with all its replicas. Cheap to clone.
#[derive(Clone)]
pub struct Engines {
    /// The truth.
    pub log: Arc<dyn EventLog>,
    /// The quick way to tell other servers.
    pub bus: Arc<dyn Bus>,
    /// Who is present.
    pub leases: Arc<dyn Leases>,
}

/// Why an engine can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum EnginesError {
    /// The log.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The bus or the leases.
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl Engines {
    /// Opens all engines. An engine that can't be reached now is an error; one that goes away later is not: the process
    /// is then degraded, which `readiness` reports.
    ///
    /// # Errors
    /// The first engine that can't be used, by the setting that names it.
    pub async fn open(
        settings: EngineSettings<'_>,
        readiness: &Readiness,
    ) -> Result<Self, EnginesError> {
        let log = PostgresLog::open(settings.postgres).await?;
        let bus = RedisBus::connect(settings.redis).await?;
        let leases = RedisLeases::connect(settings.redis).await?;
        let (log_now, bus_now, leases_now) = (log.clone(), bus.condition(), leases.condition());
        readiness.watch("log", move || log_now.condition());
        readiness.watch("bus", move || bus_now.borrow().clone());
        readiness.watch("leases", move || leases_now.borrow().clone());
        Ok(Self {
            log: Arc::new(log),
            bus: Arc::new(bus),
            leases: Arc::new(leases),
        })
    }
}
