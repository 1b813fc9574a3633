//! All conversations in memory, and the way to reach each of them.

use std::sync::Arc;

use carrel_platform::{
    bus::Origin,
    inboxes::{Inboxes, Stopping},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::{
    error::Error,
    live_conversation::{INBOX, LiveConversation, Parts, Request},
};

/// All conversations. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Conversations {
    parts: Arc<Parts>,
    live: Inboxes<Request>,
    tasks: TaskTracker,
}

impl Conversations {
    pub(crate) fn new(parts: Parts, tasks: TaskTracker) -> Self {
        Self {
            parts: Arc::new(parts),
            live: Inboxes::with_room(INBOX),
            tasks,
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Periodically has the log checked for what the bus lost, until the server stops.
    pub(crate) async fn keep_up(self) {
        let Parts {
            log,
            config,
            tails,
            stop,
            ..
        } = &*self.parts;
        tails.keep_up(&**log, config.heartbeat.get(), stop).await;
    }

    /// Returns the service's tasks, whose end the service waits for.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Sends a request to a conversation and waits for the answer.
    pub(crate) async fn ask<T>(
        &self,
        conversation_id: &str,
        request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.tell(conversation_id, request(answer)).await?;
        answered.await.map_err(|_| Error::ShuttingDown)?
    }

    /// Sends a request to a conversation, which is brought into memory if it is not there.
    pub(crate) async fn tell(&self, conversation_id: &str, request: Request) -> Result<(), Error> {
        let bring = |inbox, ()| self.bring(conversation_id, inbox);
        let sent = (self.live).send(conversation_id, request, &self.parts.stop, bring);
        sent.await.map_err(|Stopping| Error::ShuttingDown)
    }

    /// Brings a conversation into memory, and serves it.
    fn bring(&self, conversation_id: &str, inbox: mpsc::Receiver<Request>) {
        let live = self.clone().live_on(conversation_id.to_owned(), inbox);
        self.tasks.spawn(live);
    }

    async fn live_on(self, conversation_id: String, mut inbox: mpsc::Receiver<Request>) {
        let (parts, origin) = (Arc::clone(&self.parts), Origin::random());
        match LiveConversation::load(parts, origin, conversation_id.clone()).await {
            Ok(conversation) => conversation.run(&mut inbox).await,
            Err(error) => refuse_all(&mut inbox, &error.into()).await,
        }
        self.live.forget_rested(&conversation_id);
        // When the server stops, whoever asked hears of that by their answer, which is gone with the request.
        while let Some(request) = inbox.recv().await {
            drop(self.tell(&conversation_id, request).await);
        }
    }
}

/// Refuses all requests to a conversation that can't be read.
async fn refuse_all(inbox: &mut mpsc::Receiver<Request>, error: &Error) {
    inbox.close();
    while let Some(request) = inbox.recv().await {
        request.refuse(error.clone());
    }
}
