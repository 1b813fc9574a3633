//! Fills sessions with members: entry, tokens, questions, pick-up and conference mode, all before a clock starts.

use anyhow::Context;
use carrel_faults::{cluster::PASSWORD, people::http};
use carrel_proto::{
    directory::v1::Profile,
    gateway::v1::{EnterConference, OpenSession, PickUp, act::Act},
    session::v1::{
        EnterConferenceRequest, OpenSessionRequest, PickUpSessionRequest, Position,
        session_service_client::SessionServiceClient,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{Duration, Instant, sleep},
};

use crate::{
    client::{Browser, Line, Meter, Seat, Way, call},
    ledger::Ledger,
    member::{Member, Order},
    server::{LIBRARY, Server},
};

/// How many rooms are filled at once.
const AT_ONCE: usize = 32;
/// How long messages may take to arrive once nobody says anything more.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(2);

/// How many sessions there are, and how many silent watchers each has besides the patron and the librarian.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Sessions.
    pub rooms: usize,
    /// Supervisors' sockets in each session.
    pub watchers: usize,
}

/// All members of all sessions. Dropping it makes them leave.
#[derive(Debug)]
pub struct Crowd {
    /// The members.
    pub members: Vec<Seated>,
    /// Where they record everything.
    pub ledger: Ledger,
    /// Counts their bytes.
    pub meter: Meter,
    tasks: JoinSet<()>,
}

/// A member of the crowd.
#[derive(Debug)]
pub struct Seated {
    /// Sends orders to the member.
    pub orders: UnboundedSender<Order>,
    /// Whether the member is the patron or the librarian.
    pub talks: bool,
}

/// A librarian who has logged in.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Their token.
    pub token: String,
    /// Who they are.
    pub profile: Profile,
}

impl Crowd {
    /// Fills the sessions of a shape.
    ///
    /// # Errors
    /// If any of it is refused or fails.
    pub async fn gather(server: &Server, shape: Shape) -> anyhow::Result<Self> {
        let (ledger, meter) = (Ledger::default(), Meter::default());
        let staff = if server.is_limit() {
            Vec::new()
        } else {
            log_in(server, 4).await?
        };
        let rooms: Vec<Vec<(Seat, Line, Position)>> = stream::iter(0..shape.rooms)
            .map(|room| fill(server, &staff, room, shape.watchers, &meter))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut crowd = Self {
            members: Vec::new(),
            ledger,
            meter,
            tasks: JoinSet::new(),
        };
        for (room, people) in rooms.into_iter().enumerate() {
            let others = people.len() - 1;
            for (number, (seat, line, place)) in people.into_iter().enumerate() {
                let talks = number < 2;
                let speaker = if talks { room * 2 + number + 1 } else { 0 };
                crowd.seat(server, seat, line, place, u32::try_from(speaker)?, others);
            }
        }
        Ok(crowd)
    }

    fn seat(
        &mut self,
        server: &Server,
        seat: Seat,
        line: Line,
        place: Position,
        speaker: u32,
        others: usize,
    ) {
        let (orders, receiver) = unbounded_channel();
        let member = Member {
            seat,
            line: Some(line),
            place,
            counts: !server.is_limit(),
            speaker,
            others,
            orders: receiver,
            ledger: self.ledger.clone(),
            meter: self.meter.clone(),
        };
        self.tasks.spawn(member.run());
        self.members.push(Seated {
            orders,
            talks: speaker != 0,
        });
    }

    /// Returns the members who talk.
    pub fn talkers(&self) -> impl Iterator<Item = &Seated> {
        self.members.iter().filter(|member| member.talks)
    }

    /// Returns the members who only watch.
    pub fn watchers(&self) -> impl Iterator<Item = &Seated> {
        self.members.iter().filter(|member| !member.talks)
    }

    /// Gives an order to some members.
    pub fn tell<'a>(members: impl Iterator<Item = &'a Seated>, order: Order) {
        for member in members {
            // A member who is gone has recorded why.
            let _ = member.orders.send(order);
        }
    }

    /// Stops the talk and waits for everything that was said to arrive. What has not arrived in time is lost.
    pub async fn settle(&self) {
        Self::tell(self.members.iter(), Order::Hush);
        self.wait_for(SETTLES_WITHIN, Ledger::is_settled).await;
    }

    /// Waits until `done` returns true, for `within` at most. Returns whether it did.
    pub async fn wait_for(&self, within: Duration, done: impl Fn(&Ledger) -> bool) -> bool {
        let until = Instant::now() + within;
        while !done(&self.ledger) {
            if Instant::now() > until {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }
}

/// Logs in the supervisor and this many librarians, or as many as there are; the supervisor is first.
///
/// # Errors
/// If one is refused.
pub async fn log_in(server: &Server, librarians: usize) -> anyhow::Result<Vec<Staff>> {
    let names = server
        .staff
        .iter()
        .filter(|one| one.institution == LIBRARY)
        .take(librarians + 1);
    stream::iter(names)
        .map(|one| async {
            let log_in =
                || async { http::log_in(server.gateway(0)?, &one.log_in_name, PASSWORD).await };
            // Checking a password takes long; under callgrind on a busy machine, longer than an answer may.
            let answer = match log_in().await {
                Ok(answer) => answer,
                Err(_) => log_in().await?,
            };
            anyhow::Ok(Staff {
                token: answer.token.context("no token")?.access_token,
                profile: answer.profile.context("no profile")?,
            })
        })
        .buffered(4)
        .try_collect()
        .await
}

/// Fills one room: the patron, the librarian and the watchers, each with the position that they start from.
async fn fill(
    server: &Server,
    staff: &[Staff],
    room: usize,
    watchers: usize,
    meter: &Meter,
) -> anyhow::Result<Vec<(Seat, Line, Position)>> {
    let way = server.way(room)?;
    let mut people = Vec::new();
    if let Way::Raw(_) = way {
        for _ in 0..watchers + 2 {
            let seat = Seat {
                way: way.clone(),
                token: String::new(),
                session: room.to_string(),
            };
            let (line, head) = seat.join(None, meter).await?;
            people.push((seat, line, head));
        }
        return Ok(people);
    }
    let (supervisor, librarians) = staff.split_first().context("nobody works there")?;
    let librarian = &librarians[room % librarians.len()];
    let admitted = http::admit(server.gateway(room)?, LIBRARY).await?;
    let session = admitted.session_id;
    let seat = |token: &str| Seat {
        way: way.clone(),
        token: token.to_owned(),
        session: session.clone(),
    };
    let patron = seat(&admitted.token.context("no token")?.access_token);
    people.push(enter(patron, Entrance::Ask, meter).await?);
    people.push(enter(seat(&librarian.token), Entrance::PickUp, meter).await?);
    for number in 0..watchers {
        let warning = supervisor.profile.conference_warning.clone();
        let version = warning.context("the supervisor may not supervise")?.version;
        let entrance = if number == 0 {
            Entrance::Supervise(version)
        } else {
            Entrance::Attend
        };
        people.push(enter(seat(&supervisor.token), entrance, meter).await?);
    }
    Ok(people)
}

/// What a member does before they attend.
enum Entrance {
    Ask,
    PickUp,
    Supervise(String),
    Attend,
}

const QUESTION: &str = "Where can I find the letters of the lighthouse keepers?";

async fn enter(
    seat: Seat,
    entrance: Entrance,
    meter: &Meter,
) -> anyhow::Result<(Seat, Line, Position)> {
    let (line, head) = match &seat.way {
        Way::Browser(gateway, wire) => {
            let (mut browser, _) = Browser::open(*gateway, *wire, &seat.token, meter).await?;
            let act = match entrance {
                Entrance::Ask => Some(Act::OpenSession(OpenSession {
                    question: QUESTION.to_owned(),
                    patron_name: "Ricky".to_owned(),
                    patron_email: String::new(),
                    language: String::new(),
                })),
                Entrance::PickUp => Some(Act::PickUp(PickUp {})),
                Entrance::Supervise(warning_version) => {
                    Some(Act::EnterConference(EnterConference { warning_version }))
                }
                Entrance::Attend => None,
            };
            if let Some(act) = act {
                browser.act(&seat.session, "enter", act).await?;
            }
            seat.attend(browser, None).await?
        }
        _ => {
            enter_by_call(&seat, entrance).await?;
            seat.join(None, meter).await?
        }
    };
    // Earlier events are shown first.
    let start = Position { number: 0, ..head };
    Ok((seat, line, start))
}

async fn enter_by_call(seat: &Seat, entrance: Entrance) -> anyhow::Result<()> {
    let Way::Program(channel) = &seat.way else {
        return Ok(());
    };
    let mut sessions = SessionServiceClient::new(channel.clone());
    let command_id = "enter".to_owned();
    let session_id = seat.session.clone();
    match entrance {
        Entrance::Ask => {
            let request = OpenSessionRequest {
                command_id,
                question: QUESTION.to_owned(),
                patron_name: "Ricky".to_owned(),
                patron_email: String::new(),
                language: String::new(),
            };
            sessions.open_session(call(&seat.token, request)?).await?;
        }
        Entrance::PickUp => {
            let request = PickUpSessionRequest {
                command_id,
                session_id,
            };
            sessions
                .pick_up_session(call(&seat.token, request)?)
                .await?;
        }
        Entrance::Supervise(warning_version) => {
            let request = EnterConferenceRequest {
                command_id,
                session_id,
                warning_version,
            };
            sessions
                .enter_conference(call(&seat.token, request)?)
                .await?;
        }
        Entrance::Attend => {}
    }
    Ok(())
}
