//! All conversations in memory, and the way to reach each of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use carrel_platform::bus::Origin;
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
    live: Arc<Mutex<HashMap<String, mpsc::Sender<Request>>>>,
    tasks: TaskTracker,
}

impl Conversations {
    pub(crate) fn new(parts: Parts, tasks: TaskTracker) -> Self {
        Self {
            parts: Arc::new(parts),
            live: Arc::default(),
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

    /// Sends a request to a conversation. If the conversation is just leaving memory, brings it into memory again.
    pub(crate) async fn tell(
        &self,
        conversation_id: &str,
        mut request: Request,
    ) -> Result<(), Error> {
        while !self.parts.stop.is_cancelled() {
            match self.inbox(conversation_id).send(request).await {
                Ok(()) => return Ok(()),
                Err(mpsc::error::SendError(back)) => {
                    request = back;
                    tokio::task::yield_now().await;
                }
            }
        }
        Err(Error::ShuttingDown)
    }

    fn inbox(&self, conversation_id: &str) -> mpsc::Sender<Request> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = live.get(conversation_id).filter(|inbox| !inbox.is_closed()) {
            return inbox.clone();
        }
        let (sender, inbox) = mpsc::channel(INBOX);
        live.insert(conversation_id.to_owned(), sender.clone());
        drop(live);
        self.tasks
            .spawn(self.clone().live_on(conversation_id.to_owned(), inbox));
        sender
    }

    async fn live_on(self, conversation_id: String, mut inbox: mpsc::Receiver<Request>) {
        let (parts, origin) = (Arc::clone(&self.parts), Origin::random());
        match LiveConversation::load(parts, origin, conversation_id.clone()).await {
            Ok(conversation) => conversation.run(&mut inbox).await,
            Err(error) => refuse_all(&mut inbox, &error.into()).await,
        }
        self.forget_rested(&conversation_id);
        // When the server stops, whoever asked hears of that by their answer, which is gone with the request.
        while let Some(request) = inbox.recv().await {
            drop(self.tell(&conversation_id, request).await);
        }
    }

    /// Forgets the way to a conversation that has left memory, unless it is in memory again.
    fn forget_rested(&self, conversation_id: &str) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live
            .get(conversation_id)
            .is_some_and(mpsc::Sender::is_closed)
        {
            live.remove(conversation_id);
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
