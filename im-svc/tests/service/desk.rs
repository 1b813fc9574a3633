//! A whole im-svc over real gRPC, on an in-memory log, with a fake presence-svc.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use carrel_im::{Config, Parts, history::History};
use carrel_platform::{
    auth::{
        Librarian, Patron, Role, StaffNaming, Who,
        interceptor::Authenticator,
        keys::KeyRing,
        token::{Lifetimes, issue},
    },
    bus::{Bus, Origin, local::LocalBus},
    clock::Clock,
    lease::memory::MemoryLeases,
    log::{EventLog, StreamName, sqlite::SqliteLog},
    serve::{GrpcServer, Services},
};
use carrel_proto::{
    im::v1::{
        self as wire, im_service_client::ImServiceClient, send_message_request::To,
        watch_conversations_response::Change,
    },
    presence::v1::presence_service_server::PresenceServiceServer,
};
use carrel_testbed::{bus::DeafBus, pipe::pipe};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Status, Streaming, transport::Channel};
use tonic_types::StatusExt as _;

use crate::presence::{FakePresence, Floor};

/// The time at which every desk's manual clock starts.
pub const NOON_MS: i64 = 1_764_000_000_000;
/// How long tokens are valid: longer than messages are kept.
pub const TOKEN_LASTS: Duration = Duration::from_secs(100 * 24 * 60 * 60);
/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running im-svc. Stops when dropped.
pub struct Desk {
    pub clock: Clock,
    pub floor: Floor,
    pub log: Arc<dyn EventLog>,
    pub tasks: TaskTracker,
    config: Config,
    keys: KeyRing,
    channel: Channel,
    bus: Arc<dyn Bus>,
    leases: MemoryLeases,
    stop: CancellationToken,
    commands: AtomicU64,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Settings with which tests need not wait long.
pub fn brisk() -> Config {
    Config {
        heartbeat: Duration::from_millis(20).into(),
        sweep: Duration::from_millis(20).into(),
        ..Config::default()
    }
}

impl Desk {
    /// Opens a desk with an empty log.
    pub async fn open() -> Self {
        Self::with(brisk()).await
    }

    /// Opens a desk with an empty log and its own settings.
    pub async fn with(config: Config) -> Self {
        let log = Arc::new(SqliteLog::in_memory().unwrap());
        Self::by(Arc::new(LocalBus::default()), log, config).await
    }

    /// Opens a desk with an empty log, its own settings, and a bus that loses everything.
    pub async fn deaf(config: Config) -> Self {
        let log = Arc::new(SqliteLog::in_memory().unwrap());
        Self::by(Arc::new(DeafBus::default()), log, config).await
    }

    /// Opens a desk on the given log.
    pub async fn on(log: Arc<dyn EventLog>) -> Self {
        Self::by(Arc::new(LocalBus::default()), log, brisk()).await
    }

    /// Opens a desk on the given bus and log.
    pub async fn by(bus: Arc<dyn Bus>, log: Arc<dyn EventLog>, config: Config) -> Self {
        Self::start(
            log,
            bus,
            MemoryLeases::default(),
            KeyRing::generate().unwrap(),
            Clock::manual(NOON_MS),
            Floor::default(),
            config,
        )
        .await
    }

    /// Starts another server on the same log, bus and leases.
    pub async fn replica(&self) -> Self {
        Self::start(
            Arc::clone(&self.log),
            Arc::clone(&self.bus),
            self.leases.clone(),
            self.keys.clone(),
            self.clock.clone(),
            self.floor.clone(),
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
        floor: Floor,
        config: Config,
    ) -> Self {
        let stop = CancellationToken::new();
        let auth = Authenticator::new(keys.clone(), clock.clone());
        let fake = FakePresence {
            floor: floor.clone(),
            auth: auth.clone(),
        };
        let services = Services::new().with(PresenceServiceServer::new(fake));
        let presence = serve(services, &stop).await;
        let running = carrel_im::build(
            config.clone(),
            Parts {
                log: Arc::clone(&log),
                bus: Arc::clone(&bus),
                leases: Arc::new(leases.clone()),
                clock: clock.clone(),
                auth,
                presence: presence.into(),
                replica: Origin::random().0.to_string().into(),
                stop: stop.clone(),
            },
        )
        .await
        .unwrap();
        let channel = serve(Services::new().with(running.service), &stop).await;
        Self {
            clock,
            floor,
            log,
            tasks: running.tasks,
            config,
            keys,
            channel,
            bus,
            leases,
            stop,
            commands: AtomicU64::new(0),
        }
    }

    /// Returns a librarian who monitors these queues from now on.
    pub fn librarian(&self, id: &str, queues: &[&str]) -> Person {
        self.floor.monitors(id, queues);
        self.caller(id)
    }

    /// Returns a librarian with a fresh token.
    pub fn caller(&self, id: &str) -> Person {
        self.person(Who::Librarian(Librarian {
            librarian_id: id.into(),
            screen_name: format!("Name of {id}"),
            institution_id: "harbor".into(),
            institution_name: "Library harbor".into(),
            role: Role::Librarian,
            queues: BTreeSet::new(),
            practice_queues: BTreeSet::new(),
            warning_version: "w1".into(),
        }))
    }

    /// Returns a patron.
    pub fn patron(&self) -> Person {
        self.person(Who::Patron(Patron {
            session_id: "5e55".into(),
            institution_id: "maple".into(),
            institution_name: "Maple County Library".into(),
            queue_id: "maple".into(),
            staff_naming: StaffNaming::ScreenName,
            practice: false,
            route: Vec::new(),
        }))
    }

    /// Returns a person with a valid token for `who`.
    pub fn person(&self, who: Who) -> Person {
        let lifetimes = Lifetimes {
            access: TOKEN_LASTS,
            renewal: TOKEN_LASTS,
        };
        let token = issue(&self.keys, &who, self.clock.unix_ms(), lifetimes)
            .unwrap()
            .access_token;
        Person {
            token,
            client: ImServiceClient::new(self.channel.clone()),
        }
    }

    /// Returns a fresh command id.
    pub fn command_id(&self) -> String {
        format!("command-{}", self.commands.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the numbers and texts of a conversation's messages, from the log itself.
    pub async fn recorded(&self, conversation_id: &str) -> Vec<(u64, String)> {
        let history = History::load(&*self.log, conversation_id).await.unwrap();
        history
            .messages_after(0)
            .map(|message| (message.position, message.text.clone()))
            .collect()
    }

    /// Returns all payloads that the log has of a conversation, as bytes.
    pub async fn bytes(&self, conversation_id: &str) -> Vec<u8> {
        let stream = StreamName::new("im", conversation_id);
        let events = self.log.read(&stream, 0, 100_000).await.unwrap();
        events.into_iter().flat_map(|event| event.payload).collect()
    }

    /// Waits until a condition holds.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let waiting = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect(what);
    }
}

async fn serve(services: Services, stop: &CancellationToken) -> Channel {
    let (channel, incoming) = pipe();
    let server = GrpcServer::new(services, false).await.unwrap();
    let stopped = stop.clone();
    tokio::spawn(async move {
        server
            .serve(incoming, stopped, Duration::from_secs(1))
            .await
    });
    channel
}

/// A caller with a token.
#[derive(Clone)]
pub struct Person {
    token: String,
    client: ImServiceClient<Channel>,
}

impl Person {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    pub async fn send(
        &mut self,
        command_id: impl Into<String>,
        to: To,
        text: &str,
    ) -> Result<wire::SendMessageResponse, Status> {
        self.send_as(command_id, Some(to), text).await
    }

    /// Sends a message without an addressee.
    pub async fn send_to_nobody(
        &mut self,
        command_id: &str,
        text: &str,
    ) -> Result<wire::SendMessageResponse, Status> {
        self.send_as(command_id, None, text).await
    }

    async fn send_as(
        &mut self,
        command_id: impl Into<String>,
        to: Option<To>,
        text: &str,
    ) -> Result<wire::SendMessageResponse, Status> {
        let request = self.request(wire::SendMessageRequest {
            command_id: command_id.into(),
            to,
            text: text.into(),
        });
        Ok(self.client.send_message(request).await?.into_inner())
    }

    pub async fn list(
        &mut self,
        conversation_id: &str,
        (before, after): (u64, u64),
        page_size: i32,
    ) -> Result<wire::ListMessagesResponse, Status> {
        let request = self.request(wire::ListMessagesRequest {
            conversation_id: conversation_id.into(),
            before,
            after,
            page_size,
        });
        Ok(self.client.list_messages(request).await?.into_inner())
    }

    pub async fn mark_read(&mut self, conversation_id: &str, position: u64) -> Result<(), Status> {
        let request = self.request(wire::MarkReadRequest {
            conversation_id: conversation_id.into(),
            position,
        });
        self.client.mark_read(request).await.map(|_| ())
    }

    pub async fn typing(&mut self, conversation_id: &str) -> Result<(), Status> {
        let request = self.request(wire::SendTypingRequest {
            conversation_id: conversation_id.into(),
        });
        self.client.send_typing(request).await.map(|_| ())
    }

    pub async fn watch(&mut self) -> Result<Watching, Status> {
        let request = self.request(wire::WatchConversationsRequest { trace: false });
        let stream = self.client.watch_conversations(request).await?.into_inner();
        let mut watching = Watching {
            stream,
            snapshot: Vec::new(),
        };
        match watching.next().await?.expect("a snapshot") {
            Change::Snapshot(snapshot) => watching.snapshot = snapshot.conversations,
            other => panic!("the first response is a snapshot and not {other:?}"),
        }
        Ok(watching)
    }
}

/// An open watch.
pub struct Watching {
    stream: Streaming<wire::WatchConversationsResponse>,
    pub snapshot: Vec<wire::Conversation>,
}

impl Watching {
    /// Returns the next change; `None` if the stream ends without a reason.
    pub async fn next(&mut self) -> Result<Option<Change>, Status> {
        let response = tokio::time::timeout(PATIENCE, self.stream.message())
            .await
            .expect("something comes");
        Ok(response?.map(|response| response.change.expect("a change")))
    }

    /// Returns the next change that is not a heartbeat.
    pub async fn change(&mut self) -> Change {
        loop {
            match self.next().await.unwrap().expect("a change") {
                Change::Heartbeat(_) => {}
                change => return change,
            }
        }
    }

    /// Waits for this many heartbeats.
    pub async fn heartbeats(&mut self, times: usize) {
        let mut left = times;
        while left > 0 {
            if let Change::Heartbeat(_) = self.next().await.unwrap().expect("a change") {
                left -= 1;
            }
        }
    }

    /// Returns the next message, skipping other changes.
    pub async fn arrived(&mut self) -> (String, wire::Message) {
        loop {
            if let Change::Arrived(arrived) = self.change().await {
                return (arrived.conversation_id, arrived.message.unwrap());
            }
        }
    }

    /// Returns the next changed conversation that is as wanted, skipping other changes.
    pub async fn changed(
        &mut self,
        wanted: impl Fn(&wire::Conversation) -> bool,
    ) -> wire::Conversation {
        loop {
            if let Change::Changed(conversation) = self.change().await
                && wanted(&conversation)
            {
                return conversation;
            }
        }
    }

    /// Returns the id of the next conversation that goes, skipping other changes.
    pub async fn gone(&mut self) -> String {
        loop {
            if let Change::Gone(gone) = self.change().await {
                return gone.conversation_id;
            }
        }
    }

    /// Waits for the end of the stream and returns its status.
    pub async fn end(&mut self) -> Status {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream says why it ends"),
                Err(status) => return status,
            }
        }
    }
}

pub fn librarian(id: &str) -> To {
    To::LibrarianId(id.into())
}

pub fn queue(id: &str) -> To {
    To::QueueId(id.into())
}

pub fn conversation(id: &str) -> To {
    To::ConversationId(id.into())
}

/// Returns the stable reason of a refusal.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .map_or_else(String::new, |info| info.reason.clone())
}
