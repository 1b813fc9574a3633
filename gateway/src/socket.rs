//! One browser's socket, from its Hello to its close, over any `Stream` and `Sink` of websocket messages.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{Error, extract::ws::Message};
use carrel_platform::{
    clock::Clock,
    moments::Moments,
    telemetry::{
        LazySpan, attribute,
        metric::{SOCKET_CLOSES, SOCKETS},
    },
};
use carrel_proto::gateway::v1::{Hello, client_frame, server_frame};
use futures::{Sink, Stream, StreamExt};
use tokio::{
    select,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::Code;

use crate::{
    close::Close,
    config::SocketConfig,
    delivery::User,
    frame::{BadFrame, SubProtocol, kind_of, span_name},
    frame_time::FrameTime,
    greeting::greet,
    limits::{Bucket, Counted, Counter},
    outbox::{Closing, Outbox, outbox},
    upstream::{Caller, Upstream},
    viewer::Viewer,
};

/// How late the expiry of a token may be noticed. Timers sometimes fire a little early, and must not be set again and
/// again then.
const SHORTEST_LOOK: Duration = Duration::from_millis(1);
/// How late a change of the clock may be noticed.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// What all sockets of a gateway share.
#[derive(Debug)]
pub(crate) struct SocketContext {
    pub(crate) config: SocketConfig,
    pub(crate) upstream: Upstream,
    pub(crate) clock: Clock,
    /// When sockets are pinged and checked, many of them together.
    pub(crate) moments: Moments,
    /// How many sockets each person has open.
    pub(crate) people: Counter,
    /// Cancelled when the gateway stops.
    pub(crate) shutdown: CancellationToken,
    /// How long acts under way may still take after that.
    pub(crate) act_patience: Duration,
}

/// Serves one browser until its socket is closed. Must be called in a runtime, where it starts the writer task.
///
/// Everything that the socket started has ended when the returned future completes. There are thousands of these
/// futures, most of them at rest, so no value takes up space in them twice, and one-time work takes up space only while
/// it runs.
pub(crate) fn serve<S>(
    context: Arc<SocketContext>,
    socket: S,
    protocol: SubProtocol,
    address: IpAddr,
) -> impl Future<Output = ()> + Send
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + 'static,
{
    let (mut sink, stream) = socket.split();
    let closing = Closing::default();
    let (outbox, mut writer) = outbox(protocol, &context.config, context.moments, closing.clone());
    // The task owns the writing half of the connection, and must not keep it when this future is dropped.
    let mut writer = AbortOnDropHandle::new(tokio::spawn(async move {
        writer.run(&mut sink).await;
    }));
    let mut browser = Browser {
        protocol,
        stream,
        heard: Instant::now(),
        bucket: Bucket::new(
            context.config.frames_per_second,
            context.config.frames_burst,
        ),
        outbox,
        closing: closing.clone(),
    };
    async move {
        let close = browser.serve(&context, address).await;
        closing.decide(close);
        let close = closing.reason().unwrap_or(close);
        SOCKET_CLOSES.add(1, [close.code().into()]);
        // The writer bounds its own end; after that the browser has as long again to answer the close.
        let patience = context.config.close_timeout.get();
        let _ = timeout(patience * 2, &mut writer).await;
        writer.abort();
        match closing.reason() {
            Some(Close::GoingAway) => {}
            // The rest of an oversized message can't be read, only waited out.
            Some(Close::TooLarge) => sleep(patience).await,
            _ => browser.see_off(patience).await,
        }
    }
}

/// Starts the close counter of each reason at zero: a rate does not see the first value of a series.
pub(crate) fn show_closes() {
    for close in Close::ALL {
        SOCKET_CLOSES.add(0, [close.code().into()]);
    }
}

/// Counts an open socket whose user is known, for as long as it lives.
struct OpenSocket(&'static str);

impl OpenSocket {
    fn of(user: &User) -> Self {
        let kind = user.audience();
        SOCKETS.add(1, [kind.into()]);
        Self(kind)
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        SOCKETS.add(-1, [self.0.into()]);
    }
}

/// The reading side of one browser's socket.
struct Browser<S> {
    protocol: SubProtocol,
    stream: S,
    heard: Instant,
    bucket: Bucket,
    outbox: Outbox,
    closing: Closing,
}

/// A user who was welcomed, and is counted until the visit is dropped.
struct Visit {
    viewer: Viewer,
    _counted: Counted,
    _open: OpenSocket,
}

/// What came from a browser.
enum Received {
    /// A valid frame, and the trace that the browser says it belongs to.
    Frame(client_frame::Frame, String),
    /// A message that was answered already, or needs no answer.
    Nothing,
}

impl<S> Browser<S>
where
    S: Stream<Item = Result<Message, Error>> + Unpin,
{
    /// Greets the browser's user and carries out their frames. Returns why the socket is to be closed.
    async fn serve(&mut self, context: &SocketContext, address: IpAddr) -> Close {
        let mut visit = match Box::pin(self.welcome(context, address)).await {
            Ok(visit) => visit,
            Err(close) => return close,
        };
        let close = self.attend_to(context, &mut visit.viewer).await;
        Box::pin(visit.viewer.leave()).await;
        close
    }

    /// Waits for the Hello, and answers it. `Err`: why the socket is to be closed.
    async fn welcome(&mut self, context: &SocketContext, address: IpAddr) -> Result<Visit, Close> {
        let closing = self.closing.clone();
        let hello = select! {
            biased;
            close = closing.decided() => return Err(close),
            () = context.shutdown.cancelled() => return Err(Close::restart()),
            hello = timeout(context.config.hello_timeout.get(), self.hello()) => hello,
        };
        let (hello, trace_parent) = hello.unwrap_or(Err(Close::HelloLate))?;
        let time = FrameTime::of("hello");
        let mut span = frame_span("ws hello", trace_parent);
        let greeting = Box::pin(greet(
            &context.upstream,
            Caller::anonymous(address),
            hello.access_token,
            context.config.silence_limit.get(),
        ));
        let greeted = select! {
            biased;
            close = closing.decided() => Err(close),
            () = context.shutdown.cancelled() => Err(Close::restart()),
            greeted = span.scope().around(greeting) => greeted,
        };
        let greeted = match greeted {
            Ok(greeted) => greeted,
            Err(close) => {
                time.failed(match close {
                    Close::BadToken => Code::Unauthenticated,
                    _ => Code::Unavailable,
                });
                span.record(attribute::CLOSE_CODE, i64::from(close.code()));
                return Err(close);
            }
        };
        let Some(counted) = context.people.enter(greeted.claims.subject.clone()) else {
            time.failed(Code::ResourceExhausted);
            return Err(Close::TooMany);
        };
        let open = OpenSocket::of(&greeted.user);
        time.done();
        let welcome = server_frame::Frame::Welcome(greeted.welcome.clone());
        self.outbox.push_within(welcome, span);
        let viewer = Viewer::new(
            context.upstream.clone(),
            self.outbox.clone(),
            greeted,
            &context.config,
            context.clock.clone(),
        );
        Ok(Visit {
            viewer,
            _counted: counted,
            _open: open,
        })
    }

    /// Waits for the first frame, which must be a Hello.
    async fn hello(&mut self) -> Result<(Hello, String), Close> {
        loop {
            let message = self.receive().await?;
            if !self.bucket.take() {
                return Err(Close::TooMany);
            }
            if matches!(message, Message::Ping(_) | Message::Pong(_)) {
                continue;
            }
            return match self.protocol.decode(&message) {
                Ok((client_frame::Frame::Hello(hello), trace_parent)) => Ok((hello, trace_parent)),
                Ok(_) | Err(_) => Err(Close::BadFrame),
            };
        }
    }

    /// Carries out the user's frames until something ends the socket.
    async fn attend_to(&mut self, context: &SocketContext, viewer: &mut Viewer) -> Close {
        let closing = self.closing.clone();
        // Created once, since creating them takes a lock that all sockets share.
        let (decided, shutdown) = (closing.decided(), context.shutdown.cancelled());
        tokio::pin!(decided, shutdown);
        let mut look = Box::pin(sleep_until(self.may_end_at(context, viewer)));
        loop {
            select! {
                biased;
                close = &mut decided => return close,
                () = &mut shutdown => {
                    viewer.quiet(context.act_patience).await;
                    return Close::restart();
                }
                () = &mut look => {
                    if viewer.expires_at_ms() <= context.clock.unix_ms() {
                        return Close::BadToken;
                    }
                    if self.heard.elapsed() >= context.config.silence_limit.get() {
                        return Close::GoingAway;
                    }
                    look.as_mut().reset(self.may_end_at(context, viewer));
                }
                outcome = viewer.renewal() => {
                    Box::pin(viewer.renewed(outcome)).await;
                    look.as_mut().reset(self.may_end_at(context, viewer));
                }
                message = self.receive() => {
                    let received = match message {
                        Ok(message) => {
                            viewer.heard();
                            self.understand(&message)
                        }
                        Err(close) => return close,
                    };
                    match received {
                        Ok(Received::Frame(frame, trace_parent)) => {
                            let name = span_name(&frame);
                            let time = FrameTime::of(kind_of(name));
                            let span = frame_span(name, trace_parent);
                            let scope = span.scope();
                            let waits = scope.run(|| viewer.carry_out(frame, span, time));
                            if let Some(work) = waits {
                                scope.around(work).await;
                            }
                        }
                        Ok(Received::Nothing) => {}
                        Err(close) => return close,
                    }
                }
            }
        }
    }

    /// Returns when to check next whether the socket must end: when its token expires, unless it is renewed, or when
    /// the browser was silent for too long, unless it is heard. A socket at rest is not woken earlier.
    fn may_end_at(&self, context: &SocketContext, viewer: &Viewer) -> Instant {
        let left_ms = viewer
            .expires_at_ms()
            .saturating_sub(context.clock.unix_ms());
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        let silence_limit = context.config.silence_limit.get();
        let silent_in = silence_limit.saturating_sub(self.heard.elapsed());
        let pause = left.min(silent_in).clamp(SHORTEST_LOOK, LONGEST_LOOK);
        context.moments.beyond(Instant::now(), pause)
    }

    /// The next message, or why there is none.
    async fn receive(&mut self) -> Result<Message, Close> {
        match self.stream.next().await {
            Some(Ok(Message::Close(_))) | None => Err(Close::GoingAway),
            Some(Ok(message)) => {
                self.heard = Instant::now();
                Ok(message)
            }
            Some(Err(error)) => Err(fault(error)),
        }
    }

    fn understand(&self, message: &Message) -> Result<Received, Close> {
        if !self.bucket.take() {
            return Err(Close::TooMany);
        }
        if matches!(message, Message::Ping(_) | Message::Pong(_)) {
            return Ok(Received::Nothing);
        }
        match self.protocol.decode(message) {
            Ok((frame, trace_parent)) => Ok(Received::Frame(frame, trace_parent)),
            Err(BadFrame::Answerable(refused)) => {
                FrameTime::of_unknown().failed(Code::InvalidArgument);
                self.outbox.push(server_frame::Frame::Refused(*refused));
                Ok(Received::Nothing)
            }
            Err(BadFrame::Fatal) => Err(Close::BadFrame),
        }
    }

    /// Waits for the browser's answer to the close. A connection dropped with data still unread is reset, and the
    /// browser could lose its last frames.
    async fn see_off(&mut self, patience: Duration) {
        let drained = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(patience, drained).await;
    }
}

/// Begins the span of one frame: the root of its own trace, linked to the trace that the browser names.
fn frame_span(name: &'static str, trace_parent: String) -> LazySpan {
    let mut span = LazySpan::begin(name);
    span.record(attribute::FRAME, kind_of(name));
    span.link_to_untrusted(trace_parent);
    span
}

/// Returns the close for a failure to read.
fn fault(error: Error) -> Close {
    let error = error.into_inner();
    match error.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => Close::TooLarge,
        Some(tungstenite::Error::Utf8(_)) => Close::NotUtf8,
        Some(tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        )) => Close::GoingAway,
        Some(tungstenite::Error::Protocol(_)) => Close::Protocol,
        _ => Close::GoingAway,
    }
}
