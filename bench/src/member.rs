//! A member of a session: talks when it is due, or as fast as it is acknowledged, and checks all that arrives.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use carrel_proto::session::v1::Position;
use tokio::{select, sync::mpsc::UnboundedReceiver};

use crate::{
    client::{BenchMessage, Incoming, Line, Meter, Seat},
    ledger::{Ledger, Received},
    moment::Moment,
};

/// An instruction to a member.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Say something that was due at this moment.
    Say(Moment),
    /// Type.
    Type,
    /// Talk as fast as messages are acknowledged.
    Flood {
        /// How many messages may be unacknowledged at once.
        window: usize,
        /// How many messages to send at most.
        limit: u32,
    },
    /// Send nothing more.
    Hush,
    /// Lose the connection.
    Cut,
    /// Come back. All members got this order at this moment.
    Return(Moment),
}

/// A member of a session.
#[derive(Debug)]
pub struct Member {
    /// The member's seat.
    pub seat: Seat,
    /// The member's connection, unless it is cut.
    pub line: Option<Line>,
    /// The last position that the member has.
    pub place: Position,
    /// Whether every event must follow the one before it.
    pub counts: bool,
    /// The member's number as a speaker.
    pub speaker: u32,
    /// How many others are in the session.
    pub others: usize,
    /// The orders to carry out.
    pub orders: UnboundedReceiver<Order>,
    /// Where everything is recorded.
    pub ledger: Ledger,
    /// Counts the bytes of the member's connections.
    pub meter: Meter,
}

/// A member's progress.
#[derive(Debug, Default)]
struct Progress {
    said: u32,
    under_way: VecDeque<(u32, Moment)>,
    window: usize,
    limit: u32,
    heard: HashMap<u32, Received>,
    /// Since when the member is coming back, and the position to catch up to.
    returning: Option<(Moment, u64)>,
}

impl Member {
    /// Carries out orders until their sender is dropped.
    pub async fn run(mut self) {
        let mut progress = Progress::default();
        if let Err(error) = self.take_part(&mut progress).await {
            self.ledger.failed(format!("{error:#}"));
        }
    }

    async fn take_part(&mut self, progress: &mut Progress) -> anyhow::Result<()> {
        loop {
            let order = match &mut self.line {
                Some(line) => select! {
                    biased;
                    incoming = line.next() => {
                        self.take_in(progress, incoming?);
                        self.go_on(progress).await?;
                        continue;
                    }
                    order = self.orders.recv() => order,
                },
                None => self.orders.recv().await,
            };
            match order {
                None => return Ok(()),
                Some(Order::Say(due)) => self.say(progress, due).await?,
                Some(Order::Type) => {
                    if let Some(line) = &mut self.line {
                        line.type_on().await?;
                    }
                }
                Some(Order::Flood { window, limit }) => {
                    (progress.window, progress.limit) =
                        (window, progress.said.saturating_add(limit));
                    self.go_on(progress).await?;
                }
                Some(Order::Hush) => progress.window = 0,
                Some(Order::Cut) => self.line = None,
                Some(Order::Return(since)) => self.come_back(progress, since).await?,
            }
        }
    }

    fn take_in(&mut self, progress: &mut Progress, incoming: Incoming) {
        match incoming {
            Incoming::Event(position, said) => {
                if self.counts && position != self.place.number + 1 {
                    self.ledger.gap();
                }
                self.place.number = position;
                if let Some(said) = said
                    && said.speaker != self.speaker
                {
                    let arrival = progress
                        .heard
                        .entry(said.speaker)
                        .or_default()
                        .hear(said.number);
                    self.ledger.arrived(&said, arrival);
                }
                self.check_back(progress);
            }
            Incoming::Accepted(number) => {
                if let Some(place) = progress
                    .under_way
                    .iter()
                    .position(|(said, _)| *said == number)
                    && let Some((_, due)) = progress.under_way.remove(place)
                {
                    self.ledger.accepted(due);
                }
            }
            Incoming::Refused(how) => self.ledger.failed(how),
            Incoming::Typing => self.ledger.typed(),
            Incoming::Other => {}
        }
    }

    /// Sends more messages, as long as the window allows.
    async fn go_on(&mut self, progress: &mut Progress) -> anyhow::Result<()> {
        while progress.under_way.len() < progress.window && progress.said < progress.limit {
            self.say(progress, Moment::now()).await?;
        }
        Ok(())
    }

    async fn say(&mut self, progress: &mut Progress, due: Moment) -> anyhow::Result<()> {
        let Some(line) = &mut self.line else {
            return Ok(());
        };
        progress.said += 1;
        let said = BenchMessage {
            speaker: self.speaker,
            number: progress.said,
            due,
        };
        progress.under_way.push_back((said.number, due));
        self.ledger.sent(&said, self.others);
        line.say(&said).await
    }

    async fn come_back(&mut self, progress: &mut Progress, since: Moment) -> anyhow::Result<()> {
        let after = self.counts.then(|| self.place.clone());
        let (line, head) = self.seat.join(after, &self.meter).await?;
        self.line = Some(line);
        progress.returning = Some((since, head.number));
        self.place.epoch = head.epoch;
        self.check_back(progress);
        Ok(())
    }

    fn check_back(&self, progress: &mut Progress) {
        if let Some((since, head)) = progress.returning
            && (!self.counts || self.place.number >= head)
        {
            progress.returning = None;
            self.ledger.back(waited(since));
        }
    }
}

fn waited(since: Moment) -> Duration {
    Moment::now().since(since)
}
