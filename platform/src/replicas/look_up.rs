//! Looks up repeatedly which places a name stands for.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures::{FutureExt as _, Stream, future::BoxFuture, stream};
use tokio::time::{MissedTickBehavior, timeout};

use super::Address;

/// How often an address is looked up.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
/// How long the resolver may take. By itself it would go on for much longer if its servers don't answer.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(3);

/// The places that an address stands for, or why the lookup failed.
pub(super) type Answer = io::Result<Vec<SocketAddr>>;
/// Looks up an address.
pub(super) type Resolver = Arc<dyn Fn(Address) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Returns the operating system's resolver.
pub(super) fn system() -> Resolver {
    Arc::new(|address| {
        async move {
            let places = tokio::net::lookup_host(address.host_and_port()).await?;
            Ok(places.collect())
        }
        .boxed()
    })
}

/// Looks up an address immediately and then periodically. The stream never ends.
pub(super) fn look_ups(address: Address, resolver: Resolver) -> impl Stream<Item = Answer> {
    let mut clock = tokio::time::interval(LOOK_UP_EVERY);
    // A slow answer does not make the next lookup come sooner.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(
        (clock, address, resolver),
        async |(mut clock, address, resolver)| {
            clock.tick().await;
            let answer = timeout(LOOK_UP_WITHIN, resolver(address.clone())).await;
            let late = || io::Error::other(format!("no answer within {LOOK_UP_WITHIN:?}"));
            let answer = answer.unwrap_or_else(|_| Err(late()));
            Some((answer, (clock, address, resolver)))
        },
    )
}
