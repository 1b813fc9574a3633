//! A Carrel with the people of the authorization matrix in its directory and at their desks.
//!
//! Everybody has a token that this Carrel issued: librarians by logging in, patrons by being admitted.

use std::{
    collections::HashMap,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use carrel::{
    assemble::{Running, assemble},
    config::Config,
};
use carrel_platform::{
    auth::{
        Who,
        keys::KeyRing,
        statement::issue_service,
        token::{self, Lifetimes},
    },
    clock::Clock,
    log::{EventLog as _, StreamName},
};
use carrel_proto::{
    directory::v1::{GetProfileRequest, Profile},
    im::v1::{SendMessageRequest, im_service_client::ImServiceClient, send_message_request::To},
    presence::v1::{GetLibrarianRequest, presence_service_client::PresenceServiceClient},
    session::v1::{
        load_service_client::LoadServiceClient, transfer_service_client::TransferServiceClient,
    },
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::{
    access::{Access, command_id, on_behalf},
    case::Case,
    desk,
    monitor::Monitor,
    panics,
    table::{Column, Stage},
};

/// The patron's library is Maple. Librarians of Maple and Harbor monitor its queue; those of Cedar do not.
const DIRECTORY: &str = r#"
weak_passwords = true

[[institution]]
id = "maple"
name = "Maple"
privacy_notice = "We keep what you write."
primary_queue = "maple"
descriptive_codes = ["Maps"]
[[institution]]
id = "harbor"
name = "Harbor"
privacy_notice = "We keep what you write."
primary_queue = "harbor"
[[institution]]
id = "cedar"
name = "Cedar"
privacy_notice = "We keep what you write."
primary_queue = "cedar"

[[queue]]
id = "maple"
name = "Maple"
patrons_of = ["maple"]
staffed_by = ["maple", "harbor"]
[[queue]]
id = "harbor"
name = "Harbor"
patrons_of = ["harbor"]
staffed_by = ["harbor"]
[[queue]]
id = "cedar"
name = "Cedar"
patrons_of = ["cedar"]
staffed_by = ["cedar"]
"#;

/// The librarians of the matrix: column, library, role.
const LIBRARIANS: [(Column, &str, &str); 8] = [
    (Column::Lc, "harbor", "librarian"),
    (Column::Lq, "harbor", "librarian"),
    (Column::Lx, "cedar", "librarian"),
    (Column::Ao, "maple", "administrator"),
    (Column::Af, "cedar", "administrator"),
    (Column::Ko, "maple", "ask_administrator"),
    (Column::Kf, "cedar", "ask_administrator"),
    (Column::Aq, "harbor", "administrator"),
];

/// A running Carrel and its people.
pub(crate) struct Fixture {
    pub(crate) access: Access,
    keys: KeyRing,
    channel: Channel,
    pub(crate) warning_version: String,
    /// The list of Maple's descriptive codes.
    pub(crate) code_list: String,
    /// The introduction of Lq to Lc.
    pub(crate) introduction: String,
    /// The conversation that Lc began with Lq.
    pub(crate) conversation_id: String,
    tokens: HashMap<Column, String>,
    monitors: HashMap<Column, Monitor>,
    running: Running,
    _folder: TempDir,
}

impl Fixture {
    /// Opens a Carrel in which owners of ended sessions have the default time to wrap up.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens a Carrel with changed settings.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        panics::count();
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let mut config = desk::settings(data_dir.clone());
        // Short, since a heartbeat marks the end of a snapshot that comes in parts.
        config.session.heartbeat = Duration::from_millis(200).into();
        // Nothing changes with time alone, so no monitor or connection has to be kept alive.
        let forever = Duration::from_secs(3_600);
        config.presence.lease = forever.into();
        // Everybody who is here has come since it was started.
        config.presence.settle = Duration::ZERO.into();
        config.session.owner_grace = forever.into();
        config.session.patron_away = forever.into();
        config.session.patron_lost = (2 * forever).into();
        config.session.transfer_lapse = forever.into();
        let sockets = &mut config.gateway.socket;
        sockets.per_address = NonZeroUsize::new(4_096).unwrap();
        sockets.per_person = NonZeroUsize::new(4_096).unwrap();
        sockets.frames_per_second = NonZeroU32::new(1_000_000).unwrap();
        sockets.frames_burst = NonZeroU32::new(1_000_000).unwrap();
        change(&mut config);
        let running = assemble(config).await.unwrap();
        carrel_presence::commands::load_directory(&running.log, &directory(), &Clock::system())
            .await
            .unwrap();
        let access = Access::new(running.http_addr, running.grpc_addr);
        let mut tokens = HashMap::new();
        for (column, _, _) in LIBRARIANS {
            tokens.insert(column, access.log_in(&log_in_name(column)).await);
        }
        let mut fixture = Self {
            keys: KeyRing::load(&data_dir.join("keys.json")).unwrap(),
            warning_version: String::new(),
            code_list: String::new(),
            introduction: String::new(),
            conversation_id: String::new(),
            channel: Endpoint::from_shared(format!("http://{}", running.grpc_addr))
                .unwrap()
                .connect_lazy(),
            access,
            tokens,
            monitors: HashMap::new(),
            running,
            _folder: folder,
        };
        let profile = fixture.read_profile().await;
        fixture.warning_version = profile.conference_warning.unwrap().version;
        let mut policies = profile.policies.into_iter();
        let maples = policies.find(|policy| policy.institution_id == "maple");
        fixture.code_list = maples.unwrap().code_list;
        fixture.come_to_the_desk().await;
        fixture.introduction = fixture.introduction_of(Column::Lq, Column::Lc).await;
        fixture.conversation_id = fixture.begin_conversation().await;
        fixture
    }

    /// Stops it, and fails if anything in it has panicked.
    pub(crate) async fn close(self) {
        self.running.stop().await;
        panics::assert_none();
    }

    /// Returns the channel for gRPC calls.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Returns a client of `TransferService`.
    pub(crate) fn transfers(&self) -> TransferServiceClient<Channel> {
        TransferServiceClient::new(self.channel.clone())
    }

    /// Returns a client of `LoadService`.
    pub(crate) fn load(&self) -> LoadServiceClient<Channel> {
        LoadServiceClient::new(self.channel.clone())
    }

    /// Returns a client of `PresenceService`.
    pub(crate) fn presence(&self) -> PresenceServiceClient<Channel> {
        PresenceServiceClient::new(self.channel.clone())
    }

    /// Returns a client of `ImService`.
    pub(crate) fn messages(&self) -> ImServiceClient<Channel> {
        ImServiceClient::new(self.channel.clone())
    }

    /// Returns the token of a librarian of the matrix.
    pub(crate) fn token(&self, column: Column) -> &str {
        &self.tokens[&column]
    }

    /// Closes the monitor of a librarian of the matrix.
    pub(crate) async fn leave_the_desk(&mut self, column: Column) {
        self.monitors.remove(&column).unwrap().close().await;
    }

    /// Returns the id of a librarian of the matrix.
    pub(crate) fn librarian_id(&self, column: Column) -> String {
        match self.who(self.token(column)) {
            Who::Librarian(librarian) => librarian.librarian_id,
            Who::Patron(_) => panic!("{column:?} is a librarian"),
        }
    }

    /// Returns the introduction of `whom` that presence-svc gives to `to`.
    pub(crate) async fn introduction_of(&self, whom: Column, to: Column) -> String {
        let librarian_id = self.librarian_id(whom);
        let request = on_behalf(self.token(to), GetLibrarianRequest { librarian_id });
        let answer = self.presence().get_librarian(request).await.unwrap();
        answer.into_inner().librarian.unwrap().introduction
    }

    /// Returns a token of one of Carrel's own services.
    pub(crate) fn service_token(&self) -> String {
        let now_ms = Clock::system().unix_ms();
        let lasts = Duration::from_secs(600);
        issue_service(&self.keys, "presence-svc", now_ms, lasts).unwrap()
    }

    /// Creates a session of a patron of Maple, and brings it to a stage.
    pub(crate) async fn case(&self, stage: Stage) -> Case {
        Case::new(self, stage).await
    }

    /// Returns a token for the same person with another lifetime.
    pub(crate) fn token_for(&self, token: &str, access: Duration) -> String {
        let now_ms = Clock::system().unix_ms();
        let who = self.who(token);
        let renewal = Duration::from_secs(3_600);
        let lifetimes = Lifetimes { access, renewal };
        let issued = token::issue(&self.keys, &who, now_ms, lifetimes).unwrap();
        issued.access_token
    }

    /// Returns a token for the same person that expired long ago.
    pub(crate) fn expired(&self, token: &str) -> String {
        let an_hour_ago = Clock::system().unix_ms() - 3_600_000;
        let lifetimes = Lifetimes {
            access: Duration::from_secs(60),
            renewal: Duration::from_secs(120),
        };
        let issued = token::issue(&self.keys, &self.who(token), an_hour_ago, lifetimes).unwrap();
        issued.access_token
    }

    fn who(&self, token: &str) -> Who {
        let now_ms = Clock::system().unix_ms();
        token::verify(&self.keys, token, now_ms).unwrap().who
    }

    /// Returns everything that the log has of a session, for checks that a refusal has left it unchanged.
    pub(crate) async fn recorded(&self, session_id: &str) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        for category in ["session", "conference"] {
            let stream = StreamName::new(category, session_id);
            let events = self.running.log.read(&stream, 0, 10_000).await.unwrap();
            payloads.extend(events.into_iter().map(|event| event.payload.to_vec()));
        }
        payloads
    }

    async fn read_profile(&self) -> Profile {
        let request = on_behalf(self.token(Column::Ao), GetProfileRequest::default());
        let answer = self.access.directory().get_profile(request).await.unwrap();
        answer.into_inner().profile.unwrap()
    }

    async fn come_to_the_desk(&mut self) {
        for (column, institution_id, _) in LIBRARIANS {
            let queue_id = match institution_id {
                "cedar" => "cedar",
                _ => "maple",
            };
            let presence = self.presence();
            let queues = Some(vec![queue_id.to_owned()]);
            let monitor = Monitor::open(presence, self.token(column), queues);
            self.monitors.insert(column, monitor.await.unwrap());
        }
    }

    async fn begin_conversation(&self) -> String {
        let message = SendMessageRequest {
            command_id: command_id(),
            to: Some(To::LibrarianId(self.librarian_id(Column::Lq))),
            text: "Good morning!".to_owned(),
        };
        let request = on_behalf(self.token(Column::Lc), message);
        let answer = self.messages().send_message(request).await.unwrap();
        answer.into_inner().conversation_id
    }
}

/// Returns the log-in name of the librarian of a column. The password is "demo".
pub(crate) fn log_in_name(column: Column) -> String {
    format!("{column:?}@guard").to_lowercase()
}

fn directory() -> String {
    let mut text = DIRECTORY.to_owned();
    for (column, institution, role) in LIBRARIANS {
        let name = log_in_name(column);
        text.push_str(&format!(
            "[[librarian]]\nlog_in_name = \"{name}\"\nscreen_name = \"{column:?}\"\ninstitution = \"{institution}\"\n\
             role = \"{role}\"\npassword = \"demo\"\n"
        ));
    }
    text
}
