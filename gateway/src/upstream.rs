//! The services behind the gateway: generated clients, a caller's metadata, deadlines, and what a failure means.

use std::{net::IpAddr, ops::Deref, sync::Arc, time::Duration};

use carrel_platform::{
    refusal::{ERROR_DOMAIN, Refusal},
    replicas::{Affinity, Replicas},
    telemetry::{Scope, grpc},
};
use carrel_proto::{
    directory::v1::directory_service_client::DirectoryServiceClient,
    im::v1::im_service_client::ImServiceClient,
    presence::v1::presence_service_client::PresenceServiceClient,
    session::v1::{
        session_service_client::SessionServiceClient,
        transfer_service_client::TransferServiceClient,
    },
};
use futures::future::BoxFuture;
use prost::DecodeError;
use tokio::{task::coop::consume_budget, time::timeout};
use tonic::{
    Code, Request, Response, Status, Streaming,
    metadata::{Ascii, MetadataValue},
};
use tonic_types::StatusExt;
use tracing::Span;

/// The size limit of a service's answer. The longest is the transcript of a long session.
const ANSWER_LIMIT: usize = 32 * 1024 * 1024;

/// How long a service may go on working on a call after its caller gave up.
const AFTER_DEADLINE: Duration = Duration::from_secs(1);

/// The clients of the services. Cheap to clone, and small: every socket and every stream holds one.
#[derive(Clone, Debug)]
pub(crate) struct Upstream(Arc<Clients>);

/// A client of each service, to be cloned for each call, and how long a call may take.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) sessions: SessionServiceClient<Replicas>,
    pub(crate) transfers: TransferServiceClient<Replicas>,
    pub(crate) directory: DirectoryServiceClient<Replicas>,
    pub(crate) presence: PresenceServiceClient<Replicas>,
    pub(crate) im: ImServiceClient<Replicas>,
    pub(crate) deadline: Duration,
}

impl Deref for Upstream {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.0
    }
}

/// On whose behalf a service is called. The service checks the token; the gateway only carries it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    authorization: Option<MetadataValue<Ascii>>,
    address: Option<MetadataValue<Ascii>>,
    about: Option<Affinity>,
}

impl Caller {
    /// A caller at an address, without a token.
    pub(crate) fn anonymous(address: IpAddr) -> Self {
        Self {
            authorization: None,
            address: address.to_string().parse().ok(),
            about: None,
        }
    }

    /// The same caller, for calls about this session, unless the id is empty. All calls about a session go to the same
    /// replica, which then has it in memory.
    pub(crate) fn about(mut self, session_id: &str) -> Self {
        if !session_id.is_empty() {
            self.about = Some(Affinity::to(session_id));
        }
        self
    }

    /// The same caller, with an `authorization` header as a browser sent it. An invalid value counts as none.
    pub(crate) fn with_authorization(mut self, header: &[u8]) -> Self {
        self.authorization = MetadataValue::try_from(header).ok();
        self.conceal()
    }

    /// The same caller, with a token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.authorization = format!("Bearer {token}").parse().ok();
        self.conceal()
    }

    /// Returns the token, or an empty string. It is kept only in the header: each socket has one, and it is long.
    pub(crate) fn token(&self) -> &str {
        let header = self.authorization.as_ref();
        let token = header.and_then(|header| header.to_str().ok()?.strip_prefix("Bearer "));
        token.unwrap_or_default()
    }

    /// Keeps the token out of debug output and out of HTTP/2's header compression tables.
    fn conceal(mut self) -> Self {
        if let Some(authorization) = &mut self.authorization {
            authorization.set_sensitive(true);
        }
        self
    }

    /// Makes a request on this caller's behalf, within the current span's trace.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        if let Some(authorization) = &self.authorization {
            metadata.insert("authorization", authorization.clone());
        }
        if let Some(address) = &self.address {
            metadata.insert("x-forwarded-for", address.clone());
        }
        grpc::inject(metadata);
        if let Some(about) = &self.about {
            request.extensions_mut().insert(about.clone());
        }
        request
    }
}

impl Upstream {
    /// Creates the clients of session-svc, presence-svc and im-svc.
    pub(crate) fn new(
        session: Replicas,
        presence: Replicas,
        im: Replicas,
        deadline: Duration,
    ) -> Self {
        Self(Arc::new(Clients {
            sessions: SessionServiceClient::new(session.clone())
                .max_decoding_message_size(ANSWER_LIMIT),
            transfers: TransferServiceClient::new(session),
            directory: DirectoryServiceClient::new(presence.clone())
                .max_decoding_message_size(ANSWER_LIMIT),
            presence: PresenceServiceClient::new(presence).max_decoding_message_size(ANSWER_LIMIT),
            im: ImServiceClient::new(im).max_decoding_message_size(ANSWER_LIMIT),
            deadline,
        }))
    }

    /// Makes one call. `method` is its full name; `call` sends the request that it is given.
    pub(crate) async fn call<T, U, F>(
        &self,
        method: &'static str,
        caller: Caller,
        message: T,
        call: impl FnOnce(Request<T>) -> F,
    ) -> Result<U, Refusal>
    where
        F: Future<Output = Result<Response<U>, Status>>,
    {
        let span = grpc::client_span(method);
        let mut request = Scope::within(&span).run(|| caller.request(message));
        // The transport enforces this deadline too, and reports its end as CANCELLED. Ours must come first.
        request.set_timeout(self.deadline + AFTER_DEADLINE);
        answer(self.deadline, span, call(request)).await
    }
}

/// Waits for the answer to a call, or for the head of a stream. `span` is the span of the call.
async fn answer<T, F>(deadline: Duration, span: Span, call: F) -> Result<T, Refusal>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    match timeout(deadline, Scope::within(&span).around(call)).await {
        Ok(Ok(response)) => {
            grpc::record_client_code(&span, Code::Ok);
            Ok(response.into_inner())
        }
        Ok(Err(status)) => {
            grpc::record_client_code(&span, status.code());
            Err(refusal(&status))
        }
        Err(_) => {
            grpc::record_client_code(&span, Code::DeadlineExceeded);
            Err(late())
        }
    }
}

/// Opens a service's stream within the deadline, hands each message to `take` until the stream ends, and returns why it
/// ended. `span` covers the opening; messages have their own spans. `again` tells the user how to go on when the
/// service ended the stream without saying why.
pub(crate) fn read<T>(
    deadline: Duration,
    span: Span,
    opening: impl Future<Output = Result<Response<Streaming<T>>, Status>>,
    again: &str,
    mut take: impl FnMut(T) -> Result<(), DecodeError>,
) -> impl Future<Output = Refusal> {
    read_at_leisure(deadline, span, opening, again, move |response| {
        take(response).map(|()| None)
    })
}

/// Like [`read`], for messages that may be too much at once: a future that `take` returns is awaited before more is
/// read.
pub(crate) fn read_at_leisure<T>(
    deadline: Duration,
    span: Span,
    opening: impl Future<Output = Result<Response<Streaming<T>>, Status>>,
    again: &str,
    mut take: impl FnMut(T) -> Result<Option<BoxFuture<'static, ()>>, DecodeError>,
) -> impl Future<Output = Refusal> {
    // Boxed, so that its memory is freed once the stream is open.
    let opening = Box::pin(answer(deadline, span, opening));
    async move {
        let mut stream = match opening.await {
            Ok(stream) => stream,
            // Only what was put on the stream is in doubt: the stream is to be opened again.
            Err(refusal) if refusal.code == Code::DeadlineExceeded => {
                let message = format!("The service did not answer in time. {again}");
                return Refusal::unavailable("UNAVAILABLE", message);
            }
            Err(refusal) => return refusal,
        };
        loop {
            match stream.message().await {
                Ok(Some(response)) => {
                    match take(response) {
                        Ok(None) => {}
                        Ok(Some(rest)) => rest.await,
                        Err(error) => {
                            tracing::warn!(%error, "a service sent what is no response; are both of one version?");
                            let message = format!("The service said what can't be read. {again}");
                            return Refusal::unavailable("UNAVAILABLE", message);
                        }
                    }
                    // A stream that always has more would keep this task from ever noticing that it is to stop.
                    consume_budget().await;
                }
                Ok(None) => {
                    let message = format!("The service ended the stream. {again}");
                    return Refusal::unavailable("UNAVAILABLE", message);
                }
                Err(status) => return refusal(&status),
            }
        }
    }
}

/// Converts the status of a failed call to a refusal.
///
/// A status from the transport rather than from one of our services says nothing of what happened in the service,
/// whatever its code: at times HTTP/2 reports a broken connection as RESOURCE_EXHAUSTED. It becomes UNAVAILABLE, so
/// that nobody takes it for a refusal, and its text, which may name addresses, is not passed on.
pub(crate) fn refusal(status: &Status) -> Refusal {
    let ours = status
        .get_details_error_info()
        .is_some_and(|info| info.domain == ERROR_DOMAIN);
    if ours {
        return Refusal::from(status);
    }
    tracing::debug!(code = ?status.code(), "a service can't be reached");
    Refusal::unavailable(
        "UNAVAILABLE",
        "The service can't be reached just now. Try again.",
    )
}

/// The refusal of a call that was not answered in time.
pub(crate) fn late() -> Refusal {
    Refusal::new(
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
        "The service did not answer in time. It is not known whether this was done; send the same command again.",
    )
    .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_transport_says_is_never_a_refusal() {
        for code in [Code::ResourceExhausted, Code::NotFound, Code::Unknown] {
            let told = refusal(&Status::new(code, "tcp connect error 10.0.0.7"));
            assert_eq!(told.code, Code::Unavailable);
            assert!(!told.message.contains("10.0.0.7"));
        }
    }

    #[test]
    fn what_a_service_says_is_told_as_it_is() {
        let said = Refusal::not_found("session");
        assert_eq!(refusal(&Status::from(said.clone())), said);
    }

    #[test]
    fn a_token_is_not_shown() {
        let caller = Caller::anonymous(IpAddr::from([127, 0, 0, 1])).with_token("a-secret");
        assert!(!format!("{caller:?}").contains("a-secret"));
    }
}
