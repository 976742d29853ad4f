//! One search for one bug: how many executions it took.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::noise;
use super::programs::{Builds, Level};

/// Who decides the order of the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finder {
    /// The kernel.
    Stress,
    /// The kernel, and sleeps at random points.
    Noise,
    Random,
    Pct,
    Pos,
    Portfolio,
}

impl Finder {
    const ALL: [Finder; 6] = [
        Finder::Stress,
        Finder::Noise,
        Finder::Random,
        Finder::Pct,
        Finder::Pos,
        Finder::Portfolio,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Finder::Stress => "stress",
            Finder::Noise => "noise",
            Finder::Random => "random",
            Finder::Pct => "pct",
            Finder::Pos => "pos",
            Finder::Portfolio => "portfolio",
        }
    }

    pub(super) fn of(name: &str) -> Option<Finder> {
        Finder::ALL.into_iter().find(|finder| finder.name() == name)
    }

    pub(super) fn is_controlled(self) -> bool {
        !matches!(self, Finder::Stress | Finder::Noise)
    }
}

/// A search.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) finder: Finder,
    pub(super) level: Level,
    pub(super) seed: u64,
}

/// A classic that runs for so long without control hangs: it takes a millisecond otherwise.
pub(super) const HANGS: Duration = Duration::from_secs(2);

/// Executions up to the first failure, that one included; none if there were `cap` without one.
pub(super) fn executions(
    run: &Run,
    builds: &Builds,
    cap: u64,
    cpu: Option<usize>,
) -> Result<Option<u64>, String> {
    match run.finder {
        Finder::Stress => stress(run, builds, cap),
        Finder::Noise => noise::executions(run, builds, cap),
        _ => explore(run, builds, cap, cpu),
    }
}

fn explore(
    run: &Run,
    builds: &Builds,
    cap: u64,
    cpu: Option<usize>,
) -> Result<Option<u64>, String> {
    let standstill = env!("CARGO_BIN_EXE_standstill");
    let mut command = match cpu {
        None => Command::new(standstill),
        // All of a search on one CPU, so that those that run beside it do not share it.
        Some(cpu) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &cpu.to_string(), standstill]);
            command
        }
    };
    command.args(["explore", "--until-first", "--message-format", "json", "--depth", "3"]);
    command.args(["--budget", "10m", "--strategy", run.finder.name()]);
    command.args(["--minimise", "off", "--confirm", "off"]);
    command.args(["--trials", &cap.to_string(), "--seed", &run.seed.to_string(), "--"]);
    command.args(builds.words(run.level, &run.name)).stdin(Stdio::null());
    // What it stores for `replay` is of no use here.
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("classics-bench/cache");
    command.env("XDG_CACHE_HOME", cache).stderr(Stdio::null());
    let output = command.output().map_err(|error| format!("run `standstill explore`: {error}"))?;
    let last = output.stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let value: serde_json::Value =
        last.and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
    match value["verdict"].as_str() {
        Some("found") => Ok(value["first_failure_trial"].as_u64()),
        Some("clean") => Ok(None),
        // Held back, or cut short: not found, and worth a line.
        Some(_) => {
            eprintln!("{} {} level {}: {}", run.name, run.finder.name(), run.level, value["why"]);
            Ok(None)
        }
        None => Err(format!("explore {}: it ended with {}", run.name, output.status)),
    }
}

fn stress(run: &Run, builds: &Builds, cap: u64) -> Result<Option<u64>, String> {
    for nth in 1..=cap {
        let mut command = builds.command(&run.name);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("run a classic: {error}"))?;
        // Ends with the process, or is not looked at any more; a classic says less than a pipe holds.
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().map_err(|error| format!("wait for a classic: {error}"))? {
                None if begun.elapsed() < HANGS => std::thread::sleep(Duration::from_micros(200)),
                status => break status,
            }
        };
        let Some(status) = status else {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(Some(nth));
        };
        if !status.success() {
            let mut said = String::new();
            let _ = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said));
            return match said.contains("panicked") || matches!(builds, Builds::Programs(_)) {
                true => Ok(Some(nth)),
                false => Err(format!("run {}: it ended with {status}", run.name)),
            };
        }
    }
    Ok(None)
}
