//! `carrel-bench`: the bench, as a command.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use carrel_bench::{
    core::{Cores, choose},
    figures::Figures,
    instructions::{self, Budget, Counted, Load},
    limits,
    machine::Machine,
    plan::Plan,
    report::{Report, goals, number},
    scenario::{Scenario, Size},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Measures how fast Carrel is compared to what the socket and the disk allow.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play scenarios and report what was measured. Fails if anything was lost, repeated, reordered or refused.
    Run(Run),
    /// Count the instructions of one message with callgrind.
    Instructions(Instructions),
    /// Serve as a limit. The bench starts these itself.
    #[command(subcommand)]
    Limit(Limit),
}

#[derive(Debug, Subcommand)]
enum Limit {
    /// A websocket room server that does nothing else.
    Room {
        /// The address to listen on.
        #[arg(long)]
        address: SocketAddr,
        /// Keep what is said in this file, and pass on only what is on the disk.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// A gRPC stream that sends back what it gets.
    Echo {
        /// The address to listen on.
        #[arg(long)]
        address: SocketAddr,
    },
}

#[derive(Debug, Args)]
struct Instructions {
    /// The folder that holds Carrel's programs; by default the one that holds this program.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Fail if the count is more than its tolerance away from the budget in this file.
    #[arg(long)]
    budget: Option<PathBuf>,
    /// Keep this part of the traces, and send all telemetry to a collector. By default nothing is sent.
    #[arg(long, conflicts_with = "budget")]
    traced: Option<f64>,
    /// Count messages that come as in the flood, in sixteen sessions, instead of one after the other.
    #[arg(long, conflicts_with = "budget")]
    busy: bool,
    /// Write the server's profile to this file, for callgrind_annotate.
    #[arg(long)]
    profile: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Run {
    /// Play only these scenarios, for example flood,desk.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// Play only these subjects, for example "embedded" and "raw-sqlite"; once for each.
    #[arg(long)]
    only: Vec<String>,
    /// How large the scenarios are.
    #[arg(long, default_value = "full")]
    size: Size,
    /// How many times each is played. The medians count.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Do not measure what disk, Redis and tonic allow.
    #[arg(long)]
    without_limits: bool,
    /// The folder that holds Carrel's programs; by default the one that holds this program.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// The folder that keeps what takes long to make for the next run; by default `bench` beside the folder that holds
    /// this program.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// A folder with Carrel's programs of another commit, to be played in the same turns.
    #[arg(long, requires = "against_name")]
    against: Option<PathBuf>,
    /// The name of that commit.
    #[arg(long)]
    against_name: Option<String>,
    /// An earlier report, as JSON, to compare the ratios with.
    #[arg(long)]
    last: Option<PathBuf>,
    /// Write the report to this file as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The core of the servers.
    #[arg(long)]
    server_core: Option<usize>,
    /// The core of the load.
    #[arg(long)]
    load_core: Option<usize>,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    open_many_files()?;
    match cli.command {
        Command::Run(options) => runtime.block_on(run(options)),
        Command::Instructions(options) => runtime.block_on(instructions(options)),
        Command::Limit(limit) => {
            runtime.block_on(async {
                match limit {
                    Limit::Room { address, file } => {
                        limits::room::serve(address, file.as_deref()).await
                    }
                    Limit::Echo { address } => limits::echo::serve(address).await,
                }
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn run(options: Run) -> anyhow::Result<ExitCode> {
    let machine = Machine::look();
    let chosen = choose()?;
    let cores = Cores {
        server: options.server_core.unwrap_or(chosen.server),
        load: options.load_core.unwrap_or(chosen.load),
    };
    let programs = match options.programs {
        Some(programs) => programs,
        None => beside_this_program()?,
    };
    let scenarios = if options.scenarios.is_empty() {
        Scenario::value_variants().to_vec()
    } else {
        options.scenarios
    };
    let last = options.last.as_deref().map(read).transpose()?;
    let keep = match options.keep {
        Some(keep) => keep,
        None => beside_this_program()?.with_file_name("bench"),
    };
    let plan = Plan {
        scenarios,
        size: options.size,
        runs: options.runs.max(1),
        cores,
        programs,
        against: options.against.zip(options.against_name),
        keep,
        only: options.only,
    };
    cores.enter_load()?;
    let limits = if options.without_limits {
        BTreeMap::new()
    } else {
        plan.measure_limits().await?
    };
    let measured = plan.carry_out(tell).await?;
    let report = Report {
        machine,
        size: plan.size,
        runs: plan.runs,
        limits,
        goals: if plan.size == Size::Tiny {
            // A few people for a moment say nothing about speed.
            Vec::new()
        } else {
            goals(&measured)
        },
        measured,
    };
    let mut text = report.text();
    if let Some(last) = &last {
        text.push_str(&report.compare(last));
    }
    say(&text);
    if let Some(file) = options.json {
        std::fs::write(&file, serde_json::to_string_pretty(&report)? + "\n")
            .with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        complain("something was lost, repeated, reordered or refused");
        ExitCode::FAILURE
    })
}

async fn instructions(options: Instructions) -> anyhow::Result<ExitCode> {
    let programs = match options.programs {
        Some(programs) => std::path::absolute(programs)?,
        None => beside_this_program()?,
    };
    let budget = options.budget.as_deref().map(Budget::read).transpose()?;
    let counted = Counted {
        programs,
        load: match options.busy {
            true => Load::Busy,
            false => Load::Quiet,
        },
        traced: options.traced,
        profile: options.profile.map(std::path::absolute).transpose()?,
    };
    let count = instructions::count(&counted, choose()?).await?;
    say(&format!("{count} instructions a message"));
    if let Some(budget) = budget {
        budget.check(count)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports one run in a line.
fn tell(scenario: &str, subject: &str, figures: &Figures) {
    let mut line = format!("{scenario}, {subject}:");
    for (name, value) in figures {
        line.push_str(&format!(" {name} {};", number(*value)));
    }
    complain(&line);
}

fn read(file: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} can't be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report", file.display()))
}

fn beside_this_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program
        .parent()
        .context("this program is in no folder")?
        .to_owned())
}

/// Raises the limit on open files: each of thousands of connections takes a file on either side.
fn open_many_files() -> anyhow::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it is what the program is for")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "it is a program's message")]
fn complain(text: &str) {
    eprintln!("{text}");
}
