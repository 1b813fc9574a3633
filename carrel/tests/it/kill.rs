//! The program is killed in mid-conversation, at random points. I1, I2, I4, I5, I6.

use std::hash::{BuildHasher, RandomState};

use carrel_faults::people::socket::BROKEN;

use crate::{
    process::Process,
    talker::{Conversation, SETTINGS},
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_shows_twice() {
    let kills = std::env::var("CARREL_KILLS").map_or(10, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut process = Process::start(&data_dir, &SETTINGS);
    let mut conversation = Conversation::begin(&process.access).await;
    for _ in 0..kills {
        conversation.accepted(random(12)).await;
        for _ in 0..random(400) {
            tokio::task::yield_now().await;
        }
        conversation.shut();
        process.kill();
        process = Process::start(&data_dir, &SETTINGS);
        conversation.open(&process.access);
    }
    conversation.accepted(20).await;
    let ends = conversation.settle(&process.access).await;
    assert!(ends.iter().all(|ended| *ended == BROKEN));
    assert!(process.terminate().success());
}

/// Returns a random number below `limit`.
fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(limit) % limit
}
