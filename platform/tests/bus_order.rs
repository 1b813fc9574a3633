//! The order in which messages arrive over Redis that were published while Redis was stuck.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod on_redis;

use std::time::Duration;

use carrel_platform::bus::{Bus, Notice};
use carrel_testbed::redis::Redis;
use on_redis::{
    OnRedis,
    hearing::{OTHER, heard, listen},
    single,
};

/// What waits for a stuck Redis is given up in order, and the connection skips it. Later messages that are not given up
/// yet must not come through before the loss is announced.
#[tokio::test]
async fn what_is_given_up_is_missed_before_what_follows_it() {
    let on = single();
    // If Redis was stuck so long that the connection was replaced, messages on the old one may arrive at any time.
    while !is_in_order(&on).await {}
}

/// Returns whether everything was heard in order. `false` if it was not, but did not have to be.
async fn is_in_order(on: &OnRedis<Redis>) -> bool {
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    let condition = bus.condition();
    let publish = |number: u8, len| {
        let mut message = vec![number];
        message.resize(len, 0);
        bus.publish(OTHER, "t", message.into());
    };
    on.engine.freeze().unwrap();
    // In one write, and more than the system's buffers hold, so that the rest is not even written.
    let large = 24;
    (0..large).for_each(|number| publish(number, 500 * 1024));
    let end = large + 3;
    for number in large..end {
        tokio::time::sleep(Duration::from_millis(200)).await;
        publish(number, 1);
    }
    // By then the large ones and the next have waited for longer than a second, and the others have not.
    tokio::time::sleep(Duration::from_millis(700)).await;
    on.engine.thaw().unwrap();
    let mut due = 0;
    let mut knows_of_loss = false;
    while due <= end {
        match heard(&mut listener).await {
            Notice::Missed => {
                knows_of_loss = true;
                publish(end, 1);
            }
            Notice::Payload(message) => {
                let number = message[0];
                if number < due || (number > due && !knows_of_loss) {
                    let made_anew = condition.has_changed().unwrap();
                    assert!(made_anew, "{number} where {due} was due");
                    return false;
                }
                (due, knows_of_loss) = (number + 1, false);
            }
        }
    }
    true
}
