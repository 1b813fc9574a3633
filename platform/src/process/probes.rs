//! The state of a process by HTTP: `/live` and `/ready` for orchestrators, `/metrics` for scrapers.
//!
//! A process that is degraded is ready all the same, and says what is wrong: taking it out of service would not help,
//! since its replicas have the same trouble. Only a process that does not serve yet, that stops, or that can't reach a
//! service that it can't do without, is not ready.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Bound;
use crate::{
    condition::Condition,
    replicas::Replicas,
    telemetry::{exposition::Exposition, metric::DEPENDENCY_UP},
};

/// How long the head of a request may take to arrive.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How many probe connections may be open at once.
const CONNECTIONS: usize = 64;

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const STOPPING: u8 = 2;

/// Whether a process serves, and the conditions of what it depends on. Initially the process is starting. Cheap to
/// clone.
#[derive(Clone, Default)]
pub struct Readiness(Arc<State>);

#[derive(Default)]
struct State {
    phase: AtomicU8,
    watched: Mutex<Vec<Watched>>,
}

struct Watched {
    what: &'static str,
    condition: Box<dyn Fn() -> Condition + Send + Sync>,
    /// Whether the process can't do anything without it.
    needed: bool,
}

impl Readiness {
    /// Watches a dependency without which the process is degraded.
    pub fn watch(
        &self,
        what: &'static str,
        condition: impl Fn() -> Condition + Send + Sync + 'static,
    ) {
        self.add(what, false, condition);
    }

    /// Watches a dependency without which the process is not ready.
    pub fn need(
        &self,
        what: &'static str,
        condition: impl Fn() -> Condition + Send + Sync + 'static,
    ) {
        self.add(what, true, condition);
    }

    /// Watches a service without which the process is degraded, by whether its replicas can be reached.
    pub fn watch_upstream(&self, service: &'static str, replicas: &Replicas) {
        let replicas = replicas.clone();
        self.watch(service, move || replicas.condition());
    }

    /// Watches a service without which the process is not ready, by whether its replicas can be reached.
    pub fn need_upstream(&self, service: &'static str, replicas: &Replicas) {
        let replicas = replicas.clone();
        self.need(service, move || replicas.condition());
    }

    fn add(
        &self,
        what: &'static str,
        needed: bool,
        condition: impl Fn() -> Condition + Send + Sync + 'static,
    ) {
        let watched = Watched {
            what,
            condition: Box::new(condition),
            needed,
        };
        self.0.watched().push(watched);
    }

    /// Also reports the conditions in the metrics.
    pub(super) fn show(&self) {
        // The metrics must not keep alive what is watched.
        let state = Arc::downgrade(&self.0);
        DEPENDENCY_UP.observe(move |tell| {
            let Some(state) = state.upgrade() else {
                return;
            };
            for watched in state.watched().iter() {
                let up = match (watched.condition)() {
                    Condition::Well => 1.0,
                    Condition::Degraded(_) => 0.0,
                };
                tell(up, [watched.what.into()]);
            }
        });
    }

    /// Whether the process does not serve yet.
    pub(super) fn is_starting(&self) -> bool {
        self.0.phase.load(Ordering::Relaxed) == STARTING
    }

    /// Marks the process as serving: it is ready from now on.
    pub fn serving(&self) {
        self.0.phase.store(SERVING, Ordering::Relaxed);
    }

    /// Marks the process as stopping: it is not ready from now on.
    pub fn stopping(&self) {
        self.0.phase.store(STOPPING, Ordering::Relaxed);
    }

    /// Returns the answer to `/ready`: the status, and what is wrong.
    fn tell(&self) -> (StatusCode, String) {
        let not_serving = match self.0.phase.load(Ordering::Relaxed) {
            STARTING => Some("starting\n"),
            STOPPING => Some("stopping\n"),
            _ => None,
        };
        if let Some(phase) = not_serving {
            return (StatusCode::SERVICE_UNAVAILABLE, phase.to_owned());
        }
        let mut status = StatusCode::OK;
        let mut problems = String::new();
        for watched in self.0.watched().iter() {
            if let Condition::Degraded(problem) = (watched.condition)() {
                problems += &format!("degraded: {}: {problem}\n", watched.what);
                if watched.needed {
                    status = StatusCode::SERVICE_UNAVAILABLE;
                }
            }
        }
        if problems.is_empty() {
            problems.push_str("ready\n");
        }
        (status, problems)
    }
}

impl State {
    fn watched(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server that answers probes.
pub struct Probes {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Probes {
    /// Starts answering.
    pub fn serve(bound: Bound, readiness: Readiness, metrics: Exposition) -> Self {
        readiness.show();
        let stop = CancellationToken::new();
        let answers = Answers { readiness, metrics };
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(accept(bound.listener, answers)),
        );
        Self {
            address: bound.address,
            stop,
        }
    }

    /// Returns the address at which it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops answering.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

/// What the answers are made from.
#[derive(Clone)]
struct Answers {
    readiness: Readiness,
    metrics: Exposition,
}

async fn accept(listener: TcpListener, answers: Answers) {
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    let mut server = hyper::server::conn::http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .keep_alive(false);
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Most likely out of file descriptors; there may be one in a moment.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answers = answers.clone();
        let connection = server.serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| std::future::ready(answer(&request, &answers))),
        );
        tokio::spawn(async move {
            // An error here is the client's problem.
            let _ = tokio::time::timeout(HEAD_WITHIN * 2, connection).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, answers: &Answers) -> Result<Response<String>, Infallible> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/live") => (StatusCode::OK, "live\n".to_owned()),
        (&Method::GET | &Method::HEAD, "/ready") => answers.readiness.tell(),
        (&Method::GET | &Method::HEAD, "/metrics") => {
            return Ok(metrics(request, &answers.metrics));
        }
        _ => (
            StatusCode::NOT_FOUND,
            "ask for /live, /ready or /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    Ok(response)
}

fn metrics(request: &Request<Incoming>, metrics: &Exposition) -> Response<String> {
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    let exposed = metrics.show(accept.unwrap_or_default());
    let mut response = Response::new(exposed.text);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, exposed.content_type);
    response
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    #[test]
    fn only_what_does_not_serve_or_lacks_what_it_needs_is_not_ready() {
        let readiness = Readiness::default();
        assert_eq!(
            readiness.tell(),
            (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned())
        );
        readiness.serving();
        assert_eq!(readiness.tell(), (StatusCode::OK, "ready\n".to_owned()));
        let (bus, condition) = watch::channel(Condition::Well);
        readiness.watch("bus", move || condition.borrow().clone());
        let (upstream, needed) = watch::channel(Condition::Well);
        readiness.need("session-svc", move || needed.borrow().clone());
        assert_eq!(readiness.tell().1, "ready\n");
        bus.send_replace(Condition::Degraded("gone".to_owned()));
        assert_eq!(
            readiness.tell(),
            (StatusCode::OK, "degraded: bus: gone\n".to_owned())
        );
        upstream.send_replace(Condition::Degraded("away".to_owned()));
        assert_eq!(readiness.tell().0, StatusCode::SERVICE_UNAVAILABLE);
        upstream.send_replace(Condition::Well);
        assert_eq!(readiness.tell().0, StatusCode::OK);
        readiness.stopping();
        assert_eq!(readiness.tell().0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
