//! Kills a process at each write and sync call that it makes between a request and its acknowledgement.
//!
//! `strace` delivers SIGKILL when the process enters its nth call of a kind; n goes up by one until the process lives
//! through a whole message. At each point one message is sent, again and again until it is acknowledged, by the same
//! client and in the same session. In the end the checker judges all of it, so that a message that was acknowledged and is
//! not there, or is there twice, is found.

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
    history::{self, Deed, Recorder, Role, What},
    people::{
        Pace, Scene,
        browser::{Browser, News},
        http,
    },
    report::tell,
    seed::Dice,
    transcripts,
};
use strace::Strace;

/// The calls by which something leaves a process for a disk or a network, or is made to stay on a disk.
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
/// How long a victim may take to be whole again that was killed: PostgreSQL serves nobody until it has recovered.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(20);
/// Names the processes of PostgreSQL that serve connections.
const BACKENDS: &str = "SELECT pid FROM pg_stat_activity \
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
/// More points of one kind than any request has.
const TOO_MANY: usize = 500;

/// Whom to kill.
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

/// The points of one victim and one call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Points {
    /// Who was killed.
    pub victim: Victim,
    /// At which call.
    pub call: String,
    /// At how many of them.
    pub killed: usize,
}

/// Kills at every point that there is, in so many rounds.
///
/// # Errors
/// When the harness itself fails, or a message is never settled.
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
    let scene = Scene::new(cluster.gateways(), Recorder::begin(&path)?, pace, dice);
    let mut patron = Patron::open(&scene).await?;
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
    scene.recorder.finish()?;
    let history = history::read(&path)?;
    let log = transcripts::read(&cluster, &history).await?;
    let verdict = checker::check(&history, &log);
    // The last kill may have met somebody more than was looked for.
    cluster.start_ended_again().await?;
    cluster.stop().await?;
    Ok((swept, verdict))
}

/// A patron whom nobody picks up, and who writes one message for each point.
struct Patron {
    browser: Browser,
    session: String,
    sent: usize,
}

impl Patron {
    async fn open(scene: &Arc<Scene>) -> anyhow::Result<Self> {
        let gateway = *scene.gateways.first().context("no gateway")?;
        let admitted = http::practise(gateway, LIBRARIES[0]).await?;
        let token = admitted.token.unwrap_or_default().access_token;
        let browser = Browser::new(scene, "patron".to_owned(), Role::Patron, token);
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
            .settle(Deed::Open("What if you die?".to_owned()))
            .await?;
        patron.browser.attend(&patron.session).await;
        Ok(patron)
    }

    /// Kills at the first call, at the second, and so on, until a message lives through all of them. Returns how many
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

    /// Sends a message while the victim is to be killed at its nth call. Returns whether it was; the message survives.
    async fn survives(
        &mut self,
        cluster: &mut Cluster,
        victim: Victim,
        call: &str,
        nth: usize,
    ) -> anyhow::Result<bool> {
        // What is begun with is a connection that works.
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
        // The last call of a message may come after its acknowledgement has arrived, and what strace says of it later still.
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
        self.browser.act(&self.session, Deed::Message(text));
    }

    async fn say(&mut self) -> anyhow::Result<()> {
        self.sent += 1;
        self.settle(Deed::Message(format!("message {}", self.sent)))
            .await
    }

    async fn settle(&mut self, deed: Deed) -> anyhow::Result<()> {
        self.browser.act(&self.session, deed);
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

    /// Ends the session, and waits until that is shown.
    async fn close(&mut self) -> anyhow::Result<()> {
        self.browser.act(&self.session, Deed::End);
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

/// Attaches to the victim to kill it at its nth call.
///
/// Each of its processes counts for itself. So the last kill may have met another of them as well, and later than it was
/// looked for: then it is waited for until the victim is whole again.
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
    /// The service that it is; `None` when it is an engine, whose processes look after themselves.
    const fn service(self) -> Option<Service> {
        match self {
            Self::Whole => Some(Service::Whole),
            Self::Session => Some(Service::Session),
            Self::Gateway => Some(Service::Gateway),
            Self::Postgres => None,
        }
    }

    /// Its processes, one at least.
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

    /// Starts what was killed again.
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
