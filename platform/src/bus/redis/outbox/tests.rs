//! Which publications are taken from the queue, in which order, and which losses are announced.

use futures::FutureExt as _;

use super::*;

fn outbox() -> Outbox {
    Outbox::new(Arc::default())
}

/// A message with this payload.
fn said(payload: &'static [u8]) -> Option<Bytes> {
    Some(Bytes::from_static(payload))
}

/// [`Message::Lost`].
const LOST: Option<Bytes> = None;

fn put(outbox: &Outbox, topic: &str, payload: &'static [u8]) {
    outbox.put(topic, Origin(1), Bytes::from_static(payload));
}

/// Takes the messages on a topic: payloads, and losses between them.
async fn messages(outbox: &Outbox, topic: &str) -> Vec<Option<Bytes>> {
    let publications = outbox.take(usize::MAX).await;
    let here = publications
        .iter()
        .filter(|publication| &*publication.topic == topic);
    here.map(|publication| publication.message.payload().cloned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn publications_are_taken_in_order() {
    let outbox = outbox();
    put(&outbox, "t", b"1");
    put(&outbox, "t", b"2");
    assert_eq!(messages(&outbox, "t").await, [said(b"1"), said(b"2")]);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_room_is_said_to_be_lost_in_its_place_and_once() {
    let outbox = outbox();
    for _ in 0..WAITING {
        put(&outbox, "t", b"x");
    }
    for _ in 0..WAITING {
        put(&outbox, "t", b"lost");
    }
    let first = outbox.take(2).await;
    assert_eq!(first.len(), 2);
    put(&outbox, "t", b"after");
    put(&outbox, "t", b"after");
    put(&outbox, "t", b"lost");
    let messages = messages(&outbox, "t").await;
    assert_eq!(messages.len(), WAITING + 2);
    let end = &messages[WAITING - 2..];
    assert_eq!(end, [LOST, said(b"after"), said(b"after"), LOST]);
    assert_eq!(outbox.counters.figures().dropped, WAITING as u64 + 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_too() {
    let outbox = outbox();
    let large = Bytes::from(vec![0; WAITING_BYTES / 2]);
    for _ in 0..3 {
        outbox.put("t", Origin(1), large.clone());
    }
    let publications = outbox.take(usize::MAX).await;
    assert_eq!(publications.len(), 3);
    assert_eq!(publications[2].message, Message::Lost);
}

#[tokio::test(start_paused = true)]
async fn what_waited_too_long_is_said_to_be_lost() {
    let outbox = outbox();
    put(&outbox, "t", b"old");
    tokio::time::advance(BUDGET + Duration::from_millis(1)).await;
    put(&outbox, "t", b"new");
    put(&outbox, "other", b"new");
    assert_eq!(messages(&outbox, "t").await, [LOST, said(b"new")]);
    put(&outbox, "t", b"old");
    tokio::time::advance(BUDGET + Duration::from_millis(1)).await;
    assert_eq!(messages(&outbox, "t").await, [LOST]);
    assert_eq!(outbox.counters.figures().dropped, 2);
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_said_soon_also_while_others_go_on_being_lost() {
    let outbox = outbox();
    put(&outbox, "t", b"1");
    for publication in outbox.take(usize::MAX).await {
        outbox.owe(&publication, "failed");
    }
    let mut said = Vec::new();
    for _ in 0..10 {
        put(&outbox, "away", b"x");
        let publications = outbox.take(usize::MAX).await;
        said.extend(
            publications
                .iter()
                .map(|publication| publication.topic.to_string()),
        );
        let away = publications
            .iter()
            .filter(|publication| &*publication.topic == "away");
        away.for_each(|publication| outbox.owe(publication, "failed"));
        tokio::time::advance(SAY_AGAIN_AFTER / 4).await;
    }
    assert_eq!(said.iter().filter(|topic| *topic == "t").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_said_again_until_it_was_sent_and_before_what_follows() {
    let outbox = outbox();
    put(&outbox, "t", b"1");
    for publication in outbox.take(usize::MAX).await {
        outbox.owe(&publication, "failed");
    }
    put(&outbox, "t", b"2");
    let taken = outbox.take(usize::MAX).await;
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].message, Message::Lost);
    outbox.owe(&taken[0], "failed");
    // Nothing else is to be sent: the loss is announced when it is due.
    assert_eq!(messages(&outbox, "t").await, [LOST]);
    assert_eq!(outbox.counters.figures().dropped, 1);
}

/// Puts a message on each of this many topics and fails to send them.
async fn lose_on_topics(outbox: &Outbox, topics: usize) {
    for topic in 0..topics {
        put(outbox, &topic.to_string(), b"x");
    }
    for publication in outbox.take(usize::MAX).await {
        outbox.owe(&publication, "failed");
    }
}

#[tokio::test(start_paused = true)]
async fn losses_that_can_t_be_said_are_not_tried_again_at_once() {
    let outbox = outbox();
    lose_on_topics(&outbox, OWED_AT_ONCE + 300).await;
    for _ in 0..3 {
        tokio::time::advance(SAY_AGAIN_AFTER).await;
        for publication in outbox.take(256).await {
            outbox.owe(&publication, "failed");
        }
        assert!(outbox.take(256).now_or_never().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn every_topic_has_its_turn_while_losses_can_t_be_said() {
    let outbox = outbox();
    let topics = 3 * OWED_AT_ONCE;
    lose_on_topics(&outbox, topics).await;
    let mut said = HashSet::new();
    for _ in 0..3 {
        tokio::time::advance(SAY_AGAIN_AFTER).await;
        for publication in outbox.take(256).await {
            outbox.owe(&publication, "failed");
            said.insert(Arc::clone(&publication.topic));
        }
    }
    assert_eq!(said.len(), topics);
}

/// While two keys are in use, each publication is sent twice.
#[tokio::test(start_paused = true)]
async fn what_is_sent_in_copies_is_counted_once() {
    let outbox = outbox();
    put(&outbox, "t", b"1");
    put(&outbox, "t", b"2");
    let publications = outbox.take(usize::MAX).await;
    for publication in &publications {
        publication.is_sent_in(2);
    }
    assert!(!publications[0].sent());
    assert!(publications[0].sent());
    assert_eq!(outbox.counters.figures().dropped, 0);
    outbox.owe(&publications[1], "failed");
    assert!(!publications[1].sent());
    outbox.owe(&publications[1], "failed");
    assert_eq!(outbox.counters.figures().dropped, 1);
}
