//! The frames that wait for one browser, and the one task that writes them.
//!
//! [`Outbox::push`] never waits: the tasks that read the services' streams must keep reading whatever the browser does,
//! because an unread stream uses up the connection that all viewers share. A browser that does not keep up overflows
//! its own queue. Its socket is closed with [`Close::TooSlow`], and it resumes from its position.
//!
//! Snapshots are the exception, since a browser that reconnects is sent the same snapshot again. A snapshot may be
//! longer than the queue, and is queued piece by piece as [`Outbox::room`] allows. Changes that come meanwhile wait in
//! the connection to the service as far as its windows go, and beyond that in the service, within the service's bounds.

use std::{
    error::Error,
    future::{pending, poll_fn},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::Message;
use bytes::Bytes;
use carrel_platform::{
    moments::Moments,
    queue::{self, queue},
    telemetry::LazySpan,
};
use carrel_proto::gateway::v1::{Head, server_frame};
use futures::{FutureExt, Sink, SinkExt};
use tokio::{
    select,
    sync::Notify,
    time::{Instant, Interval, MissedTickBehavior, interval_at, timeout},
};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use crate::{
    close::Close,
    config::SocketConfig,
    delivery::Delivery,
    frame::{SubProtocol, Unwritable},
    heads::Heads,
};

/// How many frames are handed to the socket before it is flushed.
const BATCH: usize = 64;

/// The shortest ping interval, whatever the settings say.
const SHORTEST_PING_INTERVAL: Duration = Duration::from_millis(10);

/// Whether and why a socket is being closed. The first reason counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closing {
    reason: Arc<OnceLock<Close>>,
    decided: CancellationToken,
}

impl Closing {
    /// Closes the socket for this reason, unless its close was decided before.
    pub(crate) fn decide(&self, close: Close) {
        if self.reason.set(close).is_ok() {
            self.decided.cancel();
        }
    }

    /// Waits until the socket is to be closed, and returns the reason.
    pub(crate) async fn decided(&self) -> Close {
        self.decided.cancelled().await;
        self.reason.get().copied().unwrap_or(Close::Internal)
    }

    /// Returns the reason, if the close was decided.
    pub(crate) fn reason(&self) -> Option<Close> {
        self.reason.get().copied()
    }
}

/// One message, and what is known of its delivery.
#[derive(Debug)]
struct Outgoing {
    message: Message,
    size: usize,
    delivery: Delivery,
}

/// The bounded queue of frames for one browser. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    protocol: SubProtocol,
    queue: queue::Sender<Outgoing>,
    shared: Arc<Shared>,
    frame_limit: usize,
    byte_limit: usize,
    heads: Heads,
    closing: Closing,
}

/// State that both ends share.
#[derive(Debug)]
struct Shared {
    waiting_bytes: AtomicUsize,
    /// How many tasks wait for room. Usually none, and then the writer has nobody to notify.
    wanting_room: AtomicUsize,
    some_written: Notify,
    ping_interval: Mutex<Duration>,
    ping_interval_changed: Notify,
}

impl Shared {
    fn ping_interval(&self) -> MutexGuard<'_, Duration> {
        let interval = self.ping_interval.lock();
        interval.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other end of an [`Outbox`].
#[derive(Debug)]
pub(crate) struct Writer {
    protocol: SubProtocol,
    queue: queue::Receiver<Outgoing>,
    shared: Arc<Shared>,
    closing: Closing,
    heads: Heads,
    moments: Moments,
    /// Heads are repeated with a ping, at most once in this time.
    head_interval: Duration,
    heads_due_at: Instant,
    send_timeout: Duration,
    close_timeout: Duration,
}

/// Creates an empty queue and its writer.
pub(crate) fn outbox(
    protocol: SubProtocol,
    config: &SocketConfig,
    moments: Moments,
    closing: Closing,
) -> (Outbox, Writer) {
    let (sender, receiver) = queue(config.queue_frames.get());
    let shared = Arc::new(Shared {
        waiting_bytes: AtomicUsize::new(0),
        wanting_room: AtomicUsize::new(0),
        some_written: Notify::new(),
        ping_interval: Mutex::new(config.ping_interval.get()),
        ping_interval_changed: Notify::new(),
    });
    let heads = Heads::default();
    let outbox = Outbox {
        protocol,
        queue: sender,
        shared: Arc::clone(&shared),
        frame_limit: config.queue_frames.get(),
        byte_limit: config.queue_bytes.get(),
        heads: heads.clone(),
        closing: closing.clone(),
    };
    let writer = Writer {
        protocol,
        queue: receiver,
        shared,
        closing,
        heads,
        moments,
        head_interval: config.ping_interval.get(),
        heads_due_at: moments.within(Instant::now(), config.ping_interval.get()),
        send_timeout: config.send_timeout.get(),
        close_timeout: config.close_timeout.get(),
    };
    (outbox, writer)
}

impl Outbox {
    /// Queues a frame for the browser.
    ///
    /// Never waits. When the queue is full, the frame is dropped and the socket is closed.
    pub(crate) fn push(&self, frame: server_frame::Frame) {
        self.push_within(frame, LazySpan::default());
    }

    /// Like [`Outbox::push`], within a span that ends when the frame was written.
    pub(crate) fn push_within(&self, frame: server_frame::Frame, span: LazySpan) {
        self.queue(|protocol| protocol.encode(frame), Delivery::of(span));
    }

    /// Like [`Outbox::push`], for an event of this session that is already encoded. Measures the delivery when the
    /// frame was written.
    pub(crate) fn deliver_event(&self, session_id: &str, event: Bytes, delivery: Delivery) {
        let encode = |protocol: SubProtocol| protocol.encode_event(session_id, event);
        self.queue(encode, delivery);
    }

    /// Waits until half of the queue is free, or the socket is being closed. For data that the browser asked for and
    /// that may be longer than the queue; the other half is left for live changes.
    pub(crate) async fn room(&self) {
        if self.has_room() {
            return;
        }
        let _wanting = WantingRoom::among(&self.shared);
        loop {
            let written = self.shared.some_written.notified();
            tokio::pin!(written);
            // Enabled before the check, so that a write after the check is not missed.
            written.as_mut().enable();
            if self.has_room() {
                return;
            }
            select! {
                biased;
                _ = self.closing.decided() => return,
                () = written => {}
            }
        }
    }

    /// Returns whether half of the queue is free. Also true if the socket is being closed: nothing waits for room then.
    pub(crate) fn has_room(&self) -> bool {
        let bytes = self.shared.waiting_bytes.load(Ordering::SeqCst);
        let frames = self.frame_limit - self.queue.room();
        self.closing.reason().is_some()
            || (bytes <= self.byte_limit / 2 && frames <= self.frame_limit / 2)
    }

    fn queue(
        &self,
        encode: impl FnOnce(SubProtocol) -> Result<Message, Unwritable>,
        delivery: Delivery,
    ) {
        if self.closing.reason().is_some() {
            return;
        }
        let message = match encode(self.protocol) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "a frame could not be written");
                return self.closing.decide(Close::Internal);
            }
        };
        let size = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        let waiting_bytes = &self.shared.waiting_bytes;
        let waiting = waiting_bytes.fetch_add(size, Ordering::Relaxed) + size;
        let outgoing = Outgoing {
            message,
            size,
            delivery,
        };
        if waiting > self.byte_limit || self.queue.send(outgoing).is_err() {
            self.closing.decide(Close::TooSlow);
        }
    }

    /// Tells the browser the number of a session's last event, unless it was told that number last. From then on it is
    /// repeated with pings from time to time, until the session's head is forgotten.
    pub(crate) fn tell_head(&self, session_id: &str, number: u64) {
        if self.heads.was_told(session_id, number) {
            return;
        }
        let head = Head {
            session_id: session_id.to_owned(),
            number,
        };
        self.push(server_frame::Frame::Head(head.clone()));
        // After the frame was queued, and so after the events that it counts: see Writer::tell_heads_again.
        self.heads.told(head);
    }

    /// Stops telling the head of a session that is no longer attended.
    pub(crate) fn forget_head(&self, session_id: &str) {
        self.heads.forget(session_id);
    }

    /// Sets the interval of pings from now on.
    pub(crate) fn ping_every(&self, interval: Duration) {
        let before = mem::replace(&mut *self.shared.ping_interval(), interval);
        if before != interval {
            self.shared.ping_interval_changed.notify_one();
        }
    }
}

/// Counts a task that waits for room, for as long as it lives.
struct WantingRoom<'a>(&'a Shared);

impl<'a> WantingRoom<'a> {
    fn among(shared: &'a Shared) -> Self {
        shared.wanting_room.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for WantingRoom<'_> {
    fn drop(&mut self) {
        self.0.wanting_room.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Why the writer stopped before it was told to.
enum Stopped {
    /// The browser did not take anything in time.
    Stuck,
    /// The browser has gone.
    Lost,
    /// The socket's own buffer had no room for a frame that the queue had accepted.
    Unwritten,
}

impl Stopped {
    /// Classifies a failure to write.
    fn of<E>(error: E) -> Self
    where
        E: Error + 'static,
    {
        let cause = error.source().and_then(<dyn Error>::downcast_ref);
        match cause {
            // The browser is still there; if it were treated as gone, it would come back to the same frame for ever.
            Some(tungstenite::Error::WriteBufferFull(_)) => {
                tracing::error!("a frame was too long for the socket's own buffer");
                Self::Unwritten
            }
            _ => Self::Lost,
        }
    }
}

impl Writer {
    /// Writes queued frames and pings until the socket is to be closed, then closes it.
    ///
    /// Borrows both arguments: a value moved into a future takes up space in it twice.
    pub(crate) async fn run<S>(&mut self, sink: &mut S)
    where
        S: Sink<Message, Error: Error + 'static> + Unpin,
    {
        let shared = Arc::clone(&self.shared);
        let mut ping = self.pings();
        let closing = self.closing.clone();
        // Created once, since creating them takes locks.
        let (decided, changed) = (closing.decided(), shared.ping_interval_changed.notified());
        tokio::pin!(decided, changed);
        let close = loop {
            let written = select! {
                biased;
                close = &mut decided => break close,
                () = &mut changed => {
                    changed.set(shared.ping_interval_changed.notified());
                    ping = self.pings();
                    // Flushes what was being written when this came.
                    flush(sink, self.send_timeout).await
                }
                // Before queued frames, so that a browser that always has frames waiting is pinged as well.
                at = ping.tick() => self.ping(sink, at).await,
                written = self.write_some(sink) => written,
            };
            match written {
                Ok(()) => {}
                Err(Stopped::Stuck) => closing.decide(Close::TooSlow),
                Err(Stopped::Lost) => closing.decide(Close::GoingAway),
                Err(Stopped::Unwritten) => closing.decide(Close::Internal),
            }
        };
        let end = async {
            if close.sends_the_rest() {
                while let Some(outgoing) = self.queue.try_next() {
                    sink.feed(outgoing.message).await?;
                }
            }
            sink.send(close.message()).await
        };
        // Best effort: the browser may not read the reason any more.
        let _ = timeout(self.close_timeout, end).await;
    }

    /// Returns the ticks for pings: the first after one interval, aligned with the pings of other browsers.
    fn pings(&self) -> Interval {
        let interval = (*self.shared.ping_interval()).max(SHORTEST_PING_INTERVAL);
        let first = self.moments.within(Instant::now(), interval);
        let mut pings = interval_at(first, interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Skip);
        pings
    }

    /// Waits for a frame, then writes it and the frames that wait behind it.
    ///
    /// Cancel safe: a frame leaves the queue only when the sink takes it.
    async fn write_some<S>(&mut self, sink: &mut S) -> Result<(), Stopped>
    where
        S: Sink<Message, Error: Error + 'static> + Unpin,
    {
        let patience = self.send_timeout;
        room(sink, patience).await?;
        let Some(first) = self.queue.next().await else {
            return pending().await;
        };
        let mut deliveries = Vec::with_capacity(BATCH.min(1 + self.queue.len()));
        deliveries.push(self.hand_over(sink, first)?);
        while deliveries.len() < BATCH {
            room(sink, patience).await?;
            let Some(next) = self.queue.try_next() else {
                break;
            };
            deliveries.push(self.hand_over(sink, next)?);
        }
        flush(sink, patience).await?;
        deliveries.into_iter().for_each(Delivery::written);
        Ok(())
    }

    fn hand_over<S>(&self, sink: &mut S, outgoing: Outgoing) -> Result<Delivery, Stopped>
    where
        S: Sink<Message, Error: Error + 'static> + Unpin,
    {
        let shared = &self.shared;
        // Sequentially consistent with the check of a task that starts to wait for room: one of the two sees what the
        // other did.
        shared
            .waiting_bytes
            .fetch_sub(outgoing.size, Ordering::SeqCst);
        if shared.wanting_room.load(Ordering::SeqCst) > 0 {
            shared.some_written.notify_waiters();
        }
        sink.start_send_unpin(outgoing.message)
            .map_err(Stopped::of)?;
        Ok(outgoing.delivery)
    }

    /// Pings the browser and, when due, repeats the heads. Both are flushed together.
    async fn ping<S>(&mut self, sink: &mut S, at: Instant) -> Result<(), Stopped>
    where
        S: Sink<Message, Error: Error + 'static> + Unpin,
    {
        room(sink, self.send_timeout).await?;
        sink.start_send_unpin(Message::Ping(Bytes::new()))
            .map_err(Stopped::of)?;
        if at >= self.heads_due_at {
            self.heads_due_at = self.moments.within(at, self.head_interval);
            self.tell_heads_again(sink).await?;
        }
        flush(sink, self.send_timeout).await
    }

    /// Repeats the heads that were told before. They bypass the queue and must not overtake it: they are read first,
    /// and written only if the queue is empty after that. If it is not, the browser hears from the queued frames.
    async fn tell_heads_again<S>(&self, sink: &mut S) -> Result<(), Stopped>
    where
        S: Sink<Message, Error: Error + 'static> + Unpin,
    {
        let heads = self.heads.all();
        if !self.queue.is_empty() {
            return Ok(());
        }
        for head in heads {
            // A head that could be encoded once can be encoded again.
            let Ok(message) = self.protocol.encode(server_frame::Frame::Head(head)) else {
                continue;
            };
            room(sink, self.send_timeout).await?;
            sink.start_send_unpin(message).map_err(Stopped::of)?;
        }
        Ok(())
    }
}

/// Waits until the sink takes one more message.
async fn room<S>(sink: &mut S, patience: Duration) -> Result<(), Stopped>
where
    S: Sink<Message, Error: Error + 'static> + Unpin,
{
    // Usually there is room, and no timer is needed.
    let mut ready = poll_fn(|cx| sink.poll_ready_unpin(cx));
    if let Some(ready) = (&mut ready).now_or_never() {
        return ready.map_err(Stopped::of);
    }
    match timeout(patience, ready).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Stopped::of(error)),
        Err(_) => Err(Stopped::Stuck),
    }
}

/// Waits until the sink has written everything that it took.
async fn flush<S>(sink: &mut S, patience: Duration) -> Result<(), Stopped>
where
    S: Sink<Message, Error: Error + 'static> + Unpin,
{
    match timeout(patience, sink.flush()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Stopped::of(error)),
        Err(_) => Err(Stopped::Stuck),
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
