//! Servers of one desk that run for one test: shared log, bus and leases, a clock that stands still, and a session-svc
//! that tells the load it was given.

use std::{collections::BTreeMap, future::pending, sync::Arc, time::Duration};

use carrel_platform::{
    auth::{
        self, StaffNaming, Who,
        interceptor::Authenticator,
        keys::KeyRing,
        token::{self, Lifetimes},
    },
    bus::{Bus, local::LocalBus},
    clock::Clock,
    config::HumanDuration,
    in_process::InProcessServer,
    log::EventLog,
    replicas::Replicas,
    serve::{GrpcServer, Services},
};
use carrel_presence::{Config, Parts, Running, StartError};
use carrel_proto::presence::v1::{self as wire, presence_service_client::PresenceServiceClient};
use carrel_testbed::{log::FaultyLog, pipe::pipe};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Request, Status, metadata::MetadataValue, transport::Server};
use tonic_types::StatusExt as _;
use wire::announce_request;

mod leases;
mod load;
mod monitor;
mod screen;

use leases::FailingLeases;
use load::Load;
pub(crate) use load::snapshot;
pub(crate) use monitor::Monitor;
pub(crate) use screen::Screen;

/// Monday, 12 October 2026, 08:59 in Chicago.
pub(crate) const NOW: i64 = 1_791_813_540_000;
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

const DIRECTORY: &str = r#"
[[institution]]
id = "maple"
name = "Maple County Library"
privacy_notice = "We keep it."
primary_queue = "maple"
practice_queue = "practice"
question_form_address = "https://maple.example/ask"

[[institution]]
id = "harbor"
name = "Harbor City Library"
privacy_notice = "We keep it."
primary_queue = "harbor"

[[queue]]
id = "maple"
name = "Maple"
patrons_of = ["maple"]
staffed_by = ["maple"]
escalate = [{ to = "coop", after = "40s" }]
hours = { time_zone = "America/Chicago", open = ["Mon-Fri 09:00-21:00"] }

[[queue]]
id = "harbor"
name = "Harbor"
patrons_of = ["harbor"]
staffed_by = ["harbor"]
hours = { time_zone = "America/Chicago", open = ["Mon-Fri 09:00-21:00"] }

[[queue]]
id = "coop"
name = "Cooperative"
patrons_of = ["maple", "harbor"]
staffed_by = ["maple", "harbor"]

[[queue]]
id = "practice"
name = "Practice"
patrons_of = ["maple"]
staffed_by = ["maple", "harbor"]
practice = true
"#;

/// Log-in names, screen names, libraries and roles.
const STAFF: [(&str, &str, &str, &str); 6] = [
    ("map@harbor", "Ms Map", "harbor", "librarian"),
    ("lee@maple", "Mr Lee", "maple", "librarian"),
    ("oak@maple", "Ms Oak", "maple", "librarian"),
    ("ask@maple", "Dr Ask", "maple", "ask_administrator"),
    ("boss@maple", "Dr Boss", "maple", "administrator"),
    ("boss@harbor", "Dr Quay", "harbor", "administrator"),
];

pub(crate) fn directory_file(
    staff: impl Fn(&str) -> bool,
    change: impl Fn(String) -> String,
) -> String {
    // The hash of an unknown password: nobody logs in here.
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$\
        HwlUhvUxyTgA8mdsb5ov1cZkAMsIXNyGIbFkTnNvLWg";
    let librarians = STAFF.iter().filter(|(name, ..)| staff(name)).map(|(name, screen, library, role)| {
        format!(
            "[[librarian]]\nlog_in_name = \"{name}\"\nscreen_name = \"{screen}\"\nreal_name = \"Real {screen}\"\n\
             institution = \"{library}\"\nrole = \"{role}\"\npassword_hash = \"{hash}\"\n"
        )
    });
    change(format!("{DIRECTORY}\n{}", librarians.collect::<String>()))
}

/// What all servers of the desk share.
pub(crate) struct Fixture {
    pub(crate) log: Arc<FaultyLog>,
    pub(crate) clock: Clock,
    pub(crate) keys: KeyRing,
    pub(crate) leases: FailingLeases,
    pub(crate) load: Load,
    pub(crate) config: Config,
    pub(crate) bus: Arc<dyn Bus>,
    ids: BTreeMap<&'static str, String>,
}

/// One server.
pub(crate) struct TestServer {
    pub(crate) client: PresenceServiceClient<Replicas>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    server: JoinHandle<()>,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let log = FaultyLog::in_memory().unwrap();
        let clock = Clock::manual(NOW);
        let keys = KeyRing::generate().unwrap();
        let text = directory_file(|_| true, |text| text);
        carrel_presence::commands::load_directory(&*log, &text, &clock)
            .await
            .unwrap();
        let directory = carrel_presence::storage::read(&*log)
            .await
            .unwrap()
            .directory;
        let id = |name| directory.librarian_by_log_in_name(name).unwrap().id.clone();
        let ids = STAFF.iter().map(|(name, ..)| (*name, id(name))).collect();
        let auth = Authenticator::new(keys.clone(), clock.clone());
        Self {
            leases: FailingLeases::default(),
            load: Load::serve(auth),
            config: Config {
                sweep: Duration::from_millis(20).into(),
                heartbeat: HumanDuration::from_secs(60),
                ..Config::default()
            },
            bus: Arc::new(LocalBus::default()),
            log,
            clock,
            keys,
            ids,
        }
    }

    /// A fixture with one server.
    pub(crate) async fn open() -> (Self, TestServer) {
        let fixture = Self::new().await;
        let server = fixture.server().await;
        (fixture, server)
    }

    /// A fixture with one server that has been there for long enough to know of everyone who is here.
    pub(crate) async fn settled() -> (Self, TestServer) {
        let mut fixture = Self::new().await;
        fixture.config.settle = HumanDuration::from_secs(0);
        let server = fixture.server().await;
        (fixture, server)
    }

    /// Starts another server.
    pub(crate) async fn server(&self) -> TestServer {
        let (stop, running) = self.build().await;
        let (channel, incoming) = pipe();
        let server = tokio::spawn(async move {
            let server = Server::builder().add_service(running.presence);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        TestServer {
            client: PresenceServiceClient::new(channel.into()),
            stop,
            tasks: running.tasks,
            server,
        }
    }

    /// Starts another server, which is called within the process: nothing between it and the reader buffers what is not
    /// read.
    pub(crate) async fn server_in_process(&self) -> TestServer {
        let (stop, running) = self.build().await;
        let services = Services::new().with(running.presence);
        let within = InProcessServer::default();
        within.serve(&GrpcServer::new(services, false).await.unwrap());
        TestServer {
            client: PresenceServiceClient::new(within.way().into()),
            stop,
            tasks: running.tasks,
            server: tokio::spawn(async move {
                let _serves = within;
                pending().await
            }),
        }
    }

    async fn build(&self) -> (CancellationToken, Running) {
        let stop = CancellationToken::new();
        let running = self.start(stop.clone()).await.unwrap();
        (stop, running)
    }

    /// Starts a server that nobody can reach.
    pub(crate) async fn start(&self, stop: CancellationToken) -> Result<Running, StartError> {
        let parts = Parts {
            log: Arc::clone(&self.log) as Arc<dyn EventLog>,
            bus: Arc::clone(&self.bus),
            leases: Arc::new(self.leases.clone()),
            clock: self.clock.clone(),
            keys: self.keys.clone(),
            auth: Authenticator::new(self.keys.clone(), self.clock.clone()),
            load: self.load.channel.clone().into(),
            stop,
        };
        carrel_presence::build(self.config.clone(), parts).await
    }

    pub(crate) async fn load_directory(&self, text: &str) {
        carrel_presence::commands::load_directory(&*self.log, text, &self.clock)
            .await
            .unwrap();
    }

    pub(crate) fn id(&self, name: &str) -> &str {
        &self.ids[name]
    }

    /// What a token says about a librarian.
    pub(crate) async fn who(&self, name: &str) -> auth::Librarian {
        let directory = carrel_presence::storage::read(&*self.log)
            .await
            .unwrap()
            .directory;
        let profile = directory.profile(self.id(name)).unwrap();
        auth::Librarian {
            librarian_id: profile.librarian.id,
            screen_name: profile.librarian.screen_name,
            institution_id: profile.institution.id,
            institution_name: profile.institution.name,
            role: profile.librarian.role,
            queues: profile.queues.into_iter().map(|queue| queue.id).collect(),
            practice_queues: Default::default(),
            warning_version: String::new(),
        }
    }

    pub(crate) async fn token(&self, name: &str) -> String {
        let who = Who::Librarian(self.who(name).await);
        self.issue(who, Duration::from_secs(600))
    }

    pub(crate) fn issue(&self, who: Who, lasts: Duration) -> String {
        let lifetimes = Lifetimes {
            access: lasts,
            renewal: lasts,
        };
        let issued = token::issue(&self.keys, &who, self.clock.unix_ms(), lifetimes);
        issued.unwrap().access_token
    }

    pub(crate) fn patron(&self) -> String {
        let who = Who::Patron(auth::Patron {
            session_id: "0".repeat(32),
            institution_id: "maple".into(),
            institution_name: "Maple County Library".into(),
            queue_id: "maple".into(),
            staff_naming: StaffNaming::ScreenName,
            practice: false,
            route: Vec::new(),
        });
        self.issue(who, Duration::from_secs(600))
    }

    /// Announces a librarian's monitor with a choice of queues, and waits until it is announced.
    pub(crate) async fn announce(
        &self,
        server: &TestServer,
        name: &str,
        monitor: &str,
        queues: &[&str],
    ) -> Monitor {
        let announcement = choice(monitor, wire::Status::Unspecified, Some(queues));
        let mut monitor = self
            .announce_with(server, &self.token(name).await, announcement)
            .await
            .unwrap();
        monitor.own_presence().await;
        monitor
    }

    pub(crate) async fn announce_with(
        &self,
        server: &TestServer,
        token: &str,
        announcement: wire::Announcement,
    ) -> Result<Monitor, Status> {
        let mut monitor = Monitor::connect(server, token).await?;
        monitor
            .say(announce_request::Request::Announcement(announcement))
            .await;
        Ok(monitor)
    }

    /// Watches the desk, and reads the snapshot.
    pub(crate) async fn watch(&self, server: &TestServer, name: &str) -> Screen {
        Screen::watch(server, &self.token(name).await).await
    }
}

pub(crate) fn choice(
    monitor: &str,
    status: wire::Status,
    queues: Option<&[&str]>,
) -> wire::Announcement {
    wire::Announcement {
        monitor_id: monitor.into(),
        status: status.into(),
        queues: queues.map(|queues| wire::MonitoredQueues {
            queue_ids: queues.iter().map(|queue| (*queue).into()).collect(),
        }),
        returning: false,
    }
}

/// Waits for something that must come.
pub(crate) async fn in_time<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming)
        .await
        .expect("it comes in time")
}

/// A request that brings a token.
pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

/// The code and reason of a refusal, which must name our domain.
pub(crate) fn reason(status: &Status) -> (Code, String) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{status:?}"));
    assert_eq!(info.domain, "carrel");
    (status.code(), info.reason.clone())
}
