//! One server's path to the database.

use std::sync::{Arc, MutexGuard};

use carrel_platform::log::{
    Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
};
use futures::future::{self, BoxFuture, FutureExt};

use super::{Database, EPOCH, State, streams::Streams, trouble::Fate};

/// The log, as one server reaches it.
#[derive(Clone, Debug)]
pub(crate) struct ServersLog {
    pub(crate) database: Arc<Database>,
    pub(crate) host: &'static str,
}

impl ServersLog {
    fn state(&self) -> MutexGuard<'_, State> {
        self.database.state()
    }

    async fn pause(&self) {
        let pause = self.state().trouble.pause();
        tokio::time::sleep(pause).await;
    }

    async fn look<T>(
        &self,
        what: &'static str,
        answer: impl FnOnce(&Streams) -> T,
    ) -> Result<T, LogError> {
        self.pause().await;
        self.database
            .observations
            .detail(self.host, || what.to_owned());
        let mut state = self.state();
        if state.trouble.read_fails(self.host) {
            return Err(LogError::Unavailable("the database is out of reach".into()));
        }
        Ok(answer(&state.streams))
    }

    fn commit(&self, batch: Batch) -> Result<(), LogError> {
        let mut state = self.state();
        state.streams.check(&batch)?;
        let repeated = state.streams.write(batch);
        drop(state);
        if let Some(command) = repeated {
            self.database
                .observations
                .violation("I2", &format!("{command} has two effects"));
        }
        Ok(())
    }

    async fn append_batch(&self, batch: Batch) -> Result<(), LogError> {
        let fate = self.state().trouble.fate_of_append(self.host);
        self.pause().await;
        self.database.observations.detail(self.host, || {
            let streams = batch.writes.iter().map(|write| write.stream.to_string());
            format!("appends to {:?}: {fate:?}", streams.collect::<Vec<_>>())
        });
        let unknown = || Err(LogError::Unknown("the connection was lost".into()));
        match fate {
            Fate::Refused => Err(LogError::Unavailable("the database is out of reach".into())),
            Fate::Lost => unknown(),
            Fate::Unconfirmed => {
                self.commit(batch)?;
                self.pause().await;
                unknown()
            }
            Fate::Deadly => {
                self.commit(batch)?;
                self.state().trouble.doom(self.host);
                future::pending().await
            }
            Fate::Done => {
                self.commit(batch)?;
                self.pause().await;
                Ok(())
            }
        }
    }
}

impl EventLog for ServersLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        self.append_batch(batch).boxed()
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        self.look("reads", move |streams| streams.read(stream, after, limit))
            .boxed()
    }

    fn find<'a>(&'a self, query: StreamQuery) -> BoxFuture<'a, Result<Vec<StreamHead>, LogError>> {
        self.look("looks for streams", move |streams| streams.find(&query))
            .boxed()
    }

    fn versions<'a>(
        &'a self,
        streams: &'a [StreamName],
    ) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        self.look("asks for versions", move |all| {
            streams.iter().map(|name| all.version(name)).collect()
        })
        .boxed()
    }

    fn erase<'a>(
        &'a self,
        stream: &'a StreamName,
        up_to: u64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        async move {
            self.pause().await;
            let mut state = self.state();
            if state.trouble.read_fails(self.host) {
                return Err(LogError::Unavailable("the database is out of reach".into()));
            }
            state.streams.erase(stream, up_to)
        }
        .boxed()
    }

    fn epoch(&self) -> &str {
        EPOCH
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        future::pending().boxed()
    }
}
