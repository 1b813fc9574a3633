//! Who monitors which queues, as presence-svc shows it to the caller.

use std::{collections::BTreeSet, future::Future, time::Duration};

use carrel_platform::{
    replicas::Replicas,
    telemetry::{
        Scope,
        grpc::{client_span, inject, record_client_code},
    },
};
use carrel_proto::presence::v1::{
    GetLibrarianRequest, GetOwnPresenceRequest, presence_service_client::PresenceServiceClient,
};
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
};

use crate::{domain::event::Member, error::Error};

/// How long presence-svc may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A client of presence-svc. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Colleagues {
    client: PresenceServiceClient<Replicas>,
}

/// A caller's token, with which presence-svc is asked: it shows each caller only what they may see.
#[derive(Clone)]
pub(crate) struct Token(MetadataValue<Ascii>);

impl Token {
    /// Takes the token from the metadata of an authenticated call.
    pub(crate) fn of(metadata: &MetadataMap) -> Option<Self> {
        let mut token = metadata.get("authorization").cloned()?;
        token.set_sensitive(true);
        Some(Self(token))
    }
}

impl Colleagues {
    pub(crate) fn new(presence: Replicas) -> Self {
        Self {
            client: PresenceServiceClient::new(presence),
        }
    }

    /// Returns the librarian if they and the caller monitor a common queue at this moment (S36, D20).
    ///
    /// # Errors
    /// [`Error::PresenceUnavailable`] if that can't be found out.
    pub(crate) async fn who_shares_a_queue(
        &self,
        token: &Token,
        librarian_id: &str,
    ) -> Result<Option<Member>, Error> {
        let request = GetLibrarianRequest {
            librarian_id: librarian_id.to_owned(),
        };
        let mut client = self.client.clone();
        let answer = ask(
            "carrel.presence.v1.PresenceService/GetLibrarian",
            token,
            request,
            |request| async move { client.get_librarian(request).await },
        );
        let row = match answer.await {
            Ok(response) => response.librarian,
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => return Err(unanswered(&status)),
        };
        Ok(row
            .filter(|row| row.librarian_id == librarian_id && !row.shared_queue_ids.is_empty())
            .map(|row| Member {
                librarian_id: row.librarian_id,
                screen_name: row.screen_name,
                institution_name: row.institution_name,
            }))
    }

    /// Returns the queues that the caller monitors at this moment.
    ///
    /// # Errors
    /// [`Error::PresenceUnavailable`] if that can't be found out.
    pub(crate) async fn own_queues(&self, token: &Token) -> Result<BTreeSet<String>, Error> {
        let mut client = self.client.clone();
        let answer = ask(
            "carrel.presence.v1.PresenceService/GetOwnPresence",
            token,
            GetOwnPresenceRequest {},
            |request| async move { client.get_own_presence(request).await },
        );
        match answer.await {
            Ok(response) => Ok(response
                .own_presence
                .map(|presence| presence.queue_ids.into_iter().collect())
                .unwrap_or_default()),
            Err(status) => Err(unanswered(&status)),
        }
    }
}

/// Calls presence-svc with the caller's own token, waiting no longer than [`ANSWER_WITHIN`].
async fn ask<Q, A, F>(
    method: &'static str,
    token: &Token,
    question: Q,
    call: impl FnOnce(Request<Q>) -> F,
) -> Result<A, Status>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let span = client_span(method);
    let mut request = Request::new(question);
    request.set_timeout(ANSWER_WITHIN);
    let metadata = request.metadata_mut();
    metadata.insert("authorization", token.0.clone());
    let scope = Scope::within(&span);
    scope.run(|| inject(metadata));
    let answer = scope
        .around(tokio::time::timeout(ANSWER_WITHIN, call(request)))
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("presence-svc did not answer")));
    let code = answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
    record_client_code(&span, code);
    answer.map(Response::into_inner)
}

/// Maps a failed call: an expired token is reported to the caller, anything else means that the presence is unknown.
fn unanswered(status: &Status) -> Error {
    match status.code() {
        Code::Unauthenticated => Error::Request(status.into()),
        code => {
            tracing::warn!(%code, "presence-svc could not be asked who monitors which queues");
            Error::PresenceUnavailable
        }
    }
}
