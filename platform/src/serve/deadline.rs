//! Answers a call whose deadline has passed, as gRPC defines it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use tokio::time::{Instant, Sleep};
use tonic::{Code, body::Body};
use tower::{Layer, Service};

use crate::refusal::Refusal;

/// How much earlier than the deadline we answer, so that our answer comes before tonic's.
const HEAD_START: Duration = Duration::from_millis(3);

/// Ends a call with DEADLINE_EXCEEDED when its `grpc-timeout` has passed and no response has begun.
///
/// tonic by itself answers CANCELLED, which tells a caller that the caller cancelled the call. A stream that has begun
/// is not ended: it lives as long as its token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines;

impl<S> Layer<S> for Deadlines {
    type Service = Deadlined<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadlined { inner }
    }
}

/// A service wrapped by [`Deadlines`].
#[derive(Clone, Debug)]
pub(crate) struct Deadlined<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Deadlined<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let timeout = grpc_timeout(request.headers());
        let answer = self.inner.call(request);
        match timeout {
            None => Box::pin(answer),
            Some(timeout) => Box::pin(InTime {
                answer: Box::pin(answer),
                deadline: Box::pin(tokio::time::sleep(timeout.saturating_sub(HEAD_START))),
            }),
        }
    }
}

/// The answer, or DEADLINE_EXCEEDED at the deadline if there is none.
///
/// tonic's own timer wraps this one, and each of its polls polls this future first. So the clock is read at each poll
/// and compared with a deadline counted from the call: the runtime might fire our timer later than tonic's.
struct InTime<F> {
    answer: Pin<Box<F>>,
    deadline: Pin<Box<Sleep>>,
}

impl<F, E> Future for InTime<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = self.answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        if Instant::now() >= self.deadline.deadline() || self.deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Ok(tonic::Status::from(exceeded()).into_http()));
        }
        Poll::Pending
    }
}

fn exceeded() -> Refusal {
    Refusal::new(
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
        "The call was not answered within its deadline. Send the same command again.",
    )
}

/// Parses up to eight digits and a unit, as the gRPC specification defines it; anything else is no deadline.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_units_of_the_specification() {
        for (text, expected) in [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("7n", Some(Duration::from_nanos(7))),
            ("", None),
            ("S", None),
            ("-1S", None),
            ("1", None),
            ("1 S", None),
            ("123456789S", None),
            ("1ä", None),
        ] {
            let mut headers = HeaderMap::new();
            if let Ok(value) = http::HeaderValue::from_bytes(text.as_bytes()) {
                headers.insert("grpc-timeout", value);
            }
            assert_eq!(grpc_timeout(&headers), expected, "{text:?}");
        }
    }
}
