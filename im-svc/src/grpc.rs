//! The gRPC service: unwraps requests, checks permission, calls the conversations, wraps the answers.

use carrel_platform::{
    auth::{Librarian, Principal, Who, interceptor::Authenticator},
    log::Command as LogCommand,
    refusal::{self, Refusal, command, fields::Fields},
    responses::Responses,
    telemetry::TraceIds,
    text::check_text,
};
use carrel_proto::im::v1::{self as wire, im_service_server::ImService, send_message_request::To};
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    colleagues::{Colleagues, Token},
    conversations::Conversations,
    convert,
    domain::{event::Participants, names},
    error::Error,
    live_conversation::{Act, Acted, Command, Look, NewMessage, Page, Request as Ask},
    typing::TypingLimit,
};

mod watch;

/// How many messages a page has by default, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

/// `carrel.im.v1.ImService`.
pub struct ImApi {
    conversations: Conversations,
    colleagues: Colleagues,
    auth: Authenticator,
    typing: TypingLimit,
}

/// The librarian who makes a call.
struct Caller {
    librarian: Librarian,
    token: Token,
    expires_at_ms: i64,
}

impl Caller {
    fn id(&self) -> &str {
        &self.librarian.librarian_id
    }
}

/// Whom the caller shares a conversation with.
enum With {
    /// With this librarian.
    Librarian(String),
    /// With the staff of this queue, which the caller monitors.
    Staff(String),
}

impl ImApi {
    pub(crate) fn new(
        conversations: Conversations,
        colleagues: Colleagues,
        auth: Authenticator,
    ) -> Self {
        Self {
            conversations,
            colleagues,
            auth,
            typing: TypingLimit::default(),
        }
    }

    fn caller(&self, metadata: &MetadataMap) -> Result<Caller, Error> {
        let Principal { who, expires_at_ms } = self.auth.authenticate(metadata)?;
        match (who, Token::of(metadata)) {
            (Who::Librarian(librarian), Some(token)) => Ok(Caller {
                librarian,
                token,
                expires_at_ms,
            }),
            _ => Err(Error::NotAllowed),
        }
    }

    /// Returns the state of a conversation, and whether a command was already carried out in it.
    async fn look(&self, id: &str, command: Option<&LogCommand>) -> Result<Look, Error> {
        if !names::is_conversation_id(id) {
            return Ok(Look {
                between: None,
                acted: None,
            });
        }
        let command = command.cloned();
        let look = |answer| Ask::Look { command, answer };
        self.conversations.ask(id, look).await
    }

    /// Returns whom the caller shares a conversation with. A caller who is not in it gets the same error as for one
    /// that does not exist.
    async fn admit(
        &self,
        caller: &Caller,
        id: &str,
        between: Option<&Participants>,
    ) -> Result<With, Error> {
        if let Some(other) = between.and_then(|between| between.other(caller.id())) {
            return Ok(With::Librarian(other.librarian_id.clone()));
        }
        let queues = self.colleagues.own_queues(&caller.token).await?;
        let queue = queues
            .into_iter()
            .find(|queue| names::of_staff(queue) == id);
        queue.map(With::Staff).ok_or(Error::NotFound)
    }

    /// Checks that the caller may write to a librarian now, and returns between whom that would be (S36, D20).
    async fn write_to_librarian(&self, caller: &Caller, id: &str) -> Result<Participants, Error> {
        let colleague = self.colleagues.who_shares_a_queue(&caller.token, id);
        let other = colleague.await?.ok_or(Error::NotShared)?;
        let own = convert::member(&caller.librarian);
        Ok(Participants::librarians(own, other))
    }

    /// Checks that the caller may write to an addressee now, and returns between whom the message would be.
    async fn may_write(
        &self,
        caller: &Caller,
        to: &To,
        between: Option<&Participants>,
    ) -> Result<Participants, Error> {
        match to {
            To::LibrarianId(id) => self.write_to_librarian(caller, id).await,
            To::QueueId(queue_id) => {
                let queues = self.colleagues.own_queues(&caller.token).await?;
                if queues.contains(queue_id) {
                    let queue_id = queue_id.clone();
                    Ok(Participants::Staff { queue_id })
                } else {
                    Err(Error::NotMonitoring)
                }
            }
            To::ConversationId(id) => match self.admit(caller, id, between).await? {
                With::Librarian(id) => self.write_to_librarian(caller, &id).await,
                With::Staff(queue_id) => Ok(Participants::Staff { queue_id }),
            },
        }
    }

    async fn act(&self, conversation_id: &str, command: Command) -> Result<Acted, Error> {
        let trace = TraceIds::current();
        let act = |answer| {
            Ask::Act(Act {
                command,
                trace,
                answer,
            })
        };
        self.conversations.ask(conversation_id, act).await
    }
}

#[tonic::async_trait]
impl ImService for ImApi {
    type WatchConversationsStream = Responses<wire::WatchConversationsResponse>;

    async fn send_message(
        &self,
        request: Request<wire::SendMessageRequest>,
    ) -> Result<Response<wire::SendMessageResponse>, Status> {
        let caller = self.caller(request.metadata())?;
        let wire::SendMessageRequest {
            command_id,
            to,
            text,
        } = request.into_inner();
        command::check_id(&command_id)?;
        let mut fields = Fields::default();
        fields.take(check_text(&text).map_err(Error::from));
        let (to, conversation_id) = fields.check_with(addressee(&caller, to))?;
        let command = command_for_log(&caller, &command_id, &text);
        let look = self.look(&conversation_id, Some(&command)).await?;
        let acted = match look.acted {
            // A command that was carried out stays so, whoever monitors which queues by now.
            Some(acted) => acted,
            None => {
                let between = self.may_write(&caller, &to, look.between.as_ref()).await?;
                let message = NewMessage {
                    between,
                    by: convert::member(&caller.librarian),
                    text,
                    command,
                };
                self.act(&conversation_id, Command::Write(Box::new(message)))
                    .await?
            }
        };
        Ok(Response::new(wire::SendMessageResponse {
            conversation_id,
            position: acted.position,
            replayed: acted.replayed,
        }))
    }

    async fn list_messages(
        &self,
        request: Request<wire::ListMessagesRequest>,
    ) -> Result<Response<wire::ListMessagesResponse>, Status> {
        let caller = self.caller(request.metadata())?;
        let message = request.into_inner();
        let page = page(&message)?;
        let id = message.conversation_id;
        let look = self.look(&id, None).await?;
        self.admit(&caller, &id, look.between.as_ref()).await?;
        let list = |answer| Ask::List { page, answer };
        Ok(Response::new(self.conversations.ask(&id, list).await?))
    }

    async fn mark_read(
        &self,
        request: Request<wire::MarkReadRequest>,
    ) -> Result<Response<wire::MarkReadResponse>, Status> {
        let caller = self.caller(request.metadata())?;
        let wire::MarkReadRequest {
            conversation_id: id,
            position,
        } = request.into_inner();
        let look = self.look(&id, None).await?;
        self.admit(&caller, &id, look.between.as_ref()).await?;
        let mark = Command::MarkRead {
            by: caller.id().to_owned(),
            up_to: position,
        };
        self.act(&id, mark).await?;
        Ok(Response::new(wire::MarkReadResponse {}))
    }

    async fn send_typing(
        &self,
        request: Request<wire::SendTypingRequest>,
    ) -> Result<Response<wire::SendTypingResponse>, Status> {
        let caller = self.caller(request.metadata())?;
        let id = request.into_inner().conversation_id;
        if self.typing.takes(caller.id()) {
            let look = self.look(&id, None).await?;
            let to = To::ConversationId(id.clone());
            // Typing may be sent only where a message may be sent.
            self.may_write(&caller, &to, look.between.as_ref()).await?;
            let by = convert::member(&caller.librarian);
            self.conversations.tell(&id, Ask::Typing { by }).await?;
        }
        Ok(Response::new(wire::SendTypingResponse {}))
    }

    async fn watch_conversations(
        &self,
        request: Request<wire::WatchConversationsRequest>,
    ) -> Result<Response<Self::WatchConversationsStream>, Status> {
        let caller = self.caller(request.metadata())?;
        let traced = request.get_ref().trace;
        Ok(Response::new(watch::watch(self, caller, traced).await?))
    }
}

/// Returns the addressee of a message, and the id of the conversation to which it belongs.
fn addressee(caller: &Caller, to: Option<To>) -> Result<(To, String), Refusal> {
    let to = to.ok_or_else(|| Refusal::nothing_named("to"))?;
    let conversation_id = conversation_to(caller, &to)?;
    Ok((to, conversation_id))
}

/// Returns the id of the conversation to which a message to an addressee belongs.
fn conversation_to(caller: &Caller, to: &To) -> Result<String, Refusal> {
    match to {
        To::LibrarianId(id) if id.is_empty() => Err(Refusal::nothing_named("librarian_id")),
        To::QueueId(id) if id.is_empty() => Err(Refusal::nothing_named("queue_id")),
        To::LibrarianId(id) if id == caller.id() => Err(Refusal::oneself("librarian_id")),
        To::LibrarianId(id) => Ok(names::between_librarians(caller.id(), id)),
        To::QueueId(id) => Ok(names::of_staff(id)),
        To::ConversationId(id) => Ok(id.clone()),
    }
}

/// Returns the command as the log identifies it: by its author, so that ids of different people never collide, and by
/// its content.
fn command_for_log(caller: &Caller, command_id: &str, text: &str) -> LogCommand {
    let key = format!("librarian:{}:{command_id}", caller.id());
    LogCommand::of(key, text.as_bytes())
}

fn page(request: &wire::ListMessagesRequest) -> Result<Page, Refusal> {
    let mut fields = Fields::default();
    let size = fields.take(match usize::try_from(request.page_size) {
        Ok(0) => Ok(PAGE),
        Ok(size) => Ok(size.min(LARGEST_PAGE)),
        Err(_) => Err(refusal::page::bad_size()),
    });
    fields.check_with(match (request.before, request.after) {
        (0, 0) => Ok(Page::Before {
            position: u64::MAX,
            size,
        }),
        (position, 0) => Ok(Page::Before { position, size }),
        (0, position) => Ok(Page::After { position, size }),
        _ => Err(Refusal::invalid(
            "BOTH_DIRECTIONS",
            "after",
            "ask for messages before a position or after one, not for both",
        )),
    })
}
