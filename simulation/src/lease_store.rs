//! The one store of leases of the simulated world, and its outages.
//!
//! Carrel's own in-memory store measures time by its process's clock, which is a different one on each simulated host
//! and starts anew with the host. This store uses the simulation's time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use carrel_platform::lease::{Held, Lease, LeaseError, Leases};
use futures::future::{BoxFuture, FutureExt};

use crate::time;

/// The store. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaseStore(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// By space and key: the lease, and when it runs out.
    leases: BTreeMap<(String, String), (Lease, Duration)>,
    out_until_ms: u64,
    refused: u64,
}

impl LeaseStore {
    /// Makes the store unreachable until `until_ms`.
    pub(crate) fn fail(&self, until_ms: u64) {
        self.state().out_until_ms = until_ms;
    }

    /// Returns how many calls were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.state().refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T>(&self, answer: impl FnOnce(&mut State) -> T) -> Result<T, LeaseError> {
        let mut state = self.state();
        if time::now_ms() < state.out_until_ms {
            state.refused += 1;
            return Err(LeaseError("out of reach".into()));
        }
        let now = time::now();
        state.leases.retain(|_, (_, until)| *until > now);
        Ok(answer(&mut state))
    }
}

impl State {
    fn incarnation(&self, place: &(String, String)) -> Option<u64> {
        self.leases.get(place).map(|(lease, _)| lease.incarnation)
    }
}

impl Leases for LeaseStore {
    fn hold(&self, lease: Lease, lasts: Duration) -> BoxFuture<'_, Result<Held, LeaseError>> {
        async move {
            self.ask(|state| {
                let place = (lease.space.clone(), lease.key.clone());
                match state.incarnation(&place) {
                    Some(newer) if newer > lease.incarnation => Held::Superseded(newer),
                    _ => {
                        let until = time::now().saturating_add(lasts);
                        state.leases.insert(place, (lease, until));
                        Held::Yes
                    }
                }
            })
        }
        .boxed()
    }

    fn release<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        incarnation: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        async move {
            self.ask(|state| {
                let place = (space.to_owned(), key.to_owned());
                if state
                    .incarnation(&place)
                    .is_some_and(|held| held <= incarnation)
                {
                    state.leases.remove(&place);
                }
            })
        }
        .boxed()
    }

    fn active<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Vec<Lease>, LeaseError>> {
        async move {
            self.ask(|state| {
                let leases = state.leases.values();
                let active = leases.filter(|(lease, _)| lease.space == space);
                active.map(|(lease, _)| lease.clone()).collect()
            })
        }
        .boxed()
    }
}
