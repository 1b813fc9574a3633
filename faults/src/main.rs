//! `carrel-faults`: the fault harness, as a command.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use carrel_faults::{
    cluster::{Form, Plan},
    crash_points,
    people::Pace,
    report,
    run::{self, Settings},
    schedule::Kind,
    swarm,
};
use clap::{Args, Parser, Subcommand};

/// Starts real servers, lets people talk over them, injects faults, and reports whether anything was lost, repeated,
/// reordered or leaked.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Inject faults by a seeded schedule.
    Run(Run),
    /// Kill a server at each write and sync call between a request and its acknowledgement.
    CrashPoints(CrashPoints),
    /// Restart all gateways at once while they have very many sockets, all of which must come back.
    Swarm(Swarm),
}

#[derive(Debug, Args)]
struct Swarm {
    /// The number of sockets.
    #[arg(long, default_value_t = 5_000)]
    sockets: usize,
    /// The seed of all random decisions.
    #[arg(long)]
    seed: Option<u64>,
    /// Write the report to this file.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Keep the programs' logs and files at the end.
    #[arg(long)]
    keep: bool,
    /// The folder that holds Carrel's programs; by default the one that holds this program.
    #[arg(long)]
    programs: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct CrashPoints {
    /// Run against all of Carrel in one process on SQLite instead of separate services on PostgreSQL.
    #[arg(long)]
    embedded: bool,
    /// How many times each point is visited.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Write the report to this file.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The folder that holds Carrel's programs; by default the one that holds this program.
    #[arg(long)]
    programs: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Run {
    /// The seed of all random decisions. Without it, another one each time; the report names it.
    #[arg(long)]
    seed: Option<u64>,
    /// How many minutes to go on injecting faults.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// Inject each kind of fault once, briefly, and stop.
    #[arg(long)]
    short: bool,
    /// Inject only these kinds of fault, for example F1,F7.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Run against all of Carrel in one process instead of separate services.
    #[arg(long)]
    embedded: bool,
    /// How many patrons there are at once.
    #[arg(long, default_value_t = 20)]
    patrons: usize,
    /// The mean pause between two bursts of messages by one person in one session, in milliseconds.
    #[arg(long, default_value_t = 200)]
    pause_ms: u64,
    /// The mean pause between two faults, in milliseconds.
    #[arg(long, default_value_t = 300)]
    between_ms: u64,
    /// Write the report to this file, and as JSON beside it.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Keep the history in this file.
    #[arg(long)]
    history: Option<PathBuf>,
    /// Keep the programs' logs and files at the end, and print their folder.
    #[arg(long)]
    keep: bool,
    /// The folder that holds Carrel's programs; by default the one that holds this program.
    #[arg(long)]
    programs: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    match cli.command {
        Command::Run(run) => runtime.block_on(faults(run)),
        Command::CrashPoints(points) => runtime.block_on(crash_points(points)),
        Command::Swarm(swarm) => runtime.block_on(gather(swarm)),
    }
}

async fn crash_points(options: CrashPoints) -> anyhow::Result<ExitCode> {
    let plan = Plan {
        form: form(options.embedded),
        programs: programs(options.programs)?,
        librarians: 1,
        keep: false,
    };
    let (swept, verdict) = crash_points::sweep(&plan, options.rounds).await?;
    let report = report::crash_points(&swept, &verdict);
    print(&report)?;
    if let Some(path) = &options.report {
        std::fs::write(path, &report)?;
    }
    Ok(exit_code(verdict.violations.is_empty()))
}

async fn gather(options: Swarm) -> anyhow::Result<ExitCode> {
    let settings = swarm::Settings {
        sockets: options.sockets,
        seed: options.seed.unwrap_or_else(another_seed),
        plan: Plan {
            form: Form::Distributed,
            programs: programs(options.programs)?,
            librarians: 1,
            keep: options.keep,
        },
        command: command_line(),
    };
    let report = swarm::run(settings).await?;
    print(&report.to_string())?;
    if let Some(path) = &options.report {
        std::fs::write(path, report.to_string())?;
    }
    Ok(exit_code(report.is_clean()))
}

async fn faults(options: Run) -> anyhow::Result<ExitCode> {
    let report = run::run(settings(&options)?).await?;
    print(&report.to_string())?;
    if let Some(path) = &options.report {
        report.write(path)?;
    }
    Ok(exit_code(report.is_clean()))
}

fn exit_code(is_clean: bool) -> ExitCode {
    if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn form(embedded: bool) -> Form {
    if embedded {
        Form::Embedded
    } else {
        Form::Distributed
    }
}

fn settings(options: &Run) -> anyhow::Result<Settings> {
    let librarians = options.patrons.div_ceil(4).max(2);
    Ok(Settings {
        seed: options.seed.unwrap_or_else(another_seed),
        length: Duration::from_secs(options.minutes * 60),
        short: options.short,
        kinds: options.kinds.clone(),
        pause: Duration::from_millis(options.between_ms),
        plan: Plan {
            form: form(options.embedded),
            programs: programs(options.programs.clone())?,
            librarians,
            keep: options.keep,
        },
        patrons: options.patrons,
        pace: Pace {
            pause: Duration::from_millis(options.pause_ms),
            burst: 4,
            length: 80,
            capacity: 4,
        },
        history: options.history.clone(),
        command: command_line(),
    })
}

fn programs(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named);
    }
    let this = std::env::current_exe()?;
    let folder = this.parent().context("this program is in no folder")?;
    Ok(folder.to_owned())
}

fn command_line() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

fn another_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(()) % 1_000_000
}

fn print(text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{text}")
}
