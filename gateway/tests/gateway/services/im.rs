//! Messages between librarians.

use std::sync::{Arc, Mutex};

use carrel_platform::refusal::Refusal;
use carrel_proto::im::v1::{im_service_server::ImService, *};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response};

use super::{Answer, Down, Responses, Seen, librarian};

/// Conversations in which every message is taken except the one that says "refused".
#[derive(Clone, Default)]
pub struct Im {
    watching: Arc<Mutex<Vec<Down<WatchConversationsResponse>>>>,
    seen: Seen,
}

impl Im {
    /// Creates conversations that record in `seen` what is asked of them.
    pub fn new(seen: Seen) -> Self {
        Self {
            seen,
            ..Self::default()
        }
    }

    /// Sends a change to all watches.
    pub async fn change(&self, change: watch_conversations_response::Change) {
        let watching = self.watching.lock().unwrap().clone();
        for down in watching {
            let change = Some(change.clone());
            let _ = down.send(Ok(told(change))).await;
        }
    }
}

/// What a watch is told of a change, in a trace that no browser may see.
fn told(change: Option<watch_conversations_response::Change>) -> WatchConversationsResponse {
    WatchConversationsResponse {
        change,
        trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
    }
}

#[tonic::async_trait]
impl ImService for Im {
    type WatchConversationsStream = Responses<WatchConversationsResponse>;

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Answer<SendMessageResponse> {
        librarian(request.metadata())?;
        let request = request.into_inner();
        self.seen.saw(format!("im send {}", request.text));
        match &*request.text {
            "refused" => {
                let refusal = Refusal::new(Code::FailedPrecondition, "NOT_SHARED", "no");
                return Err(refusal.into());
            }
            "never answered" => std::future::pending::<()>().await,
            _ => {}
        }
        Ok(Response::new(SendMessageResponse {
            conversation_id: "c".into(),
            position: 3,
            replayed: false,
        }))
    }

    async fn list_messages(
        &self,
        request: Request<ListMessagesRequest>,
    ) -> Answer<ListMessagesResponse> {
        librarian(request.metadata())?;
        let request = request.into_inner();
        if request.conversation_id == "unknown" {
            return Err(Refusal::not_found("conversation").into());
        }
        self.seen.saw(format!("im list {}", request.before));
        let message = |position| Message {
            position,
            text: "x".repeat(4_000),
            ..Message::default()
        };
        Ok(Response::new(ListMessagesResponse {
            messages: (1..request.before).map(message).collect(),
            more: false,
        }))
    }

    async fn mark_read(&self, request: Request<MarkReadRequest>) -> Answer<MarkReadResponse> {
        let who = librarian(request.metadata())?;
        let position = request.into_inner().position;
        self.seen.saw(format!("im mark_read {who} {position}"));
        Ok(Response::new(MarkReadResponse {}))
    }

    async fn send_typing(&self, request: Request<SendTypingRequest>) -> Answer<SendTypingResponse> {
        let who = librarian(request.metadata())?;
        self.seen.saw(format!("im typing {who}"));
        Ok(Response::new(SendTypingResponse {}))
    }

    async fn watch_conversations(
        &self,
        request: Request<WatchConversationsRequest>,
    ) -> Answer<Self::WatchConversationsStream> {
        let who = librarian(request.metadata())?;
        let (down, responses) = mpsc::channel(64);
        let snapshot = ConversationsSnapshot::default();
        let change = Some(watch_conversations_response::Change::Snapshot(snapshot));
        down.send(Ok(told(change))).await.unwrap();
        self.watching.lock().unwrap().push(down);
        self.seen.saw(format!("watch conversations {who}"));
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }
}
