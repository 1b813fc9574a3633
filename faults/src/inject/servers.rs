//! Faults of our own processes.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::{Injected, Injector};
use crate::{
    cluster::{Form, LIBRARIES, Service},
    people::crowd::Crowd,
};

/// How long a killed server stays away on average.
const AWAY: Duration = Duration::from_millis(700);
/// How many sockets come back at once after a restart of the gateways.
const CROWD: usize = 300;
/// How long they may take to connect at first, and to come back (F5).
const CROWD_WITHIN: Duration = Duration::from_secs(60);

impl Injector<'_> {
    /// Kills one instance of a service, and starts it again after a while.
    pub(super) async fn kill_one(&mut self, service: Service) -> anyhow::Result<()> {
        let place = self.one_of(service)?;
        self.cluster.instance(place)?.process.kill().await?;
        self.wait(AWAY).await;
        self.cluster.start_again(place).await
    }

    /// Restarts all gateways at once, in order, with a crowd of sockets connected to them.
    pub(super) async fn restart_gateways(&mut self) -> anyhow::Result<Injected> {
        let library = self.dice.pick(&LIBRARIES).copied().unwrap_or_default();
        let gateways = self.cluster.gateways();
        let crowd = Crowd::gather(&gateways, library, CROWD, self.dice);
        ensure!(
            crowd.is_complete(CROWD_WITHIN).await,
            "the crowd did not come in"
        );
        let places = self.cluster.of(Service::Gateway);
        for place in &places {
            self.cluster.instance(*place)?.process.stop().await?;
        }
        for place in places {
            self.cluster.start_again(place).await?;
        }
        if crowd.is_complete(CROWD_WITHIN).await {
            return Ok(Injected::Done);
        }
        Ok(Injected::Wrong(format!(
            "of {CROWD} sockets {} came back within {CROWD_WITHIN:?}",
            crowd.there()
        )))
    }

    /// Restarts everything, one after the other, as an upgrade does.
    pub(super) async fn roll(&mut self) -> anyhow::Result<()> {
        let rounds = if self.short { 1 } else { 3 };
        for _ in 0..rounds {
            for place in 0..self.cluster.instances.len() {
                self.cluster.instance(place)?.process.stop().await?;
                self.cluster.start_again(place).await?;
            }
        }
        Ok(())
    }

    /// Suspends a session-svc (SIGSTOP) for a while, and then lets it go on as if nothing had happened.
    pub(super) async fn pause(&mut self, lasts: Duration) -> anyhow::Result<()> {
        let place = self.one_of(Service::Session)?;
        self.cluster.instance(place)?.process.signal("STOP")?;
        tokio::time::sleep(lasts).await;
        self.cluster.instance(place)?.process.signal("CONT")
    }

    /// Sets the clock of one server wrong, and right again.
    pub(super) async fn step_clock(&mut self, lasts: Duration) -> anyhow::Result<Injected> {
        // The server that makes tokens must stay within their leeway; one that only checks them may be hours off.
        let steps: &[i64] = match self.cluster.form {
            Form::Embedded => &[40, -40],
            Form::Distributed => &[40, -40, 3_600, -3_600],
        };
        let seconds = self.dice.pick(steps).copied().unwrap_or_default();
        let clocks = self.cluster.instances.iter();
        let clocks: Vec<_> = clocks
            .filter_map(|instance| instance.clock.clone())
            .collect();
        let Some(clock) = self.dice.pick(&clocks) else {
            return Ok(Injected::NotHere("libfaketime is not installed"));
        };
        clock.step(seconds)?;
        tokio::time::sleep(lasts).await;
        clock.step(0)?;
        Ok(Injected::Done)
    }

    pub(super) fn one_of(&mut self, service: Service) -> anyhow::Result<usize> {
        let places = self.cluster.of(service);
        let place = self.dice.pick(&places).copied();
        place.with_context(|| format!("there is no {service:?}"))
    }
}
