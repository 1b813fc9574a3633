//! Faults of PostgreSQL.

use std::time::Duration;

use carrel_testbed::postgres::{Postgres, Stop};
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::{Injected, Injector, NO_ENGINES};
use crate::{
    cluster::{Route, Service, socket_address},
    proxy::{Proxy, Weather},
};

/// How soon every service must have noticed that a standby took over.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// How many times locking all tables is tried if it ends in a deadlock.
const TRIES_TO_LOCK: usize = 5;
/// Ends every connection but the one that runs it.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
/// Returns the names of all tables that are not PostgreSQL's own.
const TABLES: &str = "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";

impl Injector<'_> {
    /// Kills PostgreSQL, or stops it immediately or fast, and starts it again on the same data.
    pub(super) async fn postgres_crash(&mut self, lasts: Duration) -> anyhow::Result<Injected> {
        let how = [None, Some(Stop::Immediate), Some(Stop::Fast)][self.dice.below(3)];
        let Some(engines) = self.cluster.engines.as_mut() else {
            return Ok(NO_ENGINES);
        };
        block_in_place(|| match how {
            Some(how) => engines.postgres.stop(how),
            None => {
                engines.postgres.kill();
                Ok(())
            }
        })?;
        sleep(lasts).await;
        block_in_place(|| engines.postgres.start_again())?;
        Ok(Injected::Done)
    }

    /// Starts a synchronous standby, kills PostgreSQL, and lets the standby take over.
    pub(super) async fn postgres_failover(&mut self) -> anyhow::Result<Injected> {
        let Some(engines) = self.cluster.engines.as_mut() else {
            return Ok(NO_ENGINES);
        };
        let standby = block_in_place(|| engines.postgres.start_standby())?;
        // Every commit from now on is on both servers.
        sleep(Duration::from_millis(500)).await;
        block_in_place(|| {
            engines.postgres.kill();
            standby.promote()
        })?;
        let address = socket_address(&standby.host_and_port())?;
        engines.postgres = standby;
        for proxy in self.cluster.proxies(Route::Postgres) {
            proxy.aim(address);
            proxy.reset();
        }
        self.restart_for_another_history().await
    }

    /// Restarts each process that keeps a log: it must end by itself, since a process that knows the old history must
    /// not write to a server with another one.
    async fn restart_for_another_history(&mut self) -> anyhow::Result<Injected> {
        let until = Instant::now() + NOTICED_WITHIN;
        let keepers = [Service::Session, Service::Presence, Service::Im];
        let mut left: usize = keepers
            .iter()
            .map(|service| self.cluster.of(*service).len())
            .sum();
        while left > 0 {
            if Instant::now() > until {
                let what = format!("{left} services go on with another history than they know");
                return Ok(Injected::Wrong(what));
            }
            left = left.saturating_sub(self.cluster.start_ended_again().await?.len());
            sleep(LOOK).await;
        }
        Ok(Injected::Done)
    }

    /// Ends PostgreSQL's connections, locks its tables, or makes the links to it slow.
    pub(super) async fn postgres_slow(&mut self, lasts: Duration) -> anyhow::Result<Injected> {
        let way = self.dice.below(4);
        let Some(engines) = self.cluster.engines.as_mut() else {
            return Ok(NO_ENGINES);
        };
        let postgres = &engines.postgres;
        match way {
            0 => {
                block_in_place(|| postgres.sql(TERMINATE))?;
            }
            1 => block_in_place(|| lock(postgres, lasts))?,
            2 => {
                self.weather(
                    Route::Postgres,
                    Weather::slow(Duration::from_millis(40)),
                    lasts,
                )
                .await
            }
            _ => {
                self.weather(Route::Postgres, Weather::sliced(), lasts)
                    .await
            }
        }
        Ok(Injected::Done)
    }

    /// Sets this weather on all links of a route for a while.
    pub(super) async fn weather(&mut self, route: Route, weather: Weather, lasts: Duration) {
        for proxy in self.cluster.proxies(route) {
            proxy.set(weather.clone());
        }
        sleep(lasts).await;
        self.cluster.proxies(route).for_each(Proxy::clear);
    }
}

/// Locks all tables for a while so that nobody else can read or write them. Since it locks one table after the other,
/// it may deadlock with another transaction. PostgreSQL then ends one of the two, perhaps this one, so locking is tried
/// again.
fn lock(postgres: &Postgres, lasts: Duration) -> anyhow::Result<()> {
    let tables = postgres.sql(TABLES)?;
    let seconds = lasts.as_secs_f64();
    let statement = format!(
        "BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT"
    );
    let mut locked = postgres.sql(&statement);
    for _ in 1..TRIES_TO_LOCK {
        if !matches!(&locked, Err(error) if error.to_string().contains("deadlock detected")) {
            break;
        }
        locked = postgres.sql(&statement);
    }
    locked.map(drop)
}
