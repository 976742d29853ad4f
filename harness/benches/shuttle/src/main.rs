//! Shuttle and the controlled lane side by side, on the same bugs.
//!
//! `shuttle STANDSTILL CLASSICS [SEEDS [CAP]]`: the two programs, seeds (5), and executions at most
//! for each (2000). Shuttle runs programs that are written against its own types, in one thread, as
//! coroutines; the controlled lane runs the same as they are, in processes. So the executions compare
//! the strategies, and the rates the price of leaving programs as they are.

mod native;
mod programs;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

use native::Native;

/// What a search came to: executions up to the first failure, if there was one, and seconds.
type Search = (Option<u64>, f64);

/// PCT's, in both.
const DEPTH: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [standstill, classics, numbers @ ..] = arguments.as_slice() else {
        eprintln!("shuttle STANDSTILL CLASSICS [SEEDS [CAP]]");
        return ExitCode::from(2);
    };
    let number = |at: usize, otherwise: u64| {
        let number = numbers.get(at).and_then(|text| text.parse().ok());
        number.unwrap_or(otherwise).max(3)
    };
    let (seeds, cap) = (number(0, 5), number(1, 2000));
    let native = Native { standstill: PathBuf::from(standstill), classics: classics.into(), cap };
    // A failure is what is looked for: thousands of panics are not worth a line each.
    std::panic::set_hook(Box::new(|_| ()));
    match table(&native, seeds, cap) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("failed to {why}");
            ExitCode::FAILURE
        }
    }
}

fn table(native: &Native, seeds: u64, cap: u64) -> Result<(), String> {
    println!(
        "medians over {seeds} seeds, at most {cap} executions each; rates on the correct twins"
    );
    println!(
        "{:12} {:24} {:>10} {:>10} {:>12} {:>8}",
        "bug", "by", "executions", "seconds", "schedules/s", "ratio"
    );
    for (name, program) in programs::ALL {
        let mut fastest = None;
        for strategy in ["random", "pct"] {
            let searches = (0..seeds).map(|seed| search(strategy, program, seed, cap));
            let rate = rate(strategy, program, cap);
            fastest.get_or_insert(rate);
            row(name, &format!("shuttle {strategy}"), searches.collect(), rate, rate / rate);
        }
        for strategy in ["random", "pct", "portfolio"] {
            let searches = (0..seeds).map(|seed| native.search(strategy, name, seed));
            let searches = searches.collect::<Result<Vec<_>, _>>()?;
            let rate = native.rate(strategy, name)?;
            let ratio = rate / fastest.unwrap_or(rate);
            row(name, &format!("standstill {strategy}"), searches, rate, ratio);
        }
    }
    println!("ratio: to shuttle's random scheduler, on the same program");
    Ok(())
}

fn row(name: &str, by: &str, mut searches: Vec<Search>, rate: f64, ratio: f64) {
    searches.sort_by(|a, b| {
        let key = |search: &Search| search.0.unwrap_or(u64::MAX);
        key(a).cmp(&key(b)).then(a.1.total_cmp(&b.1))
    });
    let (executions, _) = searches[searches.len() / 2];
    searches.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (_, seconds) = searches[searches.len() / 2];
    let executions = executions.map_or("not found".to_owned(), |count| count.to_string());
    println!("{name:12} {by:24} {executions:>10} {seconds:10.4} {rate:12.0} {ratio:8.3}");
}

/// One search by shuttle.
fn search(strategy: &str, program: fn(bool), seed: u64, cap: u64) -> Search {
    let begun = Instant::now();
    let (failed, executions) = run(strategy, program, false, seed, cap);
    (failed.then_some(executions), begun.elapsed().as_secs_f64())
}

/// Schedules per second by shuttle.
fn rate(strategy: &str, program: fn(bool), cap: u64) -> f64 {
    let begun = Instant::now();
    let (_, executions) = run(strategy, program, true, 1, cap);
    executions as f64 / begun.elapsed().as_secs_f64()
}

/// Whether it failed, and how many executions were begun.
fn run(strategy: &str, program: fn(bool), fixed: bool, seed: u64, cap: u64) -> (bool, u64) {
    let scheduler: Box<dyn Scheduler + Send> = match strategy {
        "random" => Box::new(RandomScheduler::new_from_seed(seed, cap as usize)),
        _ => Box::new(PctScheduler::new_from_seed(seed, DEPTH, cap as usize)),
    };
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let executions = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&executions);
    let runner = Runner::new(scheduler, config);
    let body = move || {
        count.fetch_add(1, Relaxed);
        program(fixed);
    };
    let ended = catch_unwind(AssertUnwindSafe(|| runner.run(body)));
    (ended.is_err(), executions.load(Relaxed))
}
