//! A Carrel with the people of the authorization matrix in its directory, and sessions in each state.
//!
//! Everybody has a token that this Carrel issued: librarians by logging in, patrons by being let in.

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
        token::{self, Lifetimes},
    },
    clock::Clock,
    log::{EventLog as _, StreamName},
};
use carrel_proto::session::v1 as wire;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::{
    desk,
    door::{Admission, Door, command_id, on_behalf},
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
pub(crate) struct House {
    pub(crate) door: Door,
    keys: KeyRing,
    channel: Channel,
    pub(crate) warning_version: String,
    tokens: HashMap<Column, String>,
    running: Running,
    _folder: TempDir,
}

/// A session, and the token of its patron.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) session_id: String,
    pub(crate) patron: String,
}

impl House {
    /// A Carrel in which owners of ended sessions have the default time to wrap up.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// A Carrel with other settings.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        panics::count();
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let mut config = desk::settings(data_dir.clone());
        // A heartbeat marks the end of a snapshot that comes in parts.
        config.session.heartbeat = Duration::from_millis(200).into();
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
        let door = Door::new(running.http_addr, running.grpc_addr);
        let mut tokens = HashMap::new();
        for (column, _, _) in LIBRARIANS {
            tokens.insert(column, door.log_in(&log_in_name(column)).await);
        }
        let mut house = Self {
            keys: KeyRing::load(&data_dir.join("keys.json")).unwrap(),
            warning_version: String::new(),
            channel: Endpoint::from_shared(format!("http://{}", running.grpc_addr))
                .unwrap()
                .connect_lazy(),
            door,
            tokens,
            running,
            _folder: folder,
        };
        house.warning_version = house.read_warning_version().await;
        house
    }

    /// Stops it, and fails if anything in it has panicked.
    pub(crate) async fn close(self) {
        self.running.stop().await;
        panics::assert_none();
    }

    /// The connection over which its gRPC is called.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The token of a librarian of the matrix.
    pub(crate) fn token(&self, column: Column) -> &str {
        &self.tokens[&column]
    }

    /// A token for the same person that holds for another time.
    pub(crate) fn token_for(&self, token: &str, access: Duration) -> String {
        let now_ms = Clock::system().unix_ms();
        let who = self.who(token);
        let renewal = Duration::from_secs(3_600);
        let lifetimes = Lifetimes { access, renewal };
        let issued = token::issue(&self.keys, &who, now_ms, lifetimes).unwrap();
        issued.access_token
    }

    /// A token whose time was over long ago.
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

    /// A fresh session of a patron of Maple, brought to a stage.
    pub(crate) async fn case(&self, stage: Stage) -> Case {
        let Admission { token, session_id } = self.door.admit("maple").await;
        let case = Case {
            session_id,
            patron: token,
        };
        for step in stage.steps() {
            self.take(*step, &case).await;
        }
        case
    }

    async fn take(&self, step: Step, case: &Case) {
        let mut sessions = self.door.sessions();
        let session_id = case.session_id.clone();
        let command_id = command_id();
        match step {
            Step::Open => {
                let message = wire::OpenSessionRequest {
                    command_id,
                    question: "Where are the maps?".to_owned(),
                    patron_name: "Ricky".to_owned(),
                    patron_email: String::new(),
                };
                let request = on_behalf(&case.patron, message);
                sessions.open_session(request).await.map(drop)
            }
            Step::PickUp => {
                let message = wire::PickUpSessionRequest {
                    command_id,
                    session_id,
                };
                let request = on_behalf(self.token(Column::Lc), message);
                sessions.pick_up_session(request).await.map(drop)
            }
            Step::Enter(who) => {
                let message = wire::EnterConferenceRequest {
                    command_id,
                    session_id,
                    warning_version: self.warning_version.clone(),
                };
                let request = on_behalf(self.token(who), message);
                sessions.enter_conference(request).await.map(drop)
            }
            Step::End => {
                let message = wire::EndSessionRequest {
                    command_id,
                    session_id,
                };
                let request = on_behalf(self.token(Column::Lc), message);
                sessions.end_session(request).await.map(drop)
            }
        }
        .unwrap();
    }

    /// All that the log has of a session: what was refused must have left it as it was.
    pub(crate) async fn recorded(&self, session_id: &str) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        for category in ["session", "conference"] {
            let stream = StreamName::new(category, session_id);
            let events = self.running.log.read(&stream, 0, 10_000).await.unwrap();
            payloads.extend(events.into_iter().map(|event| event.payload.to_vec()));
        }
        payloads
    }

    async fn read_warning_version(&self) -> String {
        let request = on_behalf(
            self.token(Column::Ao),
            carrel_proto::directory::v1::GetProfileRequest {},
        );
        let answer = self.door.directory().get_profile(request).await.unwrap();
        let profile = answer.into_inner().profile.unwrap();
        profile.conference_warning.unwrap().version
    }
}

/// One step in the life of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Open,
    PickUp,
    Enter(Column),
    End,
}

/// A session id that nobody was ever given.
pub(crate) fn random_id() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let (high, low) = (RandomState::new(), RandomState::new());
    format!("{:016x}{:016x}", high.hash_one(1), low.hash_one(2))
}

/// With what name the librarian of a column logs in. The password is "demo".
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
