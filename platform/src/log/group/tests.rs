#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::*;
use crate::log::{NewEvent, Write};

/// Makes a request to append one event of so many bytes, and the receiver of its answer.
pub(in crate::log) fn request(
    id: &str,
    bytes: usize,
) -> (Request, oneshot::Receiver<Result<(), LogError>>) {
    let (reply, answer) = oneshot::channel();
    let event = NewEvent {
        at_ms: 0,
        payload: Bytes::from(vec![7; bytes]),
        command: None,
    };
    let write = Write {
        stream: StreamName::new("session", id),
        expected: 0,
        events: vec![event],
        index_entry: None,
    };
    let request = Request {
        work: Work::Append(Batch {
            writes: vec![write],
        }),
        trace: None,
        reply,
    };
    (request, answer)
}

#[test]
fn a_group_is_bounded_and_leaves_out_whoever_has_gone() {
    let (sender, mut receiver) = mpsc::channel(2 * GROUP_REQUESTS);
    let mut answers = Vec::new();
    for n in 0..2 * GROUP_REQUESTS {
        let (request, answer) = request("s", 0);
        if n % 2 == 0 {
            answers.push(answer);
        }
        sender.try_send(request).ok().unwrap();
    }
    let mut group = Vec::new();
    let first = receiver.try_recv().unwrap();
    gather(first, &mut receiver, &mut group);
    assert_eq!(group.len(), GROUP_REQUESTS);
    assert!(group.iter().all(|request| !request.reply.is_closed()));
}

#[test]
fn a_group_ends_with_the_payload_that_fills_it() {
    let (sender, mut receiver) = mpsc::channel(3);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let (large, answer) = request("s", GROUP_BYTES / 2);
        answers.push(answer);
        sender.try_send(large).ok().unwrap();
    }
    let mut group = Vec::new();
    let first = receiver.try_recv().unwrap();
    gather(first, &mut receiver, &mut group);
    assert_eq!(group.len(), 2);
}
