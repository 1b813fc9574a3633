//! As many messages as the server can take.

use super::{Size, measure, rest};
use crate::{
    figures::Figures,
    member::Order,
    pacer::wait_until,
    room::{Crowd, Shape},
    server::Server,
};

/// How many messages of each speaker are unacknowledged at once.
const WINDOW: usize = 8;

/// The order to the speakers.
pub(super) const ORDER: Order = order(u32::MAX);

/// The order to the speakers, each of whom sends so many messages at most.
pub(crate) const fn order(limit: u32) -> Order {
    Order::Flood {
        window: WINDOW,
        limit,
    }
}

/// Returns the sessions and their watchers.
pub(super) fn shape(size: Size) -> Shape {
    Shape {
        rooms: size.pick(100, 100, 4),
        watchers: 1,
    }
}

pub(super) async fn play(server: &Server, size: Size) -> anyhow::Result<Figures> {
    let crowd = Crowd::gather(server, shape(size)).await?;
    rest(size).await;
    let time = size.seconds(20, 4, 500);
    measure(&crowd, size, time, |until| {
        let crowd = &crowd;
        async move {
            Crowd::tell(crowd.talkers(), ORDER);
            wait_until(until).await;
            Ok(())
        }
    })
    .await
}
