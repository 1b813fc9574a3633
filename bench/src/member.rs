//! A member of a session: talks when it is due, or as fast as it is acknowledged, and checks all that arrives.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use carrel_proto::session::v1::Position;
use tokio::{select, sync::mpsc::UnboundedReceiver};

use crate::{
    client::{Incoming, Line, Meter, Said, Seat},
    ledger::{Heard, Ledger},
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
struct Doing {
    said: u32,
    under_way: VecDeque<(u32, Moment)>,
    window: usize,
    limit: u32,
    heard: HashMap<u32, Heard>,
    /// Since when the member is coming back, and the position to catch up to.
    returning: Option<(Moment, u64)>,
}

impl Member {
    /// Carries out orders until their sender is dropped.
    pub async fn run(mut self) {
        let mut doing = Doing::default();
        if let Err(error) = self.take_part(&mut doing).await {
            self.ledger.failed(format!("{error:#}"));
        }
    }

    async fn take_part(&mut self, doing: &mut Doing) -> anyhow::Result<()> {
        loop {
            let order = match &mut self.line {
                Some(line) => select! {
                    biased;
                    incoming = line.next() => {
                        self.take_in(doing, incoming?);
                        self.go_on(doing).await?;
                        continue;
                    }
                    order = self.orders.recv() => order,
                },
                None => self.orders.recv().await,
            };
            match order {
                None => return Ok(()),
                Some(Order::Say(due)) => self.say(doing, due).await?,
                Some(Order::Type) => {
                    if let Some(line) = &mut self.line {
                        line.type_on().await?;
                    }
                }
                Some(Order::Flood { window, limit }) => {
                    (doing.window, doing.limit) = (window, doing.said.saturating_add(limit));
                    self.go_on(doing).await?;
                }
                Some(Order::Hush) => doing.window = 0,
                Some(Order::Cut) => self.line = None,
                Some(Order::Return(since)) => self.come_back(doing, since).await?,
            }
        }
    }

    fn take_in(&mut self, doing: &mut Doing, incoming: Incoming) {
        match incoming {
            Incoming::Event(position, said) => {
                if self.counts && position != self.place.number + 1 {
                    self.ledger.gap();
                }
                self.place.number = position;
                if let Some(said) = said
                    && said.speaker != self.speaker
                {
                    let arrival = doing
                        .heard
                        .entry(said.speaker)
                        .or_default()
                        .hear(said.number);
                    self.ledger.arrived(&said, arrival);
                }
                self.check_back(doing);
            }
            Incoming::Accepted(number) => {
                if let Some(place) = doing.under_way.iter().position(|(said, _)| *said == number)
                    && let Some((_, due)) = doing.under_way.remove(place)
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
    async fn go_on(&mut self, doing: &mut Doing) -> anyhow::Result<()> {
        while doing.under_way.len() < doing.window && doing.said < doing.limit {
            self.say(doing, Moment::now()).await?;
        }
        Ok(())
    }

    async fn say(&mut self, doing: &mut Doing, due: Moment) -> anyhow::Result<()> {
        let Some(line) = &mut self.line else {
            return Ok(());
        };
        doing.said += 1;
        let said = Said {
            speaker: self.speaker,
            number: doing.said,
            due,
        };
        doing.under_way.push_back((said.number, due));
        self.ledger.sent(&said, self.others);
        line.say(&said).await
    }

    async fn come_back(&mut self, doing: &mut Doing, since: Moment) -> anyhow::Result<()> {
        let after = self.counts.then(|| self.place.clone());
        let (line, head) = self.seat.join(after, &self.meter).await?;
        self.line = Some(line);
        doing.returning = Some((since, head.number));
        self.place.epoch = head.epoch;
        self.check_back(doing);
        Ok(())
    }

    fn check_back(&self, doing: &mut Doing) {
        if let Some((since, head)) = doing.returning
            && (!self.counts || self.place.number >= head)
        {
            doing.returning = None;
            self.ledger.back(waited(since));
        }
    }
}

fn waited(since: Moment) -> Duration {
    Moment::now().since(since)
}
