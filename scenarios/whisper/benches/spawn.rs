//! Trials a second: forked from a zygote, in fresh processes, and under rusty-fork.
//!
//! ```text
//! cargo bench -p standstill-whisper --bench spawn
//! ```
//!
//! Requirement: with a 76 MB model a zygote gives at least 20 times the trials of a fresh process
//! that reads it. Two scenarios, two actors each: `concurrent_create_state_without_mutex`, and
//! `prepared_only`, which has the same model and does nothing, so that what remains is the price of
//! a process. The ways take turns, and the numbers are medians over the rounds.
//! `STANDSTILL_BENCH_ROUNDS` sets their number (10).
//!
//! The requirement is missed with create_state in the trial and met for the process alone. Six states
//! touch as much new memory as the model has: counted once, 16,900 page faults a forked trial, against
//! 17,600 for a fresh process that only loads the model and 81 for a forked trial that does nothing.
//! No way of starting a process saves those. The *bound* is the ratio that a zygote would reach if
//! starting, watching and ending a trial were free: all of a fresh trial's time to the acting alone.
//!
//! Zygotes run with huge pages for malloc, as the harness starts them, the other ways without.
//!
//! This binary is its own scenario binary, its own keeper, and rusty-fork's child.

#![allow(clippy::print_stdout, reason = "the numbers are what a bench is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use standstill::capture::Capturer;
use standstill::observation::Observation;
use standstill::protocol::{Order, PROTOCOL, Role, Task};
use standstill::supervise::watchdog::Deadlines;
use standstill::supervise::{Cell, Request, Target};
use standstill::trial::{Lane, Trial};
use standstill_kit::Scenario;
use standstill_whisper::model::{Shape, cached};
use standstill_whisper::{load, scenarios};

type Failure = Box<dyn std::error::Error>;

const CREATE_STATE: &str = "concurrent_create_state_without_mutex";
const NOTHING: &str = "prepared_only";
/// Tells rusty-fork's child where the model lies.
const MODEL: &str = "STANDSTILL_BENCH_MODEL";
/// Trials of one way in one round.
const ZYGOTE_TRIALS: u32 = 100;
const OTHER_TRIALS: u32 = 5;

fn main() -> ExitCode {
    if !matches!(Role::of_this_process(), Ok(None)) {
        let registry = scenarios::all().into_iter().chain([prepared_only as fn() -> Scenario]);
        return standstill_kit::main(registry);
    }
    let result = match std::env::var_os(MODEL) {
        Some(model) => rusty_fork(Path::new(&model)),
        // `cargo test --all-targets` and the like run benches, too, but without this.
        None if !std::env::args().any(|argument| argument == "--bench") => Ok(()),
        None => run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("failed to measure: {why}");
            ExitCode::FAILURE
        }
    }
}

fn prepared_only() -> Scenario {
    Scenario::new(NOTHING)
        .about("the model is loaded, and the actors do nothing")
        .prepare(|preparation| load(Path::new(preparation.setting("model").ok_or("no model")?)))
        .setup(|_, _| ())
        .actor(|(), _| ())
        .build()
}

fn run() -> Result<(), Failure> {
    let rounds = match std::env::var("STANDSTILL_BENCH_ROUNDS") {
        Ok(number) => number.parse()?,
        Err(_) => 10,
    };
    let model = cached(&Shape::large())?;
    let mut ways = [
        Way::zygote(CREATE_STATE, &model)?,
        Way::fresh(CREATE_STATE, &model)?,
        Way { name: format!("{CREATE_STATE}, rusty-fork"), kind: Kind::RustyFork(model.clone()) },
        Way::zygote(NOTHING, &model)?,
        Way::fresh(NOTHING, &model)?,
    ];
    let mut rates: [Vec<f64>; 5] = Default::default();
    let mut seen: [Vec<Observation>; 5] = Default::default();
    for _ in 0..rounds {
        for (way, (rates, seen)) in ways.iter_mut().zip(rates.iter_mut().zip(&mut seen)) {
            let (trials, begun) = (way.trials(), Instant::now());
            for _ in 0..trials {
                seen.extend(way.trial()?);
            }
            rates.push(f64::from(trials) / begun.elapsed().as_secs_f64());
        }
    }
    println!("trials a second, medians of {rounds} rounds; 2 actors, {} bytes of model\n", {
        std::fs::metadata(&model)?.len()
    });
    for (way, rates) in ways.iter().zip(&rates) {
        println!("{:>10.1}  {}", median(rates.clone()), way.name);
    }
    println!();
    for (what, a, b, wanted) in [
        ("create_state, zygote to fresh", 0, 1, Some(20.0)),
        ("create_state, zygote to rusty-fork", 0, 2, None),
        ("process alone, zygote to fresh", 3, 4, Some(20.0)),
    ] {
        let ratios = rates[a].iter().zip(&rates[b]).map(|(a, b)| a / b).collect();
        let ratio = median(ratios);
        let met = wanted.map_or("", |wanted| if ratio >= wanted { "met" } else { "MISSED" });
        println!("{ratio:>10.1}x {what}  {met}");
    }
    let middle = |seen: &[Observation], value: fn(&Observation) -> u64| {
        median(seen.iter().map(|o| value(o) as f64).collect())
    };
    let bound = middle(&seen[1], |o| o.wall_us) / middle(&seen[0], |o| o.acted_us);
    println!("{bound:>10.1}x bound of create_state, zygote to fresh");
    println!("\nwhere a trial's time goes, in us (medians)");
    println!("{:>9} {:>9} {:>9} {:>9} {:>9}", "all", "acting", "other", "user CPU", "sys CPU");
    for (way, seen) in ways.iter().zip(&seen).filter(|(_, seen)| !seen.is_empty()) {
        let of = |value| middle(seen, value);
        let (all, acting) = (of(|o| o.wall_us), of(|o| o.acted_us));
        let user = of(|o| o.ending.map_or(0, |e| e.user_us));
        let system = of(|o| o.ending.map_or(0, |e| e.system_us));
        let other = of(|o| o.wall_us - o.acted_us);
        println!("{all:>9.0} {acting:>9.0} {other:>9.0} {user:>9.0} {system:>9.0}  {}", way.name);
    }
    Ok(())
}

/// One way to run one scenario.
struct Way {
    name: String,
    kind: Kind,
}

enum Kind {
    Cell { cell: Box<Cell>, order: Order, has_zygote: bool },
    RustyFork(PathBuf),
}

impl Way {
    fn fresh(scenario: &str, model: &Path) -> Result<Way, Failure> {
        let exe = std::env::current_exe()?;
        let cell = Box::new(Cell::start(&Target { exe: exe.clone(), keeper: exe })?);
        let model = model.to_str().ok_or("the model's path is not UTF-8")?.to_owned();
        let order = Order {
            protocol: PROTOCOL,
            scenario: scenario.to_owned(),
            task: Task::Trial,
            threads: 2,
            seed: 1,
            settings: [("model".to_owned(), model)].into(),
            expected: None,
        };
        let name = format!("{scenario}, fresh process");
        Ok(Way { name, kind: Kind::Cell { cell, order, has_zygote: false } })
    }

    fn zygote(scenario: &str, model: &Path) -> Result<Way, Failure> {
        let mut way = Way::fresh(scenario, model)?;
        if let Kind::Cell { cell, order, has_zygote } = &mut way.kind {
            cell.start_zygote(order, Duration::from_secs(60))??;
            *has_zygote = true;
        }
        way.name = format!("{scenario}, zygote");
        Ok(way)
    }

    fn trials(&self) -> u32 {
        match &self.kind {
            Kind::Cell { has_zygote: true, .. } => ZYGOTE_TRIALS,
            _ => OTHER_TRIALS,
        }
    }

    fn trial(&mut self) -> Result<Option<Observation>, Failure> {
        match &mut self.kind {
            Kind::RustyFork(model) => rusty_fork(model).map(|()| None),
            Kind::Cell { cell, order, .. } => {
                let limit = Duration::from_secs(20);
                let scenario = order.scenario.clone();
                let trial = Trial { scenario, threads: 2, seed: 1, lane: Lane::Native };
                let deadlines = Deadlines { acting: limit, other: limit };
                let request = Request { trial: &trial, order, deadlines, counts_steps: false };
                let stop = AtomicBool::new(false);
                let seen = cell.run(&request, &mut Capturer::new(), &stop)?;
                match seen {
                    Some(seen) if seen.ending.is_some_and(|e| e.status == 0) => Ok(Some(seen)),
                    other => Err(format!("a trial failed: {other:?}").into()),
                }
            }
        }
    }
}

/// One trial under rusty-fork, the same body without standstill: the parent starts this binary
/// again, which comes here, too, and is the child.
fn rusty_fork(model: &Path) -> Result<(), Failure> {
    let status = rusty_fork::fork(
        CREATE_STATE,
        rusty_fork::rusty_fork_id!(),
        |command| {
            command.env(MODEL, model);
        },
        |child, _| child.wait(),
        || {
            let context = load(model).expect("loads");
            let gate = Barrier::new(2);
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        gate.wait();
                        for _ in 0..3 {
                            drop(context.create_state().expect("create a state"));
                        }
                    });
                }
            });
        },
    )??;
    if status.success() { Ok(()) } else { Err("a trial under rusty-fork failed".into()) }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
