//! As much as goes.

use super::{Size, measure, rest};
use crate::{
    figures::Figures,
    member::Order,
    pacer::wait_until,
    room::{Crowd, Shape},
    server::Server,
};

/// How many messages each speaker has under way.
const WINDOW: usize = 8;

pub(super) async fn play(server: &Server, size: Size) -> anyhow::Result<Figures> {
    let shape = Shape {
        rooms: size.pick(100, 100, 4),
        watchers: 1,
    };
    let crowd = Crowd::gather(server, shape).await?;
    rest(size).await;
    let time = size.seconds(20, 4, 500);
    measure(&crowd, size, time, |until| {
        let crowd = &crowd;
        async move {
            let order = Order::Flood {
                window: WINDOW,
                limit: u32::MAX,
            };
            Crowd::tell(crowd.talkers(), order);
            wait_until(until).await;
            Ok(())
        }
    })
    .await
}
