//! In which order words come over Redis that were published while it was stuck.

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

/// What waits for a stuck Redis is given up one after another, and the connection passes over it. What follows and is not
/// given up yet must not come through before the word that something is missing.
#[tokio::test]
async fn what_is_given_up_is_missed_before_what_follows_it() {
    let on = single();
    // Where Redis was stuck for so long that the connection was made anew, what comes on the old one comes when it comes.
    while !is_in_order(&on).await {}
}

/// Whether what was heard was in order. `false` if it was not and need not have been.
async fn is_in_order(on: &OnRedis<Redis>) -> bool {
    let bus = on_redis::bus(&on.config).await;
    let mut listener = listen(&bus, "t").await;
    let condition = bus.condition();
    let publish = |number: u8, len| {
        let mut word = vec![number];
        word.resize(len, 0);
        bus.publish(OTHER, "t", word.into());
    };
    on.engine.freeze().unwrap();
    // In one write, and more than the system takes off our hands, so that the rest is not even written.
    let large = 24;
    (0..large).for_each(|number| publish(number, 500 * 1024));
    let end = large + 3;
    for number in large..end {
        tokio::time::sleep(Duration::from_millis(200)).await;
        publish(number, 1);
    }
    // The large ones and the next have waited for longer than a second by then, and the others have not.
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
            Notice::Payload(word) => {
                let number = word[0];
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
