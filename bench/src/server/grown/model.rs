//! Sessions that were held on a real server, and what it has written about them.

use anyhow::{Context, ensure};
use carrel_faults::people::http;
use carrel_platform::log::{
    EventLog, RecordedEvent, StreamHead, StreamName, StreamQuery,
    stored::{Stored, read_after},
};
use carrel_proto::session::v1::{
    EndSessionRequest, EnterConferenceRequest, LeaveConferenceRequest, OpenSessionRequest,
    PickUpSessionRequest, PostMessageRequest, session_service_client::SessionServiceClient,
};
use carrel_session::{
    domain::audit::{AuditEntry, AuditFact},
    storage::{AUDIT, CONFERENCE, SESSION},
};

use super::Grown;
use crate::{
    client::call,
    room::log_in,
    server::{LIBRARY, Server},
};

/// How many librarians must work there: one answers, one watches.
pub(super) const LIBRARIANS: usize = 2;
/// How many sessions are held.
const SESSIONS: usize = 8;
/// How many of a session's events are not messages: the question, the pick-up, the end, a supervisor's entering and
/// leaving, and an audit entry for each of these two.
const NOT_SAID: u64 = 7;

const QUESTION: &str = "Where can I find the letters of the lighthouse keepers?";
const SENTENCES: [&str; 8] = [
    "Hello! Give me a moment, I will have a look.",
    "Thank you.",
    "They were published in two volumes, and we have both: the first one is in the reading room on the second floor, the \
     other one is on loan until the end of the month. Would the first one be of use to you?",
    "Yes, very much so. Do I need a card to get in?",
    "No, the reading room is open to everybody from nine to six, and on Saturdays until one.",
    "Perfect. And is there anything about the keepers' families? My great-grandfather grew up at one of the stations.",
    "Which station was it? The parish registers are with the county archive, but we have an index of names that is \
     searched in a minute.",
    "The one at the northern point, I think.",
];

/// Holds some sessions from the question to the end, each with as many events as a copy must have.
pub(super) async fn hold_sessions(server: &Server) -> anyhow::Result<()> {
    let staff = log_in(server, LIBRARIANS).await?;
    let [supervisor, librarian, ..] = staff.as_slice() else {
        anyhow::bail!("nobody works there");
    };
    let warning = supervisor.profile.conference_warning.clone();
    let warning_version = warning.context("the supervisor may not supervise")?.version;
    let mut sessions = SessionServiceClient::new(server.channel(0)?);
    for number in 0..SESSIONS {
        let admitted = http::admit(server.gateway(0)?, LIBRARY).await?;
        let session_id = admitted.session_id;
        let patron = admitted.token.context("no token")?.access_token;
        let command_id = |of: &str| format!("{of}-{session_id}");
        let open = OpenSessionRequest {
            command_id: command_id("open"),
            question: QUESTION.to_owned(),
            patron_name: "Ricky".to_owned(),
            patron_email: String::new(),
            language: String::new(),
        };
        sessions.open_session(call(&patron, open)?).await?;
        let pick_up = PickUpSessionRequest {
            command_id: command_id("pick-up"),
            session_id: session_id.clone(),
        };
        sessions
            .pick_up_session(call(&librarian.token, pick_up)?)
            .await?;
        let enter = EnterConferenceRequest {
            command_id: command_id("enter"),
            session_id: session_id.clone(),
            warning_version: warning_version.clone(),
        };
        sessions
            .enter_conference(call(&supervisor.token, enter)?)
            .await?;
        let messages = usize::try_from(Grown::EVENTS_EACH - NOT_SAID)?;
        for said in 0..messages {
            let post = PostMessageRequest {
                command_id: command_id(&format!("say-{said}")),
                session_id: session_id.clone(),
                text: SENTENCES[(number + said) % SENTENCES.len()].to_owned(),
            };
            let token = if said % 2 == 0 {
                &librarian.token
            } else {
                &patron
            };
            sessions.post_message(call(token, post)?).await?;
        }
        let leave = LeaveConferenceRequest {
            command_id: command_id("leave"),
            session_id: session_id.clone(),
        };
        sessions
            .leave_conference(call(&supervisor.token, leave)?)
            .await?;
        let end = EndSessionRequest {
            command_id: command_id("end"),
            session_id: session_id.clone(),
        };
        sessions.end_session(call(&librarian.token, end)?).await?;
    }
    Ok(())
}

/// What a server has written about one session.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) id: String,
    /// The session's stream and its events.
    pub(super) session: (StreamHead, Vec<RecordedEvent>),
    /// The conference's stream and its events.
    pub(super) conference: (StreamHead, Vec<RecordedEvent>),
    /// The audit's entries about the session, and when each was written.
    pub(super) audit: Vec<(i64, AuditFact)>,
}

/// Everything that is copied.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) held: Vec<Held>,
    /// The library's audit: its stream, its version, and its last hash.
    pub(super) audit: StreamName,
    pub(super) audit_version: u64,
    pub(super) audit_hash: String,
}

impl Model {
    /// Reads the ended sessions of a library.
    pub(super) async fn read(log: &dyn EventLog, library: &str) -> anyhow::Result<Self> {
        let audit = StreamName::new(AUDIT, library);
        let entries: Vec<Stored<AuditEntry>> = read_after(log, &audit, 0).await?;
        let mut held = Vec::new();
        for head in ended(log, SESSION, library).await? {
            let id = head.stream.id.clone();
            let conference = ended(log, CONFERENCE, library).await?;
            let conference = conference.into_iter().find(|found| found.stream.id == id);
            let conference = conference.context("a session without a conference")?;
            let said = entries
                .iter()
                .filter(|entry| entry.event.fact.session_id == id);
            let one = Held {
                audit: said
                    .map(|entry| (entry.at_ms, entry.event.fact.clone()))
                    .collect(),
                session: whole(log, head).await?,
                conference: whole(log, conference).await?,
                id,
            };
            let count = one.session.1.len() + one.conference.1.len() + one.audit.len();
            ensure!(
                count as u64 == Grown::EVENTS_EACH,
                "a session has left {count} events; it should be {}: bench/src/server/grown/model.rs has to say as much \
                 more or less",
                Grown::EVENTS_EACH
            );
            held.push(one);
        }
        ensure!(!held.is_empty(), "no session has ended");
        Ok(Self {
            held,
            audit,
            audit_version: entries.last().map_or(0, |last| last.version),
            audit_hash: entries
                .last()
                .map_or(String::new(), |last| last.event.chain_hash.clone()),
        })
    }
}

async fn ended(
    log: &dyn EventLog,
    category: &'static str,
    library: &str,
) -> anyhow::Result<Vec<StreamHead>> {
    let query = StreamQuery::Closed {
        category,
        owner: library.to_owned(),
        before: None,
        limit: usize::MAX,
    };
    Ok(log.find(query).await?)
}

/// Returns all events of a stream. Its index entry must have been set with the last of them, as copies set it.
async fn whole(
    log: &dyn EventLog,
    head: StreamHead,
) -> anyhow::Result<(StreamHead, Vec<RecordedEvent>)> {
    ensure!(
        head.index_version == head.version,
        "a stream goes on after it was closed"
    );
    let events = log.read(&head.stream, 0, usize::MAX).await?;
    Ok((head, events))
}
