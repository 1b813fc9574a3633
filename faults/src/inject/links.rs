//! Faults of the links between gateways and session-svcs.

use std::time::Duration;

use tokio::time::sleep;

use super::{Injected, Injector, NO_ENGINES};
use crate::{
    cluster::Route,
    proxy::{Proxy, Weather},
};

impl Injector<'_> {
    /// Breaks the links one after the other, each in its own way, and heals them in another order.
    pub(super) async fn break_links(&mut self, lasts: Duration) -> Injected {
        let links: Vec<&Proxy> = self.cluster.proxies(Route::Session).collect();
        if links.is_empty() {
            return NO_ENGINES;
        }
        let mut order: Vec<usize> = (0..links.len()).collect();
        self.dice.shuffle(&mut order);
        for place in &order {
            let weather = match self.dice.below(7) {
                0 => Weather::half_open(),
                1 => Weather::one_way(),
                2 => Weather::sliced(),
                3 => Weather::slow(Duration::from_millis(30)),
                4 => Weather {
                    cut_after: Some(200 + self.dice.below(20_000) as u64),
                    ..Weather::default()
                },
                5 => Weather {
                    bytes_per_second: Some(20_000),
                    ..Weather::default()
                },
                _ => {
                    links[*place].reset();
                    Weather {
                        refuse: true,
                        ..Weather::default()
                    }
                }
            };
            links[*place].set(weather);
            sleep(self.dice.around(lasts)).await;
        }
        self.dice.shuffle(&mut order);
        for place in order {
            links[place].clear();
            sleep(self.dice.around(lasts / 4)).await;
        }
        Injected::Done
    }
}
