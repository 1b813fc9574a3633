//! One conversation with a large audience.

use std::time::Duration;

use super::{Size, measure, rest};
use crate::{
    figures::Figures,
    moment::Moment,
    pacer::{Beat, Due, pace},
    room::{Crowd, Shape},
    server::Server,
};

/// How often each of the two says something: together 20 messages a second.
const EVERY: Duration = Duration::from_millis(100);

pub(super) async fn play(server: &Server, size: Size) -> anyhow::Result<Figures> {
    let shape = Shape {
        rooms: 1,
        watchers: size.pick(500, 500, 10),
    };
    let crowd = Crowd::gather(server, shape).await?;
    rest(size).await;
    let time = size.seconds(20, 4, 500);
    measure(&crowd, size, time, |until| {
        let now = Moment::now();
        let beats: Vec<Beat> = (0..)
            .zip(crowd.talkers())
            .map(|(place, talker)| Beat {
                first: now.after(EVERY / 2 * place),
                every: EVERY,
                to: talker.orders.clone(),
                what: Due::Say,
            })
            .collect();
        async move { pace(beats, until).await }
    })
    .await
}
