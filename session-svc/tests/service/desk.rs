//! A whole session-svc over real gRPC, on a log in memory, and people who use it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use carrel_platform::{
    auth::{
        Librarian, Patron, Role, StaffNaming, Who,
        interceptor::Authenticator,
        keys::KeyRing,
        statement::{Introduction, introduce},
        token::{Lifetimes, issue},
    },
    bus::{Bus, local::LocalBus},
    clock::Clock,
    lease::memory::MemoryLeases,
    log::{EventLog, sqlite::SqliteLog},
    pipe::pipe,
    serve::{GrpcServer, Services},
};
use carrel_proto::session::v1::{
    self as wire, attend_request::Request as Ask, attend_response::Response as Told,
    session_service_client::SessionServiceClient, transfer_service_client::TransferServiceClient,
};
use carrel_session::{Config, Parts};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Status, Streaming, transport::Channel};

/// The version of the conference warning that is in force at every library here.
pub const WARNING: &str = "w1";
/// When every desk's clock stands still.
pub const NOON_MS: i64 = 1_764_000_000_000;

/// A running session-svc. Stops when dropped.
pub struct Desk {
    pub clock: Clock,
    pub keys: KeyRing,
    pub channel: Channel,
    /// What the service has begun: among it a task for each session in memory.
    pub tasks: TaskTracker,
    log: Arc<dyn EventLog>,
    bus: Arc<dyn Bus>,
    leases: MemoryLeases,
    config: Config,
    stop: CancellationToken,
    commands: AtomicU64,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Desk {
    /// A desk with an empty log.
    pub async fn open() -> Self {
        Self::with(Config::default()).await
    }

    /// A desk with an empty log and its own settings.
    pub async fn with(config: Config) -> Self {
        let log = Arc::new(SqliteLog::in_memory().unwrap());
        let bus = Arc::new(LocalBus::default());
        let keys = KeyRing::generate().unwrap();
        Self::start(
            log,
            bus,
            MemoryLeases::default(),
            keys,
            Clock::manual(NOON_MS),
            config,
        )
        .await
    }

    /// A desk on a log of the test's own.
    pub async fn on(log: Arc<dyn EventLog>) -> Self {
        let bus = Arc::new(LocalBus::default());
        let keys = KeyRing::generate().unwrap();
        let config = Config::default();
        Self::start(
            log,
            bus,
            MemoryLeases::default(),
            keys,
            Clock::manual(NOON_MS),
            config,
        )
        .await
    }

    /// A second server on the same log and leases that hears nothing by the bus.
    pub async fn deaf_replica(&self) -> Self {
        Self::start(
            Arc::clone(&self.log),
            Arc::new(LocalBus::default()),
            self.leases.clone(),
            self.keys.clone(),
            self.clock.clone(),
            self.config.clone(),
        )
        .await
    }

    /// A second server on the same log, bus and leases.
    pub async fn replica(&self) -> Self {
        let (log, bus) = (Arc::clone(&self.log), Arc::clone(&self.bus));
        Self::start(
            log,
            bus,
            self.leases.clone(),
            self.keys.clone(),
            self.clock.clone(),
            self.config.clone(),
        )
        .await
    }

    async fn start(
        log: Arc<dyn EventLog>,
        bus: Arc<dyn Bus>,
        leases: MemoryLeases,
        keys: KeyRing,
        clock: Clock,
        config: Config,
    ) -> Self {
        let stop = CancellationToken::new();
        let running = carrel_session::build(
            config.clone(),
            Parts {
                log: Arc::clone(&log),
                bus: Arc::clone(&bus),
                clock: clock.clone(),
                leases: Arc::new(leases.clone()),
                auth: Authenticator::new(keys.clone(), clock.clone()),
                stop: stop.clone(),
            },
        )
        .await
        .unwrap();
        let (channel, incoming) = pipe();
        let services = Services::new()
            .with(running.service)
            .with(running.transfers)
            .with(running.load);
        let server = GrpcServer::new(services, false).await.unwrap();
        let stopped = stop.clone();
        tokio::spawn(async move {
            server
                .serve(incoming, stopped, Duration::from_secs(1))
                .await
        });
        Self {
            clock,
            keys,
            channel,
            tasks: running.tasks,
            log,
            bus,
            leases,
            config,
            stop,
            commands: AtomicU64::new(0),
        }
    }

    /// Somebody with a good token for `who`.
    pub fn person(&self, who: Who) -> Person {
        let lifetimes = Lifetimes {
            access: Duration::from_secs(600),
            renewal: Duration::from_secs(3_600),
        };
        let token = issue(&self.keys, &who, self.clock.unix_ms(), lifetimes)
            .unwrap()
            .access_token;
        Person {
            token,
            client: SessionServiceClient::new(self.channel.clone()),
            transfers: TransferServiceClient::new(self.channel.clone()),
        }
    }

    /// A patron of Maple, in the queue `maple`.
    pub fn patron(&self, session_id: &str) -> Person {
        self.person(patron(session_id, StaffNaming::ScreenName))
    }

    /// A librarian.
    pub fn librarian(&self, id: &str, institution: &str, role: Role, queues: &[&str]) -> Person {
        self.person(librarian(id, institution, role, queues))
    }

    /// What presence-svc would say of a librarian of Harbor who monitors these queues.
    pub fn introduction(&self, id: &str, queues: &[&str]) -> wire::offer_transfer_request::To {
        let introduction = Introduction {
            librarian_id: id.into(),
            screen_name: format!("Name of {id}"),
            institution_id: "harbor".into(),
            institution_name: "Library harbor".into(),
            queues: queues.iter().map(|&queue| queue.to_owned()).collect(),
        };
        let lasts = Duration::from_secs(600);
        let now_ms = self.clock.unix_ms();
        wire::offer_transfer_request::To::Introduction(
            introduce(&self.keys, &introduction, now_ms, lasts).unwrap(),
        )
    }

    /// A fresh command id. Deterministic, so that two desks that do the same give the same.
    pub fn command_id(&self) -> String {
        format!("command-{}", self.commands.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a patron's token says.
pub fn patron(session_id: &str, staff_naming: StaffNaming) -> Who {
    Who::Patron(Patron {
        session_id: session_id.into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming,
        route: Vec::new(),
    })
}

/// What a librarian's token says.
pub fn librarian(id: &str, institution: &str, role: Role, queues: &[&str]) -> Who {
    Who::Librarian(Librarian {
        librarian_id: id.into(),
        screen_name: format!("Name of {id}"),
        institution_id: institution.into(),
        institution_name: format!("Library {institution}"),
        role,
        queues: queues
            .iter()
            .map(|&queue| queue.to_owned())
            .collect::<BTreeSet<_>>(),
        warning_version: WARNING.into(),
    })
}

/// Somebody who calls the service.
#[derive(Clone)]
pub struct Person {
    pub token: String,
    pub client: SessionServiceClient<Channel>,
    pub transfers: TransferServiceClient<Channel>,
}

impl Person {
    /// A request with the person's token.
    pub fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    pub async fn open(
        &mut self,
        command_id: String,
        question: &str,
    ) -> Result<wire::OpenSessionResponse, Status> {
        let message = wire::OpenSessionRequest {
            command_id,
            question: question.into(),
            patron_name: "Ricky".into(),
            patron_email: "ricky@example.org".into(),
        };
        let request = self.ask(message);
        self.client
            .open_session(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn pick_up(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::PickUpSessionResponse, Status> {
        let request = self.ask(wire::PickUpSessionRequest {
            command_id,
            session_id: session_id.into(),
        });
        self.client
            .pick_up_session(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn post(
        &mut self,
        command_id: String,
        session_id: &str,
        text: &str,
    ) -> Result<wire::PostMessageResponse, Status> {
        let request = self.ask(wire::PostMessageRequest {
            command_id,
            session_id: session_id.into(),
            text: text.into(),
        });
        self.client
            .post_message(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn note(
        &mut self,
        command_id: String,
        session_id: &str,
        text: &str,
    ) -> Result<wire::WriteNoteResponse, Status> {
        let request = self.ask(wire::WriteNoteRequest {
            command_id,
            session_id: session_id.into(),
            text: text.into(),
        });
        self.client
            .write_note(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn enter(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::EnterConferenceResponse, Status> {
        let message = wire::EnterConferenceRequest {
            command_id,
            session_id: session_id.into(),
            warning_version: WARNING.into(),
        };
        let request = self.ask(message);
        self.client
            .enter_conference(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn leave(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::LeaveConferenceResponse, Status> {
        let request = self.ask(wire::LeaveConferenceRequest {
            command_id,
            session_id: session_id.into(),
        });
        self.client
            .leave_conference(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn end(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::EndSessionResponse, Status> {
        let request = self.ask(wire::EndSessionRequest {
            command_id,
            session_id: session_id.into(),
        });
        self.client
            .end_session(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn transcript(
        &mut self,
        session_id: &str,
        audience: wire::Audience,
    ) -> Result<wire::GetTranscriptResponse, Status> {
        let message = wire::GetTranscriptRequest {
            session_id: session_id.into(),
            audience: audience.into(),
        };
        let request = self.ask(message);
        self.client
            .get_transcript(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// Attends a session and returns once Joined came.
    pub async fn attend(
        &mut self,
        session_id: &str,
        after: Option<wire::Position>,
    ) -> Result<Attending, Status> {
        let (asks, requests) = mpsc::channel(64);
        let join = wire::Join {
            session_id: session_id.into(),
            after,
            ..wire::Join::default()
        };
        let join = wire::AttendRequest {
            request: Some(Ask::Join(join)),
            trace_parent: String::new(),
        };
        asks.send(join).await.unwrap();
        let request = self.ask(ReceiverStream::new(requests));
        let mut told = self.client.attend(request).await?.into_inner();
        match told.message().await?.and_then(|first| first.response) {
            Some(Told::Joined(joined)) => Ok(Attending { asks, told, joined }),
            other => panic!("the first response is Joined, not {other:?}"),
        }
    }

    pub async fn offer(
        &self,
        command_id: String,
        session_id: &str,
        to: wire::offer_transfer_request::To,
    ) -> Result<wire::OfferTransferResponse, Status> {
        let request = self.ask(wire::OfferTransferRequest {
            command_id,
            session_id: session_id.into(),
            message: "You know maps".into(),
            to: Some(to),
        });
        let mut client = self.transfers.clone();
        let answer = client.offer_transfer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn accept(
        &self,
        command_id: String,
        session_id: &str,
        offer_id: &str,
    ) -> Result<wire::AcceptTransferResponse, Status> {
        let request = self.ask(wire::AcceptTransferRequest {
            command_id,
            session_id: session_id.into(),
            offer_id: offer_id.into(),
        });
        let mut client = self.transfers.clone();
        let answer = client.accept_transfer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn decline(
        &self,
        command_id: String,
        session_id: &str,
        offer_id: &str,
    ) -> Result<wire::DeclineTransferResponse, Status> {
        let request = self.ask(wire::DeclineTransferRequest {
            command_id,
            session_id: session_id.into(),
            offer_id: offer_id.into(),
            reason: "My hands are full".into(),
        });
        let mut client = self.transfers.clone();
        let answer = client.decline_transfer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Watches lists and returns once the snapshot came.
    pub async fn watch(&mut self, queues: &[&str], all: bool) -> Result<Watching, Status> {
        let queue_ids = queues.iter().map(|&queue| queue.to_owned()).collect();
        let request = self.ask(wire::WatchSessionsRequest { queue_ids, all });
        let mut changes = self.client.watch_sessions(request).await?.into_inner();
        match changes.message().await?.and_then(|first| first.change) {
            Some(wire::watch_sessions_response::Change::Snapshot(rows)) => Ok(Watching {
                changes,
                heard: Vec::new(),
                rows: rows.rows,
            }),
            other => panic!("the first response is a snapshot, not {other:?}"),
        }
    }
}

/// Somebody who watches lists, with the rows as the changes make them.
pub struct Watching {
    changes: Streaming<wire::WatchSessionsResponse>,
    /// All that was heard after the snapshot.
    pub heard: Vec<wire::WatchSessionsResponse>,
    pub rows: Vec<wire::SessionRow>,
}

impl Watching {
    /// Takes in changes until the rows are as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&[wire::SessionRow]) -> bool) {
        use wire::watch_sessions_response::Change;

        while !wanted(&self.rows) {
            let response = self.changes.message().await.unwrap().unwrap();
            self.heard.push(response.clone());
            match response.change.unwrap() {
                Change::Snapshot(_) => panic!("one snapshot only"),
                Change::Changed(row) => {
                    self.rows.retain(|old| old.session_id != row.session_id);
                    self.rows.push(row);
                }
                Change::Removed(gone) => self.rows.retain(|row| row.session_id != gone.session_id),
                Change::Heartbeat(_) => {}
            }
        }
    }
}

/// Somebody who attends a session.
pub struct Attending {
    asks: mpsc::Sender<wire::AttendRequest>,
    pub told: Streaming<wire::AttendResponse>,
    pub joined: wire::Joined,
}

impl Attending {
    pub async fn send(&self, request: Ask) {
        let request = wire::AttendRequest {
            request: Some(request),
            trace_parent: String::new(),
        };
        self.asks.send(request).await.unwrap();
    }

    pub async fn act(&self, command_id: String, act: wire::act::Act) {
        self.send(Ask::Act(wire::Act {
            command_id,
            act: Some(act),
        }))
        .await;
    }

    pub async fn types_in(&self, typed_in: wire::Audience) {
        self.send(Ask::Typing(wire::Typing {
            r#box: typed_in.into(),
            author: None,
        }))
        .await;
    }

    /// The next response but heartbeats; the error that ends the stream, or `None` at its end.
    pub async fn next(&mut self) -> Result<Option<Told>, Status> {
        loop {
            match self.told.message().await? {
                Some(wire::AttendResponse {
                    response: Some(Told::Heartbeat(_)),
                    ..
                }) => {}
                Some(response) => return Ok(Some(response.response.unwrap())),
                None => return Ok(None),
            }
        }
    }

    /// The next event.
    pub async fn event(&mut self) -> wire::SessionEvent {
        loop {
            if let Told::Event(event) = self.next().await.unwrap().expect("the stream goes on") {
                return event;
            }
        }
    }

    /// The events up to a position.
    pub async fn events_to(&mut self, position: u64) -> Vec<wire::SessionEvent> {
        let mut events = Vec::new();
        while events
            .last()
            .is_none_or(|last: &wire::SessionEvent| last.position < position)
        {
            events.push(self.event().await);
        }
        events
    }
}

/// The reason that an error names.
pub fn reason(status: &Status) -> String {
    carrel_platform::refusal::Refusal::from(status).reason
}
