//! Many quiet conversations.

use std::time::Duration;

use super::{Size, measure, rest};
use crate::{
    figures::Figures,
    moment::Moment,
    pacer::{Beat, Due, pace},
    room::{Crowd, Shape},
    server::Server,
};

/// How often each of the two who talk says something: together they say one message a second.
const EVERY: Duration = Duration::from_secs(2);

/// How many conversations there are, and how quiet they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Desk {
    size: Size,
    sessions: usize,
    every: Duration,
}

impl Desk {
    pub(super) fn of(size: Size) -> Self {
        Self {
            size,
            sessions: size.pick(300, 300, 4),
            every: size.pick(EVERY, EVERY, EVERY / 10),
        }
    }

    /// Returns a desk with so many times the sessions and the same total message rate.
    pub(super) fn spread(self, times: u32) -> Self {
        Self {
            sessions: self.sessions * times as usize,
            every: self.every * times,
            ..self
        }
    }

    pub(super) async fn gather(self, server: &Server) -> anyhow::Result<Crowd> {
        let shape = Shape {
            rooms: self.sessions,
            watchers: 1,
        };
        let crowd = Crowd::gather(server, shape).await?;
        rest(self.size).await;
        Ok(crowd)
    }

    pub(super) async fn talk(self, crowd: &Crowd) -> anyhow::Result<Figures> {
        let time = self.size.seconds(30, 8, 800);
        measure(crowd, self.size, time, |until| async move {
            pace(beats(crowd, self.every), until).await
        })
        .await
    }
}

pub(super) async fn play(server: &Server, size: Size) -> anyhow::Result<Figures> {
    let desk = Desk::of(size);
    let crowd = desk.gather(server).await?;
    desk.talk(&crowd).await
}

/// Returns each member's beats: a message at a time of their own, and typing half-way between two.
fn beats(crowd: &Crowd, every: Duration) -> Vec<Beat> {
    let now = Moment::now();
    let talkers: Vec<_> = crowd.talkers().collect();
    let count = u32::try_from(talkers.len()).unwrap_or(u32::MAX);
    let mut beats = Vec::new();
    for (place, talker) in (0_u32..).zip(talkers) {
        // The two members of a session are half a turn apart.
        let offset = every / count * (place / 2) + every / 2 * (place % 2);
        for (what, wait) in [(Due::Say, offset), (Due::Type, offset + every / 2)] {
            beats.push(Beat {
                first: now.after(wait),
                every,
                to: talker.orders.clone(),
                what,
            });
        }
    }
    beats
}
