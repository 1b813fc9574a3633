//! A person at a screen: calls services as a browser does, through whichever server answers, and repeats a command,
//! under the same id, until it is settled.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    im::v1::im_service_client::ImServiceClient,
    session::v1::{
        session_service_client::SessionServiceClient,
        transfer_service_client::TransferServiceClient,
    },
};
use tonic::{Request, Status, transport::Channel};

use crate::{
    commands::{self, Answer, Given, Kind},
    dice::Dice,
    network::{self, Link},
    shared_state::SharedState,
};

/// The servers of each service.
pub(crate) const SESSION_SERVERS: [&str; 2] = ["session-1", "session-2"];
pub(crate) const PRESENCE_SERVERS: [&str; 2] = ["presence-1", "presence-2"];
pub(crate) const IM_SERVERS: [&str; 2] = ["im-1", "im-2"];
/// How long a call may take before the caller tries another server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// One host's connections, shared by all people on it.
#[derive(Clone)]
pub(crate) struct Links(BTreeMap<&'static str, Channel>);

impl Links {
    /// Returns connections to these servers. They are opened when they are first used.
    pub(crate) fn to(servers: &[&'static str], link: Link) -> Self {
        let channels = servers
            .iter()
            .map(|server| (*server, network::channel(server, link)));
        Self(channels.collect())
    }
}

/// A person in one window.
pub(crate) struct Person {
    pub(crate) shared: Arc<SharedState>,
    /// The person's name in the trace.
    pub(crate) name: String,
    /// The prefix of their commands' keys in the log.
    pub(crate) key: String,
    pub(crate) dice: Dice,
    token: String,
    links: Links,
    servers: [&'static str; 2],
    commands: u64,
    replica: usize,
}

impl Person {
    pub(crate) fn new(
        shared: &Arc<SharedState>,
        name: &str,
        key: String,
        token: String,
        links: &Links,
    ) -> Self {
        let mut dice = Dice::of(shared.seed, name);
        let replica = usize::from(dice.happens(500));
        Self {
            shared: Arc::clone(shared),
            name: name.to_owned(),
            key,
            dice,
            token,
            links: links.clone(),
            servers: SESSION_SERVERS,
            commands: 0,
            replica,
        }
    }

    /// Returns the same person in another window.
    pub(crate) fn another_window(&mut self, title: &str) -> Self {
        self.commands += 1;
        let name = format!("{}/{title}.{}", self.name, self.commands);
        Self {
            shared: Arc::clone(&self.shared),
            dice: Dice::of(self.dice.roll(), &name),
            name,
            key: self.key.clone(),
            token: self.token.clone(),
            links: self.links.clone(),
            servers: self.servers,
            commands: 0,
            replica: self.replica,
        }
    }

    /// Returns the same person in a window that uses another service.
    pub(crate) fn window_to(&mut self, servers: [&'static str; 2], title: &str) -> Self {
        Self {
            servers,
            ..self.another_window(title)
        }
    }

    pub(crate) fn note(&self, what: &str) {
        self.shared.observations.note(&self.name, what);
    }

    /// Makes a new command. It has no effect until it is sent.
    pub(crate) fn command(&mut self, kind: Kind) -> (String, Given) {
        self.commands += 1;
        let id = format!("{}-{}", self.name.replace('/', "-"), self.commands);
        let given = Given {
            key: format!("{}:{id}", self.key),
            kind,
        };
        (id, given)
    }

    /// Makes a request with the person's token.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Ok(bearer) = format!("Bearer {}", self.token).parse() {
            request.metadata_mut().insert("authorization", bearer);
        }
        request
    }

    /// Returns the channel to the server in use.
    pub(crate) fn channel(&self) -> Option<Channel> {
        let server = self.servers.get(self.replica % self.servers.len())?;
        self.links.0.get(server).cloned()
    }

    /// Changes to the next server.
    pub(crate) fn turn_to_another_server(&mut self) {
        self.replica += 1;
    }

    /// Waits for a random time between two limits.
    pub(crate) async fn pause(&mut self, low_ms: u64, high_ms: u64) {
        let pause = self.dice.between(low_ms, high_ms);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// Sends a command until it is settled. Returns `None` if it was refused for good.
    pub(crate) async fn settle<T>(
        &mut self,
        given: &Given,
        call: impl AsyncFn(Clients, Request<()>) -> Result<T, Status>,
    ) -> Option<T> {
        loop {
            self.shared.commands.sent(given);
            let answer = self.try_once(&call).await;
            let (answer, result) = match answer {
                Ok(result) => (Answer::Accepted, Some(result)),
                Err(answer) => (answer, None),
            };
            self.note(&format!("{} → {answer:?}", given.key));
            let shared = &self.shared;
            let settled = !matches!(answer, Answer::Unknown(_));
            shared
                .commands
                .answered(given, answer, &shared.database, &shared.observations);
            if settled {
                return result;
            }
            self.turn_to_another_server();
            self.pause(100, 700).await;
        }
    }

    async fn try_once<T>(
        &self,
        call: &impl AsyncFn(Clients, Request<()>) -> Result<T, Status>,
    ) -> Result<T, Answer> {
        let Some(channel) = self.channel() else {
            return Err(Answer::Unknown("no such server".into()));
        };
        let clients = Clients {
            sessions: SessionServiceClient::new(channel.clone()),
            transfers: TransferServiceClient::new(channel.clone()),
            im: ImServiceClient::new(channel),
        };
        match tokio::time::timeout(PATIENCE, call(clients, self.request(()))).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(status)) => Err(commands::judge(&Refusal::from(&status))),
            Err(_) => Err(Answer::Unknown("no answer".into())),
        }
    }
}

/// The clients of one server.
pub(crate) struct Clients {
    pub(crate) sessions: SessionServiceClient<Channel>,
    pub(crate) transfers: TransferServiceClient<Channel>,
    pub(crate) im: ImServiceClient<Channel>,
}

/// Returns the same request with `message` in it.
pub(crate) fn saying<T>(request: Request<()>, message: T) -> Request<T> {
    request.map(|()| message)
}
