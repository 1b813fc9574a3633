//! Group commit, as far as engines share it: the queue for the writer, and how much one commit takes.

#[cfg(test)]
pub(super) mod tests;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tracing::{Span, field};

use super::{Batch, LogError, StreamName, figures::GroupFigures};
use crate::telemetry::{
    LazySpan, Scope, SpanKind, TraceIds, attribute,
    metric::{LOG_APPEND_DURATION, LOG_COMMIT_APPENDS, LOG_COMMIT_DURATION},
    span, trace_context,
};

/// The most requests that one commit takes.
const GROUP_REQUESTS: usize = 1024;

/// The bytes of payload at which a commit is full. It takes at least one batch.
const GROUP_BYTES: usize = 16 << 20;

/// The largest event, in bytes. Far above any event of Carrel; it keeps one batch from harming the others.
const EVENT_BYTES: usize = 16 << 20;

/// What a writer is asked to do.
pub(super) enum Work {
    Append(Batch),
    /// Erases the events of a stream up to a version.
    Erase {
        stream: StreamName,
        up_to: u64,
    },
}

/// A piece of work on its way to a writer.
pub(super) struct Request {
    pub(super) work: Work,
    /// The trace that it is part of.
    pub(super) trace: Option<TraceIds>,
    pub(super) reply: oneshot::Sender<Result<(), LogError>>,
}

/// The queue of work for the writers. When it is dropped, the writers finish what is in it and end.
pub(super) struct Queue {
    requests: mpsc::Sender<Request>,
    patience: Duration,
}

impl Queue {
    /// Makes a queue with so many places. A caller waits for a place for `patience`.
    pub(super) fn new(places: usize, patience: Duration) -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(places.max(1));
        (Self { requests, patience }, receiver)
    }

    /// Returns how many requests wait right now.
    pub(super) fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Hands work over and waits for its outcome.
    pub(super) async fn ask(&self, work: Work) -> Result<(), LogError> {
        let place = match tokio::time::timeout(self.patience, self.requests.reserve()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(broken()),
            Err(_) => {
                return Err(LogError::Unavailable(format!(
                    "too much to write: no place in the queue within {:?}",
                    self.patience
                )));
            }
        };
        let (reply, answer) = oneshot::channel();
        place.send(Request {
            work,
            trace: TraceIds::current(),
            reply,
        });
        match answer.await {
            Ok(result) => result,
            // A writer answers every request that it takes, unless it panics.
            Err(_) => Err(LogError::Unknown("the writer stopped".to_owned())),
        }
    }
}

/// Collects waiting requests, as many as one commit should take. Requests whose senders are gone are left out.
pub(super) fn gather(
    first: Request,
    requests: &mut mpsc::Receiver<Request>,
    group: &mut Vec<Request>,
) {
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(request) = next.take() {
        if !request.reply.is_closed() {
            bytes += request.work.payload_bytes();
            group.push(request);
        }
        if group.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
            next = requests.try_recv().ok();
        }
    }
}

pub(super) fn answer(answers: impl IntoIterator<Item = (Request, Result<(), LogError>)>) {
    for (request, result) in answers {
        // A sender that stopped waiting has chosen not to know.
        drop(request.reply.send(result));
    }
}

/// Returns the error of an engine that has broken.
pub(super) fn broken() -> LogError {
    LogError::Unavailable("its engine broke; the process must be started again".to_owned())
}

/// Checks that a batch keeps the rules, before it joins others.
pub(super) fn validate(batch: &Batch) -> Result<(), LogError> {
    for (index, write) in batch.writes.iter().enumerate() {
        // Mostly there are two or three, which are faster to compare than to hash.
        let mut before = batch.writes.iter().take(index);
        if before.any(|other| other.stream == write.stream) {
            return Err(LogError::Invalid(format!(
                "it names {} twice; put all events of a stream into one write",
                write.stream
            )));
        }
        if let Some(event) = write.events.iter().find(|e| e.payload.len() > EVENT_BYTES) {
            return Err(LogError::Invalid(format!(
                "an event of {} has {} bytes; {EVENT_BYTES} is the most",
                write.stream,
                event.payload.len()
            )));
        }
    }
    Ok(())
}

pub(super) fn event_count(batch: &Batch) -> usize {
    batch.writes.iter().map(|write| write.events.len()).sum()
}

/// Counts what came of a group whose requests had these results.
pub(super) fn count(group: &[Request], results: &[Result<(), LogError>]) -> GroupFigures {
    let mut figures = GroupFigures::default();
    for (request, result) in group.iter().zip(results) {
        match (&request.work, result) {
            (Work::Append(batch), Ok(())) => {
                figures.batches += 1;
                figures.events += event_count(batch) as u64;
            }
            (Work::Append(_), Err(LogError::Conflict { .. })) => figures.conflicts += 1,
            (Work::Append(_), Err(_)) | (Work::Erase { .. }, _) => {}
        }
    }
    figures
}

/// Runs an append of so many events to so many streams within a span that records a failure, and measures how long it
/// takes. There is no span if the caller is not part of a trace that is kept.
pub(super) async fn measured_append(
    system: &'static str,
    waiting: usize,
    (streams, events): (usize, usize),
    append: impl Future<Output = Result<(), LogError>>,
) -> Result<(), LogError> {
    let began = Instant::now();
    let mut span = LazySpan::step(TraceIds::current(), SpanKind::Client, span::LOG_APPEND);
    span.record(attribute::DB_SYSTEM_NAME, system);
    span.record(attribute::DB_OPERATION_NAME, "append");
    span.record(attribute::LOG_STREAMS, whole(streams));
    span.record(attribute::EVENTS, whole(events));
    span.record(attribute::LOG_QUEUE_DEPTH, whole(waiting));
    let result = span.scope().around(append).await;
    let outcome = match &result {
        Ok(()) => "committed",
        Err(error) => {
            span.record(attribute::ERROR_TYPE, error_type(error));
            match error {
                LogError::Conflict { .. } => "conflict",
                _ => "failed",
            }
        }
    };
    LOG_APPEND_DURATION.record(
        began.elapsed().as_secs_f64(),
        [system.into(), outcome.into()],
    );
    result
}

/// Runs an erasure within a span that records a failure. There is no span if the caller is part of a trace that is not
/// kept.
pub(super) async fn traced_erasure(
    system: &'static str,
    waiting: usize,
    erasure: impl Future<Output = Result<(), LogError>>,
) -> Result<(), LogError> {
    let span = match trace_context::is_unsampled() {
        true => Span::none(),
        false => trace_context::below_current(tracing::info_span!(
            span::LOG_ERASE,
            otel.kind = "client",
            { attribute::DB_SYSTEM_NAME } = system,
            { attribute::DB_OPERATION_NAME } = "erase",
            { attribute::LOG_QUEUE_DEPTH } = waiting,
            { attribute::ERROR_TYPE } = field::Empty,
        )),
    };
    let result = Scope::within(&span).around(erasure).await;
    if let Err(error) = &result {
        span.record(attribute::ERROR_TYPE, error_type(error));
    }
    result
}

/// Records the duration and size of a commit that wrote something.
pub(super) fn measure_commit(system: &'static str, figures: GroupFigures, took: Duration) {
    LOG_COMMIT_DURATION.record(took.as_secs_f64(), [system.into()]);
    LOG_COMMIT_APPENDS.record(figures.batches as f64, [system.into()]);
}

/// Returns the span of a group's commit, linked with the spans of all requests in it; none if none of them is part of a
/// trace that is kept.
pub(super) fn commit_span(system: &'static str, group: &[Request]) -> LazySpan {
    let carried = group.iter().filter_map(|request| request.trace);
    let mut span = LazySpan::shared(carried, SpanKind::Client, span::LOG_COMMIT);
    span.record(attribute::DB_SYSTEM_NAME, system);
    span.record(attribute::DB_OPERATION_NAME, "commit");
    span.record(attribute::DB_OPERATION_BATCH_SIZE, whole(group.len()));
    span
}

/// Records on the span of a commit what came of it.
pub(super) fn record_commit(
    span: &mut LazySpan,
    figures: GroupFigures,
    statements: Duration,
    sync: Duration,
) {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    span.record(attribute::EVENTS, count(figures.events));
    span.record(attribute::LOG_CONFLICTS, count(figures.conflicts));
    span.record(attribute::LOG_WRITE_US, micros(statements));
    span.record(attribute::LOG_SYNC_US, micros(sync));
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn error_type(error: &LogError) -> &'static str {
    match error {
        LogError::Conflict { .. } => "conflict",
        LogError::Unavailable(_) => "unavailable",
        LogError::Invalid(_) => "invalid",
        LogError::Unknown(_) => "unknown",
        LogError::Damaged(_) => "damaged",
    }
}

impl Work {
    fn payload_bytes(&self) -> usize {
        match self {
            Self::Append(batch) => {
                let events = batch.writes.iter().flat_map(|write| &write.events);
                events.map(|event| event.payload.len()).sum()
            }
            Self::Erase { .. } => 0,
        }
    }
}
