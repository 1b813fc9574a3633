//! One run: people talk, faults happen, and the result is judged.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    checker::{self, Log, Verdict, Violation, Wrong},
    cluster::{Cluster, Form, LIBRARIES, PASSWORD, Plan},
    history::{self, Recorder, What},
    inject::{Injected, Injector},
    people::{
        Pace, Phase, SharedState, http, librarian::Librarian, patron, supervisor::Supervisor,
    },
    report::{Outcome, Report, tell},
    schedule::{Kind, Schedule},
    seed::Dice,
    transcripts,
};

/// How long service may take to come back after a fault was healed.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long people may take to finish once nothing is broken any more.
const LAST_CALL: Duration = Duration::from_secs(180);

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seed of all random decisions.
    pub seed: u64,
    /// For how long faults are injected.
    pub length: Duration,
    /// Whether lasting faults are cut short, and each kind is injected once only.
    pub short: bool,
    /// The kinds to inject; if empty, all that apply.
    pub kinds: Vec<Kind>,
    /// The mean time between two faults.
    pub pause: Duration,
    /// The cluster to run against.
    pub plan: Plan,
    /// How many patrons there are at once.
    pub patrons: usize,
    /// How fast and how much people talk.
    pub pace: Pace,
    /// Where the history is kept; if not given, in the cluster's own folder, which is removed.
    pub history: Option<PathBuf>,
    /// The command line, for the report.
    pub command: String,
}

/// Carries out a run and judges it.
///
/// # Errors
/// If the harness itself fails. What is wrong with Carrel is in the report.
pub async fn run(settings: Settings) -> anyhow::Result<Report> {
    let mut dice = Dice::new(settings.seed);
    let mut cluster = Cluster::start(&settings.plan, &mut dice.apart("cluster")).await?;
    if settings.plan.keep {
        tell(&format!("files and logs: {}", cluster.folder().display()));
    }
    let path = settings.history.clone();
    let path = path.unwrap_or_else(|| cluster.folder().join("history.jsonl"));
    let recorder = Recorder::begin(&path)?;
    let gateways = cluster.gateways();
    let shared = SharedState::new(
        gateways,
        recorder,
        settings.pace.clone(),
        dice.apart("people"),
    );
    let began = Instant::now();
    let mut people = open(&shared, &cluster, settings.patrons).await?;
    // Nothing is broken before everybody is there.
    let waiting = shared.pulse.flows(0, PATIENCE).await;
    if !waiting.is_empty() {
        bail!(
            "no conversation began: {waiting:?}; see {}",
            cluster.folder().display()
        );
    }
    let (outcomes, mut violations) = storm(&settings, &mut cluster, &shared, &mut dice).await?;
    let unfinished = close(&shared, &mut people).await;
    people.shutdown().await;
    shared.recorder.finish()?;
    let history = history::read(&path)?;
    // Sessions that have not ended have no transcript to compare with.
    let log = match &unfinished {
        None => transcripts::read(&cluster, &history).await?,
        Some(_) => Log::new(),
    };
    let Verdict {
        figures,
        violations: found,
    } = checker::check(&history, &log);
    match unfinished {
        None => violations.extend(found),
        Some(unfinished) => violations.push(unfinished),
    }
    cluster.stop().await?;
    Ok(Report {
        seed: settings.seed,
        command: settings.command,
        distributed: settings.plan.form == Form::Distributed,
        seconds: began.elapsed().as_secs(),
        figures,
        outcomes,
        violations,
    })
}

/// Starts all people.
async fn open(
    shared: &Arc<SharedState>,
    cluster: &Cluster,
    patrons: usize,
) -> anyhow::Result<JoinSet<()>> {
    let gateway = *shared.gateways.first().context("no gateway")?;
    let queues: Vec<String> = LIBRARIES.map(str::to_owned).into();
    let mut people = JoinSet::new();
    for staff in &cluster.staff {
        let answer = http::log_in(gateway, &staff.log_in_name, PASSWORD).await?;
        let token = answer.token.unwrap_or_default().access_token;
        let librarian_id = answer.profile.unwrap_or_default().librarian_id;
        let who = staff.log_in_name.clone();
        if staff.supervises {
            people.spawn(Supervisor::new(shared, who, librarian_id, token).play());
        } else {
            let librarian = Librarian::new(shared, who, librarian_id, token, queues.clone());
            people.spawn(librarian.play());
        }
    }
    for place in 0..patrons {
        let library = LIBRARIES[place % LIBRARIES.len()].to_owned();
        people.spawn(patron::play(Arc::clone(shared), place, library));
    }
    Ok(people)
}

/// Lets everybody finish and leave, patrons first. Returns what is wrong if they can't.
async fn close(shared: &SharedState, people: &mut JoinSet<()>) -> Option<Violation> {
    shared.enter(Phase::Closing);
    let patrons = async {
        while shared.patrons() > 0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let mut finished = timeout(LAST_CALL, patrons).await.is_ok();
    if finished {
        shared.enter(Phase::Closed);
        let staff = async { while people.join_next().await.is_some() {} };
        finished = timeout(LAST_CALL, staff).await.is_ok();
    }
    (!finished).then(|| Violation {
        wrong: Wrong::NotRecovered,
        session: String::new(),
        detail: format!(
            "people could not finish within {LAST_CALL:?}; {} patrons are left",
            shared.patrons()
        ),
    })
}

/// Injects fault after fault.
async fn storm(
    settings: &Settings,
    cluster: &mut Cluster,
    shared: &Arc<SharedState>,
    dice: &mut Dice,
) -> anyhow::Result<(Vec<Outcome>, Vec<Violation>)> {
    let mut schedule = Schedule::new(&settings.kinds, settings.plan.form, dice.apart("schedule"));
    let mut dice = dice.apart("faults");
    let until = Instant::now() + settings.length;
    let (mut outcomes, mut violations) = (Vec::new(), Vec::new());
    let mut number = 0;
    loop {
        let over = if settings.short {
            number >= schedule.kinds()
        } else {
            Instant::now() > until
        };
        let Some(kind) = schedule.next().filter(|_| !over) else {
            return Ok((outcomes, violations));
        };
        sleep(dice.around(settings.pause)).await;
        number += 1;
        // A rolling restart must go unnoticed only where replicas take over.
        let name = match settings.plan.form {
            Form::Embedded => format!("{kind} embedded"),
            Form::Distributed => kind.to_string(),
        };
        let begun = shared.recorder.now();
        shared
            .recorder
            .write("", What::Fault { number, kind: name });
        let mut injector = Injector {
            cluster: &mut *cluster,
            shared,
            dice: &mut dice,
            short: settings.short,
        };
        let flows = tokio::spawn(flows(Arc::clone(shared), begun, kind.lasts(settings.short)));
        let injected = injector.inject(kind).await;
        let injected = injected.with_context(|| format!("fault {number}, {kind}"))?;
        if let Injected::NotHere(why) = &injected {
            tell(&format!("{kind} can't be injected here: {why}"));
            schedule.leave_out(kind);
            number -= 1;
            shared
                .recorder
                .write("", What::Recovered { number: number + 1 });
            continue;
        }
        if let Injected::Wrong(what) = injected {
            violations.push(Violation {
                wrong: Wrong::NotRecovered,
                session: String::new(),
                detail: format!("fault {number}, {kind}: {what}"),
            });
        }
        let crashed = cluster.start_ended_again().await?;
        violations.extend(crashed.into_iter().map(|name| Violation {
            wrong: Wrong::Crashed,
            session: String::new(),
            detail: format!("{name} ended by itself in fault {number}, {kind}"),
        }));
        let healed = shared.recorder.now();
        let flowed = flows.await?;
        let waiting = shared.pulse.flows(healed.max(flowed), PATIENCE).await;
        let recovered = shared.recorder.now();
        shared.recorder.write("", What::Recovered { number });
        if !waiting.is_empty() {
            violations.push(Violation {
                wrong: Wrong::NotRecovered,
                session: waiting.join(", "),
                detail: format!(
                    "fault {number}, {kind}: no message went all the way within {PATIENCE:?}"
                ),
            });
        }
        let stuck = !waiting.is_empty();
        let outcome = Outcome {
            number,
            kind: kind.to_string(),
            interrupted_ms: flowed.saturating_sub(begun) / 1_000,
            lasted_ms: healed.saturating_sub(begun) / 1_000,
            recovered_ms: recovered.saturating_sub(healed) / 1_000,
        };
        let acknowledged = shared.acknowledged.load(Ordering::Relaxed);
        tell(&format!("{outcome}; {acknowledged} acknowledged so far"));
        outcomes.push(outcome);
        if stuck {
            return Ok((outcomes, violations));
        }
    }
}

/// Waits until messages sent after `since` flow in each conversation, or for too long. Returns the history's time then.
async fn flows(shared: Arc<SharedState>, since: u64, lasts: Duration) -> u64 {
    shared.pulse.flows(since, lasts + PATIENCE).await;
    shared.recorder.now()
}
