//! The replicas of a service, for its callers.
//!
//! A name may stand for many machines, which may change, so it is looked up again and again. The health of each replica
//! found is watched by `grpc.health.v1.Health/Watch`, on the same connection on which it is called. It is called only
//! while it reports that it serves: a draining replica gets no new calls from the moment it says so, and a dead one
//! gets none once its connection is known to be dead. Calls in progress on a replica stay there.
//!
//! Calls about the same thing go to the same replica while that serves ([`Affinity`]): any replica would do, but two
//! that hold the same session have to tell each other everything.
//!
//! When everything runs in one process there is nothing to find ([`crate::in_process`]), and callers see no difference.

mod address;
mod follow;
mod look_up;
pub(crate) mod rendezvous;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Status, body::Body, transport::Channel};
use tower::{Service, ServiceExt as _};

pub use self::address::{Address, AddressError};
use crate::{
    condition::Condition,
    in_process::InProcess,
    refusal::Refusal,
    telemetry::call_duration::Call,
    tls::{ClientTls, TlsError},
};

/// How long a call waits for a replica when none serves.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a call is about. Put it into a request's extensions so that calls with the same name go to the same replica.
#[derive(Clone, Debug)]
pub struct Affinity(Arc<str>);

impl Affinity {
    /// Creates an affinity to this name, for example a session's id.
    #[must_use]
    pub fn to(name: &str) -> Self {
        Self(name.into())
    }
}

/// A handle to call a service that runs as any number of replicas. Cheap to clone.
///
/// A generated client accepts it in place of a channel.
#[derive(Clone, Debug)]
pub struct Replicas(Way);

#[derive(Clone, Debug)]
enum Way {
    /// The service is part of this process.
    Here(InProcess),
    /// One server, reached by a channel.
    One(Channel),
    Many(Arc<Many>),
}

#[derive(Debug)]
struct Many {
    serving: watch::Receiver<Arc<[Replica]>>,
    condition: watch::Receiver<Condition>,
    /// Whose turn it is, for calls without affinity.
    turn: AtomicUsize,
    _ends_the_search: DropGuard,
}

/// A replica that serves.
#[derive(Clone, Debug)]
struct Replica {
    name: Arc<str>,
    channel: Channel,
}

impl Replicas {
    /// Finds and follows the replicas at these addresses until the last clone is dropped. `service` is the service's
    /// name for operators. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the TLS files can't be used.
    pub fn find(
        service: &'static str,
        addresses: Vec<Address>,
        tls: Option<&ClientTls>,
    ) -> Result<Self, TlsError> {
        let tls = tls.map(ClientTls::for_grpc).transpose()?;
        let stop = CancellationToken::new();
        let resolver = look_up::system();
        let (serving, condition) = follow::begin(service, addresses, tls, resolver, stop.clone());
        Ok(Self(Way::Many(Arc::new(Many {
            serving,
            condition,
            turn: AtomicUsize::new(0),
            _ends_the_search: stop.drop_guard(),
        }))))
    }

    /// Returns whether the service can be reached. Always well within this process, and for a single channel, about
    /// which nothing is known.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match &self.0 {
            Way::Here(_) | Way::One(_) => Condition::Well,
            Way::Many(many) => many.condition.borrow().clone(),
        }
    }
}

impl From<Channel> for Replicas {
    fn from(channel: Channel) -> Self {
        Self(Way::One(channel))
    }
}

impl From<InProcess> for Replicas {
    fn from(server: InProcess) -> Self {
        Self(Way::Here(server))
    }
}

impl Many {
    /// Picks the replica for a call; `None` if none serves now.
    fn pick(&self, affinity: Option<&Affinity>) -> Option<Channel> {
        let serving = Arc::clone(&self.serving.borrow());
        let replica = match affinity {
            Some(Affinity(name)) => rendezvous::meet(name, serving.iter(), |replica| &replica.name),
            None if serving.is_empty() => None,
            None => serving.get(self.turn.fetch_add(1, Ordering::Relaxed) % serving.len()),
        };
        replica.map(|replica| replica.channel.clone())
    }

    async fn wait(&self, affinity: Option<&Affinity>) -> Option<Channel> {
        let mut serving = self.serving.clone();
        let found = async {
            loop {
                serving.borrow_and_update();
                if let Some(channel) = self.pick(affinity) {
                    return Some(channel);
                }
                serving.changed().await.ok()?;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok()?
    }
}

impl Service<Request<Body>> for Replicas {
    type Response = Response<Body>;
    type Error = tonic::transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Readiness is checked once a replica has been picked.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let way = self.0.clone();
        Box::pin(async move {
            let call = Call::out(request.uri().path());
            let answer = match way {
                Way::Here(server) => Ok(server.call(request).await),
                Way::One(channel) => channel.oneshot(request).await.map(Some),
                Way::Many(many) => match many.wait(request.extensions().get()).await {
                    Some(channel) => channel.oneshot(request).await.map(Some),
                    None => Ok(None),
                },
            };
            let answer = answer.map(|answer| answer.unwrap_or_else(nobody_serves));
            call.answered(&answer);
            answer
        })
    }
}

fn nobody_serves() -> Response<Body> {
    let refusal = Refusal::unavailable(
        "UNAVAILABLE",
        "The service can't be reached just now. Try again.",
    );
    Status::from(refusal).into_http()
}
