//! Opening connections to Redis servers.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
    Value, aio::MultiplexedConnection,
};
use tokio::time::timeout;

use super::slots::Address;
use crate::config::Secret;

/// How long connecting may take.
const DIAL_WITHIN: Duration = Duration::from_secs(1);

/// How many requests may wait to be written. Callers beyond that wait in no particular order, so this leaves room for
/// all writes of the bus, including those that it has given up on, until a stuck connection is noticed.
const WAITING: usize = 64;

/// A user and password for a server.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) username: Option<String>,
    pub(super) password: String,
}

impl Credentials {
    /// Returns `None` if the password is empty.
    pub(super) fn new(username: &str, password: &Secret<String>) -> Option<Self> {
        let password = password.reveal();
        (!password.is_empty()).then(|| Self {
            username: (!username.is_empty()).then(|| username.to_owned()),
            password: password.clone(),
        })
    }
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Dialer {
    credentials: Option<Credentials>,
    tls: Option<TlsCertificates>,
    masters: Masters,
}

/// Whether a server must be a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Masters {
    /// Not checked: in a cluster the map says who is a master, and Sentinels are none.
    AreKnown,
    /// It must be one, unless it does not let us ask.
    WhereTold,
    /// It must be one.
    Only,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialer")
    }
}

impl Dialer {
    pub(super) fn new(credentials: Option<Credentials>, tls: Option<TlsCertificates>) -> Self {
        Self {
            credentials,
            tls,
            masters: Masters::AreKnown,
        }
    }

    /// Refuses a server that is not a master.
    pub(super) fn masters_only(self) -> Self {
        Self {
            masters: Masters::Only,
            ..self
        }
    }

    /// Refuses a server that says that it is not a master. One that does not let us ask is accepted.
    pub(super) fn masters_where_told(self) -> Self {
        Self {
            masters: Masters::WhereTold,
            ..self
        }
    }

    /// Whether connections require the server to be, and to remain, a master.
    pub(super) fn wants_masters(&self) -> bool {
        self.masters != Masters::AreKnown
    }

    /// Connects. `pushed` is called immediately and in order for every push message from the server, and when the
    /// connection ends.
    ///
    /// Requests on the connection have no timeout of their own: callers must set one.
    pub(crate) async fn dial(
        &self,
        address: &Address,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, String> {
        let dialed = timeout(DIAL_WITHIN, self.connect(address, pushed)).await;
        match dialed {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(problem)) => Err(format!("{address}: {problem}")),
            Err(_) => Err(format!("{address} does not answer")),
        }
    }

    async fn connect(
        &self,
        address: &Address,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, String> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING)
            .set_push_sender(move |push| {
                pushed(push);
                Ok::<(), ()>(())
            });
        let client = self.client(address).map_err(|error| error.to_string())?;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| error.to_string())?;
        if self.wants_masters() {
            match ask_whether_master(&mut connection).await {
                Ok(true) => {}
                Ok(false) => return Err(NO_MASTER.to_owned()),
                Err(error) if self.masters == Masters::WhereTold && is_forbidden(&error) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(connection)
    }

    fn client(&self, address: &Address) -> RedisResult<Client> {
        let mut redis = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        if let Some(credentials) = &self.credentials {
            redis = redis.set_password(&credentials.password);
            if let Some(username) = &credentials.username {
                redis = redis.set_username(username);
            }
        }
        let info = |addr: ConnectionAddr| -> RedisResult<ConnectionInfo> {
            Ok(addr.into_connection_info()?.set_redis_settings(redis))
        };
        let Address { host, port } = address.clone();
        match &self.tls {
            Some(certificates) => Client::build_with_tls(
                info(ConnectionAddr::TcpTls {
                    host,
                    port,
                    insecure: false,
                    tls_params: None,
                })?,
                certificates.clone(),
            ),
            None => Client::open(info(ConnectionAddr::Tcp(host, port))?),
        }
    }
}

/// Sends a command and waits for the answer. An error reply is returned as an error.
pub(crate) async fn ask(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
) -> RedisResult<Value> {
    connection
        .send_packed_command(command)
        .await?
        .extract_error()
}

/// The problem with a server that must be a master but is not.
pub(super) const NO_MASTER: &str = "is no master now";

/// Asks a server whether it is a master.
pub(super) async fn ask_whether_master(
    connection: &mut MultiplexedConnection,
) -> RedisResult<bool> {
    let role = ask(connection, &redis::cmd("ROLE")).await?;
    Ok(is_master(&role))
}

/// Whether an error means that the server works but does not let us ask: our user may not, or it has no such command.
pub(super) fn is_forbidden(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOPERM" | "ERR"))
}

fn is_master(role: &Value) -> bool {
    let Value::Array(role) = role else {
        return false;
    };
    matches!(role.first(), Some(Value::BulkString(name)) if name == b"master")
}
