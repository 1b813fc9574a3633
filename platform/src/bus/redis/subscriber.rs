//! A connection on which a master sends what is published.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _};
use redis::{PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use super::{
    probe::ProbeChannel,
    publisher::publish,
    subscribers::Shared,
    topics::{Channel, ConnectionId},
};
use crate::{
    backoff::Backoff,
    redis::{Address, Map, PING_EVERY, PONG_WITHIN, ask, slot_of},
};

/// How many channels are subscribed in one write.
const BATCH: usize = 500;
/// How long a master may take to confirm a batch.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// A connection to a master, subscribed to the wanted channels that this master holds.
pub(super) struct Subscriber<'a> {
    master: &'a Address,
    shared: &'a Shared,
    connection: MultiplexedConnection,
    handler: Arc<PushHandler>,
    /// Which master holds which slot, as it changes.
    map: watch::Receiver<Arc<Map>>,
    /// The number of changes to what is wanted, as it grows, and how many of them were handled.
    changes: watch::Receiver<u64>,
    seen: u64,
    /// The channels that the master has confirmed, or may have.
    subscribed: HashSet<Channel>,
    /// Whether a subscription was refused and is to be tried again.
    behind: bool,
    /// The number of the last probe that was published.
    probe: u64,
}

/// What to do for a channel so that it is subscribed if and only if it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Subscribe,
    LetGo,
}

impl Step {
    /// `ours`: the channel is wanted, and our master holds it. `subscribed`: the master has confirmed it once, or may
    /// have. `active`: and as far as we know, the subscription has not ended since.
    ///
    /// A channel that is subscribed but not active was given up and wanted again before Redis was told of either; or
    /// another master held it for a moment, and ours ended our subscription and said so when it did not matter. These
    /// can't be told apart, and subscribing twice does no harm.
    fn to(ours: bool, subscribed: bool, active: bool) -> Option<Self> {
        match (ours, subscribed) {
            (true, true) if active => None,
            (true, _) => Some(Self::Subscribe),
            (false, true) => Some(Self::LetGo),
            (false, false) => None,
        }
    }
}

/// Handles what arrives on the connection, as it arrives.
struct PushHandler {
    shared: Shared,
    /// The identity of this connection, among all there ever were.
    connection_id: ConnectionId,
    probe: ProbeChannel,
    /// The number of the last probe that was heard.
    heard: AtomicU64,
    /// Notified when the connection can't be relied on any more.
    broken: Notify,
    /// Whether what arrives still counts.
    open: Mutex<bool>,
}

impl<'a> Subscriber<'a> {
    /// Connects, and subscribes to all wanted channels of this master.
    pub(super) async fn begin(master: &'a Address, shared: &'a Shared) -> Result<Self, String> {
        let map = shared.nodes.topology().watch();
        let now = Arc::clone(&map.borrow());
        let handler = Arc::new(PushHandler {
            shared: shared.clone(),
            connection_id: shared.topics.new_connection(),
            probe: ProbeChannel::held_by(master, &now)?,
            heard: AtomicU64::new(0),
            broken: Notify::new(),
            open: Mutex::new(true),
        });
        let pushes = Arc::clone(&handler);
        let dialer = shared.nodes.dialer();
        let connection = dialer.dial(master, move |push| pushes.handle(push)).await?;
        let mut subscriber = Self {
            master,
            shared,
            connection,
            handler,
            map,
            changes: shared.topics.changes(),
            seen: 0,
            subscribed: HashSet::new(),
            behind: false,
            probe: 0,
        };
        let probe = Arc::clone(subscriber.handler.probe.channel());
        let command = subscribe(&now);
        if subscriber.confirm(command, &[probe]).await? != [true] {
            return Err(format!("{master} refuses {command}"));
        }
        subscriber.catch_up_with_all().await?;
        Ok(subscriber)
    }

    /// Keeps the subscriptions up to date until the connection can't be relied on. Returns why.
    pub(super) async fn go_on(&mut self, backoff: &mut Backoff) -> String {
        match self.keep_up(backoff).await {
            Ok(never) => match never {},
            Err(problem) => problem,
        }
    }

    async fn keep_up(&mut self, backoff: &mut Backoff) -> Result<Infallible, String> {
        let mut tick = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.handler.broken.notified() => {
                    return Err("the connection was closed, or a subscription was".to_owned());
                }
                Ok(()) = self.changes.changed() => self.catch_up().await?,
                Ok(()) = self.map.changed() => self.catch_up_with_all().await?,
                _ = tick.tick() => {
                    self.examine().await?;
                    backoff.reset();
                    if self.behind {
                        self.catch_up_with_all().await?;
                    }
                }
            }
        }
    }

    /// Updates the subscriptions, looking at what changed.
    async fn catch_up(&mut self) -> Result<(), String> {
        let (now, changed) = self.shared.topics.changed_since(self.seen);
        let Some(changed) = changed else {
            return self.catch_up_with_all().await;
        };
        self.seen = now;
        let map = Arc::clone(&self.map.borrow());
        let (mut come, mut gone) = (HashSet::new(), HashSet::new());
        for channel in changed {
            match self.step(&channel, self.is_ours(&map, &channel)) {
                Some(Step::Subscribe) => come.insert(channel),
                Some(Step::LetGo) => gone.insert(channel),
                None => false,
            };
        }
        self.change(&map, come, gone).await
    }

    /// Updates the subscriptions, looking at everything.
    async fn catch_up_with_all(&mut self) -> Result<(), String> {
        let map = Arc::clone(&self.map.borrow_and_update());
        let (now, _) = self.shared.topics.changed_since(0);
        self.seen = now;
        self.behind = false;
        let wanted: HashSet<Channel> = self
            .shared
            .topics
            .wanted()
            .into_iter()
            .filter(|channel| self.holds(&map, channel))
            .collect();
        let gone = self.subscribed.difference(&wanted).cloned().collect();
        let come = wanted
            .into_iter()
            .filter(|channel| self.step(channel, true) == Some(Step::Subscribe))
            .collect();
        self.change(&map, come, gone).await
    }

    fn step(&self, channel: &Channel, ours: bool) -> Option<Step> {
        let subscribed = self.subscribed.contains(channel);
        let active = self
            .shared
            .topics
            .is_active(channel, self.handler.connection_id);
        Step::to(ours, subscribed, active)
    }

    fn is_ours(&self, map: &Map, channel: &Channel) -> bool {
        self.holds(map, channel) && self.shared.topics.is_wanted(channel)
    }

    fn holds(&self, map: &Map, channel: &Channel) -> bool {
        map.master_of(slot_of(channel.as_bytes())) == Some(self.master)
    }

    async fn change(
        &mut self,
        map: &Map,
        come: HashSet<Channel>,
        gone: HashSet<Channel>,
    ) -> Result<(), String> {
        let gone: Vec<Channel> = gone.into_iter().collect();
        for batch in gone.chunks(BATCH) {
            for channel in batch {
                self.subscribed.remove(channel);
                // Another master may hold the channel from now on; until it confirms, nothing is heard on it.
                self.shared
                    .topics
                    .deactivated(channel, self.handler.connection_id);
            }
            // A refusal means that the slot went elsewhere, and its subscriptions went with it.
            self.confirm(unsubscribe(map), batch).await?;
        }
        let come: Vec<Channel> = come.into_iter().collect();
        for batch in come.chunks(BATCH) {
            // Added before they are confirmed: if the connection ends meanwhile, some may have been.
            self.subscribed.extend(batch.iter().cloned());
            let confirmed = self.confirm(subscribe(map), batch).await?;
            for (channel, confirmed) in batch.iter().zip(confirmed) {
                if !confirmed {
                    self.subscribed.remove(channel);
                    self.behind = true;
                    self.shared.nodes.topology().hint();
                }
            }
        }
        Ok(())
    }

    /// Sends a command for each of the channels in one write. Returns which of them were not refused.
    async fn confirm(&mut self, command: &str, channels: &[Channel]) -> Result<Vec<bool>, String> {
        let mut commands = redis::pipe();
        for channel in channels {
            commands.cmd(command).arg(&**channel);
        }
        let answers = self
            .connection
            .send_packed_commands(&commands, 0, channels.len());
        match timeout(CONFIRM_WITHIN, answers).await {
            Ok(Ok(answers)) => Ok(answers
                .iter()
                .map(|answer| !matches!(answer, Value::ServerError(_)))
                .collect()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("subscriptions are not confirmed".to_owned()),
        }
    }

    /// Checks that the server answers, and that what is published is heard.
    async fn examine(&mut self) -> Result<(), String> {
        // The last probe may still be on its way.
        if self.handler.heard.load(Ordering::Acquire) + 1 < self.probe {
            return Err("what is published is not heard".to_owned());
        }
        let published = self.publish_probe();
        let ping = redis::cmd("PING");
        let alive = timeout(PONG_WITHIN, ask(&mut self.connection, &ping));
        let (published, alive) = futures::join!(published, alive);
        match alive {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("it does not answer".to_owned()),
        }
        match published {
            // The server knows no subscriber.
            Some(0) => Err("the subscriptions are gone".to_owned()),
            Some(_) => {
                self.probe += 1;
                Ok(())
            }
            // Whether publishing works is not checked here.
            None => Ok(()),
        }
    }

    /// Publishes the next probe on another connection. Returns how many subscribers got it, if known.
    fn publish_probe(&self) -> BoxFuture<'static, Option<i64>> {
        let connection = self.shared.nodes.connection(self.master);
        let key = self.shared.keyring.keys().first();
        let probe = &self.handler.probe;
        let sealed = key.and_then(|key| probe.seal(key, self.probe + 1));
        let (Some(mut connection), Some(sealed)) = (connection, sealed) else {
            return futures::future::ready(None).boxed();
        };
        let mut command = redis::cmd(publish(&self.map.borrow()));
        command.arg(&**probe.channel()).arg(sealed);
        async move {
            let answer = timeout(PONG_WITHIN, ask(&mut connection, &command)).await;
            match answer.ok()?.ok()? {
                Value::Int(told) => Some(told),
                _ => None,
            }
        }
        .boxed()
    }
}

impl Drop for Subscriber<'_> {
    fn drop(&mut self) {
        // What still arrives must not mark a channel as active.
        *self
            .handler
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = false;
        for channel in &self.subscribed {
            self.shared
                .topics
                .deactivated(channel, self.handler.connection_id);
        }
    }
}

impl PushHandler {
    /// Handles a push message. Called by the task that reads the connection, so whatever follows waits.
    fn handle(&self, push: PushInfo) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !*open {
            return;
        }
        let text = |at: usize| match push.data.get(at) {
            Some(Value::BulkString(bytes)) => bytes.as_slice(),
            _ => &[],
        };
        let Ok(channel) = std::str::from_utf8(text(0)) else {
            return;
        };
        let topics = &self.shared.topics;
        match push.kind {
            PushKind::Message | PushKind::SMessage if channel == &**self.probe.channel() => {
                let keys = self.shared.keyring.keys();
                match keys.first().and_then(|key| self.probe.open(key, text(1))) {
                    Some(number) => {
                        self.heard.fetch_max(number, Ordering::AcqRel);
                    }
                    None => topics.did_not_open(),
                }
            }
            PushKind::Message | PushKind::SMessage => topics.heard(channel, text(1)),
            PushKind::Subscribe | PushKind::SSubscribe => {
                topics.activated(channel, self.connection_id)
            }
            // A cluster ends subscriptions when it gives their slot to another master.
            PushKind::Unsubscribe | PushKind::SUnsubscribe
                if topics.is_active(channel, self.connection_id)
                    || channel == &**self.probe.channel() =>
            {
                self.broken.notify_one();
            }
            PushKind::Disconnection => self.broken.notify_one(),
            _ => {}
        }
    }
}

fn subscribe(map: &Map) -> &'static str {
    if map.sharded {
        "SSUBSCRIBE"
    } else {
        "SUBSCRIBE"
    }
}

fn unsubscribe(map: &Map) -> &'static str {
    if map.sharded {
        "SUNSUBSCRIBE"
    } else {
        "UNSUBSCRIBE"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_subscribed_and_nothing_else_is() {
        assert_eq!(Step::to(true, false, false), Some(Step::Subscribe));
        assert_eq!(Step::to(false, true, true), Some(Step::LetGo));
        assert_eq!(Step::to(true, true, true), None);
        assert_eq!(Step::to(false, false, false), None);
    }

    /// A slot went to another master and came back before we looked: Redis has ended the subscription.
    #[test]
    fn a_subscription_that_another_one_stood_in_for_is_not_relied_on() {
        assert_eq!(Step::to(true, true, false), Some(Step::Subscribe));
    }
}
