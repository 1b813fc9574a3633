//! Helpers for hearing notices on a bus, with long timeouts.

use std::time::Duration;

use bytes::Bytes;
use carrel_platform::bus::{Bus, Notice, Origin, Subscription, redis::RedisBus};

use super::LONG;

pub(crate) const ME: Origin = Origin(1);
pub(crate) const OTHER: Origin = Origin(2);

/// Returns the next notice; a bus that loses it silently fails the test instead of hanging it.
pub(crate) async fn heard(subscription: &mut Subscription) -> Notice {
    tokio::time::timeout(LONG, subscription.next())
        .await
        .expect("nothing was heard")
        .expect("the bus was shut down")
}

/// Returns an active subscription of [`ME`].
pub(crate) async fn listen(bus: &RedisBus, topic: &str) -> Subscription {
    let mut subscription = bus.subscribe(ME, topic);
    assert_eq!(heard(&mut subscription).await, Notice::Missed);
    subscription
}

/// Publishes until the message is heard. Returns whether the listener heard [`Notice::Missed`] before.
pub(crate) async fn hears_again(bus: &RedisBus, listener: &mut Subscription, topic: &str) -> bool {
    let message = Bytes::from(Origin::random().0.to_be_bytes().to_vec());
    let mut missed = false;
    let until_heard = async {
        loop {
            bus.publish(OTHER, topic, message.clone());
            let next = tokio::time::timeout(Duration::from_millis(200), listener.next());
            match next.await {
                Ok(Some(Notice::Payload(heard))) if heard == message => return,
                Ok(Some(Notice::Missed)) => missed = true,
                Ok(Some(Notice::Payload(_))) | Err(_) => {}
                Ok(None) => panic!("the bus was shut down"),
            }
        }
    };
    let waited = tokio::time::timeout(LONG, until_heard).await;
    waited.expect("what is published is not heard again");
    missed
}

/// Publishes until the message is the next that is heard, apart from [`Notice::Missed`]: a bus may lose a message when
/// the machine is too busy, and says so. Returns whether it did.
pub(crate) async fn hears_next(
    bus: &RedisBus,
    listener: &mut Subscription,
    topic: &str,
    message: &Bytes,
) -> bool {
    let mut missed = false;
    loop {
        bus.publish(OTHER, topic, message.clone());
        match heard(listener).await {
            Notice::Missed => missed = true,
            Notice::Payload(heard) => {
                assert_eq!(heard, message);
                return missed;
            }
        }
    }
}
