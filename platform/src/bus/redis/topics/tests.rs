#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use futures::FutureExt as _;

use super::*;
use crate::{bus::Notice, seal::Key};

fn keyring() -> Keyring {
    let key = |byte: &str| Key::parse(&byte.repeat(32)).unwrap();
    Keyring::new(key("01"), vec![key("02")])
}

fn topics() -> Arc<Topics> {
    Arc::new(Topics::new(Arc::new(keyring()), Arc::default()))
}

fn now(subscription: &mut Subscription) -> Option<Notice> {
    subscription.next().now_or_never().flatten()
}

fn changed(topics: &Topics, before: u64) -> Vec<Channel> {
    topics.changed_since(before).1.unwrap()
}

#[test]
fn a_topic_is_wanted_while_somebody_listens() {
    let topics = topics();
    let channels = channels_of(&keyring(), "t");
    let one = topics.subscribe(Origin(1), "t");
    assert_eq!(changed(&topics, 0), channels);
    let other = topics.subscribe(Origin(2), "t");
    drop(one);
    assert!(changed(&topics, 2).is_empty());
    assert!(topics.is_wanted(&channels[0]));
    drop(other);
    assert_eq!(changed(&topics, 2), channels);
    assert!(topics.wanted().is_empty());
    assert!(topics.lock().topics.is_empty());
}

#[test]
fn more_changes_than_are_remembered_are_not_told() {
    let topics = topics();
    for n in 0..CHANGES {
        drop(topics.subscribe(Origin(1), &n.to_string()));
    }
    let (now, changed) = topics.changed_since(0);
    assert_eq!((now, changed), (4 * CHANGES as u64, None));
    assert!(topics.changed_since(now - CHANGES as u64).1.is_some());
}

#[test]
fn a_subscription_hears_when_it_becomes_active_and_when_it_no_longer_is() {
    let topics = topics();
    let by = topics.new_connection();
    let channels = channels_of(&keyring(), "t");
    let mut first = topics.subscribe(Origin(1), "t");
    assert_eq!(now(&mut first), None);
    topics.activated(&channels[0], by);
    assert_eq!(now(&mut first), Some(Notice::Missed));
    topics.activated(&channels[0], by);
    assert_eq!(now(&mut first), None);
    topics.activated(&channels[1], by);
    assert_eq!(now(&mut first), Some(Notice::Missed));
    let mut second = topics.subscribe(Origin(1), "t");
    assert_eq!(now(&mut second), Some(Notice::Missed));
    assert_eq!(now(&mut first), None);
    topics.deactivated(&channels[1], by);
    assert_eq!(now(&mut first), Some(Notice::Missed));
    assert_eq!(now(&mut second), Some(Notice::Missed));
}

#[test]
fn who_tells_no_longer_does_not_speak_for_who_does() {
    let topics = topics();
    let (before, after) = (topics.new_connection(), topics.new_connection());
    let channel = &channels_of(&keyring(), "t")[0];
    let mut listener = topics.subscribe(Origin(1), "t");
    topics.activated(channel, before);
    topics.activated(channel, after);
    assert_eq!(now(&mut listener), Some(Notice::Missed));
    topics.deactivated(channel, before);
    assert_eq!(now(&mut listener), None);
    assert!(topics.is_active(channel, after) && !topics.is_active(channel, before));
}

/// A slot moved away and back, and the confirmation of the master that has lost it again came last.
#[test]
fn who_was_spoken_over_by_somebody_who_tells_no_longer_looks_again() {
    let topics = topics();
    let (stays, goes) = (topics.new_connection(), topics.new_connection());
    let channel = &channels_of(&keyring(), "t")[0];
    let _listener = topics.subscribe(Origin(1), "t");
    topics.activated(channel, stays);
    topics.activated(channel, goes);
    let (before, _) = topics.changed_since(0);
    topics.deactivated(channel, goes);
    assert_eq!(changed(&topics, before), [Arc::clone(channel)]);
}

/// Redis still sends, since it has not heard yet that the previous listener left.
#[test]
fn nothing_is_heard_before_the_word_that_some_may_be_missed() {
    let topics = topics();
    let by = topics.new_connection();
    let channels = channels_of(&keyring(), "t");
    let message = Message::Published {
        origin: Origin(2),
        at_ms: 0,
        payload: Bytes::from_static(b"news"),
    };
    let sealed = message.seal(&keyring().keys()[0], "t").unwrap();
    let before = topics.subscribe(Origin(1), "t");
    topics.activated(&channels[0], by);
    drop(before);
    let mut first = topics.subscribe(Origin(1), "t");
    topics.heard(&channels[0], &sealed);
    assert_eq!(now(&mut first), None);
    topics.activated(&channels[0], by);
    // The other key's channel is not active yet, but this one is heard already.
    let mut second = topics.subscribe(Origin(1), "t");
    topics.heard(&channels[0], &sealed);
    for listener in [&mut first, &mut second] {
        assert_eq!(now(listener), Some(Notice::Missed));
        assert!(matches!(now(listener), Some(Notice::Payload(_))));
    }
}

#[test]
fn what_opens_is_heard_under_either_key_and_nothing_else_is() {
    let topics = topics();
    let keyring = keyring();
    let channels = channels_of(&keyring, "t");
    let mut listener = topics.subscribe(Origin(1), "t");
    let message = Message::Published {
        origin: Origin(2),
        at_ms: 0,
        payload: Bytes::from_static(b"news"),
    };
    let by = topics.new_connection();
    for (key, channel) in keyring.keys().iter().zip(&channels) {
        topics.activated(channel, by);
        assert_eq!(now(&mut listener), Some(Notice::Missed));
        let sealed = message.seal(key, "t").unwrap();
        topics.heard(channel, &sealed);
        assert!(matches!(now(&mut listener), Some(Notice::Payload(_))));
        let moved = message.seal(key, "other").unwrap();
        for bad in [&moved[..], b"", &vec![1; 1024 * 1024]] {
            topics.heard(channel, bad);
        }
    }
    let other_key = message.seal(&keyring.keys()[1], "t").unwrap();
    topics.heard(&channels[0], &other_key);
    let own = Message::Published {
        origin: Origin(1),
        at_ms: 0,
        payload: Bytes::new(),
    };
    topics.heard(&channels[0], &own.seal(&keyring.keys()[0], "t").unwrap());
    assert_eq!(now(&mut listener), None);
    let figures = topics.counters.figures();
    assert_eq!((figures.received, figures.unopened), (3, 7));
    topics.heard(
        &channels[0],
        &Message::Lost.seal(&keyring.keys()[0], "t").unwrap(),
    );
    assert_eq!(now(&mut listener), Some(Notice::Missed));
}
