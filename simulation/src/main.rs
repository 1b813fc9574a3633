//! Plays seeds and says which of them failed.
#![allow(clippy::print_stdout)]

use std::{
    ops::Range,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use carrel_simulation::{Figures, Outcome, run};
use clap::Parser;

/// Plays Carrel's services in simulated worlds.
#[derive(Debug, Parser)]
struct Arguments {
    /// The range of seeds, for example 0..2000.
    #[arg(long, default_value = "0..200", value_parser = parse_range)]
    seeds: Range<u64>,
    /// Play only this seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Show everything that was seen.
    #[arg(long)]
    verbose: bool,
    /// Stop at the first seed that fails.
    #[arg(long)]
    first: bool,
    /// Play each seed twice, and fail if it was not the same both times.
    #[arg(long)]
    twice: bool,
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text
        .split_once("..")
        .ok_or("give a range, for example 0..2000")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok(number(start)?..number(end)?)
}

/// The totals over all seeds.
#[derive(Debug, Default)]
struct Total {
    seeds: u64,
    failed: Vec<u64>,
    figures: Figures,
    slowest: Duration,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seeds = match arguments.seed {
        Some(seed) => seed..seed.saturating_add(1),
        None => arguments.seeds.clone(),
    };
    let began = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let total = Mutex::new(Total::default());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(&arguments, &next, seeds.end, &total));
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    summarise(&total, began.elapsed());
    if total.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn work(arguments: &Arguments, next: &AtomicU64, end: u64, total: &Mutex<Total>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let began = Instant::now();
        let outcome = play(seed, arguments);
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        total.take_in(seed, began.elapsed(), outcome, arguments.verbose);
        if arguments.first && !total.failed.is_empty() {
            next.store(end, Ordering::Relaxed);
        }
    }
}

fn play(seed: u64, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let outcome = run(seed, arguments.verbose || arguments.twice)?;
    if arguments.twice && outcome.replays {
        let again = run(seed, true)?;
        if again.replays && again.digest != outcome.digest {
            let pairs = outcome.trace.iter().zip(&again.trace);
            let place = pairs.take_while(|(one, other)| one == other).count();
            anyhow::bail!(
                "it was another world the second time, from line {place} on: {:?}, {:?}",
                outcome.trace.get(place),
                again.trace.get(place),
            );
        }
    }
    Ok(outcome)
}

impl Total {
    fn take_in(
        &mut self,
        seed: u64,
        took: Duration,
        outcome: anyhow::Result<Outcome>,
        verbose: bool,
    ) {
        self.seeds += 1;
        self.slowest = self.slowest.max(took);
        match outcome {
            Ok(outcome) => {
                self.figures.add(&outcome.figures);
                let failed = !outcome.violations.is_empty();
                if failed || verbose {
                    show(&outcome);
                }
                if failed {
                    self.failed.push(seed);
                }
            }
            Err(error) => {
                println!("seed {seed}: {error:#}");
                self.failed.push(seed);
            }
        }
    }
}

fn show(outcome: &Outcome) {
    for line in &outcome.trace {
        println!("{line}");
    }
    for violation in &outcome.violations {
        println!(
            "seed {}: {} broken {}",
            outcome.seed, violation.invariant, violation.what
        );
    }
    println!("seed {}: digest {:016x}", outcome.seed, outcome.digest);
    println!(
        "again: cargo run -p carrel-simulation --release -- --seed {} --verbose",
        outcome.seed
    );
}

fn summarise(total: &Total, took: Duration) {
    let Figures {
        commands,
        tries,
        observations,
        events,
        faults,
        spoilt,
    } = total.figures;
    println!(
        "{} seeds in {:.1} s (slowest {:.0} ms): {commands} commands in {tries} tries, {events} events, {faults} faults, \
         {spoilt} calls and words spoilt, {observations} observations",
        total.seeds,
        took.as_secs_f64(),
        total.slowest.as_secs_f64() * 1000.0,
    );
    match total.failed.as_slice() {
        [] => println!("no invariant was broken"),
        failed => println!("{} seeds failed: {failed:?}", failed.len()),
    }
}
