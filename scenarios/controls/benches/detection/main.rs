//! How soon a proven deadlock is known, and what watching for it costs.
//!
//! ```text
//! cargo bench -p standstill-controls --bench detection [-- --nextest]
//! ```
//!
//! Requirements: the median is at most 15 ms with 2 threads and 25 ms with 256, and the monitor takes
//! at most 2 % of a core. Latency is counted from the moment at which the last actor is about to
//! block to the end of the second collect, which is the proof; *with stacks* also counts capturing
//! and symbolizing all stacks, killing and reaping. `STANDSTILL_BENCH_TRIALS` sets the number of
//! trials (100). `--nextest` measures the same deadlock under cargo-nextest's timeout.
//!
//! This binary is its own scenario binary and its own keeper.

#![allow(clippy::print_stdout, reason = "the numbers are what a bench is for")]

mod nextest;
mod scenarios;

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use scenarios::{ALL, now_ns};
use standstill::capture::Capturer;
use standstill::observation::{Observation, Standstill};
use standstill::protocol::{Order, PROTOCOL, Role, Task};
use standstill::supervise::watchdog::Deadlines;
use standstill::supervise::{Cell, Request, Target};
use standstill::trial::{Lane, Trial};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    if !matches!(Role::of_this_process(), Ok(None)) {
        return standstill_kit::main(ALL.iter().copied());
    }
    // `cargo test --all-targets` and the like run benches, too, but without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("failed to measure: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let trials = match std::env::var("STANDSTILL_BENCH_TRIALS") {
        Ok(number) => number.parse()?,
        Err(_) => 100,
    };
    println!("from the formation of a deadlock, in ms, {trials} trials each");
    println!("{:>8} {:>28} {:>28}", "threads", "to the proof", "with stacks, killed, reaped");
    println!(
        "{:>8} {:>8} {:>9} {:>9} {:>8} {:>9} {:>9}",
        "", "p50", "p90", "max", "p50", "p90", "max"
    );
    for (threads, limit) in [(2, Some(15.0)), (8, None), (64, None), (256, Some(25.0))] {
        let mut bench = Bench::new("ring", threads)?;
        let seen: Result<Vec<Detection>, Failure> =
            (0..trials).map(|seed| detection(&bench.run(seed)?)).collect();
        let seen = seen?;
        let proofs = Spread::of(seen.iter().map(|d| d.proof_ms).collect());
        let ends = Spread::of(seen.iter().map(|d| d.end_ms).collect());
        let met = limit.map_or("", |limit| if proofs.p50 <= limit { "met" } else { "MISSED" });
        println!("{threads:>8} {proofs} {ends}  {met}");
    }

    println!("\nCPU of the monitor over a second's trial, as a share of a core (median of 5)");
    println!("{:>8} {:>12} {:>12} {:>12}", "threads", "sleeping", "busy", "deadlock");
    for threads in [2, 64, 256] {
        let mut shares = Vec::new();
        for scenario in ["sleeping", "busy", "late_ring"] {
            let mut bench = Bench::new(scenario, threads)?;
            let share = |seed| Ok(bench.run(seed)?.share);
            let of_five: Result<Vec<f64>, Failure> = (0..5).map(share).collect();
            shares.push(100.0 * Spread::of(of_five?).p50);
        }
        let met = if shares.iter().all(|share| *share <= 2.0) { "met" } else { "MISSED" };
        let [sleeping, busy, deadlock] = shares[..] else { unreachable!("three scenarios") };
        println!("{threads:>8} {sleeping:>10.2} % {busy:>10.2} % {deadlock:>10.2} %  {met}");
    }
    if std::env::args().any(|argument| argument == "--nextest") {
        println!();
        nextest::run()?;
    }
    Ok(())
}

/// One scenario with one thread count, and a zygote to run it.
struct Bench {
    cell: Cell,
    capturer: Capturer,
    order: Order,
    stop: AtomicBool,
}

struct Ran {
    observation: Observation,
    /// `CLOCK_MONOTONIC` when the trial was ordered.
    ordered_ns: u64,
    /// CPU time of watching to the trial's duration.
    share: f64,
}

impl Bench {
    fn new(scenario: &str, threads: u32) -> Result<Bench, Failure> {
        let exe = std::env::current_exe()?;
        let mut cell = Cell::start(&Target { exe: exe.clone(), keeper: exe })?;
        let order = Order {
            protocol: PROTOCOL,
            scenario: scenario.to_owned(),
            task: Task::Trial,
            threads,
            seed: 0,
            settings: Default::default(),
            expected: None,
        };
        cell.start_zygote(&order, Duration::from_secs(10))??;
        let mut bench = Bench { cell, capturer: Capturer::new(), order, stop: false.into() };
        // Once for nothing: the first capture reads the binary's debug information.
        bench.run(0)?;
        Ok(bench)
    }

    fn run(&mut self, seed: u64) -> Result<Ran, Failure> {
        let limit = Duration::from_secs(20);
        let trial = Trial {
            scenario: self.order.scenario.clone(),
            threads: self.order.threads,
            seed,
            lane: Lane::Native,
        };
        let request = Request {
            trial: &trial,
            order: &Order { seed, ..self.order.clone() },
            deadlines: Deadlines { acting: limit, other: limit },
            counts_steps: false,
        };
        // The cell wipes a page before it starts its own clock, which makes a deadlock look some
        // microseconds younger than it is.
        let ordered_ns = now_ns();
        let observation = self.cell.run(&request, &mut self.capturer, &self.stop)?;
        let observation = observation.ok_or("nobody stops a trial here")?;
        let watched = match &observation.standstill {
            Some(Standstill::Complete { after_us, .. }) => *after_us,
            _ => observation.wall_us,
        };
        let share = self.cell.watching().as_secs_f64() * 1e6 / watched as f64;
        Ok(Ran { observation, ordered_ns, share })
    }
}

struct Detection {
    proof_ms: f64,
    end_ms: f64,
}

fn detection(ran: &Ran) -> Result<Detection, Failure> {
    let Some(Standstill::Complete { after_us, .. }) = &ran.observation.standstill else {
        return Err(format!("a deadlock was not proven: {:?}", ran.observation).into());
    };
    let formed_ns: u64 = ran.observation.stdout.head.trim().parse()?;
    let since = |us: u64| (ran.ordered_ns as f64 + us as f64 * 1e3 - formed_ns as f64) / 1e6;
    Ok(Detection { proof_ms: since(*after_us), end_ms: since(ran.observation.wall_us) })
}

struct Spread {
    p50: f64,
    p90: f64,
    max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
        Spread { p50: at(0.5), p90: at(0.9), max: at(1.0) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>8.1} {:>9.1} {:>9.1}", self.p50, self.p90, self.max)
    }
}
