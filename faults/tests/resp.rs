//! As much of Redis's protocol as the harness needs, tested with a real Redis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;

use carrel_faults::resp::{Answer, Resp};
use carrel_testbed::redis::Redis;

#[tokio::test]
async fn asks_and_listens() {
    let redis = Redis::start().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], redis.port()));
    let mut speaker = Resp::connect(address).await.unwrap();
    let mut listener = Resp::connect(address).await.unwrap();
    assert_eq!(
        speaker.say("PING").await.unwrap(),
        Answer::Said("PONG".to_owned())
    );
    assert_eq!(
        speaker.say("GET nothing").await.unwrap(),
        Answer::Bytes(None)
    );
    assert!(
        speaker
            .say("NO SUCH COMMAND")
            .await
            .unwrap_err()
            .to_string()
            .contains("refused")
    );

    listener.say("SUBSCRIBE channel").await.unwrap();
    let channels = speaker.say("PUBSUB CHANNELS *").await.unwrap();
    assert_eq!(channels.texts(), ["channel"]);
    let word = [0, 13, 10, 255];
    speaker.ask(&[b"PUBLISH", b"channel", &word]).await.unwrap();
    let Answer::List(heard) = listener.answer().await.unwrap() else {
        panic!();
    };
    assert_eq!(heard[2], Answer::Bytes(Some(word.to_vec())));

    drop(redis);
    assert!(speaker.say("PING").await.is_err());
}
