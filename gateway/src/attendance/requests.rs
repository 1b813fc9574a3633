//! The requests that wait for the service on one stream.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use carrel_platform::queue::{self, queue};
use carrel_proto::session::v1::AttendRequest;
use futures::{Stream, StreamExt as _};

/// Creates a queue in which at most `limit` requests wait, and one renewal beside them.
pub(super) fn requests(limit: usize) -> (Requests, ToService) {
    let (queue, waiting) = queue(limit);
    let renewal = Renewal::default();
    let requests = Requests {
        queue,
        renewal: renewal.clone(),
    };
    let to_service = ToService {
        waiting,
        renewal,
        begun: false,
    };
    (requests, to_service)
}

/// The end at which requests are put in. None of its methods waits.
#[derive(Debug)]
pub(super) struct Requests {
    /// Requests are boxed, because a queue keeps some room after it was used, and most participants say little. `None`
    /// means that there is a renewal.
    queue: queue::Sender<Option<Box<AttendRequest>>>,
    renewal: Renewal,
}

/// The end from which the service gets them, in order. A renewal comes before the rest, but not before the first
/// request, which is the Join.
pub(super) struct ToService {
    waiting: queue::Receiver<Option<Box<AttendRequest>>>,
    renewal: Renewal,
    /// Whether the service has taken the first request.
    begun: bool,
}

/// The newest renewal that the service has not taken. It has a slot of its own, since it must not be lost when the
/// queue is full: the stream would end with the old token.
#[derive(Clone, Debug, Default)]
struct Renewal(Arc<Mutex<Option<Box<AttendRequest>>>>);

impl Requests {
    /// Queues a request.
    ///
    /// # Errors
    /// If there is no room for it, or nobody to take it.
    pub(super) fn send(&self, request: Box<AttendRequest>) -> Result<(), ()> {
        self.queue.send(Some(request)).map_err(|_| ())
    }

    /// Puts a renewal in, in place of one that still waits: there is always room.
    pub(super) fn renew(&self, renewal: Box<AttendRequest>) {
        let waits_already = self.renewal.lock().replace(renewal).is_some();
        // Wakes the service. If there is no room for that, other requests wait, and each time one is taken the renewal
        // is looked for.
        if !waits_already {
            let _ = self.queue.send(None);
        }
    }
}

impl Stream for ToService {
    type Item = AttendRequest;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AttendRequest>> {
        loop {
            if self.begun
                && let Some(renewal) = self.renewal.lock().take()
            {
                return Poll::Ready(Some(*renewal));
            }
            match self.waiting.poll_next_unpin(cx) {
                Poll::Ready(Some(Some(request))) => {
                    self.begun = true;
                    return Poll::Ready(Some(*request));
                }
                Poll::Ready(Some(None)) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Renewal {
    fn lock(&self) -> MutexGuard<'_, Option<Box<AttendRequest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use carrel_proto::session::v1::{Join, Renew, Typing, attend_request::Request};
    use futures::FutureExt as _;

    use super::*;

    fn request(request: Request) -> Box<AttendRequest> {
        Box::new(AttendRequest {
            request: Some(request),
            trace_parent: String::new(),
        })
    }

    fn join() -> Box<AttendRequest> {
        request(Request::Join(Join::default()))
    }

    fn typing() -> Box<AttendRequest> {
        request(Request::Typing(Typing::default()))
    }

    fn renewal(token: &str) -> Box<AttendRequest> {
        request(Request::Renew(Renew {
            access_token: token.to_owned(),
        }))
    }

    /// What the service can take now.
    fn taken(to_service: &mut ToService) -> Vec<AttendRequest> {
        std::iter::from_fn(|| to_service.next().now_or_never().flatten()).collect()
    }

    #[test]
    fn a_renewal_finds_a_place_where_nothing_else_does() {
        let (requests, mut to_service) = requests(2);
        assert_eq!(requests.send(join()), Ok(()));
        assert_eq!(requests.send(typing()), Ok(()));
        assert_eq!(requests.send(typing()), Err(()));
        requests.renew(renewal("older"));
        requests.renew(renewal("newest"));
        let before_the_rest = [*join(), *renewal("newest"), *typing()];
        assert_eq!(taken(&mut to_service), before_the_rest);
        requests.renew(renewal("next"));
        assert_eq!(taken(&mut to_service), [*renewal("next")]);
    }

    #[test]
    fn renewals_that_nobody_takes_are_one() {
        let (requests, mut to_service) = requests(3);
        assert_eq!(requests.send(join()), Ok(()));
        for _ in 0..100 {
            requests.renew(renewal("older"));
        }
        requests.renew(renewal("newest"));
        assert_eq!(requests.send(typing()), Ok(()), "they keep nobody out");
        let taken = taken(&mut to_service);
        assert_eq!(taken, [*join(), *renewal("newest"), *typing()]);
    }

    #[tokio::test]
    async fn who_waits_for_requests_is_woken_for_a_renewal() {
        let (requests, mut to_service) = requests(2);
        assert_eq!(requests.send(join()), Ok(()));
        assert_eq!(taken(&mut to_service), [*join()]);
        let taken = tokio::spawn(async move { to_service.next().await });
        tokio::task::yield_now().await;
        requests.renew(renewal("newest"));
        assert_eq!(taken.await.ok().flatten(), Some(*renewal("newest")));
    }
}
