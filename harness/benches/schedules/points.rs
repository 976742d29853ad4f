//! What one scheduling point costs: by a trap, by a jump, at a call, and with a change of thread.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use standstill::explore::ended::How;
use standstill::explore::level::Level;
use standstill::explore::server::{Limits, Server};
use standstill::explore::target::Target;
use standstill_scheduler::abi::Order;
use standstill_scheduler::strategy::{GIVEN, RANDOM};

use super::median;

/// Points of a trial.
const POINTS: u64 = 50_000;

/// A kind of point: what the program is told, where points are put, and who decides.
struct Kind {
    name: &'static str,
    word: &'static str,
    level: Level,
    strategy: u32,
}

const KINDS: [Kind; 4] = [
    Kind { name: "call (level 0)", word: "call", level: Level::Calls, strategy: GIVEN },
    Kind { name: "jump", word: "jump", level: Level::Atomics, strategy: GIVEN },
    Kind { name: "short instruction, hot", word: "trap", level: Level::Atomics, strategy: GIVEN },
    Kind {
        name: "jump, two threads at random",
        word: "two",
        level: Level::Atomics,
        strategy: RANDOM,
    },
];

pub(super) fn measure(program: &Path, rounds: usize) -> Result<(), String> {
    let mut costs = vec![vec![]; KINDS.len()];
    for _ in 0..rounds {
        for (kind, costs) in KINDS.iter().zip(&mut costs) {
            costs.push(cost(program, kind)?);
        }
    }
    let medians: Vec<f64> = costs.iter().map(|costs| median(costs)).collect();
    println!("one scheduling point:");
    for (kind, cost) in KINDS.iter().zip(&medians) {
        println!("{:32} {cost:8.0} ns, {:5.2} x a call", kind.name, cost / medians[0]);
    }
    Ok(())
}

/// Nanoseconds a point: a long trial less a short one, so that forking and ending do not count.
fn cost(program: &Path, kind: &Kind) -> Result<f64, String> {
    let (long, many) = trial(program, kind, POINTS)?;
    let (short, few) = trial(program, kind, 0)?;
    if many < few + POINTS {
        return Err(format!("see the points of `{}`: {many} and {few} steps", kind.name));
    }
    Ok((long - short).as_nanos() as f64 / (many - few) as f64)
}

/// How long a trial takes, and its steps.
fn trial(program: &Path, kind: &Kind, points: u64) -> Result<(Duration, u64), String> {
    let words = [program.into(), kind.word.into(), points.to_string().into()];
    let mut target = Target::resolve(&words).map_err(|error| error.to_string())?;
    target.level = kind.level;
    let cpu = standstill::os::control::cpus().first().copied().unwrap_or(0);
    let until = Instant::now() + Duration::from_secs(60);
    let mut server = Server::start(&target, cpu, until).map_err(|error| error.to_string())?;
    let order = Order {
        seed: 1,
        length: 1000,
        fair_after: 1 << 40,
        max_steps: 1 << 41,
        step_ns: 100,
        strategy: kind.strategy,
        depth: 0,
        flags: 0,
        script: 0,
        memory_every: 0,
        pad: 0,
    };
    let stop = AtomicBool::new(false);
    let mut best = Duration::MAX;
    let mut steps = 0;
    for _ in 0..3 {
        let begun = Instant::now();
        let ended = server.trial(&order, &[], Limits { until, stop: &stop }, &mut |_| ());
        let ended = ended.map_err(|error| error.to_string())?;
        if ended.how != How::Exited(0) {
            return Err(format!("end a trial of `{}`: it {}", kind.name, ended.how));
        }
        best = best.min(begun.elapsed());
        steps = ended.numbers.steps;
    }
    Ok((best, steps))
}
