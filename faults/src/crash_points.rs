//! Kills a process at each write and sync call that it makes between a request and its acknowledgement.
//!
//! `strace` delivers SIGKILL when the process enters its nth call of a kind; n goes up by one until the process
//! survives a whole message. At each point one message is sent, repeatedly until it is acknowledged, by the same client
//! and in the same session. At the end the checker judges everything, so a message that was acknowledged and is
//! missing, or is there twice, is found.

mod strace;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use carrel_proto::gateway::v1::server_frame::Frame;
use serde::{Deserialize, Serialize};
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use crate::{
    checker::{self, Verdict},
    cluster::{Cluster, Form, LIBRARIES, Plan, Service},
    history::{self, Action, Recorder, Role, What},
    people::{
        Pace, SharedState,
        browser::{Browser, News},
        http,
    },
    report::tell,
    seed::Dice,
    transcripts,
};
use strace::Strace;

/// The system calls that pass data from a process to a disk or a network, or that make it durable.
pub const CALLS: [&str; 9] = [
    "pwrite64",
    "pwritev",
    "fdatasync",
    "fsync",
    "sync_file_range",
    "write",
    "writev",
    "sendto",
    "sendmsg",
];
/// How long a message may take to be settled, whatever is killed.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);
/// How long a killed victim may take to work again: PostgreSQL serves nobody until it has recovered.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);
/// How often it is checked whether the victim works again.
const LOOK: Duration = Duration::from_millis(20);
/// Selects the processes of PostgreSQL that serve connections.
const BACKENDS: &str = "SELECT pid FROM pg_stat_activity \
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
/// More calls of one kind than any request makes.
const TOO_MANY: usize = 500;

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Victim {
    /// All of Carrel in one process, with its log in SQLite.
    Whole,
    /// The session-svcs.
    Session,
    /// PostgreSQL's backends, each of which serves one connection of a service.
    Postgres,
    /// The gateways.
    Gateway,
}

/// The crash points of one victim and one call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Points {
    /// What was killed.
    pub victim: Victim,
    /// At which call.
    pub call: String,
    /// At how many of these calls.
    pub killed: usize,
}

/// Kills at every crash point, this many rounds over.
///
/// # Errors
/// If the harness itself fails, or a message is never settled.
pub async fn sweep(plan: &Plan, rounds: usize) -> anyhow::Result<(Vec<Points>, Verdict)> {
    let mut dice = Dice::new(1);
    let mut cluster = Cluster::start(plan, &mut dice).await?;
    let victims: &[Victim] = match plan.form {
        Form::Embedded => &[Victim::Whole],
        Form::Distributed => &[Victim::Session, Victim::Postgres, Victim::Gateway],
    };
    let path = cluster.folder().join("history.jsonl");
    let pace = Pace {
        pause: Duration::ZERO,
        burst: 1,
        length: 0,
        capacity: 0,
    };
    let shared = SharedState::new(cluster.gateways(), Recorder::begin(&path)?, pace, dice);
    let mut patron = Patron::open(&shared).await?;
    let mut swept = Vec::new();
    for victim in victims {
        for call in CALLS {
            let mut killed = 0;
            for _ in 0..rounds {
                killed += patron.sweep(&mut cluster, *victim, call).await?;
            }
            tell(&format!("{victim:?}, {call}: {killed} points"));
            swept.push(Points {
                victim: *victim,
                call: call.to_owned(),
                killed,
            });
        }
    }
    patron.close().await?;
    shared.recorder.finish()?;
    let history = history::read(&path)?;
    let log = transcripts::read(&cluster, &history).await?;
    let verdict = checker::check(&history, &log);
    // The last kill may have hit one more process than was checked for.
    cluster.start_ended_again().await?;
    cluster.stop().await?;
    Ok((swept, verdict))
}

/// A patron whom nobody picks up, and who sends one message for each point.
struct Patron {
    browser: Browser,
    session: String,
    sent: usize,
}

impl Patron {
    async fn open(shared: &Arc<SharedState>) -> anyhow::Result<Self> {
        let gateway = *shared.gateways.first().context("no gateway")?;
        let admitted = http::practise(gateway, LIBRARIES[0]).await?;
        let token = admitted.token.unwrap_or_default().access_token;
        let browser = Browser::new(shared, "patron".to_owned(), Role::Patron, token);
        browser.record(What::Person {
            role: Role::Patron,
            librarian_id: String::new(),
        });
        let mut patron = Self {
            browser,
            session: admitted.session_id,
            sent: 0,
        };
        patron
            .settle(Action::Open("What if you die?".to_owned()))
            .await?;
        patron.browser.attend(&patron.session).await;
        Ok(patron)
    }

    /// Kills at the first call, at the second, and so on, until a message survives all of them. Returns how many points
    /// there were.
    async fn sweep(
        &mut self,
        cluster: &mut Cluster,
        victim: Victim,
        call: &str,
    ) -> anyhow::Result<usize> {
        let mut killed = 0;
        while self.survives(cluster, victim, call, killed + 1).await? {
            killed += 1;
            ensure!(
                killed < TOO_MANY,
                "{call} is made again and again without an end"
            );
        }
        Ok(killed)
    }

    /// Sends a message while the victim is set to be killed at its nth call. Returns whether it was killed. The message
    /// survives.
    async fn survives(
        &mut self,
        cluster: &mut Cluster,
        victim: Victim,
        call: &str,
        nth: usize,
    ) -> anyhow::Result<bool> {
        // Begin with a connection that works.
        self.say().await?;
        let mut strace = attach(cluster, victim, call, nth).await?;
        self.act();
        let until = Instant::now() + SETTLED_WITHIN;
        let mut killed = false;
        while self.browser.unsettled(&self.session) > 0 {
            ensure!(
                Instant::now() < until,
                "no answer after a kill at {call} {nth}"
            );
            self.browser.next().await;
            if !killed && strace.has_killed()? {
                killed = true;
                strace.detach().await?;
                victim.revive(cluster).await?;
            }
        }
        // The message's last call may come after its acknowledgement has arrived, and strace's report of it even later.
        strace.detach().await?;
        if !killed && strace.has_killed()? {
            killed = true;
            victim.revive(cluster).await?;
        }
        Ok(killed)
    }

    fn act(&mut self) {
        self.sent += 1;
        let text = format!("message {}", self.sent);
        self.browser.act(&self.session, Action::Message(text));
    }

    async fn say(&mut self) -> anyhow::Result<()> {
        self.sent += 1;
        self.settle(Action::Message(format!("message {}", self.sent)))
            .await
    }

    async fn settle(&mut self, action: Action) -> anyhow::Result<()> {
        self.browser.act(&self.session, action);
        let until = Instant::now() + SETTLED_WITHIN;
        while self.browser.unsettled(&self.session) > 0 {
            ensure!(
                Instant::now() < until,
                "a command was not settled within {SETTLED_WITHIN:?}"
            );
            self.browser.next().await;
        }
        Ok(())
    }

    /// Ends the session, and waits until the end is shown.
    async fn close(&mut self) -> anyhow::Result<()> {
        self.browser.act(&self.session, Action::End);
        let until = Instant::now() + SETTLED_WITHIN;
        loop {
            if Instant::now() > until {
                bail!("the end of the session was not shown within {SETTLED_WITHIN:?}");
            }
            if let News::Frame(Frame::Event(event)) = self.browser.next().await
                && event
                    .event
                    .is_some_and(|event| crate::people::sight::seen(&event).kind == "ended")
            {
                break;
            }
        }
        while !self.browser.is_settled() {
            self.browser.next().await;
        }
        self.browser.close();
        Ok(())
    }
}

/// Attaches strace to the victim, to kill it at its nth call.
///
/// Each process counts its own calls, so the last kill may have hit another process as well, after it was checked for.
/// Hence attaching is retried until the victim works again.
async fn attach(
    cluster: &mut Cluster,
    victim: Victim,
    call: &str,
    nth: usize,
) -> anyhow::Result<Strace> {
    let until = Instant::now() + WHOLE_WITHIN;
    loop {
        let attached = match victim.processes(cluster) {
            Ok(processes) => Strace::attach(&processes, call, nth).await,
            Err(error) => Err(error),
        };
        if attached.is_ok() || Instant::now() > until {
            return attached;
        }
        victim.revive(cluster).await?;
        sleep(LOOK).await;
    }
}

impl Victim {
    /// Returns the victim's service; `None` if it is an engine, which restarts its processes itself.
    const fn service(self) -> Option<Service> {
        match self {
            Self::Whole => Some(Service::Whole),
            Self::Session => Some(Service::Session),
            Self::Gateway => Some(Service::Gateway),
            Self::Postgres => None,
        }
    }

    /// Returns its processes; there is at least one.
    fn processes(self, cluster: &Cluster) -> anyhow::Result<Vec<u32>> {
        let processes: Vec<u32> = if let Some(service) = self.service() {
            let places = cluster.of(service).into_iter();
            places
                .filter_map(|place| cluster.instances.get(place)?.process.id())
                .collect()
        } else {
            let engines = cluster.engines.as_ref().context("there is no PostgreSQL")?;
            let backends = block_in_place(|| engines.postgres.sql(BACKENDS))?;
            let ids = backends.lines();
            ids.map(|id| id.parse().with_context(|| format!("no process: {id}")))
                .collect::<anyhow::Result<_>>()?
        };
        ensure!(!processes.is_empty(), "{self:?} has no process");
        Ok(processes)
    }

    /// Restarts the processes that were killed.
    async fn revive(self, cluster: &mut Cluster) -> anyhow::Result<()> {
        let places = self.service().map(|service| cluster.of(service));
        for place in places.unwrap_or_default() {
            if cluster.instance(place)?.process.has_ended()? {
                cluster.start_again(place).await?;
            }
        }
        Ok(())
    }
}
