//! One connection to one server.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
    Value, aio::MultiplexedConnection,
};
use tokio::time::timeout;

use super::slots::Address;
use crate::config::Secret;

/// How long it may take until a connection is there.
const DIAL_WITHIN: Duration = Duration::from_secs(1);

/// How many requests may wait for being written. Whoever has more waits, and then in no order: so many that the writes of
/// the bus have room, also those that it has given up, until a connection that is stuck is noticed.
const WAITING: usize = 64;

/// Who we are to a server.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) username: Option<String>,
    pub(super) password: String,
}

impl Credentials {
    /// `None` without a password.
    pub(super) fn new(username: &str, password: &Secret<String>) -> Option<Self> {
        let password = password.reveal();
        (!password.is_empty()).then(|| Self {
            username: (!username.is_empty()).then(|| username.to_owned()),
            password: password.clone(),
        })
    }
}

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Dialer {
    credentials: Option<Credentials>,
    tls: Option<TlsCertificates>,
    masters: Masters,
}

/// Whether a server has to be a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Masters {
    /// Others tell who is one.
    AreKnown,
    /// It has to be one, unless it does not let us ask.
    WhereTold,
    /// It has to be one.
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

    /// The same, and a server that is no master is refused.
    pub(super) fn masters_only(self) -> Self {
        Self {
            masters: Masters::Only,
            ..self
        }
    }

    /// The same, and a server that says that it is no master is refused. One that does not let us ask is not.
    pub(super) fn masters_where_told(self) -> Self {
        Self {
            masters: Masters::WhereTold,
            ..self
        }
    }

    /// Whether a server has to stay what it was when the connection was made.
    pub(super) fn wants_masters(&self) -> bool {
        self.masters != Masters::AreKnown
    }

    /// Connects. `pushed` is called for all that the server says unasked, in order and at once, and when the connection
    /// ends.
    ///
    /// The connection answers late or never when the server does: whoever asks sets a limit.
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

/// Gives a command and waits for the answer. An error of the server is an error.
pub(crate) async fn ask(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
) -> RedisResult<Value> {
    connection
        .send_packed_command(command)
        .await?
        .extract_error()
}

/// What is amiss with a server that has to be a master and is none.
pub(super) const NO_MASTER: &str = "is no master now";

/// Asks a server whether it is a master.
pub(super) async fn ask_whether_master(
    connection: &mut MultiplexedConnection,
) -> RedisResult<bool> {
    let role = ask(connection, &redis::cmd("ROLE")).await?;
    Ok(is_master(&role))
}

/// Whether the server lives, and does not let us ask this: our user may not, or it knows no such command.
pub(super) fn is_forbidden(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOPERM" | "ERR"))
}

fn is_master(role: &Value) -> bool {
    let Value::Array(role) = role else {
        return false;
    };
    matches!(role.first(), Some(Value::BulkString(name)) if name == b"master")
}
