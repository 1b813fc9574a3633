//! One message through session-svc, over gRPC in one process and on a log in memory, to a number of streams.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use carrel_platform::{
    auth::{
        Librarian, Patron, Role, StaffNaming, Who,
        interceptor::Authenticator,
        keys::KeyRing,
        token::{Lifetimes, issue},
    },
    bus::local::LocalBus,
    clock::Clock,
    in_process::InProcessServer,
    lease::memory::MemoryLeases,
    log::sqlite::SqliteLog,
    replicas::Replicas,
    serve::{GrpcServer, Services},
};
use carrel_proto::{encoded::Encoded, session::v1 as wire};
use carrel_session::{Config, Parts};
use divan::{Bencher, counter::ItemsCount};
use tokio::{runtime::Builder, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Streaming};
use wire::{
    attend_request::Request as Ask, attend_response::Response,
    session_service_client::SessionServiceClient,
};

use crate::text;

const SESSION: &str = "5e5510115e5510115e5510115e551011";

/// One session and all its attendees.
struct Hall {
    speaker: mpsc::Sender<wire::AttendRequest>,
    streams: Vec<Streaming<Encoded<wire::AttendResponse>>>,
    said: u64,
    _server: InProcessServer,
    _stop: tokio_util::sync::DropGuard,
}

#[divan::bench(args = [1, 10, 100], sample_size = 1, sample_count = 300)]
fn fan_out(bencher: Bencher<'_, '_>, receivers: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut hall = runtime.block_on(Hall::fill(receivers));
    bencher
        .counter(ItemsCount::new(receivers))
        .bench_local(|| runtime.block_on(hall.say()));
}

impl Hall {
    async fn fill(receivers: usize) -> Self {
        let (clock, keys) = (Clock::system(), KeyRing::generate().unwrap());
        let stop = CancellationToken::new();
        let parts = Parts {
            log: Arc::new(SqliteLog::in_memory().unwrap()),
            bus: Arc::new(LocalBus::default()),
            clock: clock.clone(),
            leases: Arc::new(MemoryLeases::default()),
            auth: Authenticator::new(keys.clone(), clock.clone()),
            replica: "bench".into(),
            stop: stop.clone(),
        };
        let running = carrel_session::build(Config::default(), parts)
            .await
            .unwrap();
        let services = Services::new().with(running.service);
        let server = InProcessServer::default();
        server.serve(&GrpcServer::new(services, false).await.unwrap());
        let way = Replicas::from(server.way());
        let token = |who: &Who| {
            let lifetimes = Lifetimes {
                access: Duration::from_secs(600),
                renewal: Duration::from_secs(600),
            };
            issue(&keys, who, clock.unix_ms(), lifetimes)
                .unwrap()
                .access_token
        };
        let (patron, librarian) = (token(&patron()), token(&librarian()));
        let mut sessions = SessionServiceClient::new(way.clone());
        let open = wire::OpenSessionRequest {
            command_id: "open".into(),
            question: text(),
            ..Default::default()
        };
        sessions.open_session(ask(&patron, open)).await.unwrap();
        let pick_up = wire::PickUpSessionRequest {
            command_id: "pick-up".into(),
            session_id: SESSION.into(),
        };
        sessions
            .pick_up_session(ask(&librarian, pick_up))
            .await
            .unwrap();
        let (speaker, first) = attend(&way, &patron).await;
        let mut streams = vec![first];
        for _ in 1..receivers {
            // A stream whose requests have ended still receives.
            streams.push(attend(&way, &patron).await.1);
        }
        Self {
            speaker,
            streams,
            said: 0,
            _server: server,
            _stop: stop.drop_guard(),
        }
    }

    /// Sends a message and waits until all have received it.
    async fn say(&mut self) {
        self.said += 1;
        let act = wire::Act {
            command_id: self.said.to_string(),
            act: Some(wire::act::Act::PostMessage(wire::PostMessage {
                text: text(),
            })),
        };
        let request = wire::AttendRequest {
            request: Some(Ask::Act(act)),
            trace_parent: String::new(),
        };
        self.speaker.send(request).await.unwrap();
        for stream in &mut self.streams {
            while !matches!(
                stream
                    .message()
                    .await
                    .unwrap()
                    .unwrap()
                    .read()
                    .unwrap()
                    .response,
                Some(Response::Event(wire::SessionEvent {
                    payload: Some(wire::session_event::Payload::Message(_)),
                    ..
                }))
            ) {}
        }
    }
}

async fn attend(
    way: &Replicas,
    token: &str,
) -> (
    mpsc::Sender<wire::AttendRequest>,
    Streaming<Encoded<wire::AttendResponse>>,
) {
    let (requests, receiver) = mpsc::channel(1);
    let join = wire::Join {
        session_id: SESSION.into(),
        ..Default::default()
    };
    let request = wire::AttendRequest {
        request: Some(Ask::Join(join)),
        trace_parent: String::new(),
    };
    requests.send(request).await.unwrap();
    let stream = SessionServiceClient::new(way.clone())
        .attend(ask(token, ReceiverStream::new(receiver)))
        .await
        .unwrap();
    (requests, stream.into_inner())
}

fn ask<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

fn patron() -> Who {
    Who::Patron(Patron {
        session_id: SESSION.into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: Vec::new(),
    })
}

fn librarian() -> Who {
    Who::Librarian(Librarian {
        librarian_id: "map".into(),
        screen_name: "Ms Map".into(),
        institution_id: "harbor".into(),
        institution_name: "Harbor Library".into(),
        role: Role::Librarian,
        queues: BTreeSet::from(["maple".to_owned()]),
        practice_queues: BTreeSet::new(),
        warning_version: "w1".into(),
    })
}
