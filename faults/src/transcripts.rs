//! Reads the log at the end of a run: each session's transcripts, as an administrator of the patron's library.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use carrel_proto::session::v1::{
    Audience, GetTranscriptRequest, session_service_client::SessionServiceClient,
};
use tonic::{
    Code, Request,
    transport::{Channel, Endpoint},
};

use crate::{
    checker::{Log, Transcripts},
    cluster::{Cluster, PASSWORD},
    history::{Action, Entry, Seen, What},
    people::{http, sight::seen},
};

/// A transcript may be much longer than other messages between services.
const LONGEST: usize = 64 * 1024 * 1024;

/// Reads all sessions that somebody tried to open. One that does not exist is left out.
///
/// # Errors
/// If the services do not answer.
pub async fn read(cluster: &Cluster, history: &[Entry]) -> anyhow::Result<Log> {
    let address = cluster.sessions.first().context("no session-svc")?;
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?;
    let mut reader = Reader {
        client: SessionServiceClient::new(channel).max_decoding_message_size(LONGEST),
        tokens: Vec::new(),
    };
    let gateway = *cluster.gateways().first().context("no gateway")?;
    for staff in cluster.staff.iter().filter(|staff| staff.supervises) {
        let answer = http::log_in(gateway, &staff.log_in_name, PASSWORD).await?;
        reader
            .tokens
            .push(answer.token.unwrap_or_default().access_token);
    }
    let sessions: BTreeSet<&str> = history
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Invoke {
                session,
                action: Action::Open(_),
                ..
            } => Some(session.as_str()),
            _ => None,
        })
        .collect();
    let mut log = BTreeMap::new();
    for session in sessions {
        let patron = reader.read(session, Audience::Patron).await?;
        let staff = reader.read(session, Audience::Staff).await?;
        if let (Some(patron), Some(staff)) = (patron, staff) {
            log.insert(session.to_owned(), Transcripts { patron, staff });
        }
    }
    Ok(log)
}

struct Reader {
    client: SessionServiceClient<Channel>,
    /// One for each library: a session is visible to one library only.
    tokens: Vec<String>,
}

impl Reader {
    async fn read(
        &mut self,
        session: &str,
        audience: Audience,
    ) -> anyhow::Result<Option<Vec<(u64, Seen)>>> {
        for token in &self.tokens {
            let mut request = Request::new(GetTranscriptRequest {
                session_id: session.to_owned(),
                audience: audience.into(),
            });
            let bearer = format!("Bearer {token}").parse()?;
            request.metadata_mut().insert("authorization", bearer);
            match self.client.get_transcript(request).await {
                Ok(answer) => {
                    let events = answer.into_inner().events;
                    let events = events.iter().map(|event| (event.position, seen(event)));
                    return Ok(Some(events.collect()));
                }
                Err(status) if status.code() == Code::NotFound => {}
                Err(status) => {
                    return Err(status).with_context(|| format!("the transcript of {session}"));
                }
            }
        }
        Ok(None)
    }
}
