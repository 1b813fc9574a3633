//! The stream by which a librarian watches their conversations.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use carrel_platform::{
    bus::{Notice, Origin, Subscription},
    log::LogError,
    refusal::{Refusal, stream::token_expired},
    responses::{Responses, sent_by_task},
    telemetry::{Scope, session_hash, trace_context},
};
use carrel_proto::im::v1::{
    self as wire, conversation::With, watch_conversations_response::Change,
};
use futures::{StreamExt as _, stream};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tonic::Status;
use tracing::Span;

use super::{Caller, ImApi};
use crate::{
    conversations::Conversations,
    error::Error,
    live_conversation::{
        Ending, Feed, Request as Ask, TOPIC, Update, Watched, Watcher, member_topic, refill,
    },
    storage::{self, Membership},
    tails::Tail,
    watching,
};

use own_presence::OwnPresence;

mod own_presence;

/// How many responses may wait in the stream itself; any more wait in the watch.
const IN_FLIGHT: usize = 16;
/// How many conversations are brought into memory concurrently for a snapshot.
const AT_ONCE: usize = 16;
/// How long it may be unknown which queues a librarian monitors before their watch ends.
const WITHOUT_PRESENCE: Duration = Duration::from_secs(15);

/// Watches conversations until the caller goes, the token expires, the watch must end, or the server stops. If the
/// token expires while the watch is being opened, no watch is opened.
pub(super) async fn watch(
    api: &ImApi,
    caller: Caller,
    traced: bool,
) -> Result<Responses<wire::WatchConversationsResponse>, Error> {
    let parts = api.conversations.parts();
    let expires_at_ms = caller.expires_at_ms;
    let stop = parts.stop.clone();
    let (watch, snapshot) = Watch::open(api, caller).await?;
    // Opening waits for presence-svc and the log; the token may have expired in the meantime.
    if parts.clock.until(expires_at_ms).is_zero() {
        return Err(token_expired().into());
    }
    let expiry = parts.clock.reached(expires_at_ms);
    let must_end = watch.feed.ending.clone();
    let tasks = api.conversations.tasks();
    Ok(sent_by_task(tasks, IN_FLIGHT, |sender| async move {
        let refusal = tokio::select! {
            biased;
            refusal = watch.pass_on(snapshot, &sender, traced) => refusal,
            error = must_end.reason() => Some(error.into()),
            () = expiry => Some(token_expired()),
            () = stop.cancelled() => Some(Error::ShuttingDown.into()),
            () = sender.closed() => None,
        };
        refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
    }))
}

/// A change, and the trace context of its cause; empty if that trace is not kept.
type Traced = (Change, Arc<str>);

fn untraced(change: Change) -> Traced {
    (change, Arc::default())
}

/// A watch over all conversations of one librarian.
struct Watch {
    conversations: Conversations,
    librarian_id: String,
    presence: Option<OwnPresence>,
    feed: Feed,
    updates: mpsc::Receiver<Update>,
    shown: BTreeMap<String, Shown>,
    subscriptions: u64,
    queues: BTreeSet<String>,
    /// The version up to which the librarian's stream is known, which says in which conversations they are.
    membership: Arc<Tail>,
    news: Subscription,
}

/// A conversation that the watch shows.
struct Shown {
    subscription: u64,
    /// Whether it is the conversation of a queue's staff.
    of_staff: bool,
    /// The conversation tells the watch of changes for as long as this is held.
    _wanted: Arc<()>,
}

impl Watch {
    async fn open(
        api: &ImApi,
        caller: Caller,
    ) -> Result<(Self, wire::ConversationsSnapshot), Error> {
        let conversations = api.conversations.clone();
        let parts = conversations.parts();
        let librarian_id = caller.librarian.librarian_id;
        let queues = api.colleagues.own_queues(&caller.token).await?;
        let presence = OwnPresence {
            conversations: conversations.clone(),
            colleagues: api.colleagues.clone(),
            token: caller.token,
            librarian_id: librarian_id.clone(),
            origin: Origin::random(),
            queues: queues.clone(),
        };
        presence.hold().await;
        // Subscribe before reading, so that nothing is missed in between.
        let news = parts
            .bus
            .subscribe(Origin::random(), &member_topic(&librarian_id));
        let membership = Membership::read(&*parts.log, &librarian_id, 0).await?;
        let stream = storage::member_stream(&librarian_id);
        let tail = parts.tails.follow(stream, membership.version);
        let (sender, updates) = mpsc::channel(parts.config.backlog.max(1));
        let feed = Feed {
            updates: sender,
            ending: Ending::default(),
        };
        let mut watch = Self {
            conversations,
            librarian_id,
            presence: Some(presence),
            feed,
            updates,
            shown: BTreeMap::new(),
            subscriptions: 0,
            queues: queues.clone(),
            membership: tail,
            news,
        };
        let joined = membership.conversations.into_iter();
        let rooms = watching::rooms(&queues).map(|(id, queue)| (id, Some(queue.clone())));
        let wanted = joined.map(|id| (id, None)).chain(rooms).collect();
        let watched = watch.join_all(wanted, false).await?;
        let mut conversations: Vec<_> = watched
            .into_iter()
            .filter_map(|watched| watched.conversation)
            .collect();
        conversations.sort_by_cached_key(|conversation| {
            let last = conversation.last_message.as_ref();
            let time = last.and_then(|message| message.time.as_ref());
            let time = time.map(|time| (time.seconds, time.nanos));
            (Reverse(time), conversation.conversation_id.clone())
        });
        Ok((watch, wire::ConversationsSnapshot { conversations }))
    }

    /// Returns the conversations that the librarian has joined since this was last called.
    async fn read_membership(&self) -> Result<Vec<String>, LogError> {
        let log = &*self.conversations.parts().log;
        let read = Membership::read(log, &self.librarian_id, self.membership.known()).await?;
        self.membership.knows(read.version);
        Ok(read.conversations)
    }

    /// Begins to show conversations: each as it is now or, if `from_start`, as before its first kept message, followed
    /// by all messages. One that this server can't read, since it is damaged or a newer version of Carrel has written in
    /// it, is left out: it must not take all others from its members.
    async fn join_all(
        &mut self,
        wanted: Vec<(String, Option<String>)>,
        from_start: bool,
    ) -> Result<Vec<Watched>, Error> {
        let mut requests = Vec::with_capacity(wanted.len());
        for (id, queue_id) in wanted {
            self.subscriptions += 1;
            let held = Arc::new(());
            let watcher = Watcher {
                subscription: self.subscriptions,
                librarian_id: self.librarian_id.clone(),
                queue_id: queue_id.clone(),
                feed: self.feed.clone(),
                wanted: Arc::downgrade(&held),
            };
            let shown = Shown {
                subscription: self.subscriptions,
                of_staff: queue_id.is_some(),
                _wanted: held,
            };
            self.shown.insert(id.clone(), shown);
            requests.push((id, watcher));
        }
        let conversations = &self.conversations;
        let mut answers = stream::iter(requests)
            .map(|(id, watcher)| async move {
                let watch = |answer| Ask::Watch {
                    watcher,
                    from_start,
                    answer,
                };
                let answer = conversations.ask(&id, watch).await;
                (id, answer)
            })
            .buffered(AT_ONCE);
        let mut all = Vec::new();
        while let Some((id, answer)) = answers.next().await {
            match answer {
                Err(Error::Log(error @ LogError::Damaged(_))) => {
                    let (kind, conversation) = (error.kind(), session_hash(&id));
                    tracing::error!(
                        kind,
                        conversation,
                        "a conversation is not shown, since it can't be read; was it written by a newer version of Carrel?"
                    );
                    self.shown.remove(&id);
                }
                answer => all.push(answer?),
            }
        }
        Ok(all)
    }

    /// Passes on changes until there is a reason to end.
    async fn pass_on(
        mut self,
        snapshot: wire::ConversationsSnapshot,
        sender: &mpsc::Sender<Result<wire::WatchConversationsResponse, Status>>,
        traced: bool,
    ) -> Option<Refusal> {
        let heartbeat = self.conversations.parts().config.heartbeat.get();
        let mut clock = tokio::time::interval(heartbeat);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock.reset();
        let mut looks = Box::pin(own_presence::looks(self.presence.take(), heartbeat));
        let mut known_at = Instant::now();
        let mut news_over = false;
        let mut changes = vec![untraced(Change::Snapshot(snapshot))];
        loop {
            for (change, trace) in std::mem::take(&mut changes) {
                let received = self.received(&change);
                let response = wire::WatchConversationsResponse {
                    change: Some(change),
                    trace_parent: match traced {
                        true => trace.to_string(),
                        false => String::new(),
                    },
                };
                if sender.send(Ok(response)).await.is_err() {
                    return None;
                }
                if let Err(error) = self.note(received).await {
                    return Some(error.into());
                }
            }
            let happened = tokio::select! {
                biased;
                Some(update) = self.updates.recv() => {
                    changes.extend(self.still_shown(update));
                    Ok(())
                }
                notice = self.news.next(), if !news_over => {
                    news_over = notice.is_none();
                    let cause = match notice {
                        Some(Notice::Payload(trace)) => {
                            let trace = std::str::from_utf8(&trace).unwrap_or_default();
                            TOPIC.processing(&*self.conversations.parts().bus, trace)
                        }
                        Some(Notice::Missed) => refill("gap"),
                        None => Span::none(),
                    };
                    let news = self.come_in(&mut changes, &cause);
                    Scope::within(&cause).around(news).await
                }
                () = self.membership.behind() => {
                    let cause = refill("tail");
                    let news = self.come_in(&mut changes, &cause);
                    Scope::within(&cause).around(news).await
                }
                Some(queues) = looks.next() => match queues {
                    Ok(queues) => {
                        known_at = Instant::now();
                        self.follow_queues(queues, &mut changes).await
                    }
                    Err(Error::PresenceUnavailable)
                        if known_at.elapsed() < WITHOUT_PRESENCE => Ok(()),
                    Err(error) => Err(error),
                },
                _ = clock.tick() => {
                    changes.push(untraced(Change::Heartbeat(wire::ConversationsHeartbeat {})));
                    Ok(())
                }
            };
            if let Err(error) = happened {
                return Some(error.into());
            }
        }
    }

    /// Returns a conversation's change, unless the watch no longer shows the conversation or has subscribed to it anew.
    fn still_shown(&self, update: Update) -> Option<Traced> {
        let id = match &update.change {
            Change::Arrived(arrived) => &arrived.conversation_id,
            Change::Changed(conversation) => &conversation.conversation_id,
            Change::Gone(gone) => &gone.conversation_id,
            Change::Typing(typing) => &typing.conversation_id,
            Change::Snapshot(_) | Change::Heartbeat(_) => return Some(untraced(update.change)),
        };
        let shown = self.shown.get(id)?;
        (shown.subscription == update.subscription).then_some((update.change, update.trace))
    }

    /// Begins to show the conversations that the librarian has joined.
    async fn come_in(&mut self, changes: &mut Vec<Traced>, cause: &Span) -> Result<(), Error> {
        let trace: Arc<str> = trace_context::of_sampled(trace_context::ids(cause)).into();
        let joined = self.read_membership().await?;
        let new = joined
            .into_iter()
            .filter(|id| !self.shown.contains_key(id))
            .map(|id| (id, None))
            .collect();
        for watched in self.join_all(new, true).await? {
            let Some(conversation) = watched.conversation else {
                continue;
            };
            let conversation_id = conversation.conversation_id.clone();
            changes.push(untraced(Change::Changed(conversation)));
            changes.extend(watched.arrived.into_iter().map(|message| {
                let arrived = Change::Arrived(wire::MessageArrived {
                    conversation_id: conversation_id.clone(),
                    message: Some(message),
                });
                (arrived, Arc::clone(&trace))
            }));
        }
        Ok(())
    }

    /// Shows the staff conversations of the queues that the librarian monitors now, and no others.
    async fn follow_queues(
        &mut self,
        queues: BTreeSet<String>,
        changes: &mut Vec<Traced>,
    ) -> Result<(), Error> {
        let before = std::mem::replace(&mut self.queues, queues);
        let left: BTreeSet<_> = before.difference(&self.queues).cloned().collect();
        for (conversation_id, _) in watching::rooms(&left) {
            self.shown.remove(&conversation_id);
            changes.push(untraced(Change::Gone(wire::ConversationGone {
                conversation_id,
            })));
        }
        let new: BTreeSet<_> = self.queues.difference(&before).cloned().collect();
        let rooms = watching::rooms(&new).map(|(id, queue)| (id, Some(queue.clone())));
        let watched = self.join_all(rooms.collect(), false).await?;
        let conversations = watched
            .into_iter()
            .filter_map(|watched| watched.conversation);
        changes.extend(conversations.map(|changed| untraced(Change::Changed(changed))));
        Ok(())
    }

    /// Returns what the librarian has received once the stream has carried this change: conversations between two
    /// librarians, each with the number of the last message received.
    fn received(&self, change: &Change) -> Vec<(String, u64)> {
        let unread = |conversation: &wire::Conversation| {
            let with_one = matches!(conversation.with, Some(With::Librarian(_)));
            (with_one && conversation.unread > 0)
                .then(|| (conversation.conversation_id.clone(), conversation.head))
        };
        match change {
            Change::Snapshot(snapshot) => {
                snapshot.conversations.iter().filter_map(unread).collect()
            }
            Change::Changed(conversation) => unread(conversation).into_iter().collect(),
            Change::Arrived(wire::MessageArrived {
                conversation_id,
                message: Some(message),
            }) => {
                let of_staff = self
                    .shown
                    .get(conversation_id)
                    .is_none_or(|shown| shown.of_staff);
                let own = message
                    .author
                    .as_ref()
                    .is_some_and(|author| author.librarian_id == self.librarian_id);
                let received = (conversation_id.clone(), message.position);
                (!of_staff && !own)
                    .then_some(received)
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Tells the conversations what the librarian has received.
    async fn note(&self, received: Vec<(String, u64)>) -> Result<(), Error> {
        for (conversation_id, up_to) in received {
            let to = self.librarian_id.clone();
            let delivered = Ask::Delivered { to, up_to };
            self.conversations.tell(&conversation_id, delivered).await?;
        }
        Ok(())
    }
}
